import numpy as np
import pytest
from numpy.typing import NDArray

from peakbench.statistics import bootstrap
from peakbench.statistics.bootstrap import percentile_interval, resampled_totals, resamples


def ratio(totals: "NDArray[np.float64]") -> "NDArray[np.float64]":
    return np.divide(totals[..., 0], totals[..., 1])


def test_totals_are_those_of_resamples_drawn_one_by_one() -> None:
    statistics = np.random.default_rng(5).random((30, 4))
    generator = np.random.default_rng(11)
    by_hand = [statistics[generator.integers(0, 30, size=30, dtype=np.int32)].sum(axis=0) for _ in range(50)]
    assert resampled_totals(statistics, draws=50, seed=11) == pytest.approx(np.array(by_hand))


def test_interval_agrees_with_a_brute_force_bootstrap_of_another_seed() -> None:
    generator = np.random.default_rng(3)
    denominators = generator.integers(1, 9, 400).astype(float)
    statistics = np.stack([denominators * generator.random(400), denominators], axis=1)
    other = np.random.default_rng(99)
    brute = [ratio(statistics[other.choice(400, 400)].sum(axis=0)) for _ in range(4000)]
    found = percentile_interval(ratio(resampled_totals(statistics, draws=4000, seed=0)))
    width = np.quantile(brute, 0.975) - np.quantile(brute, 0.025)
    assert found == pytest.approx((np.quantile(brute, 0.025), np.quantile(brute, 0.975)), abs=0.08 * width)


def test_same_seed_same_totals_and_another_seed_others() -> None:
    statistics = np.random.default_rng(5).random((20, 2))
    first = resampled_totals(statistics, draws=10, seed=1)
    assert np.array_equal(first, resampled_totals(statistics, draws=10, seed=1))
    assert not np.array_equal(first, resampled_totals(statistics, draws=10, seed=2))


def test_every_metric_sees_the_same_resamples() -> None:
    one, other = np.random.default_rng(5).random((2, 50, 1))
    together = resampled_totals(np.hstack([one, other]), draws=20, seed=0)
    assert together[:, :1] == pytest.approx(resampled_totals(one, draws=20, seed=0))
    assert together[:, 1:] == pytest.approx(resampled_totals(other, draws=20, seed=0))


def test_the_size_of_a_chunk_changes_no_resample(monkeypatch: pytest.MonkeyPatch) -> None:
    statistics = np.arange(21.0).reshape(7, 3)  # whole numbers, so that sums are exact
    whole = resampled_totals(statistics, draws=25, seed=4)
    monkeypatch.setattr(bootstrap, "_CHUNK_NUMBERS", 20)
    assert np.array_equal(resampled_totals(statistics, draws=25, seed=4), whole)


@pytest.mark.parametrize("n", [1, 2, 7, 64, 1001])
@pytest.mark.parametrize("block", [1, 50, 5_000, 1_000_000])
def test_resamples_drawn_many_at_a_time_are_those_drawn_one_by_one(
    monkeypatch: pytest.MonkeyPatch, n: int, block: int
) -> None:
    monkeypatch.setattr(bootstrap, "_BLOCK_NUMBERS", block)
    generator = np.random.default_rng(4)
    one_by_one = [generator.integers(0, n, size=n, dtype=np.int32) for _ in range(33)]
    assert np.array_equal(list(resamples(n, draws=33, seed=4)), one_by_one)


def test_resamples_where_the_metric_is_undefined_are_left_out() -> None:
    values = np.array([np.nan, *np.linspace(0, 1, 41), np.nan])
    assert percentile_interval(values) == pytest.approx((0.025, 0.975))
    assert percentile_interval(np.full(5, np.nan)) is None
