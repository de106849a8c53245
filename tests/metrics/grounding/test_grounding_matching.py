"""Matching: equal to brute force over all assignments, whatever the ties; and quick where there are thousands."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from peakbench.metrics.grounding.answer import matched_pairs, overlaps_of
from peakbench.metrics.grounding.items import BoxItem
from peakbench.metrics.grounding.matching import MATCHINGS, Pair, match

# Tenths make many ties; a prime denominator makes sums that only look equal after rounding.
WEIGHTS = st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1 / 7, 3 / 7])


@st.composite
def overlaps(draw: st.DrawFn) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    numbers = draw(st.lists(WEIGHTS, min_size=rows * columns, max_size=rows * columns))
    labels = st.lists(st.sampled_from([0, 1]), min_size=max(rows, columns), max_size=max(rows, columns))
    ours, theirs = np.array(draw(labels))[:rows], np.array(draw(labels))[:columns]
    return np.array(numbers).reshape(rows, columns), ours[:, None] == theirs[None, :]


def assignments(allowed: NDArray[np.bool_], row: int = 0, used: frozenset[int] = frozenset()) -> Iterator[list[Pair]]:
    """Every one-to-one set of allowed pairs, the empty one included."""
    if row == len(allowed):
        yield []
        return
    yield from assignments(allowed, row + 1, used)
    for column in np.flatnonzero(allowed[row]).tolist():
        if column not in used:
            for rest in assignments(allowed, row + 1, used | {column}):
                yield [(row, column), *rest]


def brute_force(weights: NDArray[np.float64], allowed: NDArray[np.bool_]) -> list[Pair]:
    """The greatest sum, then the lexicographically smallest list."""

    def total(pairs: list[Pair]) -> Fraction:
        return sum((Fraction(float(weights[pair])).limit_denominator(70) for pair in pairs), Fraction(0))

    return min(assignments(allowed & (weights > 0)), key=lambda pairs: (-total(pairs), pairs))


@settings(max_examples=100)
@given(overlaps(), st.sampled_from([0.1, 0.3, 0.5]))
def test_masked_matching_is_the_best_of_all_assignments_and_the_first_of_equals(
    case: tuple[NDArray[np.float64], NDArray[np.bool_]], threshold: float
) -> None:
    weights, same = case
    assert match(weights, same, threshold) == brute_force(weights, same & (weights >= threshold))


@settings(max_examples=100)
@given(overlaps(), st.sampled_from([0.1, 0.3, 0.5]))
def test_the_papers_matching_assigns_before_it_looks_at_the_threshold(
    case: tuple[NDArray[np.float64], NDArray[np.bool_]], threshold: float
) -> None:
    weights, same = case
    assigned = brute_force(weights, same)
    assert match(weights, same, threshold, "hungarian_then_threshold") == [
        pair for pair in assigned if weights[pair] >= threshold
    ]


@given(overlaps(), st.sampled_from([0.1, 0.3, 0.5]))
def test_greedy_takes_the_greatest_overlap_that_is_left(
    case: tuple[NDArray[np.float64], NDArray[np.bool_]], threshold: float
) -> None:
    weights, same = case
    left = {
        (int(i), int(j)): float(weights[i, j])
        for i, j in np.ndindex(*weights.shape)
        if same[i, j] and weights[i, j] >= threshold
    }
    pairs = []
    while left:
        best = min(left, key=lambda pair: (-left[pair], pair))
        pairs.append(best)
        left = {pair: value for pair, value in left.items() if pair[0] != best[0] and pair[1] != best[1]}
    assert match(weights, same, threshold, "greedy") == sorted(pairs)


def test_the_three_ways_differ_where_they_are_said_to() -> None:
    same = np.ones((2, 2), dtype=bool)
    # Assigned first, the two pairs of .45 have the greater sum; both are then too weak, and the match of .6 is lost.
    weights = np.array([[0.6, 0.45], [0.45, 0.0]])
    assert match(weights, same, 0.5, "hungarian_masked") == [(0, 0)]
    assert match(weights, same, 0.5, "hungarian_then_threshold") == []
    assert match(weights, same, 0.5, "greedy") == [(0, 0)]
    # Greedy takes .7 and leaves two boxes alone; the assignment keeps both pairs of .6.
    weights = np.array([[0.7, 0.6], [0.6, 0.0]])
    assert match(weights, same, 0.5, "greedy") == [(0, 0)]
    assert match(weights, same, 0.5, "hungarian_masked") == [(0, 1), (1, 0)]
    # Here greedy has one pair more: the sum decides, not the number.
    weights = np.array([[0.76, 0.75, 0.0], [0.7, 0.0, 0.12], [0.0, 0.12, 0.0]])
    three = np.ones((3, 3), dtype=bool)
    assert match(weights, three, 0.1, "greedy") == [(0, 0), (1, 2), (2, 1)]
    assert match(weights, three, 0.1, "hungarian_masked") == [(0, 1), (1, 0)]
    assert match(weights, three, 0.1, "hungarian_then_threshold") == [(0, 1), (1, 0)]
    assert match(np.array([[0.9, 0.2], [0.2, 0.0]]), same, 0.1) == [(0, 0)], "two weak pairs lose to one strong"


@pytest.mark.parametrize("matching", MATCHINGS)
def test_an_overlap_that_falls_short_by_rounding_has_the_threshold(matching: str) -> None:
    same = np.ones((1, 1), dtype=bool)
    assert match(np.array([[0.5 - 1e-10]]), same, 0.5, matching) == [(0, 0)]  # type: ignore[arg-type]
    assert match(np.array([[0.5 - 1e-8]]), same, 0.5, matching) == []  # type: ignore[arg-type]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("matching", MATCHINGS)
@pytest.mark.parametrize("weights", ["equal", "random"])
def test_ten_thousand_boxes_on_ten_take_bounded_time(matching: str, weights: str) -> None:
    shape = (10, 10_000)
    found = np.full(shape, 0.6) if weights == "equal" else np.random.default_rng(1).random(shape)
    pairs = match(found, np.ones(shape, dtype=bool), 0.5, matching)  # type: ignore[arg-type]
    assert len(pairs) == 10
    if weights == "equal":
        assert pairs == [(place, place) for place in range(10)]
    assert match(found.T, np.ones(shape[::-1], dtype=bool), 0.5, matching)  # type: ignore[arg-type]


def test_items_of_no_known_label_match_nothing() -> None:
    items = [BoxItem((0.0, 0.0, 9.0, 9.0), label=label) for label in (None, "artifact")]
    overlaps = overlaps_of(items, items)
    assert overlaps.all()
    (pair,) = matched_pairs(items, items, overlaps, 0.5, "hungarian_masked")
    assert pair.positions == (1, 1)
