"""Cloth: solid, striped, plaid, polka dot or floral; drawn at any angle, so that sleeves have their own grain.

`graphic` cloth is solid here; its print is drawn on the chest.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from peakbench.benchmarks.drawing.colors import RGB
from peakbench.benchmarks.drawing.geometry import Points
from peakbench.benchmarks.garments.geometry import Placement

_ROOT_3 = math.sqrt(3)


@dataclass(frozen=True, slots=True)
class Cloth:
    """What a garment is made of.

    Attributes:
        pattern: Word of the vocabulary.
        base: The colour that covers most of it.
        accent: The pattern's colour.
        period: Distance from one repetition of the pattern to the next, garment coordinates.
        share: Width of a stripe, or radius of a dot, as a share of the period.
        upright: Whether stripes run up and down.
        phase: Offset of the pattern, 0 to 1 of the period.
        jitter: Uniform numbers from 0 to 1, shape (n, 3), that scatter flowers.
    """

    pattern: str
    base: RGB
    accent: RGB
    period: float
    share: float
    upright: bool
    phase: float
    jitter: NDArray[np.float64]

    @property
    def plain(self) -> bool:
        """Whether the cloth itself has no pattern."""
        return self.pattern in ("solid", "graphic")


def draw_cloth(pattern: str, base: RGB, accent: RGB, rng: np.random.Generator) -> Cloth:
    """Choose period, widths and offsets of a pattern."""
    low, high = {"striped": (9, 17), "plaid": (17, 26), "polka dot": (12, 18), "floral": (18, 22)}.get(pattern, (1, 1))
    fine, wide = {"striped": (0.28, 0.46), "polka dot": (0.2, 0.29)}.get(pattern, (0.3, 0.3))
    period, share, phase, upright = rng.random(4).tolist()
    return Cloth(
        pattern=pattern,
        base=base,
        accent=accent,
        period=low + (high - low) * period,
        share=fine + (wide - fine) * share,
        upright=upright < 0.4,
        phase=phase,
        jitter=rng.random((64, 3)) if pattern == "floral" else np.zeros((1, 3)),
    )


def paint_cloth(layer: Image.Image, cloth: Cloth, placement: Placement, tone: float) -> None:
    """Draw the cloth's pattern all over a layer that already has the base colour.

    Args:
        layer: RGB, drawn on.
        cloth: What to draw.
        placement: From the cloth's coordinates to the layer's.
        tone: Factor of the accent's brightness.
    """
    red, green, blue = (min(255, round(channel * tone)) for channel in cloth.accent)
    painters: dict[str, Callable[[Image.Image, Cloth, Placement, RGB], None]] = {
        "striped": _stripes,
        "plaid": _plaid,
        "polka dot": _dots,
        "floral": _flowers,
    }
    painters[cloth.pattern](layer, cloth, placement, (red, green, blue))


def _reach(layer: Image.Image, placement: Placement) -> tuple[Points, Points]:
    """Lowest and highest cloth coordinates that the layer shows."""
    width, height = layer.size
    corners = placement.inverse(np.array([(0.0, 0.0), (width, 0.0), (width, height), (0.0, height)]))
    return corners.min(axis=0), corners.max(axis=0)


def _bars(
    layer: Image.Image, cloth: Cloth, placement: Placement, upright: bool, width: float, offset: float
) -> list[list[tuple[float, float]]]:
    """Rectangles right across the layer, one a period."""
    low, high = _reach(layer, placement)
    axis, other = (0, 1) if upright else (1, 0)
    first = math.floor(low[axis] / cloth.period) - 1
    last = math.ceil(high[axis] / cloth.period) + 1
    starts = (np.arange(first, last) + cloth.phase + offset) * cloth.period
    corners = np.empty((len(starts), 4, 2))
    corners[:, (0, 3), axis] = starts[:, None]
    corners[:, (1, 2), axis] = starts[:, None] + width
    corners[:, :2, other] = low[other] - 1
    corners[:, 2:, other] = high[other] + 1
    placed = placement.array(corners.reshape(-1, 2)).reshape(-1, 4, 2)
    return [[(x, y) for x, y in bar] for bar in placed.tolist()]


def _stripes(layer: Image.Image, cloth: Cloth, placement: Placement, accent: RGB) -> None:
    pen = ImageDraw.Draw(layer)
    for bar in _bars(layer, cloth, placement, cloth.upright, cloth.share * cloth.period, 0.0):
        pen.polygon(bar, fill=accent)


def _plaid(layer: Image.Image, cloth: Cloth, placement: Placement, accent: RGB) -> None:
    pen = ImageDraw.Draw(layer, "RGBA")
    for upright in (True, False):
        for bar in _bars(layer, cloth, placement, upright, 0.30 * cloth.period, 0.0):
            pen.polygon(bar, fill=(*accent, 100))
        for bar in _bars(layer, cloth, placement, upright, 0.07 * cloth.period, 0.62):
            pen.polygon(bar, fill=(*accent, 180))


def _lattice(layer: Image.Image, placement: Placement, period: float, phase: float) -> tuple[Points, NDArray[np.int64]]:
    """Points of a triangular lattice that lie on the layer, on the layer, and a number for each."""
    low, high = _reach(layer, placement)
    rows = np.arange(math.floor(low[1] / (period * _ROOT_3 / 2)), math.ceil(high[1] / (period * _ROOT_3 / 2)) + 1)
    columns = np.arange(math.floor(low[0] / period) - 1, math.ceil(high[0] / period) + 1)
    column, row = np.meshgrid(columns, rows)
    x = (column + 0.5 * (row % 2) + phase) * period
    y = (row + phase) * period * _ROOT_3 / 2
    numbers = (row * 7 + column * 13) % 64
    return np.stack([x.ravel(), y.ravel()], axis=1), numbers.ravel().astype(np.int64)


def _dots(layer: Image.Image, cloth: Cloth, placement: Placement, accent: RGB) -> None:
    pen = ImageDraw.Draw(layer)
    radius = cloth.share * cloth.period * placement.scale
    centers, _ = _lattice(layer, placement, cloth.period, cloth.phase)
    for x, y in placement.array(centers).tolist():
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=accent)


def _flowers(layer: Image.Image, cloth: Cloth, placement: Placement, accent: RGB) -> None:
    pen = ImageDraw.Draw(layer)
    dark = sum(cloth.base) < 330
    leaf: RGB = (120, 176, 110) if dark else (58, 112, 66)
    heart: RGB = (
        (246, 206, 70) if sum(abs(a - b) for a, b in zip(accent, (246, 206, 70), strict=True)) > 90 else (150, 70, 30)
    )
    centers, numbers = _lattice(layer, placement, cloth.period, cloth.phase)
    jitter = cloth.jitter[numbers]
    placed = placement.array(centers + (jitter[:, :2] - 0.5) * 0.35 * cloth.period)
    width, height = layer.size
    for (x, y), number in zip(placed.tolist(), jitter[:, 2].tolist(), strict=True):
        petal = (0.125 + 0.05 * number) * cloth.period * placement.scale
        if not (-4 * petal < x < width + 4 * petal and -4 * petal < y < height + 4 * petal):
            continue
        turn = number * 2 * math.pi
        for angle in (turn, turn + 2.2):
            cx, cy = x + 2.35 * petal * math.cos(angle), y + 2.35 * petal * math.sin(angle)
            pen.ellipse((cx - 0.8 * petal, cy - 0.55 * petal, cx + 0.8 * petal, cy + 0.55 * petal), fill=leaf)
        for k in range(5):
            angle = turn + k * 2 * math.pi / 5
            cx, cy = x + 1.15 * petal * math.cos(angle), y + 1.15 * petal * math.sin(angle)
            pen.ellipse((cx - petal, cy - petal, cx + petal, cy + petal), fill=accent)
        pen.ellipse((x - 0.6 * petal, y - 0.6 * petal, x + 0.6 * petal, y + 0.6 * petal), fill=heart)
