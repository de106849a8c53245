"""Metrics of rows that cannot be summed: values, slices, clusters, repeats and intervals are of all rows together."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from test_summary import metric, row, summary

from peakbench.errors import BadInputError, OutOfRangeError
from peakbench.metrics.metric import Answer, PooledMetric, Score
from peakbench.statistics.bootstrap import percentile_interval, resamples


class Correlation(PooledMetric):
    """Pearson's correlation of the two columns; undefined below three rows or for a constant side."""

    def measure(self, answer: Answer) -> Iterable[Score]:
        raise AssertionError("a summary reads scores and measures nothing")

    def from_rows(self, answers: Sequence[NDArray[np.float64]]) -> float:
        rows = np.concatenate(answers) if answers else np.empty((0, 2))
        if len(rows) < 3 or not np.ptp(rows, axis=0).all():
            return float("nan")
        return float(np.corrcoef(rows[:, 0], rows[:, 1])[0, 1])


def correlation(interval: str = "bootstrap") -> Correlation:
    made = metric("m", interval, range=(-1.0, 1.0), statistics=["one", "other"], undefined="too few rows")
    return Correlation(made.definition, None)


GENERATOR = np.random.default_rng(2)
ROWS = [GENERATOR.normal(size=(int(n), 2)).cumsum(axis=1) for n in GENERATOR.integers(1, 4, size=30)]


def scored(rows: NDArray[np.float64] | None, sample: str, **changes: Any) -> Any:
    stats = None if rows is None else tuple(rows.ravel().tolist())
    return row(sample, None, stats=stats, reason="a value of whole runs" if stats else "nothing there", **changes)


def names(count: int) -> list[str]:
    return [f"s{number:02d}" for number in range(count)]


def test_the_value_is_of_all_rows_and_the_interval_of_resampled_samples() -> None:
    result = summary([scored(rows, name) for rows, name in zip(ROWS, names(30), strict=True)], 30, correlation())
    assert result.value == pytest.approx(correlation().from_rows(ROWS))
    by_hand = [correlation().from_rows([ROWS[place] for place in draw]) for draw in resamples(30, 1000, 0)]
    assert result.ci == pytest.approx(percentile_interval(np.array(by_hand)))
    assert (result.n, result.n_defined, result.interval, result.undefined) == (30, 30, "bootstrap", {})
    assert result.signature.endswith("|draws=1000|seed=0")


def test_rows_of_all_repeats_are_pooled_and_the_order_of_the_table_changes_nothing() -> None:
    rows = [
        scored(values, name, repeat=repeat)
        for repeat in (0, 1)
        for values, name in zip(ROWS[15 * repeat : 15 * repeat + 15], names(15), strict=True)
    ]
    result = summary(rows, 15, correlation())
    assert result.value == pytest.approx(correlation().from_rows(ROWS))
    assert summary(rows[::-1], 15, correlation()) == result
    assert result.n_defined == 15


def test_slices_and_clusters_have_the_values_of_their_rows() -> None:
    rows = []
    for number, (values, name) in enumerate(zip(ROWS, names(30), strict=True)):
        cluster = f"c{number % 3}"
        rows.append(scored(values, name, cluster=cluster))
        rows.append(scored(values[:1] if number < 20 else None, name, part="label=x", cluster=cluster))
    result = summary(rows, 30, correlation())
    assert result.slices["label=x"].value == pytest.approx(correlation().from_rows([one[:1] for one in ROWS[:20]]))
    assert (result.slices["label=x"].n, result.slices["label=x"].n_defined) == (30, 20)
    assert result.slices["cluster=c1"].value == pytest.approx(correlation().from_rows(ROWS[1::3]))
    assert result.slices["cluster=c1"].ci is None
    assert result.slices["cluster=c1"].n == 10
    assert result.interval == "bootstrap clustered"
    groups = [ROWS[start::3] for start in range(3)]
    drawn = [[one for place in draw for one in groups[place]] for draw in resamples(3, 1000, 0)]
    assert result.ci == pytest.approx(percentile_interval(np.array([correlation().from_rows(one) for one in drawn])))


def test_rows_that_give_no_value_leave_the_run_undefined_with_the_metrics_reason() -> None:
    result = summary([scored(ROWS[0][:1], "a"), scored(None, "b")], 3, correlation())
    assert (result.value, result.ci, result.n_defined) == (None, None, 0)
    assert result.undefined == {"too few rows": 1, "nothing there": 1, "not scored": 1}
    nothing = summary([scored(None, "a")], 1, correlation())
    assert (nothing.value, nothing.undefined) == (None, {"nothing there": 1})


def test_without_a_declared_interval_there_is_none() -> None:
    result = summary([scored(rows, name) for rows, name in zip(ROWS, names(30), strict=True)], 30, correlation("none"))
    assert (result.ci, result.interval) == (None, "none")
    assert result.value is not None
    assert "draws" not in result.signature


def test_rows_of_another_width_and_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(BadInputError, match="no rows of the 2 statistics"):
        summary([row("a", None, stats=(1.0, 2.0, 3.0))], 1, correlation())
    with pytest.raises(OutOfRangeError, match="sample a "):
        summary([row("a", None, stats=(1.0, float("nan")))], 1, correlation())


def test_a_pooled_metric_has_no_sums() -> None:
    with pytest.raises(TypeError, match="no function of sums"):
        correlation().from_totals(np.zeros(2))
