"""A canvas in garment coordinates: polygons, lines, words, and cloth with its pattern."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from peakbench.benchmarks.drawing.colors import RGB, lightness, mixed, shaded
from peakbench.benchmarks.drawing.geometry import Points, ellipse
from peakbench.benchmarks.garments.geometry import Placement
from peakbench.benchmarks.garments.patterns import Cloth, paint_cloth
from peakbench.benchmarks.garments.shapes import Shape
from peakbench.benchmarks.garments.spec import GarmentSpec

_SEAM = 0.28
"""How much a seam differs from the cloth; 0 not at all, 1 is black."""


def stitched(color: RGB) -> RGB:
    """The colour of a seam: darker than the cloth, or lighter where the cloth is nearly black."""
    if lightness(color) < 75:
        return mixed(color, (255, 255, 255), 0.7 * _SEAM)
    return mixed(color, (0, 0, 0), _SEAM)


@dataclass(frozen=True, slots=True)
class Canvas:
    """An image, twice as fine as the finished one, that is drawn on in garment coordinates.

    Attributes:
        image: RGB.
        silhouette: L, 255 where the garment is.
        placement: From garment coordinates to the image's.
        pen: Draws opaque colours on the image.
        wash: Draws translucent colours on the image.
        knife: Draws on the silhouette.
    """

    image: Image.Image
    silhouette: Image.Image
    placement: Placement
    pen: ImageDraw.ImageDraw
    wash: ImageDraw.ImageDraw
    knife: ImageDraw.ImageDraw

    @classmethod
    def over(cls, image: Image.Image, placement: Placement) -> "Canvas":
        """A canvas over a ground, without a garment yet."""
        silhouette = Image.new("L", image.size, 0)
        pens = ImageDraw.Draw(image), ImageDraw.Draw(image, "RGBA"), ImageDraw.Draw(silhouette)
        return cls(image, silhouette, placement, *pens)

    def polygon(self, points: Points, color: RGB, opacity: float = 1.0, on_cloth: bool = False) -> None:
        """Fill an outline; `on_cloth` says that it belongs to the garment and is lit like it."""
        corners = self.placement.apply(points)
        if opacity < 1:
            self.wash.polygon(corners, fill=(*color, round(255 * opacity)))
        else:
            self.pen.polygon(corners, fill=color)
        if on_cloth:
            self.knife.polygon(corners, fill=255)

    def circle(self, center: tuple[float, float], radius: float, color: RGB, opacity: float = 1.0) -> None:
        """Fill a circle."""
        self.polygon(ellipse(center, radius, radius, 14), color, opacity)

    def line(
        self, points: Points | Sequence[tuple[float, float]], color: RGB, width: float, opacity: float = 1.0
    ) -> None:
        """Draw a line; the width is in garment coordinates."""
        thickness = max(1, round(width * self.placement.scale))
        corners = self.placement.apply(points)
        if opacity < 1:
            self.wash.line(corners, fill=(*color, round(255 * opacity)), width=thickness)
        else:
            self.pen.line(corners, fill=color, width=thickness)

    def cloth(self, outline: Points, cloth: Cloth, grain: float = 0.0, tone: float = 1.0) -> None:
        """Fill an outline with cloth whose pattern is turned by `grain` degrees."""
        corners = self.placement.array(outline)
        ring = [(x, y) for x, y in corners.tolist()]
        self.knife.polygon(ring, fill=255)
        if cloth.plain:
            self.pen.polygon(ring, fill=shaded(cloth.base, tone))
            return
        left, upper = np.maximum(np.floor(corners.min(axis=0)), 0).astype(int).tolist()
        right, lower = np.minimum(np.ceil(corners.max(axis=0)) + 1, self.image.size).astype(int).tolist()
        if right <= left or lower <= upper:
            return
        layer = Image.new("RGB", (right - left, lower - upper), shaded(cloth.base, tone))
        middle = (float(outline[:, 0].mean()), float(outline[:, 1].mean()))
        paint_cloth(layer, cloth, self.placement.turned(grain, middle).moved(left, upper), tone)
        mask = Image.new("L", layer.size, 0)
        ImageDraw.Draw(mask).polygon([(x - left, y - upper) for x, y in ring], fill=255)
        self.image.paste(layer, (left, upper), mask)

    def word(self, text: str, center: tuple[float, float], size: float, color: RGB, weight: int = 0) -> None:
        """Print a word along the garment's horizontal; `size` in garment coordinates, `weight` thickens it."""
        stamp = _stamp(text, size * self.placement.scale, weight)
        turned = stamp.rotate(
            -math.degrees(math.atan2(self.placement.sin, self.placement.cos)),
            Image.Resampling.BICUBIC,
            expand=True,
        )
        ((x, y),) = self.placement.apply([center])
        self.image.paste(color, (round(x - turned.width / 2), round(y - turned.height / 2)), turned)


def word_width(text: str, size: float) -> float:
    """How wide a printed word is, in the unit of `size`."""
    font = ImageFont.load_default(40)
    left, _, right, _ = font.getbbox(text)
    return float(right - left) * size / 40


def _stamp(text: str, size: float, weight: int) -> Image.Image:
    font = ImageFont.load_default(size)
    left, upper, right, lower = font.getbbox(text, stroke_width=weight)
    stamp = Image.new("L", (math.ceil(right - left) + 4, math.ceil(lower - upper) + 4), 0)
    ImageDraw.Draw(stamp).text((2 - left, 2 - upper), text, fill=255, font=font, stroke_width=weight)
    return stamp


@dataclass(frozen=True, slots=True)
class Drawing:
    """What every part of a garment needs to be drawn.

    Attributes:
        spec: The garment.
        shape: Its geometry.
        canvas: What is drawn on.
        cloth: What it is made of.
        seam: Colour of its stitching.
        trim: Colour of what must show on it: prints, drawcords.
    """

    spec: GarmentSpec
    shape: Shape
    canvas: Canvas
    cloth: Cloth
    seam: RGB
    trim: RGB
