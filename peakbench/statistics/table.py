"""`scores.parquet` as arrays: sorted, checked, and with the repeats of a sample averaged.

The table names samples, metrics and slices by text and may come in any order. Here everything has a number, in the
order of its name, so that the same rows give the same sums to the last bit, however they were ordered.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from peakbench.errors import BadInputError, OutOfRangeError
from peakbench.runs.arrow import nulls_of, numbers_of, one_array

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

_SCORE_AGAIN = "score the run again: peakbench score RUN"


@dataclass(frozen=True, slots=True)
class SampleScores:
    """One metric's scores, a row for each slice and a column for each sample, repeats averaged.

    Attributes:
        slices: Names of the rows; the whole sample, `""`, comes first when it is there.
        present: Shape `(slices, samples)`: whether the table has a row for it.
        counted: Shape `(slices, samples)`: whether any repeat has a value, or contributes statistics without one.
        values: Shape `(slices, samples)`: mean over the repeats in which it is defined, else NaN.
        statistics: Shape `(slices, samples, k)`: mean over the repeats that contribute, else 0.
        repeats: Shape `(slices, samples)`, int64: repeats in which it is defined.
        spread: Shape `(slices, samples)`: unbiased variance of the value over the repeats; NaN below two of them.
        reasons: Number of samples that do not count for each reason, in the slice `""`; the first repeat's reason
            counts.
    """

    slices: list[str]
    present: "NDArray[np.bool_]"
    counted: "NDArray[np.bool_]"
    values: "NDArray[np.float64]"
    statistics: "NDArray[np.float64]"
    repeats: "NDArray[np.int64]"
    spread: "NDArray[np.float64]"
    reasons: dict[str, int]


@dataclass(frozen=True, slots=True)
class SampleRows:
    """The scores of one metric whose statistics are rows, of all repeats.

    Attributes:
        slices: As in `SampleScores`.
        present: Shape `(slices, samples)`: whether the table has a row for it.
        counted: Shape `(slices, samples)`: whether it has rows in any repeat.
        rows: For each slice and each sample the rows of its answers, shape `(rows, k)` each.
        reasons: As in `SampleScores`.
    """

    slices: list[str]
    present: "NDArray[np.bool_]"
    counted: "NDArray[np.bool_]"
    rows: "list[list[list[NDArray[np.float64]]]]"
    reasons: dict[str, int]


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """The whole table, sorted by metric, slice, sample and repeat. Codes are positions in the sorted names.

    Attributes:
        samples: Names of the samples.
        clusters: Shape `(samples,)`: code of each sample's cluster, -1 for none.
        cluster_names: Names of the clusters.
        repeated: Whether any sample was asked more than once.
    """

    samples: list[str]
    clusters: "NDArray[np.int64]"
    cluster_names: list[str]
    repeated: bool
    _metrics: dict[str, slice]
    _slice_names: list[str]
    _reason_names: list[str]
    _slice: "NDArray[np.int64]"
    _sample: "NDArray[np.int64]"
    _value: "NDArray[np.float64]"
    _reason: "NDArray[np.int64]"
    _start: "NDArray[np.int64]"
    _length: "NDArray[np.int64]"
    _flat: "NDArray[np.float64]"

    @classmethod
    def of(cls, table: "pa.Table") -> "ScoreTable":
        """Read the columns of `peakbench.runs.scores.scores_schema`.

        Raises:
            BadInputError: If a sample is scored twice, or stands in two clusters.
        """
        metric, metric_names = _codes(table["metric"])
        slice_, slice_names = _codes(table["slice"])
        sample, samples = _codes(table["sample_id"])
        cluster, cluster_names = _codes(table["cluster"])
        reason, reason_names = _codes(table["reason"])
        repeat = numbers_of(one_array(table["repeat"]), np.int16).astype(np.int64)
        value = one_array(table["value"])

        repeats = int(repeat.max(initial=0)) + 1
        key = ((metric * len(slice_names) + slice_) * len(samples) + sample) * repeats + repeat
        order = np.argsort(key, kind="stable")
        key, sample, cluster, metric = key[order], sample[order], cluster[order], metric[order]
        twice = np.flatnonzero(key[1:] == key[:-1])
        if len(twice):
            row = twice[0]
            raise BadInputError(
                f"sample {samples[sample[row]]} is scored twice by {metric_names[metric[row]]}", mend=_SCORE_AGAIN
            )
        clusters = np.full(len(samples), -1, dtype=np.int64)
        clusters[sample] = cluster
        torn = np.flatnonzero(clusters[sample] != cluster)
        if len(torn):
            raise BadInputError(f"sample {samples[sample[torn[0]]]} stands in two clusters", mend=_SCORE_AGAIN)

        stats = one_array(table["stats"])
        offsets = numbers_of(stats.offsets, np.int32).astype(np.int64)
        length = np.where(nulls_of(stats), -1, np.diff(offsets))
        ends = np.searchsorted(metric, np.arange(len(metric_names) + 1))
        return cls(
            samples=samples,
            clusters=clusters,
            cluster_names=cluster_names,
            repeated=repeats > 1,
            _metrics={name: slice(int(ends[i]), int(ends[i + 1])) for i, name in enumerate(metric_names)},
            _slice_names=slice_names,
            _reason_names=reason_names,
            _slice=slice_[order],
            _sample=sample,
            _value=np.where(nulls_of(value), np.nan, numbers_of(value, np.float64))[order],
            _reason=reason[order],
            _start=offsets[:-1][order],
            _length=length[order],
            _flat=np.where(nulls_of(stats.values), np.nan, numbers_of(stats.values, np.float64)),
        )

    def scores(self, metric: str, k: int) -> SampleScores:
        """One metric's scores, with `k` sufficient statistics each.

        Raises:
            BadInputError: If the table has another number of statistics.
            OutOfRangeError: If a value or a statistic is infinite, or a statistic is NaN.
        """
        rows, codes, cell = self._cells(metric)
        n, cells = len(self.samples), len(codes) * len(self.samples)

        value = self._value[rows]
        self._refuse(metric, rows, np.isinf(value))
        defined = ~np.isnan(value)
        values = _means(cell[defined], value[defined], cells)

        contributes = self._length[rows] >= 0
        if np.any(self._length[rows][contributes] != k):
            raise BadInputError(
                f"the scores of {metric} do not have the {k} statistics that its definition names", mend=_SCORE_AGAIN
            )
        gathered = self._flat[self._start[rows][contributes][:, None] + np.arange(k)]
        broken = np.zeros(len(value), dtype=bool)
        broken[contributes] = ~np.isfinite(gathered).all(axis=1)
        self._refuse(metric, rows, broken)
        statistics = np.empty((cells, k))
        for column in range(k):
            statistics[:, column] = np.nan_to_num(_means(cell[contributes], gathered[:, column], cells))

        counted = np.bincount(cell[defined | contributes], minlength=cells) > 0
        repeats = np.bincount(cell[defined], minlength=cells)
        squares = (value[defined] - values[cell[defined]]) ** 2
        spread = np.full(cells, np.nan)
        np.divide(
            np.bincount(cell[defined], weights=squares, minlength=cells), repeats - 1, out=spread, where=repeats > 1
        )

        return SampleScores(
            slices=[self._slice_names[code] for code in codes],
            present=(np.bincount(cell, minlength=cells) > 0).reshape(len(codes), n),
            counted=counted.reshape(len(codes), n),
            values=values.reshape(len(codes), n),
            statistics=statistics.reshape(len(codes), n, k),
            repeats=repeats.reshape(len(codes), n),
            spread=spread.reshape(len(codes), n),
            reasons=dict(self._reasons(rows, cell, ~counted)),
        )

    def rows(self, metric: str, k: int) -> SampleRows:
        """The scores of a metric whose statistics are rows of `k` numbers.

        Raises:
            BadInputError: If the table has rows of another width.
            OutOfRangeError: If a statistic is no finite number.
        """
        rows, codes, cell = self._cells(metric)
        n, cells = len(self.samples), len(codes) * len(self.samples)
        start, length = self._start[rows], self._length[rows]
        if np.any(length[length > 0] % k):
            raise BadInputError(
                f"the scores of {metric} are no rows of the {k} statistics that its definition names", mend=_SCORE_AGAIN
            )
        found: list[list[list[NDArray[np.float64]]]] = [[[] for _ in range(n)] for _ in codes]
        broken = np.zeros(len(cell), dtype=bool)
        for place in np.flatnonzero(length > 0).tolist():
            numbers = self._flat[start[place] : start[place] + length[place]].reshape(-1, k)
            broken[place] = not np.isfinite(numbers).all()
            found[cell[place] // n][cell[place] % n].append(numbers)
        self._refuse(metric, rows, broken)
        counted = np.bincount(cell[length > 0], minlength=cells) > 0
        return SampleRows(
            slices=[self._slice_names[code] for code in codes],
            present=(np.bincount(cell, minlength=cells) > 0).reshape(len(codes), n),
            counted=counted.reshape(len(codes), n),
            rows=found,
            reasons=dict(self._reasons(rows, cell, ~counted)),
        )

    def _cells(self, metric: str) -> "tuple[slice, NDArray[np.int64], NDArray[np.int64]]":
        """A metric's rows of the table, the codes of its slices, and each row's place among slices and samples."""
        rows = self._metrics.get(metric, slice(0, 0))
        codes = np.unique(np.append(self._slice[rows], self._slice_names.index("") if "" in self._slice_names else []))
        codes = codes.astype(np.int64)
        return rows, codes, np.searchsorted(codes, self._slice[rows]) * len(self.samples) + self._sample[rows]

    def _reasons(
        self, rows: slice, cell: "NDArray[np.int64]", undefined: "NDArray[np.bool_]"
    ) -> Iterator[tuple[str, int]]:
        """Why whole samples do not count, and how many for each reason, in the order of the reasons."""
        names = np.array(self._slice_names, dtype=object)
        _, first = np.unique(cell, return_index=True)
        first = first[undefined[cell[first]] & (names[self._slice[rows][first]] == "")]
        for code, count in zip(*np.unique(self._reason[rows][first], return_counts=True), strict=True):
            yield (self._reason_names[code] if code >= 0 else "no reason given"), int(count)

    def _refuse(self, metric: str, rows: slice, broken: "NDArray[np.bool_]") -> None:
        if broken.any():
            sample = self.samples[self._sample[rows][np.flatnonzero(broken)[0]]]
            raise OutOfRangeError(f"{metric}: sample {sample} has a score or a statistic that is no finite number")


def _means(cell: "NDArray[np.int64]", values: "NDArray[np.float64]", cells: int) -> "NDArray[np.float64]":
    """Mean of the values in each cell; NaN in an empty one."""
    counts = np.bincount(cell, minlength=cells)
    sums = np.bincount(cell, weights=values, minlength=cells)
    means = np.full(cells, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means


def _codes(column: "pa.ChunkedArray") -> "tuple[NDArray[np.int64], list[str]]":
    """Each row's position in the sorted names, -1 for null; and the names that occur."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    array = one_array(column)
    indices = np.where(nulls_of(array.indices), -1, numbers_of(array.indices, np.int32)).astype(np.int64)
    names: list[str] = array.dictionary.to_pylist()
    used = sorted(np.unique(indices[indices >= 0]).tolist(), key=names.__getitem__)
    position = np.full(len(names) + 1, -1, dtype=np.int64)  # the last one is for null, whose index is -1
    position[used] = np.arange(len(used))
    return position[indices], [names[index] for index in used]
