"""Boxes: the same rectangle in every order and scale."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakbench.benchmarks.boxes import BoxConvention, BoxOrder, BoxScale, box_fault, converted, corners

ORDERS: list[BoxOrder] = ["xyxy", "yxyx", "xywh", "cxcywh"]
SCALES: list[BoxScale] = ["norm1000", "norm999", "norm1", "pixel", "pixel_resized"]


@pytest.mark.parametrize(
    ("order", "box"),
    [("xyxy", [1, 2, 30, 40]), ("yxyx", [2, 1, 40, 30]), ("xywh", [1, 2, 29, 38]), ("cxcywh", [15.5, 21, 29, 38])],
)
def test_every_order_names_the_same_corners(order: BoxOrder, box: list[float]) -> None:
    assert corners(box, order) == (1, 2, 30, 40)


def test_a_box_may_be_whole_in_one_order_and_inverted_in_another() -> None:
    box = [10, 300, 20, 200]
    assert box_fault(box, BoxConvention(order="xyxy", scale="norm1000"))
    assert box_fault(box, BoxConvention(order="xywh", scale="norm1000")) is None
    assert box_fault([10, 30, 20, 25], BoxConvention(order="yxyx", scale="norm1000"))
    assert box_fault([300, 10, 310, 20], BoxConvention(order="yxyx", scale="pixel")) is None


def test_a_picture_has_its_own_width_and_height() -> None:
    given_as, wanted = BoxConvention(order="xyxy", scale="norm1000"), BoxConvention(order="yxyx", scale="pixel")
    assert converted([100, 200, 500, 400], given_as, wanted, (640, 480)) == [96.0, 64.0, 192.0, 320.0]


@given(
    order=st.sampled_from(ORDERS),
    scale=st.sampled_from(SCALES),
    other_order=st.sampled_from(ORDERS),
    other_scale=st.sampled_from(SCALES),
    left=st.floats(0, 0.4),
    top=st.floats(0, 0.4),
)
def test_there_and_back_gives_the_same_box(
    order: BoxOrder, scale: BoxScale, other_order: BoxOrder, other_scale: BoxScale, left: float, top: float
) -> None:
    size = (640, 480)
    base = BoxConvention(order="xyxy", scale="norm1")
    one, other = BoxConvention(order=order, scale=scale), BoxConvention(order=other_order, scale=other_scale)
    written = converted([left, top, left + 0.5, top + 0.3], base, one, size)
    assert box_fault(written, one) is None
    back = converted(converted(written, one, other, size), other, base, size)
    assert back == pytest.approx([left, top, left + 0.5, top + 0.3], abs=1e-5)
