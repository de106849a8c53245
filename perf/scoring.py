"""How fast a sweep is scored, and what is saved by comparing each distinct pair once.

    python perf/scoring.py [SAMPLES] [MODELS]

The answers of made-up models to made-up questions about garments (attributes as `garments-demo` draws them; nothing is
rendered) are compared field by field in the ordinary loop, which compares every pair, and by the comparer that a
registry keeps for all models of a sweep. The scores of both have to be the same. Then whole answers are scored by every
metric, with one registry for all models, and with a new one for each. Start-up (imports, definitions) is left out.
"""

import json
import random
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import peakbench
from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.benchmarks.file import BenchmarkFile
from peakbench.benchmarks.garments.spec import draw_spec
from peakbench.benchmarks.values import field_null_words, is_null
from peakbench.metrics.comparators import comparator
from peakbench.metrics.registry import Registry

Answers = list[dict[str, Any]]


def answers_of(model: int, references: Answers) -> Answers:
    """What a made-up model says: the better it is, the fewer values it takes from other garments."""
    draw = random.Random(model)
    right = 0.5 + 0.4 * draw.random()
    said = []
    for reference in references:
        other = references[draw.randrange(len(references))]
        said.append({name: value if draw.random() < right else other[name] for name, value in reference.items()})
    return said


def ordinary_comparison(file: BenchmarkFile, registry: Registry) -> Callable[[Any, Any], list[float]]:
    """The scores of an answer's fields, each pair compared whether it was met before or not."""
    schema = file.schema_of_fields
    assert schema is not None
    nulls = field_null_words(schema, registry.null_values)
    comparators = {name: comparator(spec) for name, spec in schema.fields.items()}

    def compared(reference: Any, answer: Any) -> list[float]:
        scores = []
        for name, score_of_pair in comparators.items():
            expected, given = reference[name], answer[name]
            empty = is_null(expected, nulls[name]), is_null(given, nulls[name])
            scores.append(float(all(empty)) if any(empty) else score_of_pair(expected, given))
        return scores

    return compared


def kept_comparison(file: BenchmarkFile, registry: Registry) -> Callable[[Any, Any], list[float]]:
    """The same by the registry's comparer."""
    schema = file.schema_of_fields
    assert schema is not None
    comparer = registry.comparer(schema)
    return lambda reference, answer: [verdict.score for verdict in comparer.compare(reference, answer).values()]


def compare_all(comparison: Callable[[Any, Any], list[float]], references: Answers, said: list[Answers]) -> Any:
    """CPU seconds of comparing all answers of all models, and the scores."""
    clock = time.process_time()
    scores = [comparison(*pair) for answers in said for pair in zip(references, answers, strict=True)]
    return time.process_time() - clock, scores


def score_all(file: BenchmarkFile, references: Answers, texts: list[list[str]], registries: list[Registry]) -> Any:
    """CPU seconds of scoring all answers of all models by every metric, and the results."""
    clock = time.process_time()
    results = [
        peakbench.score(answers, references, file, registry=registry).results
        for answers, registry in zip(texts, registries, strict=True)
    ]
    return time.process_time() - clock, results


def main() -> None:
    """Measure and print."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    models = int(sys.argv[2]) if len(sys.argv) > 2 else 29
    file = find_benchmark("garments-demo").file
    references = [dict(draw_spec(7, index).reference()) for index in range(n)]
    said = [answers_of(model, references) for model in range(models)]
    pairs = n * models * len(file.fields)
    distinct = {
        (name, reference[name], answer[name])
        for answers in said
        for reference, answer in zip(references, answers, strict=True)
        for name in file.fields
    }
    say = sys.stdout.write
    say(f"{models} models x {n} samples x {len(file.fields)} fields: {pairs:,} pairs, {len(distinct):,} distinct\n\n")

    registry = Registry.load()
    ordinary, scores = compare_all(ordinary_comparison(file, registry), references, said)
    kept, same = compare_all(kept_comparison(file, registry), references, said)
    if scores != same:
        raise SystemExit("the two ways of comparing fields differ")
    say(f"{'comparing fields':<34}{'CPU s':>8}{'us a pair':>12}{'ratio':>8}\n")
    say(f"{'  ordinary loop over all pairs':<34}{ordinary:>8.2f}{1e6 * ordinary / pairs:>12.2f}\n")
    say(f"{'  comparer of the registry':<34}{kept:>8.2f}{1e6 * kept / pairs:>12.2f}{ordinary / kept:>8.2f}\n\n")

    texts = [[json.dumps(answer) for answer in answers] for answers in said]
    peakbench.score(texts[0][:10], references[:10], file)  # imports of the metrics' libraries
    apart, results = score_all(file, references, texts, [Registry.load() for _ in said])
    shared, same_results = score_all(file, references, texts, [Registry.load()] * models)
    if results != same_results:
        raise SystemExit("a registry of one's own and a shared one differ")
    answered = n * models
    say(f"{'scoring answers by every metric':<34}{'CPU s':>8}{'us an answer':>14}{'ratio':>6}\n")
    say(f"{'  a registry a model':<34}{apart:>8.2f}{1e6 * apart / answered:>14.1f}\n")
    say(f"{'  one registry':<34}{shared:>8.2f}{1e6 * shared / answered:>14.1f}{apart / shared:>6.2f}\n\n")
    say(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB\n")


if __name__ == "__main__":
    main()
