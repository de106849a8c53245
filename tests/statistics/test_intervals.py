import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from peakbench.statistics.intervals import clip_interval, rate_interval, t_interval, wilson_interval

scores = st.lists(st.floats(0, 1), min_size=2, max_size=60)


def test_t_interval_is_scipys() -> None:
    values = np.array([0.1, 0.4, 0.4, 0.9, 1.0, 0.0, 0.35])
    expected = stats.t.interval(0.95, len(values) - 1, loc=values.mean(), scale=stats.sem(values))
    assert t_interval(values) == pytest.approx(expected)


def test_clustered_t_interval_is_the_formula_written_out() -> None:
    values = np.array([0.2, 0.3, 0.9, 1.0, 0.5, 0.7])
    clusters = np.array([4, 4, 1, 1, 1, 9])
    mean, n, count = values.mean(), 6, 3
    sums = [(0.2 - mean) + (0.3 - mean), (0.9 - mean) + (1.0 - mean) + (0.5 - mean), 0.7 - mean]
    variance = count / (count - 1) * sum(each**2 for each in sums) / n**2
    half = stats.t.ppf(0.975, count - 1) * math.sqrt(variance)
    assert t_interval(values, clusters) == pytest.approx((mean - half, mean + half))


def test_clusters_of_one_give_the_unclustered_interval() -> None:
    values = np.array([0.2, 0.3, 0.9, 1.0])
    assert t_interval(values, np.arange(4)) == pytest.approx(t_interval(values))


def test_copies_inside_clusters_narrow_nothing() -> None:
    values = np.array([0.1, 0.5, 0.9, 0.4])
    copies = np.repeat(values, 25)
    alone, clustered = t_interval(values), t_interval(copies, np.repeat(np.arange(4), 25))
    assert alone is not None
    assert clustered == pytest.approx(alone)


@pytest.mark.parametrize("values", [[], [0.5]])
def test_below_two_values_there_is_no_interval(values: list[float]) -> None:
    assert t_interval(np.array(values)) is None


def test_one_cluster_gives_no_interval() -> None:
    assert t_interval(np.array([0.1, 0.9, 0.5]), np.zeros(3, dtype=np.int64)) is None


@pytest.mark.parametrize("n", range(2, 12))
def test_a_constant_sample_gives_a_t_interval_without_width(n: int) -> None:
    interval = t_interval(np.full(n, 0.1))
    assert interval == pytest.approx((0.1, 0.1), abs=1e-15)
    assert interval is not None
    assert interval[0] == interval[1]


@given(scores)
def test_t_interval_contains_its_mean(values: list[float]) -> None:
    interval = t_interval(np.array(values))
    assert interval is not None
    assert interval[0] <= np.mean(values) <= interval[1]


@given(scores, st.data())
def test_order_of_samples_changes_nothing(values: list[float], data: st.DataObject) -> None:
    pairs = [(value, i % 3) for i, value in enumerate(values)]
    shuffled = data.draw(st.permutations(pairs))
    intervals = [
        t_interval(np.array([value for value, _ in order]), np.array([cluster for _, cluster in order]))
        for order in (pairs, shuffled)
    ]
    assert intervals[0] == pytest.approx(intervals[1], abs=1e-12)


def test_wilson_is_the_closed_form() -> None:
    n, successes, z = 40, 9, stats.norm.ppf(0.975)
    rate = successes / n
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    assert wilson_interval(successes, n) == pytest.approx((centre - half, centre + half))


@given(st.integers(2, 5000), st.data())
def test_wilson_is_what_scipy_says(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n))
    found = stats.binomtest(successes, n).proportion_ci(confidence_level=0.95, method="wilson")
    assert wilson_interval(successes, n) == (found.low, found.high)


@given(st.integers(2, 500), st.data())
def test_wilson_never_collapses_and_stays_inside(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n))
    interval = wilson_interval(successes, n)
    assert interval is not None
    assert 0 <= interval[0] <= successes / n <= interval[1] <= 1
    assert interval[1] - interval[0] > 0.001


def test_wilson_needs_two_trials() -> None:
    assert wilson_interval(1, 1) is None


def test_a_rate_takes_wilson_when_it_is_plain() -> None:
    values = np.array([1.0, 0, 1, 1, 0])
    assert rate_interval(values, None, repeated=False) == (wilson_interval(3, 5), "wilson")


def test_a_rate_with_clusters_or_repeats_takes_t() -> None:
    values = np.array([1.0, 0, 1, 1, 0, 0])
    clusters = np.array([0, 0, 1, 1, 2, 2])
    assert rate_interval(values, clusters, repeated=False) == (t_interval(values, clusters), "t clustered")
    assert rate_interval(values, None, repeated=True) == (t_interval(values), "t")


@pytest.mark.parametrize("constant", [0.0, 1.0])
def test_a_constant_rate_is_never_certain(constant: float) -> None:
    values, clusters = np.full(40, constant), np.repeat(np.arange(4), 10)
    assert rate_interval(values, clusters, repeated=False) == (wilson_interval(int(4 * constant), 4), "wilson")
    assert rate_interval(values, None, repeated=True) == (wilson_interval(int(40 * constant), 40), "wilson")


def test_intervals_are_clipped_to_the_range() -> None:
    assert clip_interval((-0.2, 0.3), (0.0, 1.0)) == (0.0, 0.3)
    assert clip_interval((0.8, 1.2), (0.0, 1.0)) == (0.8, 1.0)
    assert clip_interval((-3.0, 99.0), (0.0, math.inf)) == (0.0, 99.0)
    assert clip_interval(None, (0.0, 1.0)) is None
