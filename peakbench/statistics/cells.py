"""One metric's scores as arrays with a place for each slice, sample and repeat.

Rows of the table are put into their places as they come, in any order, a part of the table at a time. What is made of
them afterwards adds up repeats in their order, and samples in that of their names, so that the same rows give the same
sums to the last bit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PRESENT, _CONTRIBUTES = 1, 2


@dataclass(frozen=True, slots=True)
class SampleScores:
    """One metric's scores, a row for each slice and a column for each sample, repeats averaged.

    Attributes:
        slices: Names of the rows; the whole sample, `""`, comes first when it is there.
        present: Shape `(slices, samples)`: whether the table has a row for it.
        counted: Shape `(slices, samples)`: whether any repeat has a value, or contributes statistics without one.
        values: Shape `(slices, samples)`: mean over the repeats in which it is defined, else NaN.
        statistics: Shape `(slices, samples, k)`: mean over the repeats that contribute, else 0.
        repeats: Shape `(slices, samples)`, int64: repeats in which it is defined; None where no sample has two.
        spread: Shape `(slices, samples)`: unbiased variance of the value over the repeats, NaN below two of them; None
            where no sample has two.
        reasons: Number of samples that do not count for each reason, in the slice `""`; the first repeat's reason
            counts.
    """

    slices: list[str]
    present: "NDArray[np.bool_]"
    counted: "NDArray[np.bool_]"
    values: "NDArray[np.float64]"
    statistics: "NDArray[np.float64]"
    repeats: "NDArray[np.int64] | None"
    spread: "NDArray[np.float64] | None"
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
class Rows:
    """Rows of the table, with numbers for names.

    Attributes:
        slice: Shape `(rows,)`: number of each row's slice.
        sample: Shape `(rows,)`: number of each row's sample.
        repeat: Shape `(rows,)`.
        value: Shape `(rows,)`: NaN where it is undefined.
        reason: Shape `(rows,)`: number of the reason, -1 for none.
        start: Shape `(rows,)`: where its statistics begin in `numbers`.
        length: Shape `(rows,)`: how many statistics it has; -1 where it contributes none.
        numbers: Statistics, one behind the other, those of other rows among them.
    """

    slice: "NDArray[np.int32]"
    sample: "NDArray[np.int32]"
    repeat: "NDArray[np.int16]"
    value: "NDArray[np.float64]"
    reason: "NDArray[np.int32]"
    start: "NDArray[np.int32]"
    length: "NDArray[np.int32]"
    numbers: "NDArray[np.float64]"

    def only(self, where: "NDArray[np.int64]") -> "Rows":
        """Some of the rows."""
        return Rows(
            slice=self.slice[where],
            sample=self.sample[where],
            repeat=self.repeat[where],
            value=self.value[where],
            reason=self.reason[where],
            start=self.start[where],
            length=self.length[where],
            numbers=self.numbers,
        )


class Cells:
    """The places of one metric's rows: for each repeat, slice and sample.

    Args:
        slices: The metric's slices by their numbers, in ascending order.
        n: Samples of the table.
        repeats: Repeats of the metric.
        k: How many statistics the metric's definition names.
    """

    def __init__(self, slices: Mapping[int, str], n: int, repeats: int, k: int) -> None:
        self.slices = list(slices.values())
        self.n = n
        self.repeats = repeats
        self.k = k
        self.count = len(slices) * n
        self._numbers = np.array(list(slices), dtype=np.int32)
        self._state = np.zeros(repeats * self.count, dtype=np.uint8)
        self._reason = np.full((repeats, n if "" in self.slices else 0), -1, dtype=np.int32)

    def twice(self, rows: Rows) -> "NDArray[np.int64]":
        """Which rows have a place that another has too."""
        place = self._places(rows)
        ordered = np.sort(place)
        doubled = ordered[1:][ordered[1:] == ordered[:-1]]
        taken = self._state[place] > 0
        return np.flatnonzero(taken | np.isin(place, doubled)) if len(doubled) or taken.any() else doubled

    def _put(self, rows: Rows) -> "NDArray[np.int64]":
        """Note which rows there are, and why they are undefined; returned is each one's place."""
        place = self._places(rows)
        self._state[place] = np.where(rows.length >= 0, _PRESENT | _CONTRIBUTES, _PRESENT)
        if self._reason.size:
            whole = rows.slice == 0  # the empty name is the first in any order
            self._reason[rows.repeat[whole], rows.sample[whole]] = rows.reason[whole]
        return place

    def _places(self, rows: Rows) -> "NDArray[np.int64]":
        part = np.searchsorted(self._numbers, rows.slice)
        return (rows.repeat.astype(np.int64) * len(self.slices) + part) * self.n + rows.sample

    def _present(self) -> "NDArray[np.bool_]":
        """Shape `(slices, samples)`."""
        return self._by_repeat(self._state).any(axis=0).reshape(len(self.slices), self.n)

    def _reasons(self, counted: "NDArray[np.bool_]", names: list[str]) -> dict[str, int]:
        """Why whole samples do not count, and how many for each reason, in the order of the reasons."""
        if not self._reason.size:
            return {}
        present = self._state.reshape(self.repeats, len(self.slices), self.n)[:, 0] > 0
        lacking = np.flatnonzero(present.any(axis=0) & ~counted[0])
        first = present[:, lacking].argmax(axis=0)
        numbers, counts = np.unique(self._reason[first, lacking], return_counts=True)
        named = (names[number] if number >= 0 else "no reason given" for number in numbers.tolist())
        return dict(zip(named, counts.tolist(), strict=True))

    def _by_repeat(self, of_places: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
        return of_places.reshape(self.repeats, self.count)


class ScoreCells(Cells):
    """The places of a metric whose statistics can be summed."""

    def __init__(self, slices: Mapping[int, str], n: int, repeats: int, k: int) -> None:
        super().__init__(slices, n, repeats, k)
        self._value = np.full(repeats * self.count, np.nan)
        self._statistics = np.zeros((repeats * self.count, k))

    @staticmethod
    def bytes_a_place(k: int) -> int:
        """How much memory a place takes."""
        return 8 + 8 * k + 1 + 4

    def misfit(self, rows: Rows) -> str | None:
        """What is wrong with the number of the rows' statistics."""
        fits = (rows.length == self.k) | (rows.length < 0)
        return None if fits.all() else f"do not have the {self.k} statistics"

    def put(self, rows: Rows) -> "NDArray[np.int64]":
        """Put rows into their places; returned is which of them hold what is no finite number."""
        place = self._put(rows)
        contributes = rows.length >= 0
        statistics = rows.numbers[rows.start[contributes][:, None] + np.arange(self.k)]
        self._value[place] = rows.value
        self._statistics[place[contributes]] = statistics
        broken = np.isinf(rows.value)
        broken[contributes] |= ~np.isfinite(statistics).all(axis=1)
        return np.flatnonzero(broken)

    def scores(self, reason_names: list[str]) -> SampleScores:
        """Repeats averaged. What the places held is used up."""
        shape = (len(self.slices), self.n)
        value = self._value.reshape(self.repeats, self.count)
        defined = ~np.isnan(value)
        contributes = self._by_repeat(self._state) >= _CONTRIBUTES
        counted = (defined | contributes).any(axis=0).reshape(shape)
        repeats = spread = None
        if self.repeats == 1:
            values, statistics = value[0], self._statistics
            values += 0.0  # no negative zeros, as in a sum
            statistics += 0.0
        else:
            times = defined.sum(axis=0)
            values = _mean(value, defined, times)
            spread = _spread(value, values, defined, times).reshape(shape)
            repeats = times.reshape(shape)
            statistics = np.empty((self.count, self.k))
            given = contributes.sum(axis=0)
            for column in range(self.k):
                of_column = self._statistics[:, column].reshape(self.repeats, self.count)
                statistics[:, column] = np.nan_to_num(_mean(of_column, contributes, given))
        return SampleScores(
            slices=self.slices,
            present=self._present(),
            counted=counted,
            values=values.reshape(shape),
            statistics=statistics.reshape(*shape, self.k),
            repeats=repeats,
            spread=spread,
            reasons=self._reasons(counted, reason_names),
        )


class RowCells(Cells):
    """The places of a metric whose statistics are rows of `k` numbers each."""

    def __init__(self, slices: Mapping[int, str], n: int, repeats: int, k: int) -> None:
        super().__init__(slices, n, repeats, k)
        self._found: list[tuple[int, NDArray[np.float64]]] = []

    @staticmethod
    def bytes_a_place(k: int) -> int:
        """About how much memory a place with one row takes."""
        return 300 + 8 * k

    def misfit(self, rows: Rows) -> str | None:
        """What is wrong with the number of the rows' statistics."""
        fits = rows.length[rows.length > 0] % self.k == 0
        return None if fits.all() else f"are no rows of the {self.k} statistics"

    def put(self, rows: Rows) -> "NDArray[np.int64]":
        """Put rows into their places; returned is which of them hold what is no finite number."""
        broken = []
        for row, place in enumerate(self._put(rows).tolist()):
            start, length = int(rows.start[row]), int(rows.length[row])
            if length > 0:
                numbers = rows.numbers[start : start + length].reshape(-1, self.k).copy()  # of one metric, not of all
                self._found.append((place, numbers))
                if not np.isfinite(numbers).all():
                    broken.append(row)
        return np.array(broken, dtype=np.int64)

    def scores(self, reason_names: list[str]) -> SampleRows:
        """The rows of all repeats of a sample, in the order of the repeats. What the places held is used up."""
        found: list[list[list[NDArray[np.float64]]]] = [[[] for _ in range(self.n)] for _ in self.slices]
        counted = np.zeros((len(self.slices), self.n), dtype=np.bool_)
        self._found.sort(key=lambda one: one[0])  # by repeat, then by slice and sample
        for place, numbers in self._found:
            row, sample = divmod(place % self.count, self.n)
            found[row][sample].append(numbers)
            counted[row, sample] = True
        self._found.clear()
        return SampleRows(
            slices=self.slices,
            present=self._present(),
            counted=counted,
            rows=found,
            reasons=self._reasons(counted, reason_names),
        )


def _mean(
    values: "NDArray[np.float64]", given: "NDArray[np.bool_]", times: "NDArray[np.int64]"
) -> "NDArray[np.float64]":
    """Mean over the repeats that are given, `times` of them; NaN where none is. Shape `(repeats, …)` to `(…)`."""
    means = _sum(values, given)
    np.divide(means, times, out=means, where=times > 0)
    means[times == 0] = np.nan
    return means


def _spread(
    values: "NDArray[np.float64]",
    means: "NDArray[np.float64]",
    given: "NDArray[np.bool_]",
    times: "NDArray[np.int64]",
) -> "NDArray[np.float64]":
    """Unbiased variance over the repeats that are given; NaN below two of them."""
    spread = np.zeros_like(means)
    for one, there in zip(values, given, strict=True):
        spread += np.where(there, (one - means) ** 2, 0.0)
    np.divide(spread, times - 1, out=spread, where=times > 1)
    spread[times < 2] = np.nan
    return spread


def _sum(values: "NDArray[np.float64]", given: "NDArray[np.bool_]") -> "NDArray[np.float64]":
    """Sum over the repeats that are given, one after the other: `np.sum` would take pairs where there are many."""
    total = np.zeros(values.shape[1])
    for one, there in zip(values, given, strict=True):
        total += np.where(there, one, 0.0)
    return total
