"""Ground, light and folds of a garment."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from peakbench.benchmarks.drawing.colors import mixed
from peakbench.benchmarks.drawing.geometry import SUPERSAMPLING
from peakbench.benchmarks.drawing.light import COARSE, Plane, draw_planks, expose, plane, slope, smooth_up
from peakbench.benchmarks.garments.geometry import Placement
from peakbench.benchmarks.garments.shapes import Shape
from peakbench.benchmarks.garments.spec import HEIGHT, WIDTH, GarmentSpec
from peakbench.benchmarks.garments.vocabulary import BOTTOMS

_SIZE = (WIDTH, HEIGHT)


def ground(spec: GarmentSpec, rng: np.random.Generator) -> Image.Image:
    """The canvas with what the garment lies on."""
    size = (WIDTH * SUPERSAMPLING, HEIGHT * SUPERSAMPLING)
    color = spec.scene.ground
    canvas = Image.new("RGB", size, color)
    pen = ImageDraw.Draw(canvas)
    if spec.scene.backdrop == "planks":
        draw_planks(pen, (0, 0, *size), color, rng)
    elif spec.scene.backdrop == "linen":
        threads = rng.random((80, 3)).tolist()
        for place, length, tone in threads:
            tint = mixed(color, (255, 255, 255) if tone > 0.5 else (60, 50, 40), 0.10)
            x, y = place * size[0], length * size[1]
            pen.line([(x, y - 160), (x, y + 160)], fill=tint, width=2)
            pen.line([(y - 160, x * 1.25), (y + 160, x * 1.25)], fill=tint, width=2)
    return canvas


def photograph(spec: GarmentSpec, shape: Shape, canvas: Image.Image, silhouette: Image.Image) -> Image.Image:
    """Light the drawing, and reduce it to the image's size.

    Returns:
        RGB, `WIDTH` by `HEIGHT`.
    """
    rng = np.random.default_rng([spec.texture, 2])
    coarse = silhouette.reduce(SUPERSAMPLING * COARSE)
    folds = _folds(spec, shape, rng)
    lit = slope(_SIZE, spec.scene.light, spec.scene.slope, spec.scene.exposure)
    round_edges = 0.80 + 0.22 * plane(coarse.filter(ImageFilter.BoxBlur(3)))
    shadow = 1 - 0.34 * np.roll(plane(coarse.filter(ImageFilter.BoxBlur(2))), (1, 1), (0, 1))
    mask = plane(silhouette.reduce(SUPERSAMPLING))
    cloth_light = smooth_up(lit * round_edges * folds, _SIZE)
    ground_light = smooth_up(lit * shadow, _SIZE)
    light = cloth_light - ground_light
    light *= mask
    light += ground_light
    return expose(canvas, light, spec.scene.warmth, spec.scene.noise, rng)


def _folds(spec: GarmentSpec, shape: Shape, rng: np.random.Generator) -> Plane:
    """Creases: each is bright on one side and dark on the other, and fades along its length."""
    x, y, degrees, length, width, depth = np.array(_creases(spec, shape, rng)).T
    placement = Placement.of(spec.pose)
    turn = np.radians(degrees + spec.pose.rotation)
    cos, sin = np.cos(turn), np.sin(turn)
    middles = placement.array(np.stack([x, y], axis=1))
    # Both distances are linear in the pixel's column and row, so each is one outer sum.
    columns = (np.arange(WIDTH // COARSE) + 0.5) * (COARSE * SUPERSAMPLING) - middles[:, :1]
    rows = (np.arange(HEIGHT // COARSE) + 0.5) * (COARSE * SUPERSAMPLING) - middles[:, 1:]
    long, wide = (length * placement.scale)[:, None], (width * placement.scale)[:, None]
    along = _outer_sum(columns * cos[:, None] / long, rows * sin[:, None] / long)
    aside = _outer_sum(columns * -sin[:, None] / wide, rows * cos[:, None] / wide)
    relief = np.exp(-(along * along) - aside * aside)
    relief *= aside
    folds: Plane = 1 + np.tensordot(depth.astype(np.float32), relief, axes=1)
    return folds


def _outer_sum(columns: NDArray[np.float64], rows: NDArray[np.float64]) -> Plane:
    """Shapes (k, w) and (k, h) to (k, h, w)."""
    across, down = columns.astype(np.float32), rows.astype(np.float32)
    total: Plane = across[:, None, :] + down[:, :, None]
    return total


Crease = tuple[float, float, float, float, float, float]
"""x, y of the middle, direction in degrees, half length, half width, depth."""


def _creases(spec: GarmentSpec, shape: Shape, rng: np.random.Generator) -> list[Crease]:
    """Where cloth of this kind folds: from the armpits, over the elbows, down a skirt, around the knees."""
    chance = rng.random((12, 4))
    height = shape.hem - shape.top
    flowing = spec.type in ("dress", "skirt")
    creases: list[Crease] = []
    for number, (a, b, c, d) in enumerate(chance.tolist()):
        sign = 1 if number % 2 else -1
        depth = (0.20 + 0.22 * d) * (1 if c > 0.3 else -1)
        if flowing and number < 8:
            share = (number - 3.5) / 4 + 0.1 * (a - 0.5)
            reach = 60 * share if spec.type == "dress" else 55 * share
            creases.append((reach, shape.hem - 0.28 * height, 90 - 22 * share, 0.30 * height, 4 + 3 * b, depth))
        elif spec.type in BOTTOMS:
            creases.append(
                (
                    sign * (16 + 20 * a),
                    shape.top + height * (0.2 + 0.7 * b),
                    sign * (15 + 50 * c),
                    20 + 10 * d,
                    3.5 + 3 * a,
                    depth,
                )
            )
        elif number < 4:
            creases.append(
                (sign * (38 - 8 * b), shape.top + 54 + 14 * a, sign * (-50 - 30 * c), 16 + 9 * d, 4 + 3 * b, depth)
            )
        elif number < 8 and spec.sleeve_length == "long sleeve":
            creases.append(
                (
                    sign * (70 + 6 * a),
                    shape.top + 60 + 26 * b + 12 * (number // 6),
                    sign * (20 + 40 * c),
                    12 + 6 * d,
                    4.0,
                    depth,
                )
            )
        else:
            creases.append(
                (
                    (a - 0.5) * 80,
                    shape.top + height * (0.5 + 0.4 * b),
                    90 + 80 * (c - 0.5),
                    24 + 20 * d,
                    5 + 4 * a,
                    depth,
                )
            )
    return creases
