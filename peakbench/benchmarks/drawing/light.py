"""Ground, light and grain: what makes a drawing look photographed."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from peakbench.benchmarks.drawing.colors import RGB, shaded
from peakbench.benchmarks.drawing.geometry import SUPERSAMPLING

COARSE = 4
"""Light changes slowly: it is computed on every fourth pixel and smoothed up."""

Plane = NDArray[np.float32]
"""Shape (height, width)."""


def plane(image: Image.Image) -> Plane:
    """A gray image as fractions."""
    return np.asarray(image, dtype=np.float32) / np.float32(255)


def smooth_up(coarse: Plane, size: tuple[int, int]) -> Plane:
    """A coarse plane at an image's size (width, height)."""
    image = Image.fromarray(coarse.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(image, dtype=np.float32)


def slope(size: tuple[int, int], degrees: float, steepness: float, exposure: float) -> Plane:
    """Light that falls off across the picture, on the coarse grid.

    Args:
        size: Width and height of the image, pixels; multiples of `COARSE`.
        degrees: Where the light grows to, clockwise from the right.
        steepness: Its change across the picture, a share of the exposure.
        exposure: Its mean.
    """
    angle = math.radians(degrees)
    across = np.linspace(-0.5, 0.5, size[0] // COARSE, dtype=np.float32) * math.cos(angle)
    down = np.linspace(-0.5, 0.5, size[1] // COARSE, dtype=np.float32) * math.sin(angle)
    light = exposure * (1 + steepness * (across[None, :] + down[:, None]))
    return light.astype(np.float32)


def expose(canvas: Image.Image, light: Plane, warmth: float, noise: int, rng: np.random.Generator) -> Image.Image:
    """Reduce a canvas to the image's size, light it, and add grain.

    Args:
        canvas: RGB, `SUPERSAMPLING` times as fine as the image.
        light: Factor at every pixel of the image.
        warmth: Share by which red gains and blue loses.
        noise: Most by which the grain, the same in all channels, departs from zero.
        rng: Gives the grain.
    """
    height, width = light.shape
    levels_of_noise = np.frombuffer(rng.bytes(height * width), dtype=np.uint8).reshape(height, width)
    grain = levels_of_noise * np.float32(2 * noise / 255) - np.float32(noise - 0.5)
    channels = []
    for channel, tint in zip(canvas.reduce(SUPERSAMPLING).split(), (1 + warmth, 1.0, 1 - warmth), strict=True):
        levels = np.asarray(channel, dtype=np.float32) * light
        levels *= np.float32(tint)
        levels += grain
        channels.append(Image.fromarray(np.clip(levels, 0, 255, out=levels).astype(np.uint8)))
    return Image.merge("RGB", channels)


def draw_planks(
    pen: ImageDraw.ImageDraw, area: tuple[float, float, float, float], color: RGB, rng: np.random.Generator
) -> None:
    """Cover an area (x0, y0, x1, y1 on the canvas) with upright boards that have veins and a joint each."""
    left, upper, right, lower = area
    height = lower - upper
    breadth = 74 + 40 * float(rng.random())
    for x in np.arange(left - float(rng.random()) * breadth, right, breadth).tolist():
        tone, joint = rng.random(2).tolist()
        plank = shaded(color, 0.93 + 0.12 * tone)
        pen.rectangle((x, upper, x + breadth, lower), fill=plank)
        for vein in rng.random((5, 2)).tolist():
            start = x + 4 + vein[0] * (breadth - 8)
            pen.line([(start, upper), (start + 8 * (vein[1] - 0.5), lower)], fill=shaded(plank, 0.95), width=2)
        pen.line([(x, upper), (x, lower)], fill=shaded(color, 0.62), width=3)
        across = upper + joint * height
        pen.line([(x, across), (x + breadth, across)], fill=shaded(color, 0.68), width=2)
