"""People and animals, kept simple, laid out with a pen."""

from peakbench.benchmarks.defects.marks import Pen
from peakbench.benchmarks.drawing.colors import RGB, lightness, mixed, shaded
from peakbench.benchmarks.drawing.geometry import curve, loop

_WHITE: RGB = (250, 250, 248)
_INK: RGB = (34, 32, 34)
_SKINS: tuple[RGB, ...] = ((244, 206, 176), (214, 162, 120), (140, 94, 66))
_HAIRS: tuple[RGB, ...] = ((52, 38, 32), (122, 78, 44), (206, 168, 96))


def _dark(color: RGB) -> RGB:
    return shaded(color, 0.76)


def _eye(color: RGB) -> RGB:
    return _WHITE if lightness(color) < 75 else _INK


def person(pen: Pen, color: RGB) -> None:
    """A standing person in a shirt of the colour."""
    number = int(pen.thing.look * 9) % 9
    skin, hair = _SKINS[number % 3], _HAIRS[number // 3]
    trousers = (66, 72, 92)
    for side in (-1, 1):
        pen.fill([(side * 1, 46), (side * 14, 46), (side * 12, 5), (side * 3, 5)], trousers)
        pen.oval(side * 9, 3, 7, 3.4, _INK)
        pen.line(curve((side * 13, 82), (side * 19, 66), (side * 18, 48)), _dark(color), 6.4)
        pen.oval(side * 18, 45, 4, 4.4, skin)
    pen.fill([(-15, 44), (15, 44), (15, 80), (9, 88), (-9, 88), (-15, 80)], color)
    pen.rectangle(-4, 86, 4, 94, skin)
    pen.oval(0, 109, 13.5, 11, hair)
    pen.oval(0, 104, 11.5, 13, skin)
    pen.fill(loop((-12, 108), (-7, 119), (7, 119), (12, 108), (4, 112), (-6, 112)), hair)
    for side in (-1, 1):
        pen.oval(side * 4.4, 104, 1.5, 1.9, _INK)
    pen.line(curve((-4, 97), (0, 95.5), (4, 97)), (150, 70, 66), 1.7)


def dog(pen: Pen, color: RGB) -> None:
    """A dog, looking to the right."""
    pen.line(curve((-24, 34), (-33, 42), (-31, 53)), color, 5)
    for x in (-20, -11, 9, 17):
        pen.fill([(x - 4, 0), (x + 5, 0), (x + 4, 24), (x - 4, 24)], _dark(color) if x in (-11, 9) else color)
    pen.fill(loop((-25, 36), (-26, 22), (0, 17), (20, 20), (22, 36), (0, 39)), color)
    pen.fill(loop((14, 30), (22, 54), (31, 53), (35, 42), (28, 33)), color)
    pen.fill(loop((17, 54), (24, 52), (22, 36), (15, 38)), _dark(color))
    pen.oval(34, 43, 3, 2.6, _INK if lightness(color) > 60 else (110, 104, 104))
    pen.oval(28, 47, 1.8, 1.8, _eye(color))


def cat(pen: Pen, color: RGB) -> None:
    """A sitting cat, seen from the front."""
    pen.line(curve((16, 6), (28, 8), (26, 24)), _dark(color), 6)
    pen.fill(loop((0, 0), (18, 2), (18, 18), (10, 38), (-10, 38), (-18, 18), (-18, 2)), color)
    for side in (-1, 1):
        pen.fill([(side * 4, 56), (side * 15, 48), (side * 14, 65)], color)
        pen.oval(side * 8, 4, 6, 4.4, mixed(color, _WHITE, 0.35))
    pen.oval(0, 46, 16.5, 13, color)
    for side in (-1, 1):
        pen.oval(side * 6, 48, 2.6, 3, (196, 206, 96) if lightness(color) < 110 else _INK)
        pen.line([(side * 4, 41), (side * 20, 43)], _eye(color), 1)
    pen.fill([(-2.4, 43), (2.4, 43), (0, 40)], (206, 120, 120))


def sheep(pen: Pen, color: RGB) -> None:
    """A woolly sheep, looking to the right."""
    face = (66, 60, 58) if lightness(color) > 100 else (180, 164, 148)
    for x in (-18, -8, 10, 19):
        pen.rectangle(x - 3, 0, x + 3, 22, face)
    wool = ((-20, 30, 14), (-8, 40, 14), (8, 41, 14), (20, 32, 14), (-4, 26, 15), (10, 26, 14))
    for x, y, radius in wool:
        pen.oval(x, y, radius, radius, color)
    for x, y in ((-14, 38), (4, 36), (-4, 26)):
        pen.line(
            curve((x - 6, y), (x, y + 4), (x + 6, y)), _dark(color) if lightness(color) > 60 else (84, 84, 90), 1.8
        )
    pen.fill(loop((20, 40), (28, 48), (37, 36), (33, 26), (25, 29)), face)
    pen.oval(30, 39, 1.7, 1.7, _WHITE if lightness(face) < 100 else _INK)
    pen.fill(loop((19, 46), (25, 42), (22, 37), (16, 40)), face)


def duck(pen: Pen, color: RGB) -> None:
    """A duck, looking to the right."""
    orange = (232, 130, 40)
    for x in (-4, 6):
        pen.line([(x, 10), (x, 1)], orange, 2.6)
        pen.line([(x, 1), (x + 6, 1)], orange, 2.6)
    pen.fill(loop((-26, 30), (-18, 12), (2, 7), (17, 13), (20, 26), (4, 28), (-12, 24)), color)
    pen.fill(loop((8, 22), (8, 40), (16, 46), (23, 41), (21, 30), (18, 22)), color)
    pen.fill([(21, 40), (31, 36), (21, 34)], orange)
    pen.oval(17, 40, 1.7, 1.7, _INK)
    pen.fill(loop((-14, 24), (-2, 26), (7, 20), (-2, 14)), _dark(color))
