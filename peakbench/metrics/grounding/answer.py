"""What the grounding metrics look at: the items of a reference and of an answer, their overlaps, and who matches whom.

It is made once an answer, and keeps what several metrics need: thirty numbers of one answer ask for two matchings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from peakbench.benchmarks.boxes import BoxConvention, scale_size
from peakbench.metrics.grounding.iou import SLACK, iou_matrix
from peakbench.metrics.grounding.items import BoxItem, ItemReader
from peakbench.metrics.grounding.matching import Matching, match

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from peakbench.benchmarks.file import BoxConventions
    from peakbench.benchmarks.sample import Sample


@dataclass(frozen=True, slots=True)
class MatchedPair:
    """A reference and the prediction that stands for it.

    Attributes:
        reference: The reference's item.
        prediction: The answer's item.
        iou: Their IoU.
        positions: Positions of the two in the reference and in the answer, from 0.
    """

    reference: BoxItem
    prediction: BoxItem
    iou: float
    positions: tuple[int, int]


@dataclass(frozen=True, eq=False)
class GroundingAnswer:
    """The items of a reference and of an answer to it, in one form.

    Attributes:
        labels: The label set, in the benchmark's order.
        references: Items of the reference.
        predictions: Items of the answer; none where the request failed or nothing was parsed, which is not the same as
            an answer that the image is clean: see `Answer.parsed`.
        swapped: The items of the answer, read as if its axes were swapped; for the diagnostic alone.
    """

    labels: tuple[str, ...]
    references: tuple[BoxItem, ...]
    predictions: tuple[BoxItem, ...]
    swapped: tuple[BoxItem, ...] = ()
    _pairs: "dict[tuple[float, Matching], tuple[MatchedPair, ...]]" = field(default_factory=dict, repr=False)

    @cached_property
    def overlaps(self) -> "NDArray[np.float64]":
        """IoU, shape `(references, predictions)`; 0 where a box is malformed."""
        return overlaps_of(self.references, self.predictions)

    def pairs(self, threshold: float, matching: Matching) -> tuple[MatchedPair, ...]:
        """The matched pairs, in the order of the references.

        Args:
            threshold: IoU that a pair needs.
            matching: How partners are chosen.
        """
        key = (threshold, matching)
        if key not in self._pairs:
            self._pairs[key] = matched_pairs(self.references, self.predictions, self.overlaps, threshold, matching)
        return self._pairs[key]

    @cached_property
    def n_references(self) -> Mapping[str | None, int]:
        """Items of the reference by label; None stands for all of them."""
        return _counted(self.labels, self.references)

    @cached_property
    def n_predictions(self) -> Mapping[str | None, int]:
        """Items of the answer by label; None stands for all of them, those of unknown labels included."""
        return _counted(self.labels, self.predictions)


def overlaps_of(references: Sequence[BoxItem], predictions: Sequence[BoxItem]) -> "NDArray[np.float64]":
    """IoU of every reference with every prediction; 0 where one of them is malformed."""
    overlaps = np.zeros((len(references), len(predictions)))
    rows = [row for row, item in enumerate(references) if item.box is not None]
    columns = [column for column, item in enumerate(predictions) if item.box is not None]
    if rows and columns:
        overlaps[np.ix_(rows, columns)] = iou_matrix(boxes_of(references), boxes_of(predictions))
    return overlaps


def boxes_of(items: Sequence[BoxItem]) -> "NDArray[np.float64]":
    """The boxes of the items that have one; shape `(n, 4)`."""
    return np.array([item.box for item in items if item.box is not None], dtype=np.float64).reshape(-1, 4)


def matched_pairs(
    references: Sequence[BoxItem],
    predictions: Sequence[BoxItem],
    overlaps: "NDArray[np.float64]",
    threshold: float,
    matching: Matching,
) -> tuple[MatchedPair, ...]:
    """The matched pairs of two lists of items, in the order of the references."""
    if not (overlaps >= threshold - SLACK).any():
        return ()
    codes: dict[str | None, int] = {label: code for code, label in enumerate({item.label for item in references})}
    codes.pop(None, None)  # what is of no known label matches nothing
    rows = np.array([codes.get(item.label, -1) for item in references])
    columns = np.array([codes.get(item.label, -2) for item in predictions])
    pairs = match(overlaps, rows[:, None] == columns[None, :], threshold, matching)
    return tuple(MatchedPair(references[i], predictions[j], float(overlaps[i, j]), (i, j)) for i, j in pairs)


def _counted(labels: Sequence[str], items: Sequence[BoxItem]) -> Mapping[str | None, int]:
    counts: dict[str | None, int] = {None: len(items)} | dict.fromkeys(labels, 0)
    for item in items:
        if item.label is not None:
            counts[item.label] += 1
    return counts


class GroundingReader:
    """Reads the references and the answers of a benchmark, each as they are declared.

    Args:
        labels: Label to the words that mean the same.
        boxes: How boxes are written in the references and in the answers.
    """

    def __init__(self, labels: Mapping[str, Sequence[str]], boxes: "BoxConventions") -> None:
        self.keys = (*boxes.keys, "label")
        """Keys of which an item of an answer has at least one."""
        self._labels = tuple(labels)
        self._boxes = boxes
        self._references = ItemReader(labels, boxes.keys, boxes.references.order)
        self._answers = ItemReader(labels, boxes.keys, boxes.answers.order)

    def read(self, sample: "Sample", items: Sequence[Any]) -> GroundingAnswer:
        """Bring a sample's reference and the items of an answer to it into one form."""
        size = sample.size or (1, 1)
        wanted = extent_of(self._boxes.answers, size)
        predictions = self._answers.read(items, wanted)
        return GroundingAnswer(
            self._labels,
            self._references.read(sample.reference, extent_of(self._boxes.references, size)),
            predictions,
            self._answers.read_swapped(items, predictions, wanted),
        )


def extent_of(convention: BoxConvention, size: tuple[int, int]) -> tuple[float, float]:
    """What the width and height of an image, given in pixels, are in the scale of a convention."""
    return scale_size(convention, *size)
