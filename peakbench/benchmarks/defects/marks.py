"""A thing as marks: outlines and lines, laid out before they are drawn.

Box, silhouette and drawing all come from the same marks, so that they cannot disagree.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import ImageDraw

from peakbench.benchmarks.defects.spec import SIZE, Box, Thing
from peakbench.benchmarks.drawing.colors import RGB
from peakbench.benchmarks.drawing.geometry import SUPERSAMPLING, Points, box, ellipse


@dataclass(frozen=True, slots=True)
class Mark:
    """A filled outline, or a line.

    Attributes:
        points: Shape (n, 2), pixels of the image.
        color: What it is filled with.
        width: Of a line, pixels; 0 for a filled outline.
    """

    points: Points
    color: RGB
    width: float = 0.0


@dataclass(frozen=True, slots=True)
class Pen:
    """Lays out marks in a thing's own frame: pixels as designed, x to the right, y up, the origin below its middle.

    Attributes:
        thing: What is laid out.
        marks: In the order of drawing.
    """

    thing: Thing
    marks: list[Mark] = field(default_factory=list)

    def fill(self, points: Points | Sequence[tuple[float, float]], color: RGB) -> None:
        """A filled outline."""
        self.marks.append(Mark(self._placed(points), color))

    def line(self, points: Points | Sequence[tuple[float, float]], color: RGB, width: float) -> None:
        """A line."""
        self.marks.append(Mark(self._placed(points), color, width * self.thing.scale))

    def oval(self, x: float, y: float, radius_x: float, radius_y: float, color: RGB) -> None:
        """A filled ellipse."""
        self.fill(ellipse((x, y), radius_x, radius_y, 28), color)

    def rectangle(self, x0: float, y0: float, x1: float, y1: float, color: RGB) -> None:
        """A filled upright rectangle."""
        self.fill(box(x0, y0, x1, y1), color)

    def _placed(self, points: Points | Sequence[tuple[float, float]]) -> Points:
        own = np.asarray(points, dtype=np.float64)
        turn = math.radians(self.thing.tilt)
        x = own[:, 0] * (-1 if self.thing.flipped else 1)
        along = x * math.cos(turn) + own[:, 1] * math.sin(turn)
        up = own[:, 1] * math.cos(turn) - x * math.sin(turn)
        return np.stack([self.thing.x + self.thing.scale * along, self.thing.base - self.thing.scale * up], axis=1)


def box_of(marks: list[Mark]) -> Box:
    """The box of marks in whole pixels of the image, x1 and y1 exclusive, cut at the image's edges."""
    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    for mark in marks:
        # Pillow rounds a line's joints with up to a canvas pixel more than half the width.
        reach = mark.width / 2 + 1 / SUPERSAMPLING if mark.width else 0.0
        low, high = np.minimum(low, mark.points.min(axis=0) - reach), np.maximum(high, mark.points.max(axis=0) + reach)
    x0, y0 = np.floor(low).astype(int).tolist()
    # A polygon's last canvas pixel belongs to it.
    x1, y1 = np.ceil(high + 1 / SUPERSAMPLING).astype(int).tolist()
    return max(x0, 0), max(y0, 0), min(x1, SIZE), min(y1, SIZE)


def draw_marks(pen: ImageDraw.ImageDraw, marks: list[Mark], single: int | None = None) -> None:
    """Draw marks on a canvas, `SUPERSAMPLING` times as fine as the image.

    Args:
        pen: Draws on the canvas.
        marks: In the order of drawing.
        single: Draws all of them with this one level instead of their colours: a silhouette.
    """
    for mark in marks:
        corners = [(x, y) for x, y in (mark.points * SUPERSAMPLING).tolist()]
        ink = mark.color if single is None else single
        if mark.width:
            pen.line(corners, fill=ink, width=max(1, round(mark.width * SUPERSAMPLING)), joint="curve")
        else:
            pen.polygon(corners, fill=ink)
