"""IoU of pairs and of whole areas: equal to pycocotools and to counted pixels."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask

from peakbench.metrics.grounding.iou import areas, diou_matrix, giou_matrix, iou_matrix, union_iou

EDGES = st.floats(0, 1000, allow_nan=False) | st.integers(0, 20).map(float)


@st.composite
def boxes(draw: st.DrawFn, coordinate: st.SearchStrategy[float] = EDGES, most: int = 6) -> NDArray[np.float64]:
    made = []
    for _ in range(draw(st.integers(1, most))):
        left, right = sorted((draw(coordinate), draw(coordinate)))
        top, bottom = sorted((draw(coordinate), draw(coordinate)))
        made.append((left, top, right, bottom))
    return np.array(made, dtype=np.float64)


@settings(max_examples=60)
@given(boxes(), boxes())
def test_iou_is_that_of_pycocotools(ones: NDArray[np.float64], others: NDArray[np.float64]) -> None:
    def as_written_there(given: NDArray[np.float64]) -> Any:
        return np.hstack([given[:, :2], given[:, 2:] - given[:, :2]])

    ones, others = ones[areas(ones) > 1e-6], others[areas(others) > 1e-6]
    if not len(ones) or not len(others):
        return
    expected = mask.iou(as_written_there(ones), as_written_there(others), np.zeros(len(others), dtype=np.uint8))
    np.testing.assert_allclose(iou_matrix(ones, others), expected, atol=1e-6)


@given(boxes(), boxes())
def test_iou_is_symmetric_and_a_fraction(ones: NDArray[np.float64], others: NDArray[np.float64]) -> None:
    found = iou_matrix(ones, others)
    assert ((found >= 0) & (found <= 1)).all()
    np.testing.assert_array_equal(found, iou_matrix(others, ones).T)
    with_itself = np.diag(iou_matrix(ones, ones))
    np.testing.assert_array_equal(with_itself, (areas(ones) > 0).astype(float))
    assert union_iou(ones, others) == pytest.approx(union_iou(others, ones), abs=1e-12)


@given(boxes(), boxes())
def test_kin_of_iou_are_symmetric_and_never_above_it(ones: NDArray[np.float64], others: NDArray[np.float64]) -> None:
    overlap = iou_matrix(ones, others)
    for kin in (diou_matrix, giou_matrix):
        found = kin(ones, others)
        assert ((found >= -1) & (found <= overlap)).all()
        np.testing.assert_allclose(found, kin(others, ones).T, atol=1e-12)
        np.testing.assert_array_equal(np.diag(kin(ones, ones)), np.diag(iou_matrix(ones, ones)))


def test_boxes_that_do_not_touch_are_worse_the_farther_they_are_apart() -> None:
    start, places = (
        np.array([[0.0, 0.0, 10.0, 10.0]]),
        np.array([[left, 0.0, left + 10, 10.0] for left in (20, 90, 800)]),
    )
    for kin in (diou_matrix, giou_matrix):
        near, farther, farthest = kin(start, places)[0]
        assert 0 > near > farther > farthest > -1


@given(boxes(st.integers(0, 12).map(float)), boxes(st.integers(0, 12).map(float)))
def test_union_iou_is_that_of_counted_cells(ones: NDArray[np.float64], others: NDArray[np.float64]) -> None:
    def painted(given: NDArray[np.float64]) -> NDArray[np.bool_]:
        canvas = np.zeros((12, 12), dtype=bool)
        for left, top, right, bottom in given.astype(int).tolist():
            canvas[left:right, top:bottom] = True
        return canvas

    one, other = painted(ones), painted(others)
    either = int((one | other).sum())
    expected = int((one & other).sum()) / max(either, 1)
    assert union_iou(ones, others) == pytest.approx(expected, abs=1e-12)


def test_union_iou_of_one_empty_side_is_nothing_and_of_two_is_undefined() -> None:
    none, one = np.empty((0, 4)), np.array([[0.0, 0, 10, 10]])
    assert union_iou(none, none) is None
    assert union_iou(none, one) == union_iou(one, none) == 0.0


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_union_iou_of_ten_thousand_boxes_takes_bounded_time() -> None:
    generator = np.random.default_rng(3)
    corners = np.sort(generator.random((10_000, 2, 2)) * 1000, axis=1)
    many = corners.reshape(10_000, 4)
    overlap = union_iou(many[:10], many)
    assert overlap is not None
    assert 0 < overlap < 1
