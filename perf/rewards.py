"""What a training step pays for its rewards, and what the same costs through the registry, answer by answer.

    python perf/rewards.py [PROMPTS] [COMPLETIONS]

Made-up completions (garments as `garments-demo` draws them, some of them wrong; lists of defects, moved about) are
rewarded in one call, as a trainer does it, and each is scored by the metric `structured_reward` as a board would. The
numbers of both have to be the same. Start-up (imports, definitions) is left out, and the first call, which fills the
memory of pairs, is shown apart. Descriptions are compared by a function that costs nothing.
"""

import json
import random
import sys
import time
from collections.abc import Callable
from typing import Any

from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.benchmarks.garments.spec import draw_spec
from peakbench.benchmarks.sample import Sample
from peakbench.metrics.answers import preparer
from peakbench.metrics.registry import Registry
from peakbench.rewards import defect_reward, json_reward
from peakbench.runs.records import Response, Timing, Usage

Batch = tuple[list[str], list[Any]]
"""Completions and their references."""


def garments(prompts: int, completions: int) -> Batch:
    """Answers of which three values in ten belong to another garment, and one answer in ten is prose."""
    draw = random.Random(1)
    known = [dict(draw_spec(7, index).reference()) for index in range(prompts)]
    texts, references = [], []
    for reference in known:
        for _ in range(completions):
            other = draw.choice(known)
            said = {name: value if draw.random() < 0.7 else other[name] for name, value in reference.items()}
            texts.append(json.dumps(said) if draw.random() < 0.9 else "I cannot see a garment.")
            references.append(reference)
    return texts, references


def defects(prompts: int, completions: int) -> Batch:
    """Answers whose boxes are moved about, and of which one in ten has another form."""
    draw = random.Random(1)
    texts, references = [], []
    for _ in range(prompts):
        reference = [_defect(draw, draw.randrange(800), draw.randrange(800)) for _ in range(draw.randrange(4))]
        for _ in range(completions):
            moved = [_defect(draw, one["box_2d"][0] + 20, one["box_2d"][1] + 20) for one in reference]
            text = f"<think>I look.</think><answer>{json.dumps(moved)}</answer>"
            texts.append(text if draw.random() < 0.9 else json.dumps(moved))
            references.append(reference)
    return texts, references


def _defect(draw: random.Random, left: int, top: int) -> dict[str, Any]:
    label = draw.choice(["artifact", "misalignment"])
    box = [left, top, left + 150, top + 150]
    return {"box_2d": box, "label": label, "description": "fused fingers", "importance": draw.randrange(1, 101)}


def seconds(call: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of a call, and what it gives."""
    clock = time.process_time()
    made = call()
    return time.process_time() - clock, made


def main() -> None:
    """Measure and print."""
    prompts = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    completions = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    n = prompts * completions
    say = sys.stdout.write
    say(f"{prompts} prompts x {completions} completions\n\n{'':<44}{'us a completion':>16}{'us a field':>12}\n")

    file = find_benchmark("garments-demo").file
    registry = Registry.load()
    texts, references = garments(prompts, completions)
    reward = json_reward(file, registry=registry)
    first, rewards = seconds(lambda: reward(texts, reference=references))
    again = min(seconds(lambda: reward(texts, reference=references))[0] for _ in range(5))
    prepare, metric = preparer(file, registry), registry.metric("structured_reward", file.schema_of_fields)

    def one_by_one() -> list[float | None]:
        timing = Timing(0.0, 0.0)
        answers = (
            prepare(Sample("a", "", (), reference), Response("a", 0, text, None, "stop", Usage(), timing))
            for text, reference in zip(texts, references, strict=True)
        )
        return [metric.score(answer)[0].value for answer in answers]

    alone, same = min((seconds(one_by_one) for _ in range(5)), key=lambda made: made[0])
    if rewards != same:
        raise SystemExit("the reward and the metric differ")
    fields = len(file.fields)
    for what, spent in (
        ("json_reward, first call", first),
        ("json_reward, later calls", again),
        ("structured_reward by the registry", alone),
    ):
        say(f"{what:<44}{1e6 * spent / n:>16.1f}{1e6 * spent / n / fields:>12.2f}\n")
    say(f"{'ratio, registry to later calls':<44}{alone / again:>16.2f}\n\n")

    texts, references = defects(prompts, completions)
    drawn = defect_reward("defects-demo", description_similarity=lambda pairs: [0.8] * len(pairs))
    drawn(texts, reference=references)
    spent = min(seconds(lambda: drawn(texts, reference=references))[0] for _ in range(5))
    say(f"{'defect_reward, 0 to 3 defects':<44}{1e6 * spent / n:>16.1f}\n")


if __name__ == "__main__":
    main()
