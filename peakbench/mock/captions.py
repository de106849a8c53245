"""Where a picture's colours are not those that its caption names.

Only colours that grounds seldom have are compared: vivid red, orange, yellow, green, blue, purple, and pink.
"""

import re
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from peakbench.mock.artifacts import FEWEST_PIXELS, Finding, Mask, Patch, Plane

if TYPE_CHECKING:
    from PIL.Image import Image

_HUES: tuple[tuple[str, float, float, float, float], ...] = (
    ("red", 348, 368, 0.62, 0.40),
    ("orange", 18, 33, 0.72, 0.68),
    ("yellow", 40, 56, 0.58, 0.68),
    ("green", 128, 156, 0.50, 0.28),
    ("blue", 207, 225, 0.62, 0.52),
    ("purple", 265, 290, 0.46, 0.34),
    ("pink", 328, 348, 0.25, 0.62),
)
"""Colour word, its hues in degrees (from, to), its least saturation and its least value, 0 to 1."""

_CAPTION = re.compile(r"caption\s*:\s*(\S.*)", re.IGNORECASE)
_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
_SMALL = 0.0022
"""A part of the picture that is smaller than this share is a detail of something else."""
_ALIKE = 0.45
_SLIT = 6
"""Parts of a thing that are no farther apart than this, in pixels of a picture 384 wide, are not counted twice."""


def caption_in(prompt: str) -> str:
    """The text after the last "Caption:" of a prompt, to the end of its line; empty without one."""
    found = _CAPTION.findall(prompt)
    return str(found[-1]).strip() if found else ""


def find_misalignments(image: "Image", caption: str) -> list[Finding]:
    """Where the picture shows a colour that the caption does not name, or another number of things of a colour.

    Args:
        image: RGB, of any size.
        caption: What the picture should show; nothing is found without one.
    """
    words = re.findall(r"[a-z-]+", caption.lower())
    if not words or min(image.size) < FEWEST_PIXELS:
        return []
    masks = _color_masks(image)
    parts = {color: _parts(mask) for color, mask in masks.items()}
    absent = [color for color, seen in parts.items() if color in words and not seen]
    findings = []
    for color, seen in parts.items():
        if not seen:
            continue
        if color not in words:
            desc = f"{color}, not {absent[0]}" if absent else f"something {color} that the caption does not name"
            findings.append(Finding(_hull(seen), desc))
        elif words.count(color) == 1:
            wanted = _NUMBERS.get(words[words.index(color) - 1]) if words.index(color) else None
            shown = _counted(masks[color], seen)
            if wanted is not None and wanted != shown and max(wanted, shown) > 1:
                findings.append(Finding(_hull(seen), f"{shown} things that are {color} instead of {wanted}"))
    return findings


def _color_masks(image: "Image") -> dict[str, Mask]:
    """Where each of the colours is."""
    pixels: Plane = np.asarray(image.convert("RGB"), dtype=np.float32) / np.float32(255)
    pixels = ndimage.uniform_filter(pixels, (3, 3, 1))
    hue, saturation, value = _hsv(pixels)
    masks = {}
    for color, low, high, least_saturation, least_value in _HUES:
        turned = np.where(hue < low, hue + 360, hue)
        masks[color] = (turned >= low) & (turned <= high) & (saturation >= least_saturation) & (value >= least_value)
        if color == "pink":
            masks[color] &= saturation < 0.58
    return masks


def _hsv(pixels: Plane) -> tuple[Plane, Plane, Plane]:
    """Hue in degrees, saturation and value of sRGB in 0 to 1; https://en.wikipedia.org/wiki/HSL_and_HSV."""
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    value: Plane = np.maximum(np.maximum(red, green), blue)
    chroma: Plane = value - np.minimum(np.minimum(red, green), blue)
    safe = np.maximum(chroma, np.float32(1e-6))
    sixth = np.where(
        value == red, (green - blue) / safe, np.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe)
    )
    hue: Plane = ((60 * sixth) % 360).astype(np.float32)
    saturation: Plane = (chroma / np.maximum(value, np.float32(1e-6))).astype(np.float32)
    return hue, saturation, value


def _parts(mask: Mask) -> list[Patch]:
    """The boxes of the parts of a colour that are not small, left to right."""
    labels, n = ndimage.label(ndimage.binary_opening(mask))
    sizes = np.bincount(labels.ravel(), minlength=n + 1)
    return sorted(
        (columns.start, rows.start, columns.stop, rows.stop)
        for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1)
        if sizes[number] >= _SMALL * mask.size
    )


def _counted(mask: Mask, parts: list[Patch]) -> int:
    """How many things the parts are: runs of columns, near ones joined, that are about as wide as the widest."""
    slit = max(1, round(_SLIT * mask.shape[1] / 384))
    runs: list[list[int]] = []
    for x0, _, x1, _ in parts:
        if runs and x0 - runs[-1][1] <= slit:
            runs[-1][1] = max(runs[-1][1], x1)
        else:
            runs.append([x0, x1])
    widest = max(stop - start for start, stop in runs)
    return sum(stop - start >= _ALIKE * widest for start, stop in runs)


def _hull(parts: list[Patch]) -> Patch:
    lefts, uppers, rights, lowers = zip(*parts, strict=True)
    return min(lefts), min(uppers), max(rights), max(lowers)
