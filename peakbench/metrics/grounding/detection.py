"""Whether a defect of a type was noticed at all: the image level, a label at a time, wherever the boxes are.

A malformed box counts, since the answer did say that there is a defect. An answer that could not be read says nothing:
it finds no defect, and calls no image clean either.
"""

from typing import TYPE_CHECKING

from peakbench.metrics.grounding.form import LabelMean
from peakbench.metrics.metric import Answer, ratio

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class _Detection(LabelMean):
    """A metric of who says of an image that it shows the label: the reference, the answer, or both."""

    counts_every_sample = True

    def said(self, answer: Answer, label: str) -> tuple[bool, bool]:
        """Whether the reference and whether the answer has an item of the label."""
        boxes = self.boxes(answer)
        return boxes.n_references[label] > 0, boxes.n_predictions[label] > 0


class DetTypeF1(_Detection):
    """F1 of images with a prediction of the label against images with a reference of it."""

    counted = ("tp", "n_pred", "n_gt")

    def counts(self, answer: Answer, label: str) -> tuple[float, ...]:
        """Whether both, the answer, the reference have one."""
        expected, predicted = self.said(answer, label)
        return (float(expected and predicted), float(predicted), float(expected))

    def of_label(self, counts: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """`2·tp / (n_pred + n_gt)`."""
        return ratio(2 * counts[..., 0], counts[..., 1] + counts[..., 2])


class DetTypePrecision(_Detection):
    """Share of the images with a prediction of the label that have a reference of it."""

    counted = ("tp", "n_pred")

    def counts(self, answer: Answer, label: str) -> tuple[float, ...]:
        """Whether both, and whether the answer has one."""
        expected, predicted = self.said(answer, label)
        return (float(expected and predicted), float(predicted))

    def of_label(self, counts: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """`tp / n_pred`."""
        return ratio(counts[..., 0], counts[..., 1])


class DetTypeRecall(_Detection):
    """Share of the images with a reference of the label that have a prediction of it."""

    counted = ("tp", "n_gt")

    def counts(self, answer: Answer, label: str) -> tuple[float, ...]:
        """Whether both, and whether the reference has one."""
        expected, predicted = self.said(answer, label)
        return (float(expected and predicted), float(expected))

    def of_label(self, counts: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """`tp / n_gt`."""
        return ratio(counts[..., 0], counts[..., 1])


class CleanAccuracy(_Detection):
    """Share of the images without the label in the reference of which a parsed answer says so."""

    counted = ("rejected", "n_clean")

    def counts(self, answer: Answer, label: str) -> tuple[float, ...]:
        """Whether the image is clean of the label and a parsed answer agrees, and whether it is clean."""
        expected, predicted = self.said(answer, label)
        return (float(not expected and not predicted and answer.parsed), float(not expected))

    def of_label(self, counts: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """`rejected / n_clean`."""
        return ratio(counts[..., 0], counts[..., 1])


class BalancedAccuracy(_Detection):
    """Mean of the share of found labels and of the share of rightly clean ones: always-yes and always-no get half."""

    counted = ("tp", "n_gt", "rejected", "n_clean")

    def counts(self, answer: Answer, label: str) -> tuple[float, ...]:
        """The counts of recall, then those of clean accuracy."""
        expected, predicted = self.said(answer, label)
        rejected = not expected and not predicted and answer.parsed
        return (float(expected and predicted), float(expected), float(rejected), float(not expected))

    def of_label(self, counts: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """`(tp / n_gt + rejected / n_clean) / 2`."""
        return (ratio(counts[..., 0], counts[..., 1]) + ratio(counts[..., 2], counts[..., 3])) / 2
