"""What holds for every metric of boxes, and what each is for."""

import json
import math
import shutil
from typing import Any, get_args

import numpy as np
import pytest
from grounding_cases import (
    BOX_METRICS,
    LABELS,
    METRICS,
    PLAIN,
    REGISTRY,
    answer_to,
    boxes_in,
    conventions,
    item,
    value,
    with_parameters,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from peakbench.benchmarks.boxes import BoxConvention, BoxOrder, BoxScale, converted
from peakbench.errors import BadInputError
from peakbench.metrics.golden.case import run_value
from peakbench.metrics.metric import Answer, Metric, PooledMetric, RepeatMetric, Score
from peakbench.metrics.registry import Registry

WIDTH, HEIGHT = 640, 480
EDGES = st.integers(0, 39).map(lambda step: step * 25.0)
SIDES = st.integers(2, 20).map(lambda steps: steps * 25.0)


@st.composite
def references(draw: st.DrawFn) -> list[dict[str, Any]]:
    items = []
    for _ in range(draw(st.integers(0, 4))):
        left, top = draw(EDGES), draw(EDGES)
        box = [left, top, min(left + draw(SIDES), 1000.0), min(top + draw(SIDES), 1000.0)]
        items.append(item(box, draw(st.sampled_from(list(LABELS))), importance=draw(st.integers(1, 100))))
    return items


JUNK_ITEMS = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5) | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from(["box_2d", "label", "importance", "score", "Label"]), inner, max_size=4)
    ),
    max_leaves=10,
)
ANSWERS = references() | st.lists(JUNK_ITEMS, max_size=4)


def check(metric: Metric, answer: Answer) -> None:
    low, high = metric.definition.bounds
    scores = metric.score_repeats([answer]) if isinstance(metric, RepeatMetric) else metric.score(answer)
    assert scores[0].slice == ""
    for score in scores:
        if score.value is None:
            assert score.reason
        else:
            assert low <= score.value <= high
            assert score.reason is None
            assert score.stats is not None
        if score.stats is None:
            continue
        if isinstance(metric, PooledMetric):
            assert score.value is None
            again = metric.from_rows([np.array(score.stats).reshape(-1, len(metric.statistics))])
            assert math.isnan(again) or low <= again <= high
            continue
        assert len(score.stats) == len(metric.statistics)
        again = float(metric.from_totals(np.array(score.stats)))
        assert (None if math.isnan(again) else again) == pytest.approx(score.value)


@settings(max_examples=40)
@given(references(), ANSWERS | st.text(max_size=20) | st.none())
def test_every_value_is_in_range_or_undefined_with_a_reason(reference: list[dict[str, Any]], response: Any) -> None:
    answer = answer_to(reference, response)
    for metric in METRICS.values():
        check(metric, answer)


@settings(max_examples=30)
@given(st.lists(st.tuples(references(), ANSWERS), min_size=2, max_size=4), st.randoms())
def test_the_order_of_samples_and_of_labels_changes_nothing(cases: list[Any], random: Any) -> None:
    answers = [answer_to(reference, response) for reference, response in cases]
    mixed = [*answers]
    random.shuffle(mixed)
    for name in BOX_METRICS:
        if name != "mean_ap":
            assert value(name, answers) == pytest.approx(value(name, mixed)), name


CONVENTIONS = [(order, scale) for order in get_args(BoxOrder) for scale in get_args(BoxScale)]


@pytest.mark.parametrize("ours", CONVENTIONS, ids="-".join)
def test_the_reference_itself_is_best_in_every_pair_of_conventions(ours: tuple[BoxOrder, BoxScale]) -> None:
    plain = BoxConvention(order="xyxy", scale="norm1000")
    inside = [[60, 100, 300, 400], [320, 80, 700, 640], [500, 600, 960, 900]]
    labels, size = ["artifact", "misalignment", "artifact"], (WIDTH, HEIGHT)
    for theirs in CONVENTIONS:
        if ours[0] != theirs[0] and ours[1] != theirs[1] and theirs[1] != "norm1":
            continue  # each order with each, each scale with each, and all of the finest-grained
        boxes = conventions(ours, theirs)
        pair = (boxes.references, boxes.answers)
        sides = [
            [
                item(converted(box, plain, side, size), label, importance=30 * number + 5)
                for number, (box, label) in enumerate(zip(inside, labels, strict=True))
            ]
            for side in pair
        ]
        answers = [answer_to(sides[0], sides[1], boxes, size), answer_to([], [], boxes, size)]
        for name in BOX_METRICS:
            best = 0.0 if BOX_METRICS[name].definition.direction == "lower" else 1.0
            got = value(name, answers)
            assert name in ("mean_ap", "refcoco_acc_50") or got == pytest.approx(best, abs=2e-4), (name, theirs)


def test_every_order_but_the_declared_one_loses_the_boxes() -> None:
    reference = [item([100, 600, 200, 900]), item([700, 50, 950, 150])]
    for theirs in get_args(BoxOrder):
        answer = answer_to(reference, reference, conventions(("xyxy", "norm1000"), (theirs, "norm1000")))
        assert (value("box_f1_50", [answer]) == 1.0) == (theirs == "xyxy")


@settings(max_examples=40)
@given(st.recursive(JUNK_ITEMS, lambda inner: st.lists(inner, max_size=3), max_leaves=6), st.booleans())
def test_hostile_items_score_whatever_they_are(junk: Any, inside: bool) -> None:
    good = item([0, 0, 100, 100])
    response = [good, item(junk, "artifact"), item([0, 0, 1, 1], junk), junk] if inside else [junk]
    for metric in BOX_METRICS.values():
        check(metric, answer_to([good], response))


@pytest.mark.parametrize("box", ["[NaN, 1, 2, 3]", "[1e999, 1, 2, 3]", f"[{'9' * 5000}, 1, 2, 3]", "[" * 500])
def test_numbers_that_json_does_not_know_leave_no_answer(box: str) -> None:
    answer = answer_to([item([0, 0, 10, 10])], f'[{{"box_2d": {box}, "label": "artifact"}}]')
    assert not answer.parsed
    assert value("cln_acc", [answer], "misalignment") == 0.0
    assert value("box_f1_50", [answer]) == 0.0


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_ten_thousand_items_are_scored_in_bounded_time() -> None:
    generator = np.random.default_rng(5)
    left_top = generator.integers(0, 900, size=(10_000, 2))
    many = [item([x, y, x + 90, y + 80], "artifact", importance=5) for x, y in left_top.tolist()]
    reference = [item([100 * n, 100 * n, 100 * n + 90, 100 * n + 80], importance=9) for n in range(9)]
    answer = answer_to(reference, many)
    for metric in BOX_METRICS.values():
        check(metric, answer)
    assert len(boxes_in(answer).predictions) == 10_000


def test_an_answer_that_cannot_be_read_calls_nothing_clean_and_finds_nothing() -> None:
    for response in ("The image looks fine to me.", None):
        clean, broken = answer_to([], response), answer_to([item([0, 0, 10, 10])], response)
        assert value("cln_acc", [clean], "artifact") == 0.0
        assert value("balanced_accuracy_type", [clean, broken], "artifact") == 0.0
        assert value("box_f1_50", [clean]) is None
        assert value("box_f1_50", [broken]) == 0.0
        assert value("union_iou", [clean]) == 0.0
        assert value("invalid_box_rate", [broken]) is None
        assert value("refcoco_acc_50", [broken]) == 0.0
    assert value("cln_acc", [answer_to([], "[]")], "artifact") == 1.0


def test_a_malformed_item_is_a_false_positive_that_counts_for_detection() -> None:
    answer = answer_to([item([0, 0, 100, 100])], [item([0, 0, 100, 100]), item([100, 0, 0, 100])])
    stats = METRICS["box_f1_50"].score(answer)[0].stats
    assert stats == (1.0, 2.0, 1.0)
    clean = answer_to([], [item("here")])
    assert value("cln_acc", [clean], "artifact") == 0.0
    assert value("det_type_precision", [clean], "artifact") == 0.0
    assert value("union_iou", [clean], "artifact") == 0.0


def test_an_unknown_label_is_a_false_positive_of_the_whole_alone() -> None:
    answer = answer_to([item([0, 0, 100, 100])], [item([0, 0, 100, 100]), item([0, 0, 100, 100], "smudge")])
    assert METRICS["box_f1_50"].score(answer)[0].stats == (1.0, 2.0, 1.0)
    assert value("box_f1_50", [answer], "artifact") == 1.0
    assert value("cln_acc", [answer], "misalignment") == 1.0
    assert value("unknown_label_rate", [answer]) == 0.5


def test_one_object_is_a_list_of_one() -> None:
    answer = answer_to([item([0, 0, 100, 100])], json.dumps(item([0, 0, 100, 100])))
    assert value("box_f1_50", [answer]) == 1.0


def test_the_value_of_a_run_is_the_mean_of_the_labels_of_the_run_and_never_of_images() -> None:
    answers = [
        answer_to([item([0, 0, 9, 9])], [item([0, 0, 9, 9])]),
        answer_to([item([0, 0, 9, 9])], []),
        answer_to([item([0, 0, 9, 9], "misalignment")], [item([0, 0, 9, 9], "misalignment")]),
    ]
    assert value("det_type_recall", answers, "artifact") == 0.5
    assert value("det_type_recall", answers, "misalignment") == 1.0
    assert value("det_type_recall", answers) == 0.75
    assert value("det_type_recall", answers[:2]) == 0.5, "an undefined label is left out"
    assert value("box_recall_50", answers) == pytest.approx(2 / 3), "boxes are pooled"


def test_always_yes_and_always_no_get_one_half_of_balanced_accuracy() -> None:
    sides = [[item([0, 0, 9, 9]), item([0, 0, 9, 9], "misalignment")], []]
    for response in sides:
        answers = [answer_to(side, response) for side in sides]
        assert value("balanced_accuracy_type", answers) == 0.5
    assert METRICS["balanced_accuracy_type"].score(answers[0])[0] == Score(
        None, (0, 1, 0, 0, 0, 1, 0, 0), "", METRICS["balanced_accuracy_type"].definition.undefined
    )


def test_importance_counts_only_where_both_sides_have_one_and_the_other_form_counts_all() -> None:
    box, far = [0, 0, 100, 100], [500, 500, 600, 600]
    reference = [item(box, importance=60), item(far, importance=40)]
    answers = [answer_to(reference, [item(box, importance="80"), item(far)])]
    assert value("imp_acc_10", answers) == pytest.approx(0.8)
    assert value("imp_coverage_10", answers) == 0.5
    assert value("imp_acc_all_10", answers) == pytest.approx(0.4)
    answers = [answer_to(reference, [item(box, importance=60)])]
    assert value("imp_acc_10", answers) == 1.0
    assert value("imp_acc_all_10", answers) == 0.5, "what was missed gives nothing"
    answers = [answer_to([item(box)], [item(box, importance=3)])]
    assert value("imp_acc_10", answers) is None
    assert value("imp_acc_all_10", answers) is None, "the reference says nothing to compare with"
    assert value("imp_coverage_10", answers) == 0.0


def test_rank_correlation_is_of_all_images_together_and_undefined_where_a_side_is_constant() -> None:
    def answers(*pairs: tuple[int, int]) -> list[Answer]:
        box = [0, 0, 100, 100]
        return [answer_to([item(box, importance=a)], [item(box, importance=b)]) for a, b in pairs]

    assert value("importance_spearman_10", answers((10, 1), (20, 2), (90, 3))) == pytest.approx(1.0)
    assert value("importance_spearman_10", answers((10, 3), (20, 2), (90, 1))) == pytest.approx(-1.0)
    assert value("importance_spearman_10", answers((10, 5), (20, 5), (90, 5))) is None
    assert value("importance_spearman_10", answers((10, 1), (20, 2))) is None
    assert value("importance_spearman_10", answers((10, 1), (20, 2), (90, 3)), "misalignment") is None


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=3, max_size=12))
def test_rank_correlation_is_that_of_scipy(pairs: list[tuple[int, int]]) -> None:
    if any(len(set(side)) == 1 for side in zip(*pairs, strict=True)):
        return
    metric = METRICS["importance_spearman_10"]
    assert isinstance(metric, PooledMetric)
    rows = np.array(pairs, dtype=np.float64)
    assert metric.from_rows([rows[:2], rows[2:]]) == pytest.approx(spearmanr(*rows.T).statistic, abs=1e-12)


def test_the_first_box_counts_and_samples_without_the_one_box_do_not() -> None:
    box, far = [0, 0, 100, 100], [500, 500, 600, 600]
    assert value("refcoco_acc_50", [answer_to([item(box)], [item(far), item(box)])]) == 0.0
    assert value("refcoco_acc_50", [answer_to([item(box)], [item([0, 0, 100, 50], "misaligned"), item(far)])]) == 1.0
    assert value("refcoco_acc_50", [answer_to([item(box)], "[]")]) == 0.0
    for reference in ([], [item(box), item(far)]):
        assert value("refcoco_acc_50", [answer_to(reference, "nothing")]) is None


def test_duplicates_are_of_one_label_and_of_an_earlier_item() -> None:
    box, close = [0, 0, 100, 100], [0, 0, 100, 96]
    assert value("duplicate_box_rate", [answer_to([], [item(box), item(close)])]) == 0.5
    assert value("duplicate_box_rate", [answer_to([], [item(box), item(close, "misaligned")])]) == 0.0
    assert value("duplicate_box_rate", [answer_to([], [item(box), item([0, 0, 100, 94])])]) == 0.0
    assert value("duplicate_box_rate", [answer_to([], [item(box, "x"), item(box, "y"), item(box, "X")])]) == (
        pytest.approx(1 / 3)
    )
    many = [item([n / 1000, 0, 100, 100]) for n in range(600)]
    assert value("duplicate_box_rate", [answer_to([], many)]) == pytest.approx(599 / 600)


def test_threshold_and_matching_are_parameters_and_part_of_the_signature() -> None:
    answer = answer_to([item([0, 0, 100, 100])], [item([0, 0, 100, 70])])
    assert run_value(with_parameters("box_f1_50", iou=0.7), [answer]) == 1.0
    assert run_value(with_parameters("box_f1_50", iou=0.75), [answer]) == 0.0
    signatures = {
        with_parameters("box_f1_50", **changes).signature
        for changes in ({}, {"iou": 0.75}, {"matching": "greedy"}, {"matching": "hungarian_then_threshold"})
    }
    assert len(signatures) == 4
    for changes in ({"matching": "best"}, {"iou": 0}, {"iou": True}, {"iou": 1.5}):
        with pytest.raises(BadInputError, match=r"box_f1_50.*(matching|iou) is"):
            with_parameters("box_f1_50", **changes)


def test_a_file_adds_a_threshold_without_code(tmp_path: Any) -> None:
    raw = json.loads(REGISTRY.path.read_text(encoding="utf-8"))
    entry = next(metric for metric in raw["metrics"] if metric["id"] == "box_f1_50")
    new = entry | {"id": "box_f1_75", "title": "Box F1@0.75", "parameters": {"iou": 0.75, "matching": "greedy"}}
    raw["metrics"] = [*raw["metrics"], new]
    (tmp_path / "own.json").write_text(json.dumps(raw), encoding="utf-8")
    shutil.copytree(REGISTRY.path.parent / "metrics", tmp_path / "metrics")
    metric = Registry.load(tmp_path / "own.json").metric("box_f1_75", None, labels=LABELS, boxes=PLAIN)
    answer = answer_to([item([0, 0, 100, 100])], [item([0, 0, 100, 80])])
    assert run_value(metric, [answer]) == 1.0
    assert "matching=greedy" in metric.signature


def test_labels_synonyms_and_conventions_are_part_of_the_signature() -> None:
    def signature(labels: Any = LABELS, boxes: Any = PLAIN) -> str:
        return REGISTRY.metric("box_f1_50", None, labels=labels, boxes=boxes).signature

    assert signature() == signature({"artifact": ["ARTEFACT"], "misalignment": ["misaligned"]})
    others = [
        signature({"artifact": [], "misalignment": ["misaligned"]}),
        signature({"artifact": ["artefact"]}),
        signature(boxes=conventions(("yxyx", "norm1000"))),
        signature(boxes=conventions(("xyxy", "norm1000"), ("yxyx", "norm1000"))),
        signature(boxes=conventions(("xyxy", "norm999"), ("xyxy", "norm1000"))),
    ]
    assert len({signature(), *others}) == 6
