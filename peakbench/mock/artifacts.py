"""Damaged patches of a picture, found by its grain alone.

A recorded picture has the same fine grain everywhere, alike in all channels. A patch without grain was blurred or
painted over, a patch whose channels differ from pixel to pixel is noise, and a patch of strong waves without a change
of hue is ringing. What leaves the grain as it is (doubled, melted, torn or twisted parts) is not found.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

if TYPE_CHECKING:
    from PIL.Image import Image

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]
Patch = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels, x1 and y1 exclusive."""

FEWEST_PIXELS = 48
"""A picture with a shorter side is too small to be measured."""

_WINDOW = 9
_FLAT = 0.45
_GRAIN = 3
_FLAT_WINDOW = 13
_FLAT_SHARE = 0.4
_CLIPPED = 250.0
_CUT_OFF = 6.0
_COLORED = 16.0
_NOISY_SHARE = 0.6
_WAVE = 9.0
_WAVY_SHARE = 0.28
_PERIOD = 11
_LEAST_SIDE = 18
_LEAST_FILL = 0.45
_NEAR = 16


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that looks wrong.

    Attributes:
        patch: Where.
        desc: What, in a few words.
    """

    patch: Patch
    desc: str


def find_artifacts(image: "Image") -> list[Finding]:
    """The patches of a picture whose grain is not that of the rest, from the largest down.

    Args:
        image: RGB, of any size.
    """
    pixels = np.asarray(image.convert("RGB"), dtype=np.float32)
    if min(pixels.shape[:2]) < FEWEST_PIXELS:
        return []
    gray = (pixels[..., 0] + pixels[..., 1] + pixels[..., 2]) / np.float32(3)
    noisy, flat, wavy = _noisy(pixels), _flat(gray, pixels), _wavy(gray, pixels)
    wavy &= ~ndimage.binary_dilation(noisy, iterations=6)
    flat &= ~ndimage.binary_dilation(noisy | wavy, iterations=6)
    findings = [
        Finding(patch, desc)
        for mask, desc in (
            (noisy, "patch of coloured noise"),
            (wavy, "ringing stripes"),
            (flat, "smooth patch without the picture's grain"),
        )
        for patch in _patches(mask)
    ]
    return sorted(findings, key=lambda finding: -_area(finding.patch))


def _fine(plane: Plane) -> Plane:
    """What a plane has beyond its smooth course."""
    fine: Plane = plane - ndimage.uniform_filter(plane, 3)
    return fine


def _share(mask: Mask, window: int) -> Plane:
    """The share of the pixels around each that a mask holds."""
    share: Plane = ndimage.uniform_filter(mask.astype(np.float32), window)
    return share


def _noisy(pixels: Plane) -> Mask:
    """Where red and blue depart from green in almost every pixel."""
    apart = np.maximum(np.abs(_fine(pixels[..., 0] - pixels[..., 1])), np.abs(_fine(pixels[..., 2] - pixels[..., 1])))
    core = _share(apart > _COLORED, _WINDOW) > _NOISY_SHARE
    return np.asarray(ndimage.binary_dilation(ndimage.binary_opening(core, iterations=3), iterations=2))


def _flat(gray: Plane, pixels: Plane) -> Mask:
    """Where there is much less grain than in the picture as a whole."""
    energy = np.sqrt(ndimage.uniform_filter(_fine(gray) ** 2, _GRAIN))
    usual = float(np.median(energy))
    # White and black that were cut off have no grain either, and that is no damage.
    brightest = np.maximum(np.maximum(pixels[..., 0], pixels[..., 1]), pixels[..., 2])
    clipped = (brightest > _CLIPPED) | (brightest < _CUT_OFF)
    flat = (energy < _FLAT * usual) & (_share(clipped, _WINDOW) < 0.2)
    dense = _share(flat, _FLAT_WINDOW) > _FLAT_SHARE
    opened = ndimage.binary_opening(dense, iterations=3)
    return np.asarray(ndimage.binary_dilation(ndimage.binary_closing(opened, iterations=5), iterations=2))


def _wavy(gray: Plane, pixels: Plane) -> Mask:
    """Where lightness goes up and down every few pixels and hue does not."""
    band = ndimage.uniform_filter(gray, 3) - ndimage.uniform_filter(gray, 11)
    hue = np.abs(
        ndimage.uniform_filter(pixels[..., 0] - pixels[..., 2], 3)
        - ndimage.uniform_filter(pixels[..., 0] - pixels[..., 2], 11)
    )
    waves = (np.abs(band) > _WAVE) & (hue < np.abs(band))
    # Beside an edge, too, one side is darker and one lighter; only waves are so over a length of several periods.
    both = np.minimum(_share(waves & (band > 0), _PERIOD), _share(waves & (band < 0), _PERIOD)) > _WAVY_SHARE
    return np.asarray(ndimage.binary_dilation(ndimage.binary_opening(both, iterations=9), iterations=3))


def _patches(mask: Mask) -> list[Patch]:
    """The boxes of the parts of a mask, near ones joined, that are large enough."""
    labels, _ = ndimage.label(mask)
    patches: list[Patch] = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        if float((labels[rows, columns] == number).mean()) >= _LEAST_FILL:
            patches.append((columns.start, rows.start, columns.stop, rows.stop))
    joined = _joined(patches)
    return [patch for patch in joined if min(patch[2] - patch[0], patch[3] - patch[1]) >= _LEAST_SIDE]


def _joined(patches: list[Patch]) -> list[Patch]:
    """Patches that are no farther apart than `_NEAR` become one, until none are."""
    left = list(patches)
    joined: list[Patch] = []
    while left:
        one = left.pop()
        near = [other for other in left if _gap(one, other) <= _NEAR]
        if near:
            left = [other for other in left if other not in near]
            lefts, uppers, rights, lowers = zip(one, *near, strict=True)
            left.append((min(lefts), min(uppers), max(rights), max(lowers)))
        else:
            joined.append(one)
    return joined


def _gap(one: Patch, other: Patch) -> int:
    """Pixels between two patches, along the axis on which they are farther apart; negative when they overlap."""
    across = max(one[0], other[0]) - min(one[2], other[2])
    return max(across, max(one[1], other[1]) - min(one[3], other[3]))


def _area(patch: Patch) -> int:
    return (patch[2] - patch[0]) * (patch[3] - patch[1])
