"""What scenes take place before: walls, floors, skies, streets, hills and the sea."""

import itertools
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from PIL import Image, ImageDraw

from peakbench.benchmarks.defects.spec import SIZE
from peakbench.benchmarks.drawing.colors import RGB, mixed, shaded
from peakbench.benchmarks.drawing.geometry import SUPERSAMPLING, curve
from peakbench.benchmarks.drawing.light import draw_planks

_WALLS: tuple[RGB, ...] = ((222, 216, 204), (198, 208, 204), (214, 204, 210), (204, 210, 218))
_WOODS: tuple[RGB, ...] = ((186, 146, 104), (160, 120, 84), (206, 172, 130))
_SKY_TOP: RGB = (150, 190, 226)
_SKY_LOW: RGB = (222, 232, 236)
_WIDE = SIZE * SUPERSAMPLING


def ground(setting: str, rng: np.random.Generator) -> Image.Image:
    """The canvas before any thing is drawn.

    Returns:
        RGB, `SUPERSAMPLING` times as fine as the image.
    """
    canvas = Image.new("RGB", (_WIDE, _WIDE), _WALLS[0])
    _GROUNDS[setting](ImageDraw.Draw(canvas), rng)
    return canvas


def _bar(pen: ImageDraw.ImageDraw, upper: float, lower: float, color: RGB) -> None:
    """Fill from edge to edge, between two heights in pixels of the image."""
    pen.rectangle((0, upper * SUPERSAMPLING, _WIDE, lower * SUPERSAMPLING), fill=color)


def _fade(pen: ImageDraw.ImageDraw, upper: float, lower: float, top: RGB, low: RGB) -> None:
    for y in range(int(upper * SUPERSAMPLING), int(lower * SUPERSAMPLING) + 1):
        share = (y / SUPERSAMPLING - upper) / (lower - upper)
        pen.line([(0, y), (_WIDE, y)], fill=mixed(top, low, min(1.0, share)))


def _hill(pen: ImageDraw.ImageDraw, heights: list[float], color: RGB) -> None:
    """Fill below a smooth line through heights at even distances."""
    step = SIZE / (len(heights) - 1)
    line = curve(*[(step * k, height) for k, height in enumerate(heights)]) * SUPERSAMPLING
    pen.polygon([*[(x, y) for x, y in line.tolist()], (_WIDE, _WIDE), (0, _WIDE)], fill=color)


def _clouds(pen: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    for a, b, c in rng.random((3, 3)).tolist():
        x, y, size = a * _WIDE, (10 + 50 * b) * SUPERSAMPLING, (14 + 16 * c) * SUPERSAMPLING
        for shift, share in ((-1.0, 0.5), (0.0, 0.72), (0.95, 0.48)):
            radius = size * share
            pen.ellipse(
                (x + shift * size - 1.5 * radius, y - radius * 0.6, x + shift * size + 1.5 * radius, y + radius * 0.6),
                fill=(236, 240, 242),
            )


def _table(pen: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    wall = _WALLS[int(rng.random() * len(_WALLS))]
    _bar(pen, 0, SIZE, wall)
    wood = _WOODS[int(rng.random() * len(_WOODS))]
    # Boards seen from the front are broader the nearer they are.
    edges = (246, 257, 273, 295, 326, 366)
    for (upper, lower), (tone, vein) in zip(itertools.pairwise(edges), rng.random((5, 2)).tolist(), strict=True):
        board = shaded(wood, 0.95 + 0.1 * tone)
        _bar(pen, upper, lower, board)
        _bar(
            pen,
            upper + (0.2 + 0.6 * vein) * (lower - upper),
            upper + (0.2 + 0.6 * vein) * (lower - upper) + 1,
            shaded(board, 0.95),
        )
        _bar(pen, lower - 1, lower, shaded(wood, 0.74))
    _bar(pen, 244, 247, shaded(wood, 1.12))
    _bar(pen, 366, SIZE, shaded(wood, 0.66))


def _room(pen: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    wall = _WALLS[int(rng.random() * len(_WALLS))]
    _bar(pen, 0, SIZE, wall)
    for x in np.arange(0, _WIDE, 48).tolist():
        pen.rectangle((x, 0, x + 23, _WIDE), fill=shaded(wall, 0.975))
    wood = _WOODS[int(rng.random() * len(_WOODS))]
    draw_planks(pen, (0, 290 * SUPERSAMPLING, _WIDE, _WIDE), wood, rng)
    _bar(pen, 282, 291, (240, 238, 232))


def _street(pen: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    _fade(pen, 0, 215, _SKY_TOP, _SKY_LOW)
    _clouds(pen, rng)
    _bar(pen, 208, 226, (128, 158, 104))
    _bar(pen, 224, 252, (196, 192, 184))
    _bar(pen, 250, 255, (160, 156, 150))
    _bar(pen, 254, SIZE, (112, 114, 120))
    start = rng.random() * 60
    for x in np.arange(start - 60, SIZE, 62).tolist():
        pen.rectangle(tuple(edge * SUPERSAMPLING for edge in (x, 366, x + 32, 371)), fill=(226, 224, 214))


def _meadow(pen: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    _fade(pen, 0, 215, _SKY_TOP, _SKY_LOW)
    _clouds(pen, rng)
    far, near = rng.random(6), rng.random(5)
    _hill(pen, (150 + 40 * far).tolist(), (164, 190, 158))
    _hill(pen, (192 + 14 * near).tolist(), (142, 178, 112))
    _hill(pen, [242, 236, 240, 234], (126, 168, 94))
    for x, y, tone in rng.random((46, 3)).tolist():
        foot_x, foot_y = x * _WIDE, (250 + 130 * y) * SUPERSAMPLING
        blade = shaded((126, 168, 94), 0.86 + 0.06 * tone)
        pen.line([(foot_x, foot_y), (foot_x + 5, foot_y - 13)], fill=blade, width=3)


def _beach(pen: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    _fade(pen, 0, 152, _SKY_TOP, _SKY_LOW)
    _clouds(pen, rng)
    _fade(pen, 150, 232, (92, 146, 178), (142, 190, 204))
    for x, y, long in rng.random((26, 3)).tolist():
        left, height = x * _WIDE, (158 + 66 * y) * SUPERSAMPLING
        pen.line([(left, height), (left + 20 + 40 * long, height)], fill=(176, 208, 218), width=2)
    _hill(pen, (226 + 8 * rng.random(6)).tolist(), (234, 238, 234))
    _hill(pen, (233 + 8 * rng.random(6)).tolist(), (228, 208, 166))
    for x, y in rng.random((70, 2)).tolist():
        left, upper = x * _WIDE, (250 + 132 * y) * SUPERSAMPLING
        pen.ellipse((left, upper, left + 4, upper + 3), fill=(206, 184, 142))


_GROUNDS: Mapping[str, Callable[[ImageDraw.ImageDraw, np.random.Generator], None]] = MappingProxyType(
    {"table": _table, "room": _room, "street": _street, "meadow": _meadow, "beach": _beach}
)
