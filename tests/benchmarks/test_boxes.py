"""Boxes: the same rectangle in every order and scale."""

import warnings
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakbench.benchmarks.boxes import (
    BoxConvention,
    BoxOrder,
    BoxScale,
    box_fault,
    converted,
    corners,
    scale_size,
    smart_resize,
)

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


def test_a_scale_says_what_width_and_height_are_in_it() -> None:
    def size(scale: BoxScale) -> tuple[float, float]:
        return scale_size(BoxConvention(order="xyxy", scale=scale), 650, 480)

    assert size("norm1000") == (1000, 1000)
    assert size("norm999") == (999, 999)
    assert size("norm1") == (1, 1)
    assert size("pixel") == (650, 480)
    assert size("pixel_resized") == (644, 476)


def test_pixels_of_a_resized_image_are_not_those_of_the_image() -> None:
    resized = BoxConvention(order="xyxy", scale="pixel_resized", max_pixels=1_003_520)
    pixels = BoxConvention(order="xyxy", scale="pixel")
    assert scale_size(resized, 4000, 3000) == (1148, 840)
    assert converted([0, 0, 1148, 840], resized, pixels, (4000, 3000)) == [0, 0, 4000, 3000]
    assert converted([574, 210, 1148, 840], resized, pixels, (4000, 3000)) == [2000, 750, 4000, 3000]


@pytest.mark.parametrize(
    ("size", "resized"),
    [((640, 480), (644, 476)), ((10, 10), (56, 56)), ((4000, 3000), (1148, 840)), ((20, 3000), (28, 2996))],
)
def test_images_are_resized_to_multiples_between_the_limits(size: tuple[int, int], resized: tuple[int, int]) -> None:
    assert smart_resize(*size, factor=28, min_pixels=3136, max_pixels=1_003_520) == resized


@pytest.fixture(scope="module")
def published() -> Callable[..., tuple[int, int]]:
    """The function of the models' own code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other people's code
        module = pytest.importorskip(
            "transformers.models.qwen2_vl.image_processing_pil_qwen2_vl", reason="transformers is not installed"
        )
    found: Callable[..., tuple[int, int]] = module.smart_resize
    return found


@pytest.mark.slow  # importing transformers takes seconds
@given(
    width=st.integers(1, 20_000),
    height=st.integers(1, 20_000),
    factor=st.sampled_from([14, 28, 32]),
    limits=st.sampled_from([(56 * 56, 14 * 14 * 4 * 1280), (56 * 56, 12_845_056), (256 * 28 * 28, 1280 * 28 * 28)]),
)
def test_images_are_resized_as_the_models_own_code_does(
    published: Callable[..., tuple[int, int]], width: int, height: int, factor: int, limits: tuple[int, int]
) -> None:
    if max(width, height) / min(width, height) > 200:
        with pytest.raises(ValueError, match="aspect ratio"):
            published(height, width, factor, *limits)
        with pytest.raises(ValueError, match="too narrow"):
            smart_resize(width, height, factor, *limits)
        return
    high, wide = published(height, width, factor, *limits)
    assert smart_resize(width, height, factor, *limits) == (wide, high)


def test_how_an_image_is_resized_is_said_of_that_scale_alone() -> None:
    with pytest.raises(ValueError, match="`max_pixels` is for the scale `pixel_resized`, not for `norm1`"):
        BoxConvention(order="xyxy", scale="norm1", max_pixels=10)
    with pytest.raises(ValueError, match="min_pixels"):
        BoxConvention(order="xyxy", scale="pixel_resized", max_pixels=10)
    whole = BoxConvention(order="xyxy", scale="norm1")
    assert BoxConvention.model_validate(whole.model_dump()) == whole


def test_a_box_in_pixels_may_not_leave_its_image_by_more_than_a_rounding() -> None:
    pixels = BoxConvention(order="xywh", scale="pixel")
    assert box_fault([600, 10, 40.6, 20], pixels, (640, 480)) is None
    assert box_fault([600, 10, 42, 20], pixels, (640, 480)) == (
        "[600, 10, 42, 20] lies outside the image of 640 x 480 pixels in the scale pixel"
    )
    assert box_fault([-2, 10, 42, 20], pixels, (640, 480))
    assert box_fault([10, 470, 42, 20], pixels, (640, 480))
    assert box_fault([10, 470, 42, 20], pixels) is None
