"""How the items of an answer are broken: rates over all items that were predicted."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence

import numpy as np

from peakbench.metrics.grounding.answer import boxes_of
from peakbench.metrics.grounding.form import BoxRatio
from peakbench.metrics.grounding.iou import SLACK, iou_matrix
from peakbench.metrics.grounding.items import BoxItem
from peakbench.metrics.metric import Answer, Score

_ROWS_AT_A_TIME = 256


class ItemRate(BoxRatio):
    """A share of the predicted items. Statistics: numerator, n_pred."""

    def counts(self, answer: Answer, label: str | None) -> tuple[float, ...]:
        """Items of which it holds, and items."""
        items = [item for item in self.boxes(answer).predictions if label is None or item.label == label]
        return (float(self.count(items)), float(len(items)))

    @abstractmethod
    def count(self, items: Sequence[BoxItem]) -> int:
        """Of how many it holds."""


class InvalidBoxRate(ItemRate):
    """Share of items whose box is malformed, whatever the fault."""

    def count(self, items: Sequence[BoxItem]) -> int:
        """Items without a box."""
        return sum(item.box is None for item in items)


class ClippedBoxRate(ItemRate):
    """Share of items whose box reached out of the image and was cut off."""

    def count(self, items: Sequence[BoxItem]) -> int:
        """Items flagged `clipped`."""
        return sum(item.flag == "clipped" for item in items)


class InvertedBoxRate(ItemRate):
    """Share of items whose corners are the wrong way round."""

    def count(self, items: Sequence[BoxItem]) -> int:
        """Items flagged `inverted`."""
        return sum(item.flag == "inverted" for item in items)


class UnknownLabelRate(ItemRate):
    """Share of items whose label is none of the set."""

    def count(self, items: Sequence[BoxItem]) -> int:
        """Items without a known label."""
        return sum(item.label is None for item in items)


class DuplicateBoxRate(ItemRate):
    """Share of items that repeat an earlier one of the same label."""

    def measure(self, answer: Answer) -> Iterable[Score]:
        """The sample, then each label; an item is compared with those of its own label alone, and once."""
        boxes = self.boxes(answer)
        by_label: dict[str | None, list[BoxItem]] = {label: [] for label in self.labels}
        for item in boxes.predictions:
            by_label.setdefault(item.label or f"?{item.said}", []).append(item)
        repeats = {label: self.count(items) for label, items in by_label.items()}
        rows = [(sum(repeats.values()), boxes.n_predictions[None])]
        rows += [(repeats[label], boxes.n_predictions[label]) for label in self.labels]
        return self.scored(np.array(rows, dtype=np.float64), self.parts)

    def count(self, items: Sequence[BoxItem]) -> int:
        """Items of one label whose IoU with an earlier one is at least the parameter `iou`."""
        return _repeats(items, self.threshold) if len(items) > 1 else 0


def _repeats(items: Sequence[BoxItem], threshold: float) -> int:
    """How many boxes have an earlier one that they overlap by the threshold; some rows at a time, to hold little."""
    boxes = boxes_of(items)
    count = 0
    for start in range(0, len(boxes), _ROWS_AT_A_TIME):
        rows = boxes[start : start + _ROWS_AT_A_TIME]
        close = iou_matrix(rows, boxes[: start + len(rows)]) >= threshold - SLACK
        earlier = np.arange(close.shape[1])[None, :] < start + np.arange(len(rows))[:, None]
        count += int((close & earlier).any(axis=1).sum())
    return count
