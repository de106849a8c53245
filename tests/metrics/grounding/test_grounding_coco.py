"""Average precision: that of pycocotools and of faster-coco-eval, and undefined without scores."""

import importlib.util
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from faster_coco_eval import COCO, COCOeval_faster
from grounding_cases import METRICS, answer_to, item, value
from hypothesis import given, settings
from hypothesis import strategies as st

from peakbench.metrics.metric import Answer

EDGES = st.integers(0, 9).map(lambda step: step * 100)
SCORES = st.integers(1, 9).map(lambda tenth: tenth / 10)


@st.composite
def some(draw: st.DrawFn, *, scored: bool) -> list[dict[str, Any]]:
    items = []
    for _ in range(draw(st.integers(0, 4))):
        left, top = draw(EDGES), draw(EDGES)
        box = [left, top, draw(st.integers(left // 100 + 1, 10)) * 100, draw(st.integers(top // 100 + 1, 10)) * 100]
        others = {"score": draw(SCORES)} if scored else {}
        items.append(item(box, draw(st.sampled_from(["artifact", "misalignment"])), **others))
    return items


def second_library(cases: Sequence[tuple[list[dict[str, Any]], list[dict[str, Any]]]]) -> float:
    """The AP of faster-coco-eval; -1 where it is undefined."""
    sides: list[list[dict[str, Any]]] = [[], []]
    for image, case in enumerate(cases):
        for side, items in zip(sides, case, strict=True):
            for one in items:
                left, top, right, bottom = one["box_2d"]
                box = [left, top, right - left, bottom - top]
                label = 1 + ["artifact", "misalignment"].index(one["label"])
                entry = {"id": len(side) + 1, "image_id": image + 1, "category_id": label, "bbox": box}
                side.append(entry | {"area": box[2] * box[3], "iscrowd": 0, "score": one.get("score", 0.0)})
    images = [{"id": image + 1} for image in range(len(cases))]
    categories = [{"id": 1, "name": "artifact"}, {"id": 2, "name": "misalignment"}]
    made = [COCO({"images": images, "categories": categories, "annotations": side}) for side in sides]
    evaluation = COCOeval_faster(made[0], made[1], iouType="bbox", print_function=lambda *_: None)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return float(evaluation.stats[0])


@settings(max_examples=25)
@given(st.lists(st.tuples(some(scored=False), some(scored=True)), min_size=1, max_size=4))
def test_average_precision_is_that_of_a_second_library(cases: list[Any]) -> None:
    got = value("mean_ap", [answer_to(reference, response) for reference, response in cases])
    if not any(reference for reference, _ in cases) or not any(response for _, response in cases):
        assert got is None
        return
    assert got == pytest.approx(second_library(cases), abs=1e-9)


def test_a_label_is_its_own_average_precision_and_the_value_is_their_mean() -> None:
    box = [0, 0, 500, 500]
    answers = [answer_to([item(box), item(box, "misalignment")], [item(box, score=0.4)])]
    assert value("mean_ap", answers, "artifact") == pytest.approx(1.0)
    assert value("mean_ap", answers) == pytest.approx(0.5)
    assert value("mean_ap", answers, "misalignment") is None, "no answer of that label carries a score"


@pytest.mark.parametrize("score", [{}, {"score": "high"}, {"score": None}])
def test_one_box_without_a_score_leaves_it_undefined(score: dict[str, Any]) -> None:
    box = [0, 0, 500, 500]
    answers = [answer_to([item(box)], [item(box, score=0.9)]), answer_to([item(box)], [item(box, **score)])]
    assert value("mean_ap", answers[:1]) == pytest.approx(1.0)
    assert value("mean_ap", answers) is None
    assert value("mean_ap", [answer_to([item(box)], "[]"), answer_to([item(box)], None)]) is None


def test_answers_that_cannot_be_read_miss_their_references() -> None:
    box = [0, 0, 500, 500]
    answers: list[Answer] = [answer_to([item(box)], [item(box, score=0.9)]), answer_to([item(box)], "no idea")]
    assert value("mean_ap", answers) == pytest.approx(51 / 101)


def test_malformed_boxes_are_false_positives_and_unknown_labels_none() -> None:
    box = [0, 0, 500, 500]
    good = item(box, score=0.5)
    worse = [answer_to([item(box)], [good, item("there", score=0.9)])]
    assert value("mean_ap", worse) == pytest.approx(0.5)
    assert value("mean_ap", [answer_to([item(box)], [good, item(box, "smudge", score=0.9)])]) == pytest.approx(1.0)


def test_without_the_library_it_is_undefined_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = answer_to([item([0, 0, 9, 9])], [item([0, 0, 9, 9], score=0.5)])
    metric = type(METRICS["mean_ap"])(METRICS["mean_ap"].definition, None, METRICS["mean_ap"].context)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    (score,) = metric.score(answer)
    assert (score.value, score.stats) == (None, None)
    assert score.reason == "pycocotools is not installed: pip install 'peakbench[boxes]'"


def test_it_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    answers = [answer_to([item([0, 0, 9, 9])], [item([0, 0, 9, 9], score=0.5)])]
    assert np.isclose(value("mean_ap", answers) or 0.0, 1.0)
    assert capsys.readouterr() == ("", "")
