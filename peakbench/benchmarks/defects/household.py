"""Things in a house, laid out with a pen."""

from peakbench.benchmarks.defects.marks import Pen
from peakbench.benchmarks.drawing.colors import RGB, mixed, shaded
from peakbench.benchmarks.drawing.geometry import box, curve, ellipse, loop

_WHITE: RGB = (250, 250, 248)
_STEM: RGB = (92, 66, 40)
_LEAF: RGB = (66, 132, 62)
_GLASS: RGB = (176, 208, 230)


def _light(color: RGB) -> RGB:
    return mixed(color, _WHITE, 0.4)


def _dark(color: RGB) -> RGB:
    return shaded(color, 0.72)


def apple(pen: Pen, color: RGB) -> None:
    """An apple with a leaf."""
    pen.line(curve((0, 34), (1, 40), (4, 45)), _STEM, 2.6)
    pen.fill(loop((2, 41), (10, 46), (17, 43), (9, 39)), _LEAF)
    pen.fill(
        loop((0, 2), (12, 0), (21, 16), (17, 33), (6, 37), (0, 35), (-6, 37), (-17, 33), (-21, 16), (-12, 0)), color
    )
    pen.oval(-9, 25, 4, 6, _light(color))


def pear(pen: Pen, color: RGB) -> None:
    """A pear."""
    pen.line(curve((0, 46), (1, 51), (4, 56)), _STEM, 2.6)
    pen.fill(
        loop((0, 0), (13, 2), (19, 15), (13, 29), (8, 43), (0, 49), (-8, 43), (-13, 29), (-19, 15), (-13, 2)), color
    )
    pen.oval(-8, 20, 3.5, 7, _light(color))


def cup(pen: Pen, color: RGB) -> None:
    """A cup with a handle."""
    pen.line(curve((16, 34), (30, 32), (30, 14), (13, 12)), _dark(color), 5)
    pen.fill([(-24, 40), (20, 40), (14, 2), (10, 0), (-14, 0), (-18, 2)], color)
    pen.oval(-2, 40, 22, 4.5, _dark(color))
    pen.line([(-15, 32), (-11, 8)], _light(color), 3.4)


def vase(pen: Pen, color: RGB) -> None:
    """A vase with three daisies."""
    for x, y in ((-18, 100), (2, 108), (20, 96)):
        pen.line(curve((0, 52), (x * 0.4, 76), (x, y)), _LEAF, 2.4)
        for petal in range(6):
            middle = ellipse((x, y), 6.5, 6.5, 6)[petal]
            pen.oval(float(middle[0]), float(middle[1]), 4, 4, _WHITE)
        pen.oval(x, y, 4, 4, (226, 176, 52))
    right = curve((12, 66), (8, 56), (24, 34), (20, 12), (12, 0))
    pen.fill([*[(x, y) for x, y in right.tolist()], *[(-x, y) for x, y in right[::-1].tolist()]], color)
    pen.oval(0, 66, 12, 3, _dark(color))
    pen.line(curve((-14, 40), (-17, 28), (-13, 12)), _light(color), 3.4)


def bottle(pen: Pen, color: RGB) -> None:
    """A bottle with a label."""
    pen.fill([(-14, 0), (14, 0), (15, 58), (6, 76), (6, 100), (-6, 100), (-6, 76), (-15, 58)], color)
    pen.rectangle(-7, 96, 7, 104, _dark(color))
    pen.rectangle(-15, 20, 15, 46, mixed(color, _WHITE, 0.75))
    pen.line([(-10, 52), (-10, 60), (-3, 74)], _light(color), 2.8)


def book(pen: Pen, color: RGB) -> None:
    """A book that stands, its spine towards us."""
    height = 74 + 10 * pen.thing.look
    pen.rectangle(-12, 0, 12, height, color)
    pen.rectangle(-12, 10, 12, 15, _light(color))
    pen.rectangle(-12, height - 16, 12, height - 11, _light(color))
    pen.line([(-11, 0), (-11, height)], _dark(color), 2)


def bowl(pen: Pen, color: RGB) -> None:
    """A wide bowl."""
    pen.fill([*[(x, y) for x, y in curve((-44, 38), (-36, 14), (-16, 0)).tolist()], (16, 0), (36, 14), (44, 38)], color)
    pen.oval(0, 38, 44, 5, _dark(color))
    pen.line(curve((-34, 28), (-27, 14), (-18, 7)), _light(color), 3.4)


def candle(pen: Pen, color: RGB) -> None:
    """A burning candle."""
    height = 46 + 8 * pen.thing.look
    pen.rectangle(-9, 0, 9, height, color)
    pen.oval(0, height, 9, 2.6, _light(color))
    pen.line([(0, height), (0, height + 8)], (60, 50, 44), 1.8)
    pen.fill(loop((0, height + 4), (5, height + 11), (0, height + 25), (-5, height + 11)), (250, 190, 70))


def teapot(pen: Pen, color: RGB) -> None:
    """A teapot, its spout to the right."""
    pen.line(curve((-22, 40), (-42, 42), (-42, 16), (-22, 12)), _dark(color), 5)
    pen.fill([(20, 14), (38, 34), (43, 46), (35, 46), (20, 32)], color)
    pen.fill(loop((0, 0), (18, 2), (29, 20), (20, 42), (0, 48), (-20, 42), (-29, 20), (-18, 2)), color)
    pen.line(curve((-18, 42), (0, 48), (18, 42)), _dark(color), 2.4)
    pen.oval(0, 53, 5, 5, _dark(color))
    pen.oval(-13, 28, 4, 8, _light(color))


def picture_frame(pen: Pen, color: RGB) -> None:
    """A framed landscape."""
    pen.rectangle(-32, 0, 32, 78, color)
    pen.rectangle(-25, 7, 25, 71, (206, 222, 226))
    pen.fill([(-25, 7), (25, 7), (25, 26), (8, 40), (-6, 26), (-14, 34), (-25, 24)], (132, 150, 128))
    pen.oval(12, 56, 5, 5, (240, 226, 184))


def clock(pen: Pen, color: RGB) -> None:
    """A round clock."""
    pen.oval(0, 32, 32, 32, color)
    pen.oval(0, 32, 25, 25, _WHITE)
    for hour in ellipse((0, 32), 20, 20, 12).tolist():
        pen.oval(hour[0], hour[1], 1.7, 1.7, (60, 60, 64))
    ink = (40, 40, 46)
    end = ellipse((0, 32), 12, 12, 12)[int(pen.thing.look * 12) % 12].tolist()
    pen.line([(0, 32), (end[0], end[1])], ink, 3)
    pen.line([(0, 32), (0, 50)], ink, 2)


def window(pen: Pen, color: RGB) -> None:  # noqa: ARG001 - every window is the same
    """A window with four panes."""
    pen.rectangle(-44, 0, 44, 6, (214, 210, 202))
    pen.rectangle(-40, 4, 40, 100, (236, 234, 228))
    for x in (-36, 2):
        for y in (10, 56):
            pen.fill(box(x, y, x + 34, y + 40), _GLASS)
            pen.line([(x + 8, y + 8), (x + 20, y + 30)], (206, 226, 240), 4)


def sofa(pen: Pen, color: RGB) -> None:
    """A sofa for two."""
    for x in (-62, 54):
        pen.rectangle(x, 0, x + 8, 10, _STEM)
    pen.fill([(-62, 20), (62, 20), (60, 74), (54, 78), (-54, 78), (-60, 74)], _dark(color))
    pen.rectangle(-70, 8, 70, 26, _dark(color))
    for x in (-56, 2):
        pen.fill([(x, 22), (x + 54, 22), (x + 54, 36), (x + 50, 40), (x + 4, 40), (x, 36)], color)
        pen.fill([(x + 2, 40), (x + 52, 40), (x + 50, 70), (x + 4, 70)], mixed(color, _dark(color), 0.35))
    for x in (-75, 57):
        pen.fill([(x, 6), (x + 18, 6), (x + 18, 46), (x + 13, 51), (x + 5, 51), (x, 46)], color)


def floor_lamp(pen: Pen, color: RGB) -> None:
    """A lamp with a shade, on a thin foot."""
    metal = (70, 70, 76)
    pen.oval(0, 3, 20, 3, metal)
    pen.line([(0, 3), (0, 100)], metal, 3.4)
    pen.fill([(-27, 90), (27, 90), (16, 132), (-16, 132)], color)
    pen.fill([(-27, 90), (27, 90), (26, 94), (-26, 94)], _light(color))


def potted_plant(pen: Pen, color: RGB) -> None:
    """A leafy plant in a pot."""
    for reach, top in ((-26, 78), (-14, 98), (0, 104), (15, 96), (27, 76), (-20, 58), (21, 57)):
        side = 7
        pen.fill(loop((0, 34), (reach * 0.6 - side, top * 0.72), (reach, top), (reach * 0.6 + side, top * 0.68)), _LEAF)
        pen.line(curve((0, 36), (reach * 0.55, top * 0.68), (reach, top)), shaded(_LEAF, 0.75), 1.5)
    pen.fill([(-20, 34), (20, 34), (14, 0), (-14, 0)], color)
    pen.rectangle(-23, 31, 23, 40, _dark(color))


def ball(pen: Pen, color: RGB) -> None:
    """A ball with a light stripe."""
    pen.oval(0, 20, 20, 20, color)
    pen.fill(
        [*[(x, y) for x, y in curve((-19, 25), (0, 31), (19, 25)).tolist()], (20, 18), (0, 22), (-20, 18)],
        _light(color),
    )
    pen.oval(-8, 31, 3.4, 2.6, _WHITE)
