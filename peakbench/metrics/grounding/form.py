"""The forms of a grounding metric: counts of all boxes with each label as a slice, and means over labels.

What a sample adds to a run are counts, for all labels together or a block a label. A failed request and an answer that
was not parsed add what they add: their references, and no prediction.
"""

import math
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from peakbench.benchmarks.values import equality_form
from peakbench.canonical import digest
from peakbench.errors import BadInputError
from peakbench.metrics.context import MetricContext
from peakbench.metrics.grounding.matching import MATCHINGS, Matching
from peakbench.metrics.metric import Answer, Metric, Score, ratio
from peakbench.metrics.signatures import DIGITS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from peakbench.benchmarks.schema import FieldSchema
    from peakbench.metrics.definitions import MetricDefinition
    from peakbench.metrics.grounding.answer import GroundingAnswer, MatchedPair


class GroundingMetric(Metric):
    """Base of the metrics of boxes. Labels and conventions of the benchmark are part of the signature."""

    counts_every_sample: ClassVar[bool] = False
    """Whether a sample that adds nothing counts for the run all the same: a clean image on which nothing was drawn is
    part of an F1 of boxes, and no part of a mean over matched pairs."""

    def __init__(
        self, definition: "MetricDefinition", schema: "FieldSchema | None", context: MetricContext | None = None
    ) -> None:
        super().__init__(definition, schema, context)
        # Wrong parameters are refused before anything is asked, and not at the first answer.
        if "iou" in definition.parameters:
            _ = self.threshold
        if "matching" in definition.parameters:
            _ = self.matching

    @property
    def labels(self) -> tuple[str, ...]:
        """The benchmark's labels, in its order."""
        return tuple(self.context.labels)

    def parameters(self) -> dict[str, Any]:
        """The definition's, and digests of the label set with its synonyms and of how boxes are declared."""
        words = [
            [label, sorted({equality_form(word) for word in words})] for label, words in self.context.labels.items()
        ]
        facts: dict[str, Any] = {"labels": digest(words)[:DIGITS]}
        if self.context.boxes is not None:
            facts["boxes"] = digest(self.context.boxes.model_dump(mode="json"))[:DIGITS]
        return super().parameters() | facts

    @cached_property
    def threshold(self) -> float:
        """IoU that a pair needs: the parameter `iou`.

        Raises:
            BadInputError: If the definition gives none between 0 and 1.
        """
        threshold = self.definition.parameters.get("iou")
        if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 < threshold <= 1:
            raise BadInputError(
                f"metric `{self.definition.id}`: iou is {threshold!r}", mend="give a number above 0, at most 1"
            )
        return float(threshold)

    @cached_property
    def matching(self) -> Matching:
        """How partners are chosen: the parameter `matching`.

        Raises:
            BadInputError: If the definition names an unknown one.
        """
        name = self.definition.parameters.get("matching")
        for matching in MATCHINGS:
            if name == matching:
                return matching
        raise BadInputError(
            f"metric `{self.definition.id}`: matching is {name!r}", mend=f"give one of {', '.join(MATCHINGS)}"
        )

    def boxes(self, answer: Answer) -> "GroundingAnswer":
        """The items of an answer to a grounding benchmark."""
        if answer.boxes is None:
            raise TypeError(f"{self.definition.id} is for benchmarks of the task `grounding`")
        return answer.boxes

    def pairs(self, answer: Answer) -> "tuple[MatchedPair, ...]":
        """The matched pairs of an answer, as the parameters say."""
        return self.boxes(answer).pairs(self.threshold, self.matching)

    def scored(self, stats: "NDArray[np.float64]", parts: Sequence[str]) -> Iterator[Score]:
        """The scores of a sample's statistics: undefined where they give no value.

        Args:
            stats: Shape `(parts, k)`.
            parts: Names of the slices.
        """
        for row, value, part in zip(stats.tolist(), self.from_totals(stats).tolist(), parts, strict=True):
            counts = tuple(row) if self.counts_every_sample or any(row) else None
            if counts is None or math.isnan(value):
                yield Score(None, counts, part, self.definition.undefined)
            else:
                yield Score(value, counts, part)

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """Names of the slices: the whole sample, then each label."""
        return ("", *(f"label={label}" for label in self.labels))


class BoxCounts(GroundingMetric):
    """A metric of counts over all items of all images (micro); each label is a slice with its own counts."""

    @abstractmethod
    def counts(self, answer: Answer, label: str | None) -> tuple[float, ...]:
        """The statistics of an answer: of one label, or of all items, those of unknown labels included, for None."""

    def measure(self, answer: Answer) -> Iterable[Score]:
        """The sample, then each label."""
        rows = [self.counts(answer, label) for label in (None, *self.labels)]
        return self.scored(np.array(rows, dtype=np.float64), self.parts)


class BoxRatio(BoxCounts):
    """Counts whose first is divided by the second."""

    def from_totals(self, totals: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """The first over the second."""
        return ratio(totals[..., 0], totals[..., 1])


class LabelMean(GroundingMetric):
    """A metric a label, whose value is the unweighted mean over the labels that are defined.

    The statistics are a block of counts for each label, so that the mean is one of the labels' values for the whole
    run, and never of images'. The slice of a label holds its block alone.
    """

    counted: ClassVar[tuple[str, ...]]
    """Names of the counts of a label."""

    @property
    def statistics(self) -> tuple[str, ...]:
        """The counts of each label, as `label.count`."""
        return tuple(f"{label}.{name}" for label in self.labels for name in self.counted)

    @abstractmethod
    def counts(self, answer: Answer, label: str) -> tuple[float, ...]:
        """The counts of one label."""

    @abstractmethod
    def of_label(self, counts: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """Turn the summed counts of a label, shape `(..., c)`, into its value, shape `(...)`; NaN where undefined."""

    def measure(self, answer: Answer) -> Iterable[Score]:
        """The sample, then each label."""
        return self.of_blocks(np.array([self.counts(answer, label) for label in self.labels], dtype=np.float64))

    def of_blocks(self, blocks: "NDArray[np.float64]") -> Iterator[Score]:
        """The scores of a sample's counts, shape `(labels, c)`."""
        n = len(blocks)
        rows = np.zeros((1 + n, *blocks.shape))
        rows[0] = blocks
        rows[1 + np.arange(n), np.arange(n)] = blocks
        return self.scored(rows.reshape(1 + n, -1), self.parts)

    def from_totals(self, totals: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """The mean of the labels' values."""
        blocks = totals.reshape(*totals.shape[:-1], len(self.labels), len(self.counted))
        values = self.of_label(blocks)
        defined = ~np.isnan(values)
        return ratio(np.where(defined, values, 0.0).sum(axis=-1), defined.sum(axis=-1))
