"""The damage that artifacts do, as changes of pixels within a region."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from peakbench.benchmarks.defects.artifacts import double_of, region_of
from peakbench.benchmarks.defects.figures import marks_of
from peakbench.benchmarks.defects.marks import draw_marks
from peakbench.benchmarks.defects.spec import SIZE, Artifact, Thing
from peakbench.benchmarks.drawing.geometry import SUPERSAMPLING

Pixels = NDArray[np.float32]
"""Shape (384, 384, 3), levels 0 to 255."""

_BLOCK = 12


def damage(image: Image.Image, artifact: Artifact, things: Sequence[Thing]) -> Image.Image:
    """The image with one artifact more; outside its region no pixel changes."""
    pixels = np.asarray(image, dtype=np.float32)
    region = region_of(artifact, things)
    changed = _changed(image, pixels, artifact, things)
    levels = np.where(region[..., None], np.clip(np.round(changed), 0, 255), pixels)
    return Image.fromarray(levels.astype(np.uint8))


def _changed(image: Image.Image, pixels: Pixels, artifact: Artifact, things: Sequence[Thing]) -> Pixels:
    rng = np.random.default_rng([artifact.texture, 2])
    match artifact.kind:
        case "smear":
            return _smeared(pixels, artifact)
        case "noise":
            return _noised(pixels, rng)
        case "blocks":
            return _blocked(pixels, rng)
        case "ghost":
            return _doubled(image, double_of(artifact, things))
        case "melt":
            return _melted(pixels, artifact, rng)
        case "ringing":
            return _rung(pixels, artifact)
        case "tear":
            return _torn(pixels, artifact, rng)
        case "blur":
            return np.asarray(image.filter(ImageFilter.GaussianBlur(7)), dtype=np.float32)
        case "swirl":
            return _swirled(pixels, artifact)


def _grid() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows, columns = np.mgrid[0:SIZE, 0:SIZE].astype(np.float64)
    return rows, columns


def _taken(pixels: Pixels, rows: NDArray[np.float64], columns: NDArray[np.float64]) -> Pixels:
    """The pixels at other places, to the nearest."""
    y = np.clip(np.rint(rows), 0, SIZE - 1).astype(np.intp)
    x = np.clip(np.rint(columns), 0, SIZE - 1).astype(np.intp)
    taken: Pixels = pixels[y, x]
    return taken


def _smeared(pixels: Pixels, artifact: Artifact) -> Pixels:
    """Every pixel becomes the mean along a line."""
    turn = math.radians(artifact.turn)
    reach = 0.75 * artifact.radius_x
    rows, columns = _grid()
    steps = np.linspace(-1, 1, 17) * reach
    total = np.zeros_like(pixels)
    for step in steps.tolist():
        total += _taken(pixels, rows + step * math.sin(turn), columns + step * math.cos(turn))
    smeared: Pixels = total / np.float32(len(steps))
    return smeared


def _noised(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Coloured noise around the picture's mean, through which a third of the picture shows."""
    noise = rng.random(pixels.shape).astype(np.float32) - np.float32(0.5)
    noised: Pixels = (0.35 * pixels + 0.65 * (pixels.mean(axis=(0, 1)) + 150 * noise)).astype(np.float32)
    return noised


def _blocked(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Each block takes the mean of a block nearby, and some take a wrong tint."""
    n = SIZE // _BLOCK
    means = pixels.reshape(n, _BLOCK, n, _BLOCK, 3).mean(axis=(1, 3))
    draws = rng.random((n, n, 4))
    rows, columns = np.mgrid[0:n, 0:n]
    rows = np.clip(rows + np.floor(draws[..., 0] * 5).astype(int) - 2, 0, n - 1)
    columns = np.clip(columns + np.floor(draws[..., 1] * 5).astype(int) - 2, 0, n - 1)
    tints = 90 * (rng.random((n, n, 3)) - 0.5) * (draws[..., 2:3] < 0.6)
    blocks = (means[rows, columns] + tints).astype(np.float32)
    whole: Pixels = np.repeat(np.repeat(blocks, _BLOCK, axis=0), _BLOCK, axis=1)
    return whole


def _doubled(image: Image.Image, double: Thing) -> Pixels:
    """The thing once more, translucent, beside itself."""
    canvas = image.resize((SIZE * SUPERSAMPLING, SIZE * SUPERSAMPLING), Image.Resampling.NEAREST)
    draw_marks(ImageDraw.Draw(canvas), marks_of(double))
    drawn = np.asarray(canvas.reduce(SUPERSAMPLING), dtype=np.float32)
    doubled: Pixels = 0.45 * np.asarray(image, dtype=np.float32) + 0.55 * drawn
    return doubled


def _melted(pixels: Pixels, artifact: Artifact, rng: np.random.Generator) -> Pixels:
    """Columns run down, each by its own length: the lower part of the thing is drawn out into drips."""
    n = max(3, round(2 * artifact.radius_x / 8))
    lengths = 0.58 + 0.42 * rng.random(n)
    across = (np.arange(SIZE) + 0.5 - artifact.x + artifact.radius_x) / (2 * artifact.radius_x)
    share = np.interp(across, np.linspace(0, 1, n), lengths)
    rows, columns = _grid()
    upper = artifact.y - artifact.radius_y
    return _taken(pixels, upper + (rows - upper) * share[columns.astype(np.intp)], columns)


def _rung(pixels: Pixels, artifact: Artifact) -> Pixels:
    """Waves around the middle that grow fainter outwards, as around a sharp edge."""
    rows, columns = _grid()
    away = np.hypot((columns + 0.5 - artifact.x) / artifact.radius_x, (rows + 0.5 - artifact.y) / artifact.radius_y)
    period = 9.0 / max(artifact.radius_x, artifact.radius_y)
    wave = 46 * np.cos(2 * math.pi * away / period) * np.clip(1.25 - 0.75 * away, 0, 1)
    rung: Pixels = (pixels + wave[..., None]).astype(np.float32)
    return rung


def _torn(pixels: Pixels, artifact: Artifact, rng: np.random.Generator) -> Pixels:
    """Strips of a few rows are pushed sideways, by turns to the left and to the right."""
    rows, columns = _grid()
    strip = np.floor((rows - artifact.y + artifact.radius_y) / 7).astype(int) % 40
    pushes = (0.25 + 0.35 * rng.random(40)) * artifact.radius_x * np.where(np.arange(40) % 2, 1, -1)
    return _taken(pixels, rows, columns + pushes[strip])


def _swirled(pixels: Pixels, artifact: Artifact) -> Pixels:
    """The middle is turned, the rim stays."""
    rows, columns = _grid()
    u, v = (columns + 0.5 - artifact.x) / artifact.radius_x, (rows + 0.5 - artifact.y) / artifact.radius_y
    away = np.clip(1 - np.hypot(u, v), 0, 1)
    turn = (1 if artifact.turn < 180 else -1) * 3.6 * away**0.8
    x, y = u * np.cos(turn) - v * np.sin(turn), u * np.sin(turn) + v * np.cos(turn)
    return _taken(pixels, y * artifact.radius_y + artifact.y - 0.5, x * artifact.radius_x + artifact.x - 0.5)
