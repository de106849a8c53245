"""Outlines: curves, ellipses and boxes as arrays of points.

Coordinates are pixels of the finished image, x to the right and y down. The canvas is twice as fine as the image, for
smooth edges.
"""

import math

import numpy as np
from numpy.typing import NDArray

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
    """The other side of a symmetric shape, in the opposite order, so that right + mirrored is an outline."""
    other: Points = points[::-1] * np.array([-1.0, 1.0])
    return other


def ellipse(center: tuple[float, float], radius_x: float, radius_y: float, n: int = 20) -> Points:
    """Points of an ellipse."""
    angles = np.arange(n) * (2 * math.pi / n)
    return np.stack([center[0] + radius_x * np.cos(angles), center[1] + radius_y * np.sin(angles)], axis=1)


def box(x0: float, y0: float, x1: float, y1: float) -> Points:
    """Corners of an upright rectangle."""
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
