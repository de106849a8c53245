"""Points and curves in garment coordinates, and how they come to lie on the canvas.

Garment coordinates are pixels of the finished image at scale 1: the origin is the garment's middle, x runs right and
y runs down. The canvas is twice as fine as the image, for smooth edges.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from peakbench.benchmarks.garments.spec import HEIGHT, WIDTH, Pose

SUPERSAMPLING = 2
"""Canvas pixels a pixel of the image, along each axis."""

Points = NDArray[np.float64]
"""Shape (n, 2): x and y."""

_STEPS = np.linspace(0.0, 1.0, 6, endpoint=False)
_BASIS = 0.5 * np.stack(
    [
        -_STEPS + 2 * _STEPS**2 - _STEPS**3,
        2 - 5 * _STEPS**2 + 3 * _STEPS**3,
        _STEPS + 4 * _STEPS**2 - 3 * _STEPS**3,
        -(_STEPS**2) + _STEPS**3,
    ],
    axis=1,
)
"""Catmull-Rom weights of four neighbours (https://en.wikipedia.org/wiki/Catmull-Rom_spline), shape (6, 4)."""


def curve(*points: tuple[float, float]) -> Points:
    """A smooth open curve through the points (Catmull-Rom), its last point included."""
    knots = np.asarray(points, dtype=np.float64)
    padded = np.vstack([2 * knots[0] - knots[1], knots, 2 * knots[-1] - knots[-2]])
    return np.vstack([_spline(padded), knots[-1:]])


def loop(*points: tuple[float, float]) -> Points:
    """A smooth closed curve through the points."""
    knots = np.asarray(points, dtype=np.float64)
    return _spline(np.vstack([knots[-1:], knots, knots[:2]]))


def _spline(padded: Points) -> Points:
    windows = np.stack([padded[:-3], padded[1:-2], padded[2:-1], padded[3:]], axis=1)
    points: Points = np.einsum("sk,nkd->nsd", _BASIS, windows).reshape(-1, 2)
    return points


def mirrored(points: Points) -> Points:
    """The other side of a garment, in the opposite order, so that right + mirrored is an outline."""
    other: Points = points[::-1] * np.array([-1.0, 1.0])
    return other


def ellipse(center: tuple[float, float], radius_x: float, radius_y: float, n: int = 20) -> Points:
    """Points of an ellipse."""
    angles = np.arange(n) * (2 * math.pi / n)
    return np.stack([center[0] + radius_x * np.cos(angles), center[1] + radius_y * np.sin(angles)], axis=1)


def box(x0: float, y0: float, x1: float, y1: float) -> Points:
    """Corners of an upright rectangle."""
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])


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
