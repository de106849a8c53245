"""The majority of a run: one answer for all its samples, which floors and skill are measured by."""

from collections.abc import Iterable
from typing import Any

from peakbench.benchmarks.file import BenchmarkFile
from peakbench.benchmarks.floors import majority_answer
from peakbench.benchmarks.sample import Samples
from peakbench.runs.manifest import DataFacts, TrainingFacts


def run_majority(file: BenchmarkFile, data: DataFacts, samples: Samples, null_values: Iterable[str]) -> dict[str, Any]:
    """What the majority answers to a run's samples: from its training split, else in-sample.

    Args:
        file: The run's benchmark, which has fields.
        data: What the run says of its data.
        samples: The run's samples.
        null_values: The registry's null words.
    """
    return majority_answer(file, samples, null_values) if data.training is None else dict(data.training.majority)


def majority_source(training: TrainingFacts | None) -> str:
    """Where the majority was taken from, in words."""
    if training is None:
        return "taken in-sample from the references themselves"
    return f"taken from a training split of {training.n:,} references ({training.digest[:12]})"
