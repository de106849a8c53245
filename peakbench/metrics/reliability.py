"""How often there was an answer at all: parse rates, truncation, failure.

These describe responses, so every sample is in the denominator, whatever became of it.
"""

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING

from peakbench.metrics.metric import Answer, Metric, Score, ratio
from peakbench.runs.records import Response

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Rate(Metric):
    """A share of all samples. Statistics: numerator and denominator."""

    @abstractmethod
    def holds(self, answer: Answer) -> bool:
        """Whether the sample is in the numerator."""

    def measure(self, answer: Answer) -> Iterable[Score]:
        """1 or 0."""
        value = float(self.holds(answer))
        yield Score(value, (value, 1.0))

    def from_totals(self, totals: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """`numerator / denominator`."""
        return ratio(totals[..., 0], totals[..., 1])


class ParseRateStrict(Rate):
    """Share of responses that are JSON of the expected form and nothing else."""

    uses = frozenset({"aliases"})

    def holds(self, answer: Answer) -> bool:
        """Whether the whole response is the JSON."""
        return answer.prediction is not None and answer.prediction.level == "strict"


class ParseRateExtracted(Rate):
    """Share of responses in which JSON of the expected form stands; the JSON that is scored."""

    uses = frozenset({"aliases"})

    def holds(self, answer: Answer) -> bool:
        """Whether there is a value that is scored."""
        return answer.parsed


class ParseRateRepaired(Rate):
    """Share of responses from which JSON of the expected form can be had, by repair if need be."""

    uses = frozenset({"aliases"})

    def holds(self, answer: Answer) -> bool:
        """Whether there is a value at any level."""
        return answer.prediction is not None and answer.prediction.level != "none"


class TruncationRate(Rate):
    """Share of responses that ended because they were too long."""

    def holds(self, answer: Answer) -> bool:
        """Whether the server said `length`."""
        return isinstance(answer.record, Response) and answer.record.truncated


class FailureRate(Rate):
    """Share of samples whose request failed for good."""

    def holds(self, answer: Answer) -> bool:
        """Whether there was no response."""
        return answer.failed
