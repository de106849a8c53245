"""Things out of doors, laid out with a pen."""

from peakbench.benchmarks.defects.marks import Pen
from peakbench.benchmarks.drawing.colors import RGB, mixed, shaded
from peakbench.benchmarks.drawing.geometry import curve, ellipse, loop

_WHITE: RGB = (250, 250, 248)
_WOOD: RGB = (110, 78, 50)
_GLASS: RGB = (172, 204, 224)
_TIRE: RGB = (40, 40, 44)
_LEAF: RGB = (66, 132, 62)
_METAL: RGB = (150, 152, 158)


def _dark(color: RGB) -> RGB:
    return shaded(color, 0.74)


def house(pen: Pen, color: RGB) -> None:
    """A house with a pitched roof, a door and two windows."""
    roof = (120, 74, 62) if pen.thing.look < 0.5 else (92, 96, 106)
    pen.rectangle(18, 84, 28, 112, (136, 112, 104))
    pen.rectangle(-38, 0, 38, 72, color)
    pen.fill([(-44, 70), (44, 70), (4, 112), (-4, 112)], roof)
    pen.rectangle(-9, 0, 9, 34, _WOOD)
    for x in (-24, 24):
        pen.rectangle(x - 9, 40, x + 9, 60, _WHITE)
        pen.rectangle(x - 7, 42, x + 7, 58, _GLASS)


def tree(pen: Pen, color: RGB) -> None:
    """A leafy tree."""
    pen.fill([(-6, 0), (6, 0), (4, 56), (-4, 56)], _WOOD)
    crown = ((-17, 58, 19), (17, 58, 19), (0, 54, 20), (-14, 80, 19), (14, 80, 19), (0, 94, 21))
    for x, y, radius in crown:
        pen.oval(x, y, radius, radius, color)
    for x, y in ((-12, 84), (10, 66), (6, 96)):
        pen.oval(x, y, 9, 6, mixed(color, _WHITE, 0.16))


def car(pen: Pen, color: RGB) -> None:
    """A car, its front to the right."""
    pen.fill([(-34, 30), (-24, 50), (18, 50), (32, 30)], color)
    pen.fill([(-29, 31), (-21, 46), (-4, 46), (-4, 31)], _GLASS)
    pen.fill([(1, 31), (1, 46), (15, 46), (26, 31)], _GLASS)
    pen.fill([(-55, 10), (56, 10), (56, 22), (44, 30), (-50, 32), (-55, 26)], color)
    pen.rectangle(50, 18, 56, 23, (250, 236, 170))
    for x in (-32, 33):
        pen.oval(x, 10, 11, 11, _TIRE)
        pen.oval(x, 10, 5, 5, _METAL)


def mailbox(pen: Pen, color: RGB) -> None:
    """A mailbox on a post."""
    pen.rectangle(-4, 0, 4, 34, _WOOD)
    pen.fill([(-18, 30), (18, 30), (18, 56), (12, 65), (0, 68), (-12, 65), (-18, 56)], color)
    pen.rectangle(-11, 50, 11, 54, _dark(color))
    pen.rectangle(-9, 37, 9, 46, _WHITE)


def bicycle(pen: Pen, color: RGB) -> None:
    """A bicycle, its front to the right."""
    for x in (-27, 27):
        rim = ellipse((x, 18), 16, 16, 28)
        pen.line([*[(a, b) for a, b in rim.tolist()], (x + 16, 18)], _TIRE, 3.2)
        pen.oval(x, 18, 2.5, 2.5, _METAL)
    frame = [(-27, 18), (-10, 44), (17, 44), (0, 18), (-27, 18)]
    pen.line(frame, color, 4.2)
    pen.line([(0, 18), (-12, 48)], color, 4.2)
    pen.line([(27, 18), (16, 52)], color, 4.2)
    pen.line([(9, 56), (16, 53), (22, 56)], _TIRE, 3)
    pen.line([(-20, 50), (-6, 50)], _TIRE, 4.5)


def tent(pen: Pen, color: RGB) -> None:
    """A tent with an open door."""
    pen.fill([(-46, 0), (46, 0), (6, 66), (-6, 66)], color)
    pen.fill([(-46, 0), (-14, 0), (-2, 66), (-6, 66)], _dark(color))
    pen.fill([(2, 0), (26, 0), (12, 40)], shaded(color, 0.42))
    pen.line([(0, 64), (0, 70)], _WOOD, 2.6)


def hot_air_balloon(pen: Pen, color: RGB) -> None:
    """A balloon with a basket."""
    for x in (-8, 8):
        pen.line([(x, 14), (x * 1.8, 38)], _WOOD, 1.6)
    pen.rectangle(-9, 0, 9, 15, _WOOD)
    pen.fill(
        loop((0, 30), (14, 36), (31, 58), (30, 78), (16, 94), (0, 98), (-16, 94), (-30, 78), (-31, 58), (-14, 36)),
        color,
    )
    pen.fill(loop((0, 31), (9, 56), (8, 84), (0, 97), (-8, 84), (-9, 56)), mixed(color, _WHITE, 0.5))


def flower(pen: Pen, color: RGB) -> None:
    """A single flower."""
    pen.line(curve((0, 0), (2, 20), (0, 46)), _dark(_LEAF), 3)
    pen.fill(loop((0, 12), (9, 22), (14, 24), (8, 14)), _dark(_LEAF))
    for x, y in ellipse((0, 47), 8.5, 8.5, 7).tolist():
        pen.oval(x, y, 6.4, 6.4, color)
    pen.oval(0, 47, 5, 5, (228, 184, 66) if color[0] < 225 or color[2] > 120 else (120, 74, 40))


def sailing_boat(pen: Pen, color: RGB) -> None:
    """A boat under sail."""
    pen.line([(0, 12), (0, 92)], _WOOD, 2.8)
    pen.fill([(3, 20), (34, 20), (3, 88)], color)
    pen.fill([(-3, 20), (-26, 20), (-3, 76)], mixed(color, _WHITE, 0.3))
    pen.fill([(-38, 16), (38, 16), (26, 0), (-28, 0)], (112, 74, 54))
    pen.line([(-37, 14), (37, 14)], _WHITE, 2)


def lighthouse(pen: Pen, color: RGB) -> None:
    """A striped lighthouse on a rock."""
    pen.fill(loop((-24, 0), (-16, 10), (0, 13), (17, 10), (25, 0), (0, -2)), (122, 118, 114))
    pen.fill([(-15, 8), (15, 8), (10, 92), (-10, 92)], _WHITE)
    for low in (22, 54):
        wide, narrow = 15 - 5 * (low - 8) / 84, 15 - 5 * (low + 8) / 84
        pen.fill([(-wide, low), (wide, low), (narrow, low + 16), (-narrow, low + 16)], color)
    pen.rectangle(-13, 90, 13, 94, _TIRE)
    pen.rectangle(-8, 94, 8, 108, (250, 228, 140))
    pen.fill([(-11, 107), (11, 107), (0, 121)], color)


def parasol(pen: Pen, color: RGB) -> None:
    """A parasol stuck into the sand."""
    pen.line([(0, 0), (0, 104)], (226, 222, 210), 4)
    edge = curve((-52, 74), (-44, 92), (-24, 106), (0, 111), (24, 106), (44, 92), (52, 74))
    pen.fill([*[(x, y) for x, y in edge.tolist()], (26, 79), (0, 74), (-26, 79)], color)
    stripe = mixed(color, _WHITE, 0.55) if min(color) < 200 else _METAL
    for side in (-1, 1):
        pen.fill([(0, 110), (side * 13, 76), (side * 26, 78), (side * 11, 108)], stripe)


def bucket(pen: Pen, color: RGB) -> None:
    """A toy bucket."""
    pen.line(curve((-20, 32), (-14, 48), (0, 52), (14, 48), (20, 32)), _METAL, 2.2)
    pen.fill([(-22, 34), (22, 34), (15, 0), (-15, 0)], color)
    pen.oval(0, 34, 22, 4, _dark(color))
    pen.line([(-19, 24), (19, 24)], mixed(color, _WHITE, 0.5), 3)


def starfish(pen: Pen, color: RGB) -> None:
    """A starfish."""
    outer, inner = ellipse((0, 18), 22, 18, 40), ellipse((0, 18), 9, 7.5, 40)
    points = [tuple((outer if k % 2 == 0 else inner)[(10 + 4 * k) % 40].tolist()) for k in range(10)]
    pen.fill([(x, y) for x, y in points], color)
    for k in range(0, 10, 2):
        x, y = points[k]
        pen.line([(0, 18), (x * 0.7, 18 + (y - 18) * 0.7)], mixed(color, _WHITE, 0.45), 1.8)
