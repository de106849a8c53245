"""Text metrics over a sweep: each different pair once, as the registry does, against the ordinary loop over all pairs.

    python perf/text_pairs.py [--models 29] [--samples 3500] [--wordnet FOLDER]

The values of nine fields come from small vocabularies, and models err in the same ways, as in a real sweep, in which
913,500 pairs of fields were 6,796 different ones. The registry's side scores every answer of every model through
`Metric.score`. The loop's side asks the same library for every pair; it is timed on a random part of the pairs and
scaled up. Times are of the processor. Both sides must give the same values. METEOR is left out without WordNet.
"""

import argparse
import random
import time
from pathlib import Path

from peakbench.benchmarks.benchmark import cache_folder
from peakbench.benchmarks.sample import Sample
from peakbench.metrics.metric import Answer
from peakbench.metrics.registry import Registry
from peakbench.metrics.text import TextSimilarity
from peakbench.runs.records import Prediction, Response, Timing, Usage

METRICS = ("token_set_ratio", "rouge_l", "levenshtein_ratio", "chrf_pp", "bleu", "meteor")
VOCABULARIES = (48, 38, 34, 26, 22, 18, 12, 8, 8)
"""Different values of each field."""
WORDS = "navy blue red green striped plain cotton short long sleeve round neck zip button hole stain small large"
LOOPED = 4_000
"""Pairs on which the loop is timed."""


def pairs_of(models: int, samples: int, rng: random.Random) -> list[tuple[str, str]]:
    """Reference and answer of every field of every sample of every model; a fifth of the answers is wrong."""
    words = WORDS.split()
    values = [
        [" ".join(rng.choices(words, k=rng.randint(1, 3))) + f" {i}" for i in range(size)] for size in VOCABULARIES
    ]
    references = [[rng.choice(field) for field in values] for _ in range(samples)]
    return [
        (reference, reference if rng.random() < 0.8 else rng.choice(field))
        for _ in range(models)
        for row in references
        for reference, field in zip(row, values, strict=True)
    ]


def answers_of(pairs: list[tuple[str, str]]) -> list[Answer]:
    """An answer a pair, as metrics of texts look at it."""
    sample, response = Sample("s", "", (), {}), Response("s", 0, "", None, "stop", Usage(), Timing(0.0, 0.0))
    found = Prediction(answer="", reasoning=None, level="strict", value={})
    return [Answer(sample, response, found, {}, prediction, reference) for reference, prediction in pairs]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=29)
    parser.add_argument("--samples", type=int, default=3500)
    parser.add_argument("--wordnet", type=Path, help="cache folder with WordNet")
    given = parser.parse_args()
    rng = random.Random(7)
    pairs = pairs_of(given.models, given.samples, rng)
    answers = answers_of(pairs)
    looped = rng.sample(range(len(pairs)), min(LOOPED, len(pairs)))
    print(f"{len(pairs)} pairs, {len(set(pairs))} different; the loop timed on {len(looped)} of them")
    registry = Registry.load(cache=given.wordnet or cache_folder())
    print(
        f"{'metric':<18} {'loop, µs a pair':>16} {'registry, µs a pair':>20} {'loop, s':>9} {'registry, s':>12} ratio"
    )
    for name in METRICS:
        metric = registry.metric(name, None)
        assert isinstance(metric, TextSimilarity)
        if metric.lacking is not None:
            print(f"{name:<18} {metric.lacking}")
            continue
        metric.similarity("warm", "up")  # libraries and WordNet are loaded once, on either side
        began = time.process_time()
        library = [metric.similarity(*pairs[index]) for index in looped]
        loop = (time.process_time() - began) / len(looped)
        began = time.process_time()
        values = [metric.score(answer)[0].value for answer in answers]
        fast = (time.process_time() - began) / len(answers)
        for index, value in zip(looped, library, strict=True):
            reference, prediction = pairs[index]
            expected = 1.0 if reference == prediction else min(1.0, max(0.0, value))
            assert values[index] == expected, (name, pairs[index])
        print(
            f"{name:<18} {loop * 1e6:>16.1f} {fast * 1e6:>20.2f} {loop * len(pairs):>9.1f} {fast * len(pairs):>12.1f} "
            f"{loop / fast:>5.1f}"
        )


if __name__ == "__main__":
    main()
