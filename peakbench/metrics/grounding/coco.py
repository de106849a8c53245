"""COCO's average precision, through `pycocotools`. It needs a confidence for every box, which few models give."""

import contextlib
import importlib.util
import io
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from peakbench.metrics.grounding.form import GroundingMetric
from peakbench.metrics.grounding.items import BoxItem
from peakbench.metrics.metric import Answer, PooledMetric, Score

if TYPE_CHECKING:
    from numpy.typing import NDArray

_REFERENCE, _PREDICTION, _WITHOUT_SCORE = 0.0, 1.0, 2.0


class MeanAp(PooledMetric, GroundingMetric):
    """AP over IoU .50 to .95, a mean over labels. Rows: kind, label, left, top, right, bottom, score.

    AP ranks the boxes of all images by their confidence. Without one, what comes out depends on the order of files; so
    it is undefined unless every predicted box of a run has one.
    """

    @cached_property
    def lacking(self) -> str | None:
        """Whether pycocotools is missing."""
        if importlib.util.find_spec("pycocotools") is None:
            return "pycocotools is not installed: pip install 'peakbench[boxes]'"
        return None

    def measure(self, answer: Answer) -> list[Score]:
        """The boxes of the sample, then of each label."""
        boxes = self.boxes(answer)
        codes = {label: float(code) for code, label in enumerate(self.labels)}
        rows = [(_REFERENCE, codes.get(item.label or "", -1.0), *_box(item), 0.0) for item in boxes.references]
        for item in boxes.predictions:
            kind = _WITHOUT_SCORE if item.score is None else _PREDICTION
            rows.append((kind, codes.get(item.label or "", -1.0), *_box(item), item.score or 0.0))
        scores = [self.of_rows(rows, "")]
        for label, code in codes.items():
            scores.append(self.of_rows([row for row in rows if row[1] == code], f"label={label}"))
        return scores

    def from_rows(self, answers: "Sequence[NDArray[np.float64]]") -> float:
        """AP@[.50:.95], at 101 recall points, of at most 100 boxes an answer; NaN where it is undefined."""
        kinds = np.concatenate([rows[:, 0] for rows in answers]) if answers else np.empty(0)
        if not (kinds == _REFERENCE).any() or not (kinds == _PREDICTION).any() or (kinds == _WITHOUT_SCORE).any():
            return float("nan")
        value = average_precision(answers)
        return float("nan") if value < 0 else min(value, 1.0)


def _box(item: BoxItem) -> tuple[float, float, float, float]:
    """The item's box; a malformed one has no area, and so overlaps with nothing."""
    return item.box or (0.0, 0.0, 0.0, 0.0)


def average_precision(answers: "Sequence[NDArray[np.float64]]") -> float:
    """The AP by pycocotools of the rows of each answer; -1 where there is no reference of any label."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    references: list[dict[str, Any]] = []
    predictions: list[dict[str, Any]] = []
    for image, rows in enumerate(answers):
        for kind, label, left, top, right, bottom, score in rows.tolist():
            wide, high = right - left, bottom - top
            into = references if kind == _REFERENCE else predictions
            one = {"id": len(into) + 1, "image_id": image, "category_id": int(label), "bbox": [left, top, wide, high]}
            into.append(one | {"area": wide * high, "iscrowd": 0, "score": score})
    images = [{"id": image} for image in range(len(answers))]
    categories = [{"id": label} for label in sorted({one["category_id"] for one in references})]
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does
        sides: list[Any] = []
        for annotations in (references, predictions):
            side: Any = COCO()
            side.dataset = {"images": images, "categories": categories, "annotations": annotations}
            side.createIndex()
            sides.append(side)
        evaluation = COCOeval(sides[0], sides[1], iouType="bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0])
