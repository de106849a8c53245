"""What the built-in models look at: numbers taken from a picture's pixels, and from nothing else.

The garment is told apart from its ground first: the ground's colour is fitted to the picture's rim, as a smooth surface
for the light that falls off across it, and what differs from it is the garment. The rest is measured inside that
silhouette:

- colour: the most common colour and the share of colours, in CIE L*a*b*, where distances are as people see them;
- pattern: how much of the cloth departs from that colour, at which scales, in which directions, how regularly;
- shape: the silhouette cut to its box, and the directions of the edges in it, where necklines and closures show.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

if TYPE_CHECKING:
    from PIL.Image import Image

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

_WIDTH, _HEIGHT = 128, 160
_RIM = 4
_PATCH = 24
_N_PATCHES = 6
_DIRECTIONS = 8
_GRID = 16
_CELL_GRID = 8
# Keeps the fit solvable when few pixels of the rim are left.
_RIDGE = 1e-3 * np.eye(6, dtype=np.float32)
# Folds and shadows change lightness more than hue.
_LIGHTNESS_COUNTS_LESS = np.array([0.6, 1.0, 1.0], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Features:
    """Features of one picture, or of many when the arrays have a leading axis.

    Attributes:
        color: Shape (…, 3 + 216): the most common L*a*b* colour, and square roots of the shares of colours.
        pattern: Shape (…, 38): where and how regularly the cloth departs from its most common colour.
        shape: Shape (…, 256 + 2 + 512): the silhouette on a grid, its size, and edge directions in cells.
    """

    color: Array
    pattern: Array
    shape: Array


def stack(features: Sequence[Features]) -> Features:
    """Features of single pictures, or of several, one after the other as rows."""
    return Features(
        color=np.concatenate([np.atleast_2d(one.color) for one in features]),
        pattern=np.concatenate([np.atleast_2d(one.pattern) for one in features]),
        shape=np.concatenate([np.atleast_2d(one.shape) for one in features]),
    )


def features_of(image: "Image") -> Features:
    """Measure a picture.

    Args:
        image: RGB, of any size; it is brought to 128 × 160 pixels, half the size of the training renders.
    """
    from PIL import Image as PillowImage

    small = image.convert("RGB").resize((_WIDTH, _HEIGHT), PillowImage.Resampling.BOX)
    lab = _lab(np.asarray(small))
    garment = _garment(lab)
    cloth = _cloth(garment)
    mode = _most_common_color(lab[cloth])
    return Features(
        color=_color(lab[cloth], mode), pattern=_pattern(lab, cloth, mode), shape=_shape(lab[..., 0], garment)
    )


_LINEAR = np.where(
    (_LEVELS := np.arange(256) / 255) <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4
).astype(np.float32)
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_TO_XYZ_OF_WHITE = (_TO_XYZ / np.array([[0.95047], [1.0], [1.08883]])).T.astype(np.float32)


def _lab(srgb: NDArray[np.uint8]) -> Array:
    """CIE L*a*b* (D65) of 8-bit sRGB; https://en.wikipedia.org/wiki/CIELAB_color_space."""
    xyz = _LINEAR[srgb] @ _TO_XYZ_OF_WHITE
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1).astype(np.float32)


def _ground_terms(height: int, width: int) -> Array:
    """The terms of a quadratic surface at each pixel, shape (height · width, 6)."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=-1).reshape(-1, 6).astype(np.float32)


_GROUND_TERMS = _ground_terms(_HEIGHT // 2, _WIDTH // 2)


def _garment(lab: Array) -> Mask:
    """Which pixels show the garment: those that differ from a ground fitted to the picture's rim."""
    # At half the resolution, where the ground's grain is evened out.
    halved = (lab[::2, ::2] + lab[1::2, ::2] + lab[::2, 1::2] + lab[1::2, 1::2]) / 4
    height, width, _ = halved.shape
    rim = np.ones((height, width), dtype=bool)
    rim[_RIM:-_RIM, _RIM:-_RIM] = False
    on_rim = np.flatnonzero(rim)
    pixels = halved.reshape(-1, 3)
    for _ in range(3):
        known = _GROUND_TERMS[on_rim]
        fit = np.linalg.solve(known.T @ known + _RIDGE, known.T @ pixels[on_rim])
        misfit = _length((pixels[on_rim] - known @ fit) * _LIGHTNESS_COUNTS_LESS)
        # A sleeve may lie on the rim: what fits worst there is not ground.
        kept = misfit <= max(float(np.quantile(misfit, 0.85)), 2.0)
        on_rim, misfit = on_rim[kept], misfit[kept]
    distance = _length((pixels - _GROUND_TERMS @ fit) * _LIGHTNESS_COUNTS_LESS)
    threshold = max(_otsu(distance), 2.0 * float(np.quantile(misfit, 0.98)), 4.0)
    mask = (distance > min(threshold, 25.0)).reshape(height, width)
    mask = ndimage.binary_fill_holes(ndimage.binary_closing(mask))
    mask = ndimage.binary_opening(mask)
    parts, n_parts = ndimage.label(mask)
    if n_parts:
        mask = parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    if mask.mean() < 0.02:
        # Nothing stands out; then the middle of the picture is as good as anything.
        mask = np.zeros_like(mask)
        mask[height // 4 : -height // 4, width // 4 : -width // 4] = True
    return mask.repeat(2, axis=0).repeat(2, axis=1)


def _otsu(values: NDArray[np.floating]) -> float:
    """The threshold that parts values into two classes of least variance (Otsu 1979)."""
    counts, edges = np.histogram(values, bins=64)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    total = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (total / below - (total[-1] - total) / above) ** 2
    return float(middles[int(np.argmax(np.nan_to_num(between)))])


def _cloth(garment: Mask) -> Mask:
    """The garment without its outline, where ground and garment mix."""
    inside = ndimage.binary_erosion(garment, iterations=2)
    return inside if inside.any() else garment


def _most_common_color(lab: Array) -> Array:
    """The densest L*a*b* colour, shape (3,): a histogram's peak, then the mean of what is near it."""
    keys = _bin_numbers(lab, 8, 32)
    peak: Array = lab[keys == int(np.argmax(np.bincount(keys)))].mean(axis=0, dtype=np.float32)
    for _ in range(3):
        near = _length(lab - peak) < 12
        peak = lab[near].mean(axis=0, dtype=np.float32) if near.any() else peak
    return peak


def _color(lab: Array, mode: Array) -> Array:
    shares = np.bincount(_bin_numbers(lab, 20, 6), minlength=6**3) / len(lab)
    # Square roots of shares: Euclidean distance is then Hellinger's.
    return np.concatenate([mode, 12 * np.sqrt(shares)]).astype(np.float32)


def _bin_numbers(lab: Array, width: int, n: int) -> NDArray[np.int64]:
    """Number the cubic bins of L*a*b* space, n a side; what lies outside counts to the bin at the edge."""
    bins = (lab / width + np.array([0, n // 2, n // 2], dtype=np.float32)).clip(0, n - 1).astype(np.int64)
    numbers: NDArray[np.int64] = (bins[:, 0] * n + bins[:, 1]) * n + bins[:, 2]
    return numbers


def _length(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    """Euclidean length along the last axis."""
    length: NDArray[np.floating] = np.sqrt(np.einsum("...i,...i->...", vectors, vectors))
    return length


def _pattern(lab: Array, cloth: Mask, mode: Array) -> Array:
    """Texture of what departs from the most common colour, in square patches inside the cloth."""
    # 0 where the cloth has its most common colour, 1 where it has another; folds stay near 0.
    other = np.clip((_length((lab - mode) * _LIGHTNESS_COUNTS_LESS) - 10) / 20, 0, 1)
    other *= cloth
    patches = _patches(other, cloth)
    shares = patches.mean(axis=(1, 2))
    window = np.outer(np.hanning(_PATCH), np.hanning(_PATCH))
    power = np.abs(np.fft.rfft2((patches - shares[:, None, None]) * window)) ** 2
    spectrum = power.mean(axis=0).ravel()
    rings = np.bincount(_POLAR, weights=spectrum, minlength=1 + 4 * _DIRECTIONS)[1:]
    total = float(rings.sum())
    energy = np.log1p(total)
    regular = float(np.sort(spectrum)[-6:].sum() / max(total, 1e-6))
    return np.concatenate(
        [
            [
                energy / 4,
                2 * regular * (energy > 1),
                2 * shares.mean(),
                2 * shares.max(),
                2 * shares.min(),
                2 * shares.std(),
            ],
            2 * np.sqrt(rings / max(total, 50.0)),
        ]
    ).astype(np.float32)


def _polar_bins() -> NDArray[np.int64]:
    """Which of 4 rings × 8 directions each frequency of a patch lies in, from 1; 0 for the constant part."""
    y = np.fft.fftfreq(_PATCH)[:, None] * _PATCH
    x = np.fft.rfftfreq(_PATCH)[None, :] * _PATCH
    radius = np.hypot(x, y)
    ring = np.digitize(radius, [1.5, 3.5, 6.5])
    direction = np.round(np.arctan2(y, x) / np.pi * _DIRECTIONS).astype(np.int64) % _DIRECTIONS
    return np.where(radius < 0.5, 0, 1 + ring * _DIRECTIONS + direction).ravel()


_POLAR = _polar_bins()


def _patches(other: NDArray[np.floating], inside: Mask) -> NDArray[np.float64]:
    """The patches that lie furthest inside the cloth, shape (6, 24, 24)."""
    step = _PATCH // 2
    tops = range(0, _HEIGHT - _PATCH + 1, step)
    lefts = range(0, _WIDTH - _PATCH + 1, step)
    places = [(top, left) for top in tops for left in lefts]
    sums = np.pad(inside.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    covered = [
        sums[t + _PATCH, left + _PATCH] - sums[t, left + _PATCH] - sums[t + _PATCH, left] + sums[t, left]
        for t, left in places
    ]
    best = sorted(np.argsort(covered)[::-1][:_N_PATCHES])
    return np.stack([other[t : t + _PATCH, left : left + _PATCH] for t, left in (places[i] for i in best)])


def _shape(lightness: Array, garment: Mask) -> Array:
    """The silhouette cut to its box on a grid, the box's size, and edge directions (Dalal and Triggs 2005)."""
    rows, columns = np.flatnonzero(garment.any(axis=1)), np.flatnonzero(garment.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    box = garment[top:bottom, left:right].astype(np.float32)
    silhouette = _to_grid(box, _GRID)
    smooth = ndimage.gaussian_filter(lightness, 1.0)
    down, along = np.gradient(smooth)
    strength = np.minimum(np.hypot(down, along), 12) * garment
    direction = np.round(np.arctan2(down, along) / np.pi * _DIRECTIONS).astype(np.int64) % _DIRECTIONS
    cells = np.stack(
        [_to_grid((strength * (direction == one))[top:bottom, left:right], _CELL_GRID) for one in range(_DIRECTIONS)],
        axis=-1,
    )
    norm = _length(cells)[..., None] + 0.5
    size = np.array([(bottom - top) / garment.shape[0], (right - left) / garment.shape[1]])
    return np.concatenate([silhouette.ravel(), 6 * size, 0.25 * (cells / norm).ravel()]).astype(np.float32)


def _to_grid(values: NDArray[np.floating], n: int) -> NDArray[np.float64]:
    """Mean values in n × n cells of a picture of any size."""
    from PIL import Image as PillowImage

    small = PillowImage.fromarray(values.astype(np.float32)).resize((n, n), PillowImage.Resampling.BOX)
    return np.asarray(small, dtype=np.float64)
