"""How a garment comes to lie on the canvas.

Garment coordinates are pixels of the finished image at scale 1: the origin is the garment's middle, x runs right and
y runs down. The canvas is twice as fine as the image.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from peakbench.benchmarks.drawing.geometry import SUPERSAMPLING, Points
from peakbench.benchmarks.garments.spec import HEIGHT, WIDTH, Pose


@dataclass(frozen=True, slots=True)
class Placement:
    """A rotation, a scale and a shift.

    Attributes:
        cos: Cosine of the rotation, times the scale.
        sin: Sine of the rotation, times the scale.
        x: Canvas x of the origin.
        y: Canvas y of the origin.
    """

    cos: float
    sin: float
    x: float
    y: float

    @classmethod
    def of(cls, pose: Pose) -> "Placement":
        """From garment coordinates to the canvas."""
        scale = pose.scale * SUPERSAMPLING
        turn = math.radians(pose.rotation)
        return cls(
            cos=scale * math.cos(turn),
            sin=scale * math.sin(turn),
            x=SUPERSAMPLING * (WIDTH / 2 + pose.shift[0]),
            y=SUPERSAMPLING * (HEIGHT / 2 + pose.shift[1]),
        )

    @property
    def scale(self) -> float:
        """Canvas pixels a unit."""
        return math.hypot(self.cos, self.sin)

    def turned(self, degrees: float, about: tuple[float, float]) -> "Placement":
        """This placement of a frame that is turned (clockwise) about a point of garment coordinates."""
        turn = math.radians(degrees)
        cos, sin = math.cos(turn), math.sin(turn)
        ((x, y),) = self.apply([about])
        return Placement(self.cos * cos - self.sin * sin, self.sin * cos + self.cos * sin, x, y)

    def moved(self, x: float, y: float) -> "Placement":
        """This placement on a canvas whose corner lies elsewhere."""
        return Placement(self.cos, self.sin, self.x - x, self.y - y)

    def apply(self, points: Points | Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        """Canvas coordinates of points."""
        return [(x, y) for x, y in self.array(np.asarray(points, dtype=np.float64)).tolist()]

    def array(self, points: Points) -> Points:
        """Canvas coordinates of points, shape (n, 2)."""
        matrix = np.array([[self.cos, self.sin], [-self.sin, self.cos]])
        placed: Points = points @ matrix + np.array([self.x, self.y])
        return placed

    def inverse(self, points: Points) -> Points:
        """Garment coordinates of canvas points, shape (n, 2)."""
        matrix = np.array([[self.cos, -self.sin], [self.sin, self.cos]]) / self.scale**2
        original: Points = (points - np.array([self.x, self.y])) @ matrix
        return original
