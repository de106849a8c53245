"""How well the boxes lie: precision, recall and F1 of matched boxes, overlap of pairs and of whole areas."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from peakbench.metrics.grounding.answer import boxes_of
from peakbench.metrics.grounding.form import BoxCounts, BoxRatio, GroundingMetric, LabelMean
from peakbench.metrics.grounding.iou import SLACK, union_iou
from peakbench.metrics.metric import Answer, MeanMetric, Score, ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _true_positives(metric: GroundingMetric, answer: Answer, label: str | None) -> float:
    pairs = metric.pairs(answer)
    return float(sum(label is None or pair.reference.label == label for pair in pairs))


class BoxF1(BoxCounts):
    """F1 of matched boxes, from the counts of all images. Statistics: tp, n_pred, n_gt."""

    counts_every_sample = True

    def counts(self, answer: Answer, label: str | None) -> tuple[float, ...]:
        """Matched pairs, predicted items, reference items."""
        boxes = self.boxes(answer)
        return (
            _true_positives(self, answer, label),
            float(boxes.n_predictions[label]),
            float(boxes.n_references[label]),
        )

    def from_totals(self, totals: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """`2·tp / (n_pred + n_gt)`."""
        return ratio(2 * totals[..., 0], totals[..., 1] + totals[..., 2])


class BoxPrecision(BoxRatio):
    """Share of the predicted items that are matched. Statistics: tp, n_pred."""

    counts_every_sample = True

    def counts(self, answer: Answer, label: str | None) -> tuple[float, ...]:
        """Matched pairs, predicted items."""
        return (_true_positives(self, answer, label), float(self.boxes(answer).n_predictions[label]))


class BoxRecall(BoxRatio):
    """Share of the reference items that are matched. Statistics: tp, n_gt."""

    counts_every_sample = True

    def counts(self, answer: Answer, label: str | None) -> tuple[float, ...]:
        """Matched pairs, reference items."""
        return (_true_positives(self, answer, label), float(self.boxes(answer).n_references[label]))


class MeanIouMatched(BoxRatio):
    """Mean IoU of matched pairs. Statistics: sum, n."""

    def counts(self, answer: Answer, label: str | None) -> tuple[float, ...]:
        """Sum of IoU, and number of pairs."""
        overlaps = [pair.iou for pair in self.pairs(answer) if label is None or pair.reference.label == label]
        return (float(sum(overlaps)), float(len(overlaps)))


class UnionIou(LabelMean):
    """Overlap of the areas that all boxes of a label cover, a mean over images; undefined where both are empty."""

    counted = ("sum", "n")

    def counts(self, answer: Answer, label: str) -> tuple[float, ...]:
        """The overlap, and 1 where it is defined."""
        boxes = self.boxes(answer)
        references = boxes_of([item for item in boxes.references if item.label == label])
        predictions = [item for item in boxes.predictions if item.label == label]
        overlap = union_iou(references, boxes_of(predictions))
        if overlap is None:
            # A malformed box covers nothing, but an answer with one is not empty.
            return (0.0, 1.0) if predictions else (0.0, 0.0)
        return (overlap, 1.0)

    def worth(self, answer: Answer, value: float | None, reason: str) -> Iterable[Score]:  # noqa: ARG002
        """The declared value for every label."""
        if value is None:
            yield Score(None, None, reason=reason)
            return
        yield from self.of_blocks(np.array([(value, 1.0)] * len(self.labels)))

    def of_label(self, counts: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """`sum / n`."""
        return ratio(counts[..., 0], counts[..., 1])


class RefcocoAccuracy(MeanMetric, GroundingMetric):
    """Whether the first predicted box is the one that was asked for; only where the reference has exactly one box."""

    def measure(self, answer: Answer) -> Iterable[Score]:
        """1 or 0; the label is not looked at, and a failed or unparsed answer has no first box."""
        boxes = self.boxes(answer)
        if len(boxes.references) != 1:
            yield self.one(None, self.definition.undefined)
            return
        right = bool(boxes.predictions) and float(boxes.overlaps[0, 0]) >= self.threshold - SLACK
        yield self.one(float(right))
