"""How boxes are written: the order of their four numbers and their scale. Declared, never guessed."""

import math
from typing import Any, Literal

from peakbench.strict import StrictModel

BoxOrder = Literal["xyxy", "yxyx", "xywh", "cxcywh"]
BoxScale = Literal["norm1000", "norm999", "norm1", "pixel", "pixel_resized"]

_TOP: dict[BoxScale, float] = {"norm1000": 1000.0, "norm999": 999.0, "norm1": 1.0}


class BoxConvention(StrictModel):
    """The way one side, references or answers, writes its boxes."""

    order: BoxOrder
    """`xyxy` (left, top, right, bottom), `yxyx`, `xywh` (left, top, width, height) or `cxcywh` (centre, size)."""
    scale: BoxScale
    """Of the image's size: 0..1000, 0..999 or 0..1; or pixels of the image, or of the image as a model resized it."""


def box_fault(box: Any, convention: BoxConvention) -> str | None:
    """What is wrong with a reference's box: None for a good one.

    Args:
        box: Four numbers in the convention's order and scale.
        convention: As declared.
    """
    if not isinstance(box, list | tuple) or len(box) != 4:
        return f"{box!r} is no list of four numbers"
    if not all(isinstance(edge, int | float) and not isinstance(edge, bool) and math.isfinite(edge) for edge in box):
        return f"{box!r} holds what is no finite number"
    left, top, right, bottom = corners(box, convention.order)
    if right <= left or bottom <= top:
        return f"{box!r} is inverted or has no area in the order {convention.order}"
    highest = _TOP.get(convention.scale, math.inf)
    if min(left, top) < -1e-6 or max(right, bottom) > highest + 1e-6:
        return f"{box!r} lies outside the image in the scale {convention.scale}"
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
        wanted: How it shall be written; pixels are those of the image, also where a model resizes it.
        size: Width and height of the image, pixels.
    """
    width, height = size
    left, top, right, bottom = corners(box, given.order)
    across, down = _units(given.scale, width, height)
    wide, high = _units(wanted.scale, width, height)
    edges = (left / across * wide, top / down * high, right / across * wide, bottom / down * high)
    return [round(edge, 6) for edge in _ordered(edges, wanted.order)]


def _units(scale: BoxScale, width: int, height: int) -> tuple[float, float]:
    """What the image's width and height are in a scale."""
    return (_TOP[scale], _TOP[scale]) if scale in _TOP else (float(width), float(height))


def _ordered(edges: tuple[float, float, float, float], order: BoxOrder) -> tuple[float, float, float, float]:
    left, top, right, bottom = edges
    if order == "xyxy":
        return edges
    if order == "yxyx":
        return top, left, bottom, right
    if order == "xywh":
        return left, top, right - left, bottom - top
    return (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
