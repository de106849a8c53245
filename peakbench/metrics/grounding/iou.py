"""Intersection over union of boxes: of pairs, and of what whole sets of boxes cover.

Coordinates are continuous: a box from 0 to 100 is 100 wide, and no pixel is added to it. A box without area, the same
one included, has an IoU of 0 with everything.

Boxes that do not touch all have an IoU of 0, however far apart they are. Its two kin, GIoU and DIoU, tell them apart.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SLACK = 1e-9
"""How far below a threshold rounding may carry an IoU that is exactly on it."""


def iou_matrix(ones: "NDArray[np.float64]", others: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """IoU of every box of one set with every box of another.

    Args:
        ones: Shape `(n, 4)`: left, top, right, bottom.
        others: Shape `(m, 4)`.

    Returns:
        Shape `(n, m)`, between 0 and 1.
    """
    shared, joined = _shared_and_joined(ones, others)
    quotient = np.zeros(shared.shape)
    np.divide(shared, joined, out=quotient, where=(shared > 0) & (joined > 0))
    return np.minimum(quotient, 1.0)


def diou_matrix(ones: "NDArray[np.float64]", others: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Distance IoU: IoU less the squared distance of the centres over the squared diagonal of the box around both.

    Source: Zheng et al. 2020, "Distance-IoU Loss", arXiv:1911.08287. Two boxes at one point have a distance of 0.

    Args:
        ones: Shape `(n, 4)`: left, top, right, bottom.
        others: Shape `(m, 4)`.

    Returns:
        Shape `(n, m)`, above -1, at most 1.
    """
    centres, their_centres = (ones[:, :2] + ones[:, 2:]) / 2, (others[:, :2] + others[:, 2:]) / 2
    apart = centres[:, None] - their_centres[None]
    distance, diagonal = (apart**2).sum(axis=-1), (_around(ones, others) ** 2).sum(axis=-1)
    lost = np.zeros(distance.shape)
    np.divide(distance, diagonal, out=lost, where=diagonal > 0)
    return iou_matrix(ones, others) - lost


def giou_matrix(ones: "NDArray[np.float64]", others: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Generalised IoU: IoU less the share of the box around both that neither covers.

    Source: Rezatofighi et al. 2019, "Generalized Intersection over Union", arXiv:1902.09630.

    Args:
        ones: Shape `(n, 4)`: left, top, right, bottom.
        others: Shape `(m, 4)`.

    Returns:
        Shape `(n, m)`, above -1, at most 1.
    """
    joined = _shared_and_joined(ones, others)[1]
    whole = _around(ones, others).prod(axis=-1)
    lost = np.zeros(whole.shape)
    np.divide(np.maximum(whole - joined, 0.0), whole, out=lost, where=whole > 0)
    return iou_matrix(ones, others) - lost


def _shared_and_joined(
    ones: "NDArray[np.float64]", others: "NDArray[np.float64]"
) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """The area that both boxes of a pair cover, and that which either covers; shape `(n, m)` each."""
    left_top = np.maximum(ones[:, None, :2], others[None, :, :2])
    right_bottom = np.minimum(ones[:, None, 2:], others[None, :, 2:])
    sides = np.clip(right_bottom - left_top, 0.0, None)
    shared = sides[..., 0] * sides[..., 1]
    return shared, areas(ones)[:, None] + areas(others)[None, :] - shared


def _around(ones: "NDArray[np.float64]", others: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Width and height of the smallest box around each pair; shape `(n, m, 2)`."""
    right_bottom = np.maximum(ones[:, None, 2:], others[None, :, 2:])
    whole: NDArray[np.float64] = right_bottom - np.minimum(ones[:, None, :2], others[None, :, :2])
    return whole


def areas(boxes: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Area of each box.

    Args:
        boxes: Shape `(n, 4)`: left, top, right, bottom.

    Returns:
        Shape `(n,)`.
    """
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def union_iou(references: "NDArray[np.float64]", predictions: "NDArray[np.float64]") -> float | None:
    """Area that both sets cover over the area that either covers; None where neither has a box, 0 without any area.

    The plane is cut into slabs at every left and right edge. From slab to slab only the boxes that begin or end there
    are counted in or out, so thousands of boxes take a second, and a few no time.

    Args:
        references: Shape `(n, 4)`: left, top, right, bottom.
        predictions: Shape `(m, 4)`.
    """
    if not len(references) and not len(predictions):
        return None
    if not len(references) or not len(predictions):
        return 0.0
    if len(references) == len(predictions) == 1:
        return float(iou_matrix(references, predictions)[0, 0])
    boxes = np.vstack([references, predictions])
    side = (np.arange(len(boxes)) >= len(references)).astype(int)
    across, down = np.unique(boxes[:, [0, 2]]), np.unique(boxes[:, [1, 3]])
    top, bottom = np.searchsorted(down, boxes[:, 1]), np.searchsorted(down, boxes[:, 3])
    begins = _by_slab(np.searchsorted(across, boxes[:, 0]), len(across))
    ends = _by_slab(np.searchsorted(across, boxes[:, 2]), len(across))
    heights, widths = np.diff(down), np.diff(across)
    covering = np.zeros((2, len(heights)), dtype=np.int32)
    both = either = 0.0
    for slab, width in enumerate(widths.tolist()):
        for box in ends[slab]:
            covering[side[box], top[box] : bottom[box]] -= 1
        for box in begins[slab]:
            covering[side[box], top[box] : bottom[box]] += 1
        covered = covering > 0
        both += width * float(heights[covered[0] & covered[1]].sum())
        either += width * float(heights[covered[0] | covered[1]].sum())
    return min(both / either, 1.0) if either > 0 else 0.0


def _by_slab(slabs: "NDArray[np.int64]", count: int) -> list[list[int]]:
    """The boxes of each slab."""
    found: list[list[int]] = [[] for _ in range(count)]
    for box, slab in enumerate(slabs.tolist()):
        found[slab].append(box)
    return found
