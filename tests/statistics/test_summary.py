import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakbench.errors import BadInputError, OutOfRangeError
from peakbench.metrics.definitions import MetricDefinition
from peakbench.metrics.metric import Answer, Metric, Score
from peakbench.runs.scores import ScoreRow, ScoresWriter, groups_of_file, groups_of_table, scores_schema
from peakbench.statistics.bootstrap import percentile_interval, resampled_totals
from peakbench.statistics.intervals import t_interval, wilson_interval
from peakbench.statistics.summary import summarise

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Ratio(Metric):
    """The first statistic over the second: a mean when they are a sum and a count."""

    def measure(self, answer: Answer) -> Iterable[Score]:
        raise AssertionError("a summary reads scores and measures nothing")

    def from_totals(self, totals: "NDArray[np.float64]") -> "NDArray[np.float64]":
        values = np.full(totals.shape[:-1], np.nan)
        np.divide(totals[..., 0], totals[..., 1], out=values, where=totals[..., 1] > 0)
        return values


def metric(name: str, interval: str = "t", **changes: Any) -> Metric:
    known: dict[str, Any] = {
        "id": name,
        "version": 1,
        "title": name,
        "family": "structured",
        "level": "sample",
        "applies_to": ["json"],
        "formula": "first over second",
        "range": (0.0, 1.0),
        "unit": "fraction",
        "direction": "higher",
        "undefined": "when the second is 0",
        "on_unparsed": 0.0,
        "on_failed": 0.0,
        "implementation": "test_summary:Ratio",
        "statistics": ["sum", "n"],
        "interval": interval,
        "card": "card.md",
    }
    return Ratio(MetricDefinition(**(known | changes)), None)


def row(sample: str, value: float | None, name: str = "m", part: str = "", **changes: Any) -> ScoreRow:
    known: dict[str, Any] = {
        "sample_id": sample,
        "repeat": 0,
        "cluster": None,
        "metric": name,
        "slice": part,
        "value": value,
        "reason": None if value is not None else "unparsed",
        "stats": None if value is None else (value, 1.0),
    }
    return ScoreRow(**(known | changes))


def table(rows: Sequence[ScoreRow]) -> pa.Table:
    schema = scores_schema()
    return pa.table({field.name: [getattr(each, field.name) for each in rows] for field in schema}, schema=schema)


def summary(rows: Sequence[ScoreRow], n: int, used: Metric | None = None, **changes: Any) -> Any:
    used = used or metric("m")
    return summarise(groups_of_table(table(rows)), {used.definition.id: used}, n, **changes)[used.definition.id]


def test_a_mean_with_its_t_interval() -> None:
    values = [0.0, 0.5, 1.0, 0.25]
    result = summary([row(f"s{i}", value) for i, value in enumerate(values)], 4)
    assert result.value == pytest.approx(0.4375)
    assert result.ci == pytest.approx((0.0, np.clip(t_interval(np.array(values)) or (), 0, 1)[1]))
    assert (result.n, result.n_defined, result.interval, result.undefined) == (4, 4, "t", {})
    assert result.counts == {"sum": 1.75, "n": 4.0}
    assert (result.direction, result.unit) == ("higher", "fraction")
    assert result.signature == metric("m").signature


def test_undefined_samples_are_counted_by_reason_and_left_out() -> None:
    rows = [row("a", 1.0), row("b", None), row("c", None, reason="no text"), row("d", 0.0), row("e", None)]
    result = summary(rows, 6)
    assert result.value == 0.5
    assert (result.n, result.n_defined) == (6, 2)
    assert result.undefined == {"no text": 1, "unparsed": 2, "not scored": 1}


def test_a_metric_without_a_defined_sample_has_neither_value_nor_interval() -> None:
    result = summary([row("a", None), row("b", None)], 2)
    assert (result.value, result.ci, result.n_defined, result.undefined) == (None, None, 0, {"unparsed": 2})


def test_a_metric_that_was_not_scored_is_undefined_and_says_so() -> None:
    result = summarise(groups_of_table(table([row("a", 1.0)])), {"other": metric("other")}, 1)["other"]
    assert (result.value, result.ci, result.n, result.undefined) == (None, None, 1, {"not scored": 1})


def asked_again(values: dict[str, list[float]], part: str = "") -> list[ScoreRow]:
    return [row(name, each, part=part, repeat=r) for name, own in values.items() for r, each in enumerate(own)]


def test_the_spread_of_repeats_is_told_from_the_spread_of_samples() -> None:
    values = {"a": [0.0, 1.0], "b": [1.0, 1.0], "c": [0.0, 0.0], "d": [0.25, 0.75]}
    variance = summary(asked_again(values), 4).repeat_variance
    means = np.array([np.mean(own) for own in values.values()])
    assert variance.within == pytest.approx((0.5 + 0 + 0 + 0.125) / 4)
    assert variance.between == pytest.approx(means.var(ddof=1) - variance.within / 2)
    assert variance.n == 4
    assert (variance.between + variance.within / 2) / 4 == pytest.approx(means.var(ddof=1) / 4)


def test_samples_that_only_waver_differ_by_nothing() -> None:
    variance = summary(asked_again({"a": [0.0, 1.0], "b": [1.0, 0.0], "c": [0.0, 1.0]}), 3).repeat_variance
    assert (variance.between, variance.within) == (0.0, 0.5)


def test_samples_of_one_value_say_nothing_of_the_spread_of_repeats() -> None:
    rows = asked_again({"a": [0.0, 1.0], "b": [1.0], "c": [0.5, 0.5, 0.5]})
    rows += [row("d", None), row("d", 1.0, repeat=1)]
    variance = summary(rows, 4).repeat_variance
    assert variance.n == 2
    assert variance.within == pytest.approx((0.5 + 0.0) / 2)
    assert summary(asked_again({"a": [0.0, 1.0], "b": [1.0]}), 2).repeat_variance is None
    assert summary(asked_again({"a": [0.0], "b": [1.0]}), 2).repeat_variance is None


def test_only_whole_samples_of_means_have_a_spread_of_repeats() -> None:
    values = {"a": [0.0, 1.0], "b": [1.0, 1.0]}
    rows = asked_again(values) + asked_again(values, "field=x")
    assert summary(rows, 2, metric("m", "bootstrap")).repeat_variance is None
    result = summary(rows, 2, metric("m", "wilson"))
    assert result.repeat_variance is not None
    assert "repeat_variance" not in result.slices["field=x"].model_dump()


@given(st.lists(st.lists(st.floats(0, 1), min_size=2, max_size=4), min_size=2, max_size=6))
def test_variances_are_never_negative(values: list[list[float]]) -> None:
    rows = asked_again({f"s{i}": own for i, own in enumerate(values)})
    variance = summary(rows, len(values)).repeat_variance
    assert variance.between >= 0
    assert variance.within == pytest.approx(np.mean([np.var(own, ddof=1) for own in values]), abs=1e-12)


def test_a_sample_that_counts_without_a_value_of_its_own_is_defined() -> None:
    rows = [
        row("a", None, reason="has no value alone", stats=(0.0, 3.0), cluster="k"),
        row("b", 1.0, stats=(1.0, 1.0)),
        row("c", None, reason="nothing", cluster="k"),
    ]
    result = summary(rows, 3, metric("m", "bootstrap"))
    assert (result.value, result.n, result.n_defined) == (0.25, 3, 2)
    assert result.undefined == {"nothing": 1}
    assert (result.slices["cluster=k"].n, result.slices["cluster=k"].n_defined) == (2, 1)


def test_repeats_are_averaged_inside_the_sample_first() -> None:
    rows = [row("a", 1.0, repeat=r) for r in range(3)] + [row("b", 0.0), row("b", 0.6, repeat=1)]
    rows += [row("c", None), row("c", 0.5, repeat=1)]
    result = summary(rows, 3)
    assert result.value == pytest.approx((1.0 + 0.3 + 0.5) / 3)
    assert result.n_defined == 3
    low, high = t_interval(np.array([1.0, 0.3, 0.5])) or (math.nan, math.nan)
    assert result.ci == pytest.approx((max(low, 0), min(high, 1)))


def test_a_pooled_metric_is_the_ratio_of_sums_and_bootstrapped_over_samples() -> None:
    stats = np.array([[1.0, 1.0], [2.0, 8.0], [0.0, 3.0], [4.0, 4.0]])
    rows = [row(f"s{i}", a / b, stats=(a, b)) for i, (a, b) in enumerate(stats.tolist())]
    result = summary(rows, 4, metric("m", "bootstrap"), seed=7, draws=500)
    assert result.value == 7 / 16
    resampled = resampled_totals(stats, 500, 7)
    assert result.ci == pytest.approx(percentile_interval(resampled[:, 0] / resampled[:, 1]))
    assert result.interval == "bootstrap"
    assert result.signature.endswith("|draws=500|seed=7")


def test_the_bootstrap_draws_clusters_where_there_are_any() -> None:
    rows = [row(f"s{i}", 0.5, stats=(i / 10, i / 5), cluster=f"c{i % 3}") for i in range(1, 10)]
    result = summary(rows, 9, metric("m", "bootstrap"), draws=300)
    sums = np.array([[sum(i for i in range(1, 10) if i % 3 == c) * part for part in (0.1, 0.2)] for c in range(3)])
    resampled = resampled_totals(sums, 300, 0)
    assert result.interval == "bootstrap clustered"
    assert result.ci == pytest.approx(percentile_interval(resampled[:, 0] / resampled[:, 1]))


def test_clusters_make_the_t_interval_clustered_and_slices_of_their_own() -> None:
    values, clusters = [0.44, 0.46, 0.54, 0.56, 0.53, 0.47], ["x", "x", "y", "y", None, None]
    rows = [row(f"s{i}", v, cluster=c) for i, (v, c) in enumerate(zip(values, clusters, strict=True))]
    result = summary(rows, 6)
    assert result.interval == "t clustered"
    low, high = t_interval(np.array(values), np.array([0, 0, 1, 1, 2, 3])) or (math.nan, math.nan)
    assert 0 < low < high < 1
    assert result.ci == pytest.approx((low, high))
    assert list(result.slices) == ["cluster=x", "cluster=y"]
    assert result.slices["cluster=x"].value == pytest.approx(0.45)
    assert (result.slices["cluster=y"].n, result.slices["cluster=y"].n_defined) == (2, 2)
    assert result.slices["cluster=y"].ci is None


def test_one_cluster_gives_no_interval_at_all() -> None:
    rows = [row(f"s{i}", i / 4, cluster="only") for i in range(5)]
    assert summary(rows, 5).ci is None
    assert summary(rows, 5, metric("m", "bootstrap")).ci is None


def test_slices_of_the_table_have_values_and_intervals_of_their_own() -> None:
    rows = [row(f"s{i}", 0.5) for i in range(4)]
    rows += [row(f"s{i}", i / 3, part="field=type") for i in range(4)]
    rows += [row("s0", 1.0, part="field=brand"), row("s1", None, part="field=brand", reason="empty")]
    result = summary(rows, 4)
    assert result.value == 0.5
    assert set(result.slices) == {"field=type", "field=brand"}
    assert result.slices["field=type"].value == pytest.approx(0.5)
    assert result.slices["field=type"].ci is not None
    brand = result.slices["field=brand"]
    assert (brand.value, brand.n, brand.n_defined, brand.ci) == (1.0, 2, 1, None)
    assert result.undefined == {}


def test_a_rate_takes_wilson() -> None:
    rows = [row(f"s{i}", float(i < 3)) for i in range(10)]
    result = summary(rows, 10, metric("m", "wilson"))
    assert (result.ci, result.interval) == (wilson_interval(3, 10), "wilson")


def test_no_interval_where_the_definition_declares_none() -> None:
    result = summary([row("a", 0.5), row("b", 1.0)], 2, metric("m", "none"))
    assert (result.value, result.ci, result.interval) == (0.75, None, "none")


@given(st.permutations(range(36)))
def test_order_of_rows_changes_no_bit(order: list[int]) -> None:
    rows = [
        row(
            f"s{i // 3 % 4}",
            None if i % 13 == 0 else (i * 7 % 11) / 11,
            name="pooled" if i < 24 else "mean",
            part="field=type" if i < 12 else "",
            repeat=i % 3,
            cluster=f"c{i // 6 % 2}",
            reason=f"reason {i % 3}" if i % 13 == 0 else None,
        )
        for i in range(36)
    ]
    used = {"mean": metric("mean"), "pooled": metric("pooled", "bootstrap")}
    expected = summarise(groups_of_table(table(rows)), used, 4, draws=50)
    assert expected["mean"].n_defined == expected["pooled"].slices["field=type"].n_defined == 4
    assert summarise(groups_of_table(table([rows[i] for i in order])), used, 4, draws=50) == expected


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30), st.sampled_from(["t", "wilson", "bootstrap"]))
def test_intervals_lie_inside_the_range(values: list[float], interval: str) -> None:
    rows = [row(f"s{i}", value) for i, value in enumerate(values)]
    result = summary(rows, len(values), metric("m", interval), draws=100)
    assert result.ci is not None
    assert 0 <= result.ci[0] <= result.ci[1] <= 1
    if interval != "bootstrap":
        assert result.ci[0] <= result.value <= result.ci[1]


def test_a_mean_interval_around_something_else_is_refused() -> None:
    rows = [row("a", 1.0, stats=(1.0, 1.0)), row("b", 0.0, stats=(0.0, 3.0))]
    with pytest.raises(BadInputError, match="mean of its samples") as refused:
        summary(rows, 2)
    assert "interval: bootstrap" in refused.value.mend


def test_a_value_outside_its_range_stops() -> None:
    with pytest.raises(OutOfRangeError, match="outside its range"):
        summary([row("a", 3.0), row("b", 1.0)], 2)


@pytest.mark.parametrize("broken", [row("b", 0.5, stats=(math.nan, 1.0)), row("b", math.inf, stats=(1.0, 1.0))])
def test_numbers_that_are_none_stop_and_name_the_sample(broken: ScoreRow) -> None:
    with pytest.raises(OutOfRangeError, match="sample b "):
        summary([row("a", 1.0), broken], 2)


def test_more_samples_than_were_asked_are_refused() -> None:
    with pytest.raises(BadInputError, match="hold 2 samples, but the run asked about 1"):
        summary([row("a", 1.0), row("b", 1.0)], 1)


def test_a_sample_scored_twice_is_refused() -> None:
    with pytest.raises(BadInputError, match="sample a is scored twice"):
        summary([row("a", 1.0), row("b", 1.0), row("a", 0.0)], 2)


def test_a_sample_in_two_clusters_is_refused() -> None:
    with pytest.raises(BadInputError, match="two clusters"):
        summary([row("a", 1.0, cluster="x"), row("a", 0.0, repeat=1, cluster="y")], 1)


def test_scores_of_another_number_of_statistics_are_refused() -> None:
    with pytest.raises(BadInputError, match="2 statistics"):
        summary([row("a", 1.0, stats=(1.0, 1.0, 1.0))], 1)


def test_an_empty_table_summarises() -> None:
    result = summary([], 3)
    assert (result.value, result.n, result.undefined) == (None, 3, {"not scored": 3})


def test_a_file_in_several_row_groups_summarises_like_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peakbench.runs.scores._ROWS_A_GROUP", 3)
    rows = [row(f"s{i}", i / 9, cluster=f"c{i % 4}", reason=None) for i in range(10)]
    with ScoresWriter(tmp_path / "scores.parquet") as writer:
        for each in reversed(rows):
            writer.write([each])
    read = summarise(groups_of_file(tmp_path / "scores.parquet"), {"m": metric("m")}, 10)
    assert read["m"] == summary(rows, 10)


def test_a_sample_without_a_value_of_its_own_counts_with_its_statistics() -> None:
    rows = [row("a", None, stats=(1.0, 0.0), reason="no second"), row("b", 0.0, stats=(0.0, 2.0)), row("c", None)]
    result = summary(rows, 3, metric("m", "bootstrap"))
    assert (result.value, result.n_defined, result.undefined) == (0.5, 2, {"unparsed": 1})
    alone = summary(rows[:1], 1, metric("m", "bootstrap"))
    assert (alone.value, alone.n_defined, alone.undefined) == (None, 0, {"when the second is 0": 1})
