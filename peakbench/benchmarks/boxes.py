"""How boxes are written: the order of their four numbers and their scale. Declared, never guessed."""

import math
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from peakbench.strict import StrictModel

BoxOrder = Literal["xyxy", "yxyx", "xywh", "cxcywh"]
BoxScale = Literal["norm1000", "norm999", "norm1", "pixel", "pixel_resized"]

_TOP: dict[BoxScale, float] = {"norm1000": 1000.0, "norm999": 999.0, "norm1": 1.0}
_MAX_ASPECT_RATIO = 200
_PIXEL_SLACK = 1.0
"""How far a box in pixels may reach out of its image: the sum of a rounded edge and a rounded width does."""


class BoxConvention(StrictModel):
    """The way one side, references or answers, writes its boxes."""

    order: BoxOrder
    """`xyxy` (left, top, right, bottom), `yxyx`, `xywh` (left, top, width, height) or `cxcywh` (centre, size)."""
    scale: BoxScale
    """Of the image's size: 0..1000, 0..999 or 0..1; or pixels of the image, or of the image as a model resized it."""
    factor: Annotated[int, Field(ge=1)] = 28
    """For `pixel_resized`: the sides of the model's input are multiples of it; 28 in Qwen2-VL and Qwen2.5-VL."""
    min_pixels: Annotated[int, Field(ge=1)] = 56 * 56
    """For `pixel_resized`: the fewest pixels of the model's input."""
    max_pixels: Annotated[int, Field(ge=1)] = 12_845_056
    """For `pixel_resized`: the most pixels of the model's input. The default is that of the published Qwen2.5-VL models
    (`preprocessor_config.json`); a server with another limit (`--mm-processor-kwargs`) needs that one here."""

    @model_validator(mode="after")
    def _resizing_for_its_scale(self) -> "BoxConvention":
        fields = type(self).model_fields
        given = [name for name in ("factor", "min_pixels", "max_pixels") if getattr(self, name) != fields[name].default]
        if given and self.scale != "pixel_resized":
            raise ValueError(f"`{given[0]}` is for the scale `pixel_resized`, not for `{self.scale}`")
        if self.min_pixels > self.max_pixels:
            raise ValueError(f"min_pixels ({self.min_pixels}) is above max_pixels ({self.max_pixels})")
        return self


def box_fault(box: Any, convention: BoxConvention, size: tuple[int, int] | None = None) -> str | None:
    """What is wrong with a reference's box: None for a good one.

    Args:
        box: Four numbers in the convention's order and scale.
        convention: As declared.
        size: Width and height of the image, pixels; None where it is not known, which lets boxes in pixels reach
            as far as they will.
    """
    if not isinstance(box, list | tuple) or len(box) != 4:
        return f"{box!r} is no list of four numbers"
    if not all(isinstance(edge, int | float) and not isinstance(edge, bool) and math.isfinite(edge) for edge in box):
        return f"{box!r} holds what is no finite number"
    left, top, right, bottom = corners(box, convention.order)
    if right <= left or bottom <= top:
        return f"{box!r} is inverted or has no area in the order {convention.order}"
    normalised = convention.scale in _TOP
    width, height = scale_size(convention, *(size or (1, 1))) if size or normalised else (math.inf, math.inf)
    slack = 1e-6 if normalised else _PIXEL_SLACK
    if min(left, top) < -slack or right > width + slack or bottom > height + slack:
        of = "" if size is None or normalised else f" of {width:g} x {height:g} pixels"
        return f"{box!r} lies outside the image{of} in the scale {convention.scale}"
    return None


def corners(box: Any, order: BoxOrder) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a box written in some order, in its own scale."""
    a, b, c, d = (float(edge) for edge in box)
    if order == "xyxy":
        return a, b, c, d
    if order == "yxyx":
        return b, a, d, c
    if order == "xywh":
        return a, b, a + c, b + d
    return a - c / 2, b - d / 2, a + c / 2, b + d / 2


def converted(box: Any, given: BoxConvention, wanted: BoxConvention, size: tuple[int, int]) -> list[float]:
    """A box of one convention written in another.

    Args:
        box: Four numbers.
        given: How it is written.
        wanted: How it shall be written.
        size: Width and height of the image, pixels.

    Raises:
        ValueError: If one of them is in pixels of a resized image, and this image cannot be resized so.
    """
    left, top, right, bottom = corners(box, given.order)
    across, down = scale_size(given, *size)
    wide, high = scale_size(wanted, *size)
    edges = (left / across * wide, top / down * high, right / across * wide, bottom / down * high)
    return [round(edge, 6) for edge in _ordered(edges, wanted.order)]


def scale_size(convention: BoxConvention, width: int, height: int) -> tuple[float, float]:
    """What the image's width and height are in a convention's scale: 1000 and 1000 for `norm1000`.

    Args:
        convention: As declared.
        width: Of the image, pixels.
        height: Of the image, pixels.

    Raises:
        ValueError: If the scale is `pixel_resized` and the image cannot be resized so.
    """
    if convention.scale in _TOP:
        return _TOP[convention.scale], _TOP[convention.scale]
    if convention.scale == "pixel_resized":
        wide, high = smart_resize(width, height, convention.factor, convention.min_pixels, convention.max_pixels)
        return float(wide), float(high)
    return float(width), float(height)


def smart_resize(width: int, height: int, factor: int, min_pixels: int, max_pixels: int) -> tuple[int, int]:
    """The size to which Qwen2-VL, Qwen2.5-VL and their kin resize an image before they look at it.

    Both sides become multiples of `factor`, the number of pixels comes between the two limits, and the aspect ratio is
    kept as well as that allows. Source: `smart_resize` of `models/qwen2_vl/image_processing_qwen2_vl.py` in Hugging
    Face's transformers.

    Args:
        width: Of the image, pixels.
        height: Of the image, pixels.
        factor: Patch size times merge size.
        min_pixels: Lower limit of width times height.
        max_pixels: Upper limit of width times height.

    Returns:
        Width and height of the model's input, pixels.

    Raises:
        ValueError: If one side is more than 200 times the other, which those models refuse.
    """
    if max(width, height) > _MAX_ASPECT_RATIO * min(width, height):
        raise ValueError(
            f"an image of {width} x {height} pixels is too narrow to be resized: one side may be "
            f"{_MAX_ASPECT_RATIO} times the other"
        )
    wide, high = round(width / factor) * factor, round(height / factor) * factor
    if wide * high > max_pixels:
        shrink = math.sqrt(width * height / max_pixels)
        wide = max(factor, math.floor(width / shrink / factor) * factor)
        high = max(factor, math.floor(height / shrink / factor) * factor)
    elif wide * high < min_pixels:
        grow = math.sqrt(min_pixels / (width * height))
        wide = math.ceil(width * grow / factor) * factor
        high = math.ceil(height * grow / factor) * factor
    return wide, high


def _ordered(edges: tuple[float, float, float, float], order: BoxOrder) -> tuple[float, float, float, float]:
    left, top, right, bottom = edges
    if order == "xyxy":
        return edges
    if order == "yxyx":
        return top, left, bottom, right
    if order == "xywh":
        return left, top, right - left, bottom - top
    return (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
