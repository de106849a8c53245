"""Colours, their words, and how they are mixed."""

from collections.abc import Mapping
from types import MappingProxyType

RGB = tuple[int, int, int]
"""sRGB, each channel 0 to 255."""

COLORS: Mapping[str, RGB] = MappingProxyType(
    {
        "black": (38, 38, 42),
        "white": (240, 240, 236),
        "gray": (136, 138, 142),
        "navy blue": (30, 42, 88),
        "blue": (46, 108, 204),
        "light blue": (152, 198, 234),
        "red": (200, 34, 42),
        "green": (40, 130, 70),
        "yellow": (242, 206, 58),
        "orange": (238, 122, 32),
        "pink": (240, 148, 178),
        "purple": (120, 62, 160),
        "brown": (112, 70, 42),
        "beige": (218, 196, 158),
    }
)
"""Colour word to sRGB."""


def shaded(color: RGB, factor: float) -> RGB:
    """A colour made darker (factor < 1) or brighter."""
    red, green, blue = (min(255, max(0, round(channel * factor))) for channel in color)
    return red, green, blue


def mixed(one: RGB, other: RGB, share: float) -> RGB:
    """`share` of the other colour and the rest of the one."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def lightness(color: RGB) -> float:
    """Luma of an sRGB colour, 0 to 255 (ITU-R BT.601 weights)."""
    return 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]


def distance(one: RGB, other: RGB) -> float:
    """Euclidean distance in sRGB, 0 to 442."""
    return float(sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5)
