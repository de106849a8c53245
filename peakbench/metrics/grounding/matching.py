"""Which predicted box stands for which reference box: one to one, and of one label.

Three ways are known, and they count differently. PeakBench's own, `hungarian_masked`, first removes the pairs that
could not count (too little overlap, another label), and then takes the assignment with the greatest sum of IoU.
`hungarian_then_threshold`, the words of the SDG paper, assigns first and removes afterwards, and so may spend a box on
a pair that is then removed. `greedy`, the paper's released code, takes the best pair that is left again and again, and
so may keep two boxes from finding a partner that both had.

Among assignments of one sum the lexicographically smallest list of (reference, prediction) pairs is taken, so that no
library's order of iteration is in a score.
"""

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from peakbench.metrics.grounding.iou import SLACK

if TYPE_CHECKING:
    from numpy.typing import NDArray

Matching = Literal["hungarian_masked", "hungarian_then_threshold", "greedy"]
MATCHINGS: tuple[Matching, ...] = get_args(Matching)

Pair = tuple[int, int]
"""Positions of the reference and of the prediction."""


def match(
    overlaps: "NDArray[np.float64]",
    same_label: "NDArray[np.bool_]",
    threshold: float,
    matching: Matching = "hungarian_masked",
) -> list[Pair]:
    """Match predictions with references.

    Args:
        overlaps: Shape `(references, predictions)`: IoU, 0 to 1.
        same_label: Shape `(references, predictions)`: whether a pair is of one known label.
        threshold: IoU that a pair needs, above 0; one that falls short of it by rounding (1e-9) has it.
        matching: The way.

    Returns:
        The pairs, in the order of the references.
    """
    enough = same_label & (overlaps >= threshold - SLACK) & (overlaps > 0)
    if not enough.any():
        return []
    if matching == "greedy":
        return _greedy(overlaps, enough)
    if matching == "hungarian_masked":
        return _heaviest(np.where(enough, overlaps, 0.0))
    return [pair for pair in _heaviest(np.where(same_label, overlaps, 0.0)) if enough[pair]]


def _greedy(overlaps: "NDArray[np.float64]", enough: "NDArray[np.bool_]") -> list[Pair]:
    """The pair of the greatest IoU, then the greatest of those that remain; of equals the first."""
    rows, columns = np.nonzero(enough)
    taken_rows: set[int] = set()
    taken_columns: set[int] = set()
    pairs = []
    for place in np.argsort(-overlaps[rows, columns], kind="stable").tolist():
        row, column = int(rows[place]), int(columns[place])
        if row not in taken_rows and column not in taken_columns:
            taken_rows.add(row)
            taken_columns.add(column)
            pairs.append((row, column))
    return sorted(pairs)


def _heaviest(weights: "NDArray[np.float64]") -> list[Pair]:
    """The assignment of the greatest sum, and of those the lexicographically smallest; pairs of weight 0 are none."""
    there = weights > 0
    in_row, in_column = there.sum(axis=1), there.sum(axis=0)
    # Most boxes have one possible partner, which has no other: nothing is to be chosen there.
    alone = there & (in_row[:, None] == 1) & (in_column[None, :] == 1)
    pairs = [(int(row), int(column)) for row, column in np.argwhere(alone)]
    rest = there & ~alone
    rows, columns = np.flatnonzero(rest.any(axis=1)), np.flatnonzero(rest.any(axis=0))
    if len(rows):
        rows, columns = _worth_a_look(weights, rows, columns)
        chosen = _first_of_the_heaviest(weights[np.ix_(rows, columns)])
        pairs += [(int(rows[row]), int(columns[column])) for row, column in chosen]
    return sorted(pairs)


def _worth_a_look(
    weights: "NDArray[np.float64]", rows: "NDArray[np.int64]", columns: "NDArray[np.int64]"
) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """The rows and columns that the wanted assignment can use, so that ten thousand boxes on three stay quick.

    With n rows, a row finds one of its n heaviest columns (the first of equals) free whatever the others take; so it
    has no use for any other column. The same holds for columns.
    """
    if len(columns) > len(rows):
        inside = weights[np.ix_(rows, columns)]
        kept = np.unique(np.argsort(-inside, axis=1, kind="stable")[:, : len(rows)])
        columns = columns[kept]
    elif len(rows) > len(columns):
        inside = weights[np.ix_(rows, columns)]
        kept = np.unique(np.argsort(-inside, axis=0, kind="stable")[: len(columns)])
        rows = rows[kept]
    return rows, columns


def _first_of_the_heaviest(weights: "NDArray[np.float64]") -> list[Pair]:
    """Fix one row after the other to the first column with which the greatest sum is still reached."""
    pairs: list[Pair] = []
    free = np.arange(weights.shape[1])
    best = _greatest_sum(weights)
    have = 0.0
    for row in range(len(weights)):
        below = weights[row + 1 :]
        own, without = weights[row, free], _greatest_sum(below[:, free])
        # A column that adds too little to what the other rows reach without this one is out of the question.
        for place in np.flatnonzero((own > 0) & (have + own + without >= best - SLACK)).tolist():
            others = np.delete(free, place)
            if have + own[place] + _greatest_sum(below[:, others]) >= best - SLACK:
                pairs.append((row, int(free[place])))
                have += float(own[place])
                free = others
                break
    return pairs


def _greatest_sum(weights: "NDArray[np.float64]") -> float:
    from scipy.optimize import linear_sum_assignment

    if not weights.size:
        return 0.0
    rows, columns = linear_sum_assignment(weights, maximize=True)
    return float(weights[rows, columns].sum())
