"""Defects: holes, stains, tears, loose threads and missing buttons, and the boxes around them.

A defect is laid out first, as marks in garment coordinates; the box and the drawing both come from the marks, so that
they cannot disagree.
"""

import math
from dataclasses import dataclass

import numpy as np

from peakbench.benchmarks.drawing.colors import RGB, lightness, mixed, shaded
from peakbench.benchmarks.drawing.geometry import SUPERSAMPLING, Points, curve, loop
from peakbench.benchmarks.garments.details import button_radius, missing_button_number
from peakbench.benchmarks.garments.geometry import Placement
from peakbench.benchmarks.garments.painting import Drawing
from peakbench.benchmarks.garments.shapes import Shape, shape_of
from peakbench.benchmarks.garments.spec import HEIGHT, WIDTH, Defect, GarmentSpec


@dataclass(frozen=True, slots=True)
class Mark:
    """A filled outline or a line.

    Attributes:
        points: Shape (n, 2), garment coordinates.
        role: What it shows, which decides its colour.
        width: Of a line; 0 for a filled outline.
        opacity: 0 to 1.
    """

    points: Points
    role: str
    width: float = 0.0
    opacity: float = 1.0


def marks_of(spec: GarmentSpec, shape: Shape) -> tuple[Mark, ...]:
    """Lay out the defect, in the order of drawing; nothing without one."""
    defect = spec.defect
    if defect is None:
        return ()
    rng = np.random.default_rng([spec.texture, 3])
    if defect.kind == "missing button":
        return _missing_button(spec, shape, defect)
    x, y = shape.places[defect.place]
    if defect.kind == "loose thread":
        return _thread((x + defect.offset[0], y), defect, rng)
    room = _room(spec, defect.place)
    middle = (x + defect.offset[0] * room**2, y + defect.offset[1])
    if defect.kind == "tear":
        return _tear(middle, defect, rng, room)
    large = defect.kind.startswith("large")
    if defect.kind.endswith("hole"):
        return _hole(middle, (8.0 if large else 4.2) * room, rng)
    return _stain(middle, (12.5 if large else 6.5) * room, rng)


def _room(spec: GarmentSpec, place: str) -> float:
    """How much smaller a defect must be to stay on the cloth."""
    if place.endswith("sleeve"):
        return 0.72 if spec.sleeve_length == "long sleeve" else 0.85
    return 0.85 if spec.type == "pants" else 1.0


def box_of(spec: GarmentSpec) -> tuple[int, int, int, int] | None:
    """The box of the defect in pixels of the image, (x0, y0, x1, y1), x1 and y1 exclusive; None without a defect."""
    shape = shape_of(spec)
    marks = marks_of(spec, shape)
    if not marks:
        return None
    placement = Placement.of(spec.pose)
    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    for mark in marks:
        reach = mark.width / 2 * placement.scale + 1
        points = placement.array(mark.points)
        low, high = np.minimum(low, points.min(axis=0) - reach), np.maximum(high, points.max(axis=0) + reach)
    x0, y0 = np.floor(low / SUPERSAMPLING).astype(int).tolist()
    x1, y1 = np.ceil((high + 1) / SUPERSAMPLING).astype(int).tolist()
    return max(x0, 0), max(y0, 0), min(x1, WIDTH), min(y1, HEIGHT)


def draw_defect(drawing: Drawing) -> None:
    """Draw the defect, over everything else."""
    colors = _colors(drawing)
    for mark in marks_of(drawing.spec, drawing.shape):
        color = colors[mark.role]
        if mark.width:
            drawing.canvas.line(mark.points, color, mark.width, mark.opacity)
        else:
            drawing.canvas.polygon(mark.points, color, mark.opacity)


def _colors(drawing: Drawing) -> dict[str, RGB]:
    base = drawing.cloth.base
    dark = lightness(base) < 105
    if dark:
        # A hole in dark cloth lets the ground through, and a stain on it is pale: else neither would show.
        depth = (206, 196, 182) if lightness(drawing.spec.scene.ground) > 120 else (170, 164, 156)
        return {
            "depth": depth,
            "fray": mixed(base, (255, 255, 255), 0.55),
            "stain": (206, 190, 160),
            "thread": (236, 232, 222),
            "scar": mixed(base, (255, 255, 255), 0.4),
        }
    brown = lightness(base) < 140 and base[0] > base[2] + 20
    return {
        "depth": (26, 22, 22),
        "fray": mixed(base, (255, 255, 255), 0.7) if lightness(base) < 200 else (148, 144, 138),
        "stain": (44, 26, 14) if brown else (98, 60, 24),
        "thread": shaded(base, 0.4 if lightness(drawing.spec.scene.ground) > 130 else 0.68),
        "scar": shaded(base, 0.55),
    }


def _blob(middle: tuple[float, float], radius: float, rng: np.random.Generator, rough: float, n: int) -> Points:
    angles = np.arange(n) * (2 * math.pi / n)
    reach = radius * (1 - rough * rng.random(n))
    points = np.stack([middle[0] + reach * np.cos(angles), middle[1] + reach * np.sin(angles)], axis=1)
    return loop(*[(float(px), float(py)) for px, py in points])


def _hole(middle: tuple[float, float], radius: float, rng: np.random.Generator) -> tuple[Mark, ...]:
    rim = _blob(middle, radius * 1.25, rng, 0.2, 9)
    hole = _blob(middle, radius, rng, 0.3, 9)
    frays = []
    for angle in (rng.random(6) * 2 * math.pi).tolist():
        way = np.array([math.cos(angle), math.sin(angle)])
        ends = np.array(middle) + np.outer([0.35, 1.3], way * radius)
        frays.append(Mark(ends, "fray", 0.8))
    return Mark(rim, "fray"), Mark(hole, "depth"), *frays


def _stain(middle: tuple[float, float], radius: float, rng: np.random.Generator) -> tuple[Mark, ...]:
    outer = _blob(middle, radius, rng, 0.35, 11)
    inner = middle[0] + 0.08 * radius, middle[1] + 0.05 * radius
    drops = rng.random((3, 3))
    splashes = []
    for angle, reach, size in drops.tolist() if radius > 9.5 else ():
        way = 2 * math.pi * angle
        center = (
            middle[0] + (1.1 + 0.3 * reach) * radius * math.cos(way),
            middle[1] + (1.1 + 0.3 * reach) * radius * math.sin(way),
        )
        splashes.append(Mark(_blob(center, (0.1 + 0.1 * size) * radius, rng, 0.2, 7), "stain", opacity=0.6))
    edge = Mark(np.vstack([outer, outer[:1]]), "stain", 1.3, 0.5)
    return (
        Mark(outer, "stain", opacity=0.52),
        Mark(_blob(inner, 0.72 * radius, rng, 0.3, 9), "stain", opacity=0.45),
        edge,
        *splashes,
    )


def _tear(middle: tuple[float, float], defect: Defect, rng: np.random.Generator, room: float) -> tuple[Mark, ...]:
    angle = math.radians(55 + 70 * defect.turn / 360)
    way, aside = np.array([math.cos(angle), math.sin(angle)]), np.array([-math.sin(angle), math.cos(angle)])
    along = np.linspace(-1, 1, 7)
    center = np.array(middle) + np.outer(along * 14, way) + np.outer((rng.random(7) - 0.5) * 2.6, aside)
    gape = (1 - along**2) * 3.4 * room + 0.3
    outline = np.vstack([center + gape[:, None] * aside, (center - gape[:, None] * aside)[::-1]])
    rim = np.vstack([center + (gape + 1.3)[:, None] * aside, (center - (gape + 1.3)[:, None] * aside)[::-1]])
    threads = [
        Mark(np.array([center[k] + gape[k] * aside, center[k] - gape[k] * aside + way * 1.5]), "fray", 0.7)
        for k in (2, 4)
    ]
    return Mark(rim, "fray"), Mark(outline, "depth"), *threads


def _thread(start: tuple[float, float], defect: Defect, rng: np.random.Generator) -> tuple[Mark, ...]:
    x, y = start
    lean = (defect.turn / 360 - 0.5) * 12
    bends = ((rng.random(4) - 0.5) * 9).tolist()
    thread = curve(
        (x, y - 12),
        (x + lean * 0.2 + bends[0], y - 4),
        (x + lean * 0.5 + bends[1], y + 3),
        (x + lean * 0.8 + bends[2], y + 9),
        (x + lean + bends[3], y + 16),
    )
    knot = loop((x - 1.6, y - 12), (x, y - 13.8), (x + 1.6, y - 12), (x, y - 10.4))
    return Mark(thread, "thread", 1.3), Mark(knot, "thread")


def _missing_button(spec: GarmentSpec, shape: Shape, defect: Defect) -> tuple[Mark, ...]:
    x, y = shape.buttons[missing_button_number(len(shape.buttons), defect.turn)]
    radius = button_radius(spec.type)
    # The scar is as wide as the button and its shadow were, so that the box holds all that is missing.
    reach = radius + 1.3
    scar = loop((x - 1.3, y), (x, y - 1.0), (x + 1.3, y), (x, y + 1.0))
    threads = [
        Mark(np.array([(x - 0.8, y), (x - 0.35 * reach, y - 0.8 * reach)]), "scar", 0.8),
        Mark(np.array([(x + 0.8, y), (x + reach, y + 0.5 * reach), (x + 0.7 * reach, y + reach)]), "scar", 0.8),
        Mark(np.array([(x - 0.5, y), (x - reach, y + 0.6 * reach), (x - 0.5 * reach, y + reach)]), "scar", 0.8),
        Mark(np.array([(x + 0.5, y), (x + 0.5 * reach, y - reach)]), "scar", 0.8),
    ]
    return Mark(scar, "scar"), *threads
