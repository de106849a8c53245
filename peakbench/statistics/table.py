"""`scores.parquet` as arrays: checked, in a fixed order, and no more of it in memory than is being looked at.

The table names samples, metrics and slices by text and may come in any order. Here everything has a number, in the
order of its name, so that the same rows give the same sums to the last bit, however they were ordered. The table is
gone through once for its names, and then once for as many metrics as fit into some megabytes: a run of a few thousand
samples is read at once, one of a million a metric at a time.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from peakbench.errors import BadInputError, OutOfRangeError
from peakbench.metrics.metric import PooledMetric
from peakbench.runs.arrow import nulls_of, numbers_of, one_array
from peakbench.statistics.cells import RowCells, Rows, ScoreCells
from peakbench.statistics.names import Names, part_of

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from peakbench.metrics.metric import Metric
    from peakbench.runs.scores import ScoreGroups

_BYTES_AT_ONCE = 32_000_000
"""As many metrics as take this much are read at once; one that takes more is read alone."""

_SCORE_AGAIN = "score the run again: peakbench score RUN"


@dataclass(slots=True)
class _Extent:
    """How much the table holds of one metric."""

    repeats: int = 1
    slices: set[int] = field(default_factory=set)


class ScoreTable:
    """What of the table is the same for all metrics, and the way to the scores of each.

    Attributes:
        n_samples: How many samples there are; they go by their number, in the order of their names.
        clusters: Shape `(samples,)`: number of each sample's cluster, -1 for none.
        cluster_names: Names of the clusters.
        repeated: Whether any sample was asked more than once.
        reason_names: The reasons why values are undefined, in the order of their numbers.
    """

    def __init__(self, groups: "ScoreGroups") -> None:
        """Go through the table for its names.

        Args:
            groups: Gives the parts of the table, with those columns of `peakbench.runs.scores.scores_schema` that it is
                asked for.

        Raises:
            BadInputError: If the table cannot be read, or a sample stands in two clusters.
        """
        self._groups = groups
        self._samples, clusters, self._metrics, self._slices, self._reasons = (Names() for _ in range(5))
        of_samples, kinds = [], []
        for group in groups(["sample_id", "repeat", "cluster", "metric", "slice", "reason"]):
            sample, ids = self._samples.add(group["sample_id"])
            of_samples.append(_clusters_of(sample, clusters.add(group["cluster"])[0], ids))
            repeat = numbers_of(one_array(group["repeat"]), np.int16)
            kinds.append(_kinds(self._metrics.add(group["metric"])[0], self._slices.add(group["slice"])[0], repeat))
            self._reasons.add(group["reason"])
        for _ in self._samples.settle():  # their names may be many, and none is kept
            pass
        self.n_samples = self._samples.n
        self.cluster_names = _texts(clusters)
        self._slice_names = _texts(self._slices)
        self.reason_names = _texts(self._reasons)
        self.clusters = self._settled_clusters(clusters, of_samples)
        self._metric_names = _texts(self._metrics)
        self._numbers = {name: number for number, name in enumerate(self._metric_names)}
        self._extents = [_Extent() for _ in self._metric_names]
        for metrics, slices, found in zip(self._metrics.places, self._slices.places, kinds, strict=True):
            for metric, part, repeats in found:
                extent = self._extents[metrics[metric]]
                extent.repeats = max(extent.repeats, repeats)
                extent.slices.add(int(slices[part]))
        self.repeated = any(extent.repeats > 1 for extent in self._extents)

    def batches(self, metrics: "Mapping[str, Metric]") -> "Iterator[dict[str, ScoreCells | RowCells]]":
        """The scores of some metrics after those of others; what of a batch was looked at should be taken out of it.

        Args:
            metrics: Id to metric.

        Yields:
            Id to scores, in the order of `metrics`.

        Raises:
            BadInputError: If a sample is scored twice, or has other statistics than the metric's definition names.
            OutOfRangeError: If a value or a statistic is infinite, or a statistic is NaN.
        """
        batch: dict[str, ScoreCells | RowCells] = {}
        taken = 0
        for name, metric in metrics.items():
            number = self._numbers.get(metric.definition.id)
            extent = _Extent() if number is None else self._extents[number]
            parts = self._parts(extent)
            kind = RowCells if isinstance(metric, PooledMetric) else ScoreCells
            k = len(metric.statistics)
            size = len(parts) * self.n_samples * extent.repeats * kind.bytes_a_place(k)
            if batch and taken + size > _BYTES_AT_ONCE:
                yield self._filled(batch, metrics)
                batch, taken = {}, 0
            batch[name] = kind(parts, self.n_samples, extent.repeats, k)
            taken += size
        if batch:
            yield self._filled(batch, metrics)

    def _parts(self, extent: _Extent) -> dict[int, str]:
        """A metric's slices by their numbers; the whole sample is among them wherever any metric has it."""
        whole = {0} if self._slice_names[:1] == [""] else set()
        return {part: self._slice_names[part] for part in sorted(extent.slices | whole)}

    def _filled(
        self, batch: "dict[str, ScoreCells | RowCells]", metrics: "Mapping[str, Metric]"
    ) -> "dict[str, ScoreCells | RowCells]":
        """Go through the table, and put the rows of these metrics into their places."""
        known = {name: self._numbers.get(metrics[name].definition.id) for name in batch}
        wanted = [(number, batch[name]) for name, number in known.items() if number is not None]
        columns = ["sample_id", "repeat", "metric", "slice", "value", "reason", "stats"]
        for place, group in enumerate(self._groups(columns) if wanted else ()):
            part = self._part(group, place)
            for number, cells in wanted:
                self._put(number, cells, part)
        return batch

    def _part(self, group: "pa.Table", place: int) -> "_Part":
        """One part of the table, with numbers for names."""
        metric, part, reason = (
            names.places[place][part_of(group[column])[0]]
            for column, names in (("metric", self._metrics), ("slice", self._slices), ("reason", self._reasons))
        )
        sample, ids = part_of(group["sample_id"])
        value, stats = one_array(group["value"]), one_array(group["stats"])
        offsets = numbers_of(stats.offsets, np.int32)
        return _Part(
            ids=ids,
            id_of=sample,
            metric=metric,
            rows=Rows(
                slice=part,
                sample=self._samples.places[place][sample],
                repeat=numbers_of(one_array(group["repeat"]), np.int16),
                value=np.where(nulls_of(value), np.nan, numbers_of(value, np.float64)),
                reason=reason,
                start=offsets[:-1],
                length=np.where(nulls_of(stats), -1, np.diff(offsets)),
                numbers=np.where(nulls_of(stats.values), np.nan, numbers_of(stats.values, np.float64)),
            ),
        )

    def _put(self, metric: int, cells: ScoreCells | RowCells, part: "_Part") -> None:
        """Put one metric's rows of one part into their places."""
        where = np.flatnonzero(part.metric == metric)
        if not len(where):
            return
        name, rows = self._metric_names[metric], part.rows.only(where)
        for row in where[cells.twice(rows)][:1]:
            raise BadInputError(f"sample {part.sample_id(row)} is scored twice by {name}", mend=_SCORE_AGAIN)
        misfit = cells.misfit(rows)
        if misfit:
            raise BadInputError(f"the scores of {name} {misfit} that its definition names", mend=_SCORE_AGAIN)
        for row in where[cells.put(rows)][:1]:
            raise OutOfRangeError(
                f"{name}: sample {part.sample_id(row)} has a score or a statistic that is no finite number"
            )

    def _settled_clusters(self, names: Names, of_samples: "list[NDArray[np.int32]]") -> "NDArray[np.int32]":
        """Each sample's cluster, by what each part says of its samples."""
        clusters = np.full(self.n_samples, -1, dtype=np.int32)
        known = np.zeros(self.n_samples, dtype=np.bool_)
        for place, (samples, numbers, own) in enumerate(
            zip(self._samples.places, names.places, of_samples, strict=True)
        ):
            local = np.flatnonzero(samples >= 0)
            number, cluster = samples[local], numbers[own[local]]
            torn = np.flatnonzero(known[number] & (clusters[number] != cluster))
            clusters[number] = cluster
            known[number] = True
            # Equal texts of one part may stand in it twice.
            torn = torn if len(torn) else np.flatnonzero(clusters[number] != cluster)
            if len(torn):
                group = next(islice(self._groups(["sample_id"]), place, None))
                _refuse_torn(part_of(group["sample_id"])[1], local[torn[0]])
        return clusters


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the table.

    Attributes:
        ids: The names of the part's samples.
        id_of: Shape `(rows,)`: place of each row's sample among them.
        metric: Shape `(rows,)`: number of each row's metric.
        rows: The rows of all metrics.
    """

    ids: "pa.Array"
    id_of: "NDArray[np.int32]"
    metric: "NDArray[np.int32]"
    rows: Rows

    def sample_id(self, row: int) -> str:
        """Name of a row's sample."""
        name: str = self.ids[int(self.id_of[row])].as_py()
        return name


def _clusters_of(sample: "NDArray[np.int32]", cluster: "NDArray[np.int32]", ids: "pa.Array") -> "NDArray[np.int32]":
    """The cluster of each of a part's samples, by the numbers of the part; -1 for none, and for samples without rows.

    Raises:
        BadInputError: If a sample stands in two.
    """
    clusters = np.full(len(ids), -1, dtype=np.int32)
    clusters[sample] = cluster
    torn = np.flatnonzero(clusters[sample] != cluster)
    if len(torn):
        _refuse_torn(ids, sample[torn[0]])
    return clusters


def _refuse_torn(ids: "pa.Array", place: int) -> NoReturn:
    raise BadInputError(f"sample {ids[int(place)].as_py()} stands in two clusters", mend=_SCORE_AGAIN)


def _kinds(
    metric: "NDArray[np.int32]", part: "NDArray[np.int32]", repeat: "NDArray[np.int16]"
) -> list[tuple[int, int, int]]:
    """Metric and slice that go together in a part, by its numbers; and in how many repeats."""
    width = int(part.max(initial=-1)) + 1
    code = metric.astype(np.int64) * width + part
    rows = np.bincount(code)
    last = np.zeros(len(rows), dtype=np.int16)
    if repeat.any():
        np.maximum.at(last, code, repeat)
    return [(*divmod(one, width), int(last[one]) + 1) for one in np.flatnonzero(rows).tolist()]


def _texts(names: Names) -> list[str]:
    """The texts of a column that has few of them, in their order."""
    return list(dict.fromkeys(text for some in names.settle() for text in some.to_pylist()))
