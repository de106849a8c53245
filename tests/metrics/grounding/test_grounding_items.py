"""Items in one form: orders, scales, flags, labels, importance; and whatever else a model writes there."""

from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peakbench.benchmarks.boxes import BoxConvention, BoxOrder, BoxScale, converted
from peakbench.metrics.grounding.answer import extent_of
from peakbench.metrics.grounding.items import BoxItem, ItemReader, normalise_box

LABELS = {"artifact": ["artefact", "visual artifact"], "misalignment": ["artifact", "misaligned"]}
READER = ItemReader(LABELS, ["box_2d", "bbox_2d"], "xyxy")
THOUSAND = (1000.0, 1000.0)
SIZE = (640, 480)

JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.text(max_size=5)
    | st.integers()
    | st.floats()
    | st.sampled_from([10**400, -(10**400), 1e308, -1e308, 5e-324, "100", "artifact"]),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(["box_2d", "bbox_2d", "label", "desc", "importance", "score"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


def one(item: Any) -> BoxItem:
    (found,) = READER.read([item], THOUSAND)
    return found


@settings(max_examples=80)
@given(JUNK, st.sampled_from(get_args(BoxOrder)))
def test_nothing_that_stands_for_an_item_raises(junk: Any, order: BoxOrder) -> None:
    reader = ItemReader(LABELS, ["box_2d"], order)
    for size in ((1000.0, 1000.0), (640.0, 480.0), (1.0, 1.0)):
        items = [junk, {"box_2d": junk, "label": junk, "importance": junk}]
        read = reader.read(items, size)
        for item in (*read, *reader.read_swapped(items, read, size)):
            assert (item.box is None) == (item.flag not in (None, "clipped"))
            if item.box is not None:
                assert 0 <= item.box[0] < item.box[2] <= 1000
                assert 0 <= item.box[1] < item.box[3] <= 1000
            assert item.importance is None or 1 <= item.importance <= 100


@pytest.mark.parametrize("order", get_args(BoxOrder))
@pytest.mark.parametrize("scale", get_args(BoxScale))
def test_a_box_is_the_same_in_every_order_and_scale(order: BoxOrder, scale: BoxScale) -> None:
    convention = BoxConvention(order=order, scale=scale)
    plain = BoxConvention(order="xyxy", scale="norm1000")
    written = converted([125, 250, 500, 875], plain, convention, SIZE)
    box, flag = normalise_box(written, order, extent_of(convention, SIZE))
    assert flag is None
    assert box == pytest.approx((125, 250, 500, 875), abs=2e-3)


@pytest.mark.parametrize(
    ("raw", "order", "flag"),
    [
        (None, "xyxy", "not_a_list"),
        ("100, 200, 300, 400", "xyxy", "not_a_list"),
        ([1, 2, 3, 4, 5], "xyxy", "wrong_length"),
        ([None, 2, 3, 4], "xyxy", "not_a_number"),
        ([[1], 2, 3, 4], "xyxy", "not_a_number"),
        ([10**400, 2, 3, 4], "xyxy", "not_finite"),
        ([float("inf"), "2", 3, 4], "xyxy", "not_a_number"),
        ([float("inf"), 2, 3, 4], "xyxy", "not_finite"),
        ([10, 10, -5, 20], "xywh", "inverted"),
        ([10, 10, 0, 20], "xywh", "zero_area"),
        ([10, 30, 10, 20], "xyxy", "inverted"),
        ([1100, 100, 1200, 200], "xyxy", "zero_area"),
        ([-300, 100, -200, 200], "xyxy", "zero_area"),
    ],
)
def test_a_malformed_box_has_the_first_flag_that_holds(raw: Any, order: BoxOrder, flag: str) -> None:
    assert normalise_box(raw, order, THOUSAND) == (None, flag)


def test_only_what_reaches_out_by_more_than_rounding_is_clipped() -> None:
    assert normalise_box([-1e-7, 0, 1000.0000005, 10], "xyxy", THOUSAND) == ((0, 0, 1000, 10), None)
    assert normalise_box([0, 0, 1000.00001, 10], "xyxy", THOUSAND) == ((0, 0, 1000, 10), "clipped")
    assert normalise_box([0, 0, 999, 999], "xyxy", (999, 999)) == ((0, 0, 1000, 1000), None)
    assert normalise_box([0, 0, 1e308, 1e308], "xywh", THOUSAND) == ((0, 0, 1000, 1000), "clipped")


def test_labels_are_found_under_any_spelling_and_a_name_goes_before_a_synonym() -> None:
    assert one({"label": "  ARTEFACT "}).label == "artifact"
    assert one({"label": "Visual\u00a0Artifact"}).label == "artifact"
    assert one({"label": "artifact"}).label == "artifact", "a synonym of another label does not take a label's name"
    assert one({"Label": "misaligned"}).label == "misalignment"
    for label in ("smudge", "", None, 3, ["artifact"]):
        assert one({"label": label}).label is None


def test_the_preferred_key_of_a_box_wins_whatever_it_holds() -> None:
    assert one({"bbox_2d": [0, 0, 1, 1], "box_2d": [0, 0, 2, 2]}).box == (0, 0, 2, 2)
    assert one({"BBox-2d": [0, 0, 1, 1]}).box == (0, 0, 1, 1)
    assert one({"bbox_2d": [0, 0, 1, 1], "box_2d": None}).flag == "not_a_list"


@pytest.mark.parametrize(
    ("importance", "expected"),
    [(45, 45), ("45", 45), (" 4.5e1 ", 45), (0, 1), (-7, 1), (500, 100), ("500", 100)]
    + [(value, None) for value in ("high", True, None, float("nan"), float("inf"), 10**400, "nan", [45], "")],
)
def test_importance_is_a_number_or_a_text_that_is_one_within_its_range(importance: Any, expected: Any) -> None:
    assert one({"importance": importance}).importance == expected


def test_descriptions_and_scores_are_read_as_they_are() -> None:
    assert one({"desc": " fused fingers "}).description == "fused fingers"
    assert one({"desc": "a", "description": "b"}).description == "b"
    assert one({"description": "  "}).description is None
    assert one({"score": 0.5}).score == 0.5
    assert one({"score": "0.5"}).score is None, "a confidence is a number, or there is none"


def test_swapped_axes_are_read_from_the_same_numbers() -> None:
    for order in get_args(BoxOrder):
        written = converted(
            [100, 200, 300, 700],
            BoxConvention(order="xyxy", scale="norm1000"),
            BoxConvention(order=order, scale="norm1000"),
            (1, 1),
        )
        reader = ItemReader(LABELS, ["box_2d"], order)
        items = [{"box_2d": written, "label": "artifact"}]
        (item,) = reader.read_swapped(items, reader.read(items, THOUSAND), THOUSAND)
        assert item.box == pytest.approx((200, 100, 700, 300))
        assert item.label == "artifact"


@settings(max_examples=80)
@given(
    st.lists(st.integers(-200, 1300), min_size=4, max_size=4),
    st.sampled_from(get_args(BoxOrder)),
    st.sampled_from([(1000.0, 1000.0), (640.0, 480.0), (480.0, 640.0)]),
)
def test_a_swapped_box_is_the_box_of_swapped_numbers(
    raw: list[int], order: BoxOrder, size: tuple[float, float]
) -> None:
    a, b, c, d = raw
    (item,) = ItemReader(LABELS, ["box_2d"], order).read_swapped(
        [{"box_2d": raw}], ItemReader(LABELS, ["box_2d"], order).read([{"box_2d": raw}], size), size
    )
    box, flag = normalise_box([b, a, d, c], order, size)
    assert (item.box, item.flag) == (box, flag)
