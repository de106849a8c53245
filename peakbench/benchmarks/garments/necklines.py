"""Necklines: crew neck, v-neck, scoop neck, turtleneck, collars, lapels and hoods."""

import numpy as np

from peakbench.benchmarks.drawing.colors import RGB, mixed, shaded
from peakbench.benchmarks.drawing.geometry import Points, curve, ellipse, loop, mirrored
from peakbench.benchmarks.garments.details import draw_neck_label
from peakbench.benchmarks.garments.painting import Drawing


def draw_neckline(drawing: Drawing) -> None:
    """Draw what is around the neck, over the body; nothing for a garment without a neckline."""
    neckline = drawing.spec.neckline
    if neckline in ("crew neck", "v-neck", "scoop neck"):
        _opening(drawing, neckline)
    elif neckline == "turtleneck":
        _turtleneck(drawing)
    elif neckline == "collared":
        if drawing.spec.type == "coat" and drawing.spec.closure == "button":
            _lapels(drawing)
        else:
            _collar(drawing)
    elif neckline == "hooded":
        _hood(drawing)


def draw_hood_behind(drawing: Drawing) -> None:
    """Draw the part of a hood that lies behind the shoulders, before the body."""
    if drawing.spec.neckline != "hooded":
        return
    top, canvas = drawing.shape.top, drawing.canvas
    outer = curve((0, top - 47), (20, top - 42), (34, top - 20), (35, top + 4), (26, top + 18), (0, top + 22))
    outline = np.vstack([outer, mirrored(outer)])
    canvas.cloth(outline, drawing.cloth, tone=0.92)
    canvas.line(np.vstack([outline, outline[:1]]), drawing.seam, 0.8)


def _inside(drawing: Drawing) -> RGB:
    """The back's inner side, which lies in shadow."""
    base = drawing.cloth.base
    return mixed(shaded(base, 0.62), (90, 90, 94), 0.35) if sum(base) > 200 else (84, 84, 90)


def neck_edge(drawing: Drawing) -> Points:
    """The front edge of the neckline, from the left to the right of the picture."""
    top, neck = drawing.shape.top, drawing.shape.neck
    if drawing.spec.neckline == "v-neck":
        half = curve((0, top + 41), (0.45 * neck, top + 23), (0.85 * neck, top + 7), (neck, top))
    elif drawing.spec.neckline == "scoop neck":
        half = curve((0, top + 39), (0.55 * neck, top + 34), (0.9 * neck, top + 17), (neck, top))
    else:
        half = curve((0, top + 19), (0.55 * neck, top + 16), (0.92 * neck, top + 6), (neck, top))
    return np.vstack([mirrored(half)[:-1], half])


def _opening(drawing: Drawing, neckline: str) -> None:
    top, neck, canvas = drawing.shape.top, drawing.shape.neck, drawing.canvas
    edge = neck_edge(drawing)
    back = curve((neck, top), (0.5 * neck, top + 3), (0, top + 4), (-0.5 * neck, top + 3), (-neck, top))
    canvas.polygon(np.vstack([edge, back]), _inside(drawing))
    canvas.line(back, drawing.seam, 2.2)
    canvas.line(back + np.array([0.0, 2.2]), mixed(_inside(drawing), drawing.seam, 0.5), 1.0)
    draw_neck_label(drawing)
    width = 3.0 if neckline == "scoop neck" else 5.0
    band = mixed(drawing.cloth.base, drawing.seam, 0.22)
    canvas.line(edge + np.array([0.0, width / 2]), band, width)
    canvas.line(edge + np.array([0.0, width]), drawing.seam, 0.8)
    canvas.line(edge, drawing.seam, 0.8)


def _turtleneck(drawing: Drawing) -> None:
    top, neck, canvas = drawing.shape.top, drawing.shape.neck, drawing.canvas
    right = curve((neck - 2, top - 22), (neck - 1, top - 8), (neck + 3, top + 4), (0.5 * neck, top + 10), (0, top + 12))
    canvas.polygon(np.vstack([right, mirrored(right)]), mixed(drawing.cloth.base, drawing.seam, 0.12), on_cloth=True)
    for share in np.linspace(-0.8, 0.8, 9):
        rib = curve((share * (neck - 2), top - 20), (share * neck, top - 6), (share * (neck + 2), top + 8))
        canvas.line(rib, drawing.seam, 0.7, 0.5)
    canvas.line(curve((-neck + 1, top - 7), (0, top - 2), (neck - 1, top - 7)), drawing.seam, 1.4)
    canvas.line(np.vstack([right[6:], mirrored(right)[:-6]]), drawing.seam, 1.0)
    canvas.polygon(ellipse((0, top - 22), neck - 2, 4), _inside(drawing), on_cloth=True)


def _collar(drawing: Drawing) -> None:
    """Two pointed leaves around an opening that is a hand's breadth deep."""
    top, neck, canvas = drawing.shape.top, drawing.shape.neck, drawing.canvas
    large = 1.25 if drawing.spec.type in ("jacket", "coat") else 1.0
    stand = curve((-neck, top + 1), (-0.5 * neck, top - 6), (0, top - 8), (0.5 * neck, top - 6), (neck, top + 1))
    canvas.polygon(np.vstack([stand, [(0, top + 20 * large)]]), _inside(drawing), on_cloth=True)
    canvas.polygon(
        np.vstack([stand, stand[::-1] + np.array([0.0, 5.0])]),
        mixed(drawing.cloth.base, drawing.seam, 0.25),
        on_cloth=True,
    )
    canvas.line(stand, drawing.seam, 0.9)
    leaf = np.array(
        [
            (neck * 0.92, top - 4),
            (neck + 4, top + 4),
            (0.78 * neck, top + 29 * large),
            (0, top + 16 * large),
            (0.5 * neck, top + 5),
        ]
    )
    for half, grain in ((leaf, 35.0), (leaf * np.array([-1.0, 1.0]), -35.0)):
        canvas.polygon(half + np.array([0.0, 2.2]), (0, 0, 0), 0.22)
        canvas.cloth(half, drawing.cloth, grain, 1.05)
        canvas.line(np.vstack([half, half[:1]]), drawing.seam, 1.0)


def _lapels(drawing: Drawing) -> None:
    """A coat's notched lapels over a deep V."""
    top, neck, canvas = drawing.shape.top, drawing.shape.neck, drawing.canvas
    depth = 50.0
    stand = curve((-neck, top + 1), (-0.5 * neck, top - 5), (0, top - 7), (0.5 * neck, top - 5), (neck, top + 1))
    canvas.polygon(np.vstack([stand, [(0, top + depth - 4)]]), _inside(drawing), on_cloth=True)
    canvas.polygon(
        np.vstack([stand, stand[::-1] + np.array([0.0, 6.0])]),
        mixed(drawing.cloth.base, drawing.seam, 0.25),
        on_cloth=True,
    )
    canvas.line(stand, drawing.seam, 0.9)
    lapel = np.array([(0.62 * neck, top + 15), (neck + 9, top + 21), (0.95 * neck, top + 34), (0, top + depth)])
    collar = np.array(
        [
            (0.9 * neck, top - 4),
            (neck + 4, top + 3),
            (neck + 7, top + 17),
            (0.62 * neck, top + 15),
            (0.55 * neck, top + 4),
        ]
    )
    for sign in (1.0, -1.0):
        for piece in (lapel, collar):
            half = piece * np.array([sign, 1.0])
            canvas.polygon(half + np.array([0.0, 2.0]), (0, 0, 0), 0.22)
            canvas.cloth(half, drawing.cloth, 30 * sign, 1.05)
            canvas.line(np.vstack([half, half[:1]]), drawing.seam, 1.0)


def _hood(drawing: Drawing) -> None:
    """A raised hood's opening, its seam, and drawcords."""
    top, canvas = drawing.shape.top, drawing.canvas
    rim = loop(
        (0, top - 40),
        (16, top - 33),
        (22, top - 14),
        (16, top + 4),
        (0, top + 19),
        (-16, top + 4),
        (-22, top - 14),
        (-16, top - 33),
    )
    canvas.cloth(rim * np.array([1.2, 1.08]) + np.array([0.0, 1.5]), drawing.cloth, tone=0.98)
    canvas.polygon(rim, _inside(drawing))
    canvas.line(curve((0, top - 40), (0.5, top - 20), (0, top + 4)), shaded(_inside(drawing), 0.75), 1.4)
    canvas.line(np.vstack([rim, rim[:1]]), drawing.seam, 1.6)
    if drawing.spec.type == "coat" or drawing.spec.pattern == "graphic":
        return
    for sign in (-1.0, 1.0):
        cord = curve((9 * sign, top + 14), (10 * sign, top + 26), (8.5 * sign, top + 40))
        canvas.line(cord, shaded(drawing.trim, 0.6), 2.6)
        canvas.line(cord, drawing.trim, 1.6)
        canvas.circle((8.5 * sign, top + 41), 1.8, shaded(drawing.trim, 0.8))
