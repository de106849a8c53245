"""From scores to results: a metric's value for a run and for each of its slices, with how sure we are.

A value is always `from_totals` of the summed sufficient statistics, repeats of a sample averaged first; for a metric
whose statistics are rows (`PooledMetric`) it is `from_rows` of the rows of all answers. The interval is made by the
method that the metric's definition declares:

    t            a mean of per-sample values: Student's t, clustered where samples have clusters
    wilson       a rate of zeros and ones: Wilson, or t where there are clusters or repeats (see `rate_interval`)
    bootstrap    a ratio of sums, or a metric of pooled rows: percentiles over resampled samples, or clusters
    none         no interval

Intervals are cut off at the ends of the metric's range. A sample without a cluster, in a run where others have one, is
a cluster of its own. A `cluster=…` slice is one cluster and so has no interval: one is too few to tell a spread from.

Where samples were asked more than once, a mean also says how much of its spread lies between samples and how much
between the repeats of one: more samples reduce the first, more repeats only the second.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from peakbench.errors import BadInputError, OutOfRangeError
from peakbench.metrics.metric import PooledMetric
from peakbench.runs.results import MetricResult, RepeatVariance, Result
from peakbench.statistics.bootstrap import percentile_interval, resampled_totals, resamples
from peakbench.statistics.cells import RowCells, SampleRows, SampleScores, ScoreCells
from peakbench.statistics.intervals import Interval, clip_interval, rate_interval, t_interval
from peakbench.statistics.table import ScoreTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from peakbench.metrics.metric import Metric
    from peakbench.runs.scores import ScoreGroups

_SLACK = 1e-9
"""How far rounding may carry a value out of its range, or a mean away from the value of its metric."""

_NOT_SCORED = "not scored"


def summarise(
    groups: "ScoreGroups", metrics: "Mapping[str, Metric]", n_samples: int, seed: int = 0, draws: int = 1000
) -> dict[str, MetricResult]:
    """Make results of the scores of a run.

    Args:
        groups: Gives the table a part after the other, in any order of rows, as often as it is asked.
        metrics: Id to metric; rows of other metrics are left alone.
        n_samples: Samples asked about. Those without a score count as undefined, `not scored`.
        seed: Of the bootstrap; every metric sees the same resamples.
        draws: Resamples of the bootstrap.

    Returns:
        Metric id to result, in the order of `metrics`. Values are in each metric's unit and range.

    Raises:
        BadInputError: If the table holds more samples than `n_samples`, scores one twice, puts one into two clusters or
            does not fit a metric's definition.
        OutOfRangeError: If a value is outside its metric's range.
    """
    scores = ScoreTable(groups)
    if scores.n_samples > n_samples:
        raise BadInputError(
            f"the scores hold {scores.n_samples} samples, but the run asked about {n_samples}",
            mend="score the run again: peakbench score RUN",
        )
    run = _Run(scores, n_samples, seed, draws)
    results = {}
    for batch in scores.batches(metrics):
        for name in list(batch):
            results[name] = run.result(metrics[name], batch.pop(name))
    return results


class _Run:
    """What every metric's summary needs: the scores, the clusters, the seed."""

    def __init__(self, scores: ScoreTable, n_samples: int, seed: int, draws: int) -> None:
        self.scores = scores
        self.n_samples = n_samples
        self.seed = seed
        self.draws = draws
        self.units: NDArray[np.int64] | None = None
        if scores.cluster_names:
            alone = scores.clusters < 0
            own = len(scores.cluster_names) - 1 + np.cumsum(alone)
            self.units = np.where(alone, own, scores.clusters)

    def result(self, metric: "Metric", cells: ScoreCells | RowCells) -> MetricResult:
        """A metric's value for the run and for each slice."""
        if isinstance(cells, RowCells):
            assert isinstance(metric, PooledMetric), "only their statistics are rows"
            return self._pooled(metric, cells.scores(self.scores.reason_names))
        found = cells.scores(self.scores.reason_names)
        totals = found.statistics.sum(axis=1)
        points = self._values(metric, totals)
        intervals, method = self._intervals(metric, found, points)

        slices = {}
        whole: Result | None = None
        variance: RepeatVariance | None = None
        for row, name in enumerate(found.slices):
            result = Result(
                value=points[row],
                ci=intervals[row],
                n=int(found.present[row].sum()) if name else self.n_samples,
                n_defined=int(found.counted[row].sum()),
                counts=dict(zip(metric.statistics, totals[row].tolist(), strict=True)),
            )
            if name:
                slices[name] = result
            else:
                whole = result
                variance = _repeat_variance(found, row) if metric.definition.interval in ("t", "wilson") else None
                slices.update(self._cluster_slices(metric, found, row))
        return self._whole(metric, whole, slices, found.reasons, method, variance)

    def _whole(
        self,
        metric: "Metric",
        whole: Result | None,
        slices: dict[str, Result],
        reasons: "Mapping[str, int]",
        method: str,
        variance: RepeatVariance | None = None,
    ) -> MetricResult:
        """The result of a run of its value and slices."""
        definition = metric.definition
        if whole is None:
            whole = Result(value=None, ci=None, n=self.n_samples, n_defined=0)
        undefined = dict(reasons)
        if whole.value is None and whole.n_defined:  # all that counts gives no value
            undefined[definition.undefined] = undefined.get(definition.undefined, 0) + whole.n_defined
            whole = whole.model_copy(update={"n_defined": 0})
        missing = self.n_samples - whole.n_defined - sum(undefined.values())
        if missing:
            undefined[_NOT_SCORED] = missing
        drawn = f"|draws={self.draws}|seed={self.seed}" if method.startswith("bootstrap") else ""
        return MetricResult(
            **whole.model_dump(),
            direction=definition.direction,
            unit=definition.unit,
            signature=f"{metric.signature}{drawn}",
            interval=method,
            undefined=undefined,
            repeat_variance=variance,
            slices=slices,
        )

    def _pooled(self, metric: PooledMetric, found: SampleRows) -> MetricResult:
        """The value of a metric of rows: of all rows of the run, of a slice, of a cluster."""
        bounds = metric.definition.bounds
        method = "none"
        if metric.definition.interval == "bootstrap":
            method = "bootstrap" + ("" if self.units is None else " clustered")
        slices: dict[str, Result] = {}
        whole: Result | None = None
        for row, name in enumerate(found.slices):
            samples = found.rows[row]
            (point,) = self._in_range(metric, [metric.from_rows([rows for sample in samples for rows in sample])])
            interval = self._bootstrap_rows(metric, samples) if point is not None and method != "none" else None
            result = Result(
                value=point,
                ci=clip_interval(interval, bounds),
                n=int(found.present[row].sum()) if name else self.n_samples,
                n_defined=int(found.counted[row].sum()),
            )
            if name:
                slices[name] = result
                continue
            whole = result
            for code, cluster in enumerate(self.scores.cluster_names):
                members = np.flatnonzero(self.scores.clusters == code).tolist()
                rows = [rows for member in members for rows in samples[member]]
                slices[f"cluster={cluster}"] = Result(
                    value=self._in_range(metric, [metric.from_rows(rows)])[0],
                    ci=None,
                    n=len(members),
                    n_defined=int(found.counted[row][members].sum()),
                )
        return self._whole(metric, whole, slices, found.reasons, method)

    def _bootstrap_rows(self, metric: PooledMetric, samples: "list[list[NDArray[np.float64]]]") -> Interval | None:
        """The interval over resampled samples, or clusters, each with all of its rows."""
        units = samples
        if self.units is not None:
            units = [[] for _ in range(int(self.units.max(initial=-1)) + 1)]
            for unit, rows in zip(self.units.tolist(), samples, strict=True):
                units[unit].extend(rows)
        if len(units) < 2:
            return None
        drawn = resamples(len(units), self.draws, self.seed)
        values = [metric.from_rows([rows for unit in draw.tolist() for rows in units[unit]]) for draw in drawn]
        return percentile_interval(np.array(values, dtype=np.float64))

    def _intervals(
        self, metric: "Metric", found: SampleScores, points: list[float | None]
    ) -> tuple[list[Interval | None], str]:
        """The interval of each slice, and the method of the whole sample's."""
        declared = metric.definition.interval
        clustered = "" if self.units is None else " clustered"
        if declared == "none":
            return [None] * len(found.slices), "none"
        made: list[Interval | None]
        if declared == "bootstrap":
            made = self._bootstrap(metric, found)
            methods = ["bootstrap" + clustered] * len(made)
        else:
            made, methods = [], []
            for row, point in enumerate(points):
                defined = ~np.isnan(found.values[row])
                values = found.values[row][defined]
                _assert_mean(metric, found.slices[row], values, point)
                units = None if self.units is None else self.units[defined]
                interval, method = t_interval(values, units), "t" + clustered
                if declared == "wilson":
                    interval, method = rate_interval(values, units, repeated=self.scores.repeated)
                made.append(interval)
                methods.append(method)
        clipped = [
            None if point is None else clip_interval(interval, metric.definition.bounds)
            for interval, point in zip(made, points, strict=True)
        ]
        return clipped, methods[0] if methods else "none"

    def _bootstrap(self, metric: "Metric", found: SampleScores) -> list[Interval | None]:
        rows, n, k = found.statistics.shape
        columns = np.moveaxis(found.statistics, 0, 1).reshape(n, rows * k)
        if self.units is not None:
            columns = _sums(self.units, columns)
        if len(columns) < 2:
            return [None] * rows
        totals = resampled_totals(columns, self.draws, self.seed).reshape(self.draws, rows, k)
        values = metric.from_totals(totals)
        return [percentile_interval(values[:, row]) for row in range(rows)]

    def _cluster_slices(self, metric: "Metric", found: SampleScores, row: int) -> Iterator[tuple[str, Result]]:
        """The whole-sample value in each cluster."""
        members = np.flatnonzero(self.scores.clusters >= 0)
        codes, count = self.scores.clusters[members], len(self.scores.cluster_names)
        if not count:
            return
        totals = _sums(codes, found.statistics[row][members], count)
        points = self._values(metric, totals)
        n = np.bincount(codes, minlength=count)
        defined = np.bincount(codes, weights=found.counted[row][members], minlength=count)
        names = metric.statistics
        for code, name in enumerate(self.scores.cluster_names):
            yield (
                f"cluster={name}",
                Result(
                    value=points[code],
                    ci=None,
                    n=int(n[code]),
                    n_defined=int(defined[code]),
                    counts=dict(zip(names, totals[code].tolist(), strict=True)),
                ),
            )

    def _values(self, metric: "Metric", totals: "NDArray[np.float64]") -> list[float | None]:
        """`from_totals`, with None for NaN."""
        return self._in_range(metric, np.asarray(metric.from_totals(totals), dtype=np.float64).tolist())

    def _in_range(self, metric: "Metric", found: "Iterable[float]") -> list[float | None]:
        """Values with None for NaN; one outside the range by more than rounding stops the run."""
        low, high = metric.definition.bounds
        values: list[float | None] = []
        for value in found:
            if value != value:  # NaN
                values.append(None)
                continue
            if not low - _SLACK <= value <= high + _SLACK:
                raise OutOfRangeError(f"{metric.definition.id}: {value} is outside its range {low} to {high}")
            values.append(min(max(value, low), high))
        return values


def _repeat_variance(found: SampleScores, row: int) -> RepeatVariance | None:
    """One-way analysis of variance with random effects; None below two samples that have two values each.

    The samples' means vary as the samples do, and beside that by the share of the repeats' spread that is left in a
    mean of them: what lies between samples is the rest, at least 0.
    """
    if found.repeats is None or found.spread is None:
        return None
    repeated = found.repeats[row] > 1
    if repeated.sum() < 2:
        return None
    within = found.spread[row][repeated]
    of_means = float(found.values[row][repeated].var(ddof=1))
    left = float((within / found.repeats[row][repeated]).mean())
    return RepeatVariance(between=max(of_means - left, 0.0), within=float(within.mean()), n=int(repeated.sum()))


def _assert_mean(metric: "Metric", name: str, values: "NDArray[np.float64]", point: float | None) -> None:
    """Refuse an interval of a mean around a value that is none."""
    if point is None or not len(values):
        return
    mean = float(values.mean())
    if abs(mean - point) > _SLACK * max(1.0, abs(mean)):
        where = f" in {name}" if name else ""
        raise BadInputError(
            f"{metric.definition.id}{where} is {point}, but the mean of its samples is {mean}: its interval cannot be "
            f"`{metric.definition.interval}`, which is for means",
            mend="declare `interval: bootstrap` for it in the metric definitions",
        )


def _sums(codes: "NDArray[np.integer[Any]]", rows: "NDArray[np.float64]", count: int = 0) -> "NDArray[np.float64]":
    """Sum of the rows of each code; shape `(codes, k)`."""
    columns = [np.bincount(codes, weights=column, minlength=count) for column in rows.T]
    return np.stack(columns, axis=1)
