"""`scores.parquet`: one row a sample × repeat × metric × slice, with the metric's sufficient statistics.

Bootstrap, pooled metrics, subsets and comparisons of runs are all functions of this one table. It is written in row
groups, so that a million samples never sit in memory, and strings are dictionary-encoded.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self
from uuid import uuid4

import numpy as np

from peakbench.errors import BadInputError
from peakbench.files import disk_errors, put_in_place
from peakbench.runs.arrow import Lists, Numbers, Words, whole_numbers_array

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

SCORES_SCHEMA_VERSION = 1
_ROWS_A_GROUP = 65_536


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """The value of one metric for one sample, repeat and slice.

    Attributes:
        sample_id: The sample.
        repeat: From 0.
        cluster: The sample's cluster, or None.
        metric: The metric's id.
        slice: `""` for the whole sample, else `field=type` and the like.
        value: In the metric's range, or None when undefined.
        reason: Why it is undefined; None when it is defined.
        stats: The metric's sufficient statistics, in the order of the names that the registry gives; None when the
            sample contributes nothing.
    """

    sample_id: str
    repeat: int
    cluster: str | None
    metric: str
    slice: str
    value: float | None
    reason: str | None
    stats: tuple[float, ...] | None


def scores_schema(metadata: Mapping[str, str] | None = None) -> "pa.Schema":
    """The table's Arrow schema; `metadata` goes into the file beside the schema version."""
    import pyarrow as pa

    text = pa.dictionary(pa.int32(), pa.string())
    return pa.schema(
        [
            pa.field("sample_id", text, nullable=False),
            pa.field("repeat", pa.int16(), nullable=False),
            pa.field("cluster", text),
            pa.field("metric", text, nullable=False),
            pa.field("slice", text, nullable=False),
            pa.field("value", pa.float64()),
            pa.field("reason", text),
            pa.field("stats", pa.list_(pa.float64())),
        ],
        metadata={"peakbench.schema_version": str(SCORES_SCHEMA_VERSION), **(metadata or {})},
    )


class SliceScore(Protocol):
    """The part of a row that differs among the slices of one metric, sample and repeat."""

    @property
    def slice(self) -> str:
        """As in `ScoreRow`."""

    @property
    def value(self) -> float | None:
        """As in `ScoreRow`."""

    @property
    def reason(self) -> str | None:
        """As in `ScoreRow`."""

    @property
    def stats(self) -> tuple[float, ...] | None:
        """As in `ScoreRow`."""


class ScoreColumns:
    """The table in the making, in some 50 bytes a row: objects of Python's own would take ten times as much.

    What the slices of one metric, sample and repeat share is kept once for all of them, until the table is made.
    """

    def __init__(self, schema: "pa.Schema | None" = None) -> None:
        self._schema = schema or scores_schema()
        self._samples = Words()
        self._repeats = array("h")
        self._clusters = Words()
        self._metrics = Words()
        self._lengths = array("q")
        self._slices = Words()
        self._values = Numbers()
        self._reasons = Words()
        self._stats = Lists()

    def __len__(self) -> int:
        return len(self._values)

    def add(self, sample_id: str, repeat: int, cluster: str | None, metric: str, scores: Sequence[SliceScore]) -> None:
        """Add one metric's scores for one sample and repeat; the words are those of `ScoreRow`."""
        self._samples.add(sample_id)
        self._repeats.append(repeat)
        self._clusters.add(cluster)
        self._metrics.add(metric)
        self._lengths.append(len(scores))
        for score in scores:
            self._slices.add(score.slice)
            self._values.add(score.value)
            self._reasons.add(score.reason)
            self._stats.add(score.stats)

    def table(self) -> "pa.Table":
        """Everything that was added, in its order; the columns are those of `scores_schema`."""
        import pyarrow as pa

        lengths = np.array(self._lengths)
        columns = {
            "sample_id": self._samples.made(lengths),
            "repeat": whole_numbers_array(np.repeat(np.array(self._repeats), lengths)),
            "cluster": self._clusters.made(lengths),
            "metric": self._metrics.made(lengths),
            "slice": self._slices.made(),
            "value": self._values.made(),
            "reason": self._reasons.made(),
            "stats": self._stats.made(),
        }
        return pa.Table.from_arrays([columns[name] for name in self._schema.names], schema=self._schema)


class ScoresWriter:
    """Writes `scores.parquet` beside its final name and puts it in place when closed without an error.

    Every method raises `InfrastructureError` if the disk refuses; the table that was there before is untouched.
    """

    def __init__(self, path: Path, metadata: Mapping[str, str] | None = None) -> None:
        self._path = path
        self._partial = path.with_name(f".{path.name}.{uuid4().hex}.partial")
        self._schema = scores_schema(metadata)
        self._columns = ScoreColumns(self._schema)
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        import pyarrow.parquet as pq

        with disk_errors(self._path):
            self._writer = pq.ParquetWriter(self._partial, self._schema, compression="zstd")
        return self

    def write(self, rows: Iterable[ScoreRow]) -> None:
        """Add rows; they reach the disk in groups."""
        for row in rows:
            self.add(row.sample_id, row.repeat, row.cluster, row.metric, (row,))

    def add(self, sample_id: str, repeat: int, cluster: str | None, metric: str, scores: Sequence[SliceScore]) -> None:
        """Add one metric's scores for one sample and repeat, as `ScoreColumns.add` does."""
        self._columns.add(sample_id, repeat, cluster, metric, scores)
        if len(self._columns) >= _ROWS_A_GROUP:
            self._flush()

    def _flush(self) -> None:
        assert self._writer is not None
        table = self._columns.table()
        with disk_errors(self._path):
            self._writer.write_table(table)
        self._columns = ScoreColumns(self._schema)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._writer is not None
        try:
            if kind is None:
                self._flush()
                with disk_errors(self._path):
                    self._writer.close()
                    put_in_place(self._partial, self._path)
            else:
                with suppress(OSError):  # what goes wrong now is less than what went wrong before
                    self._writer.close()
        finally:
            self._partial.unlink(missing_ok=True)


ScoreGroups = Callable[[Sequence[str]], Iterator["pa.Table"]]
"""Gives a table of scores a part after the other, with those of its columns that are named; as often as it is asked."""


def groups_of_file(path: Path) -> ScoreGroups:
    """The row groups of `scores.parquet`.

    The errors of `read_scores` come when the first one is asked for.
    """

    def groups(columns: Sequence[str]) -> "Iterator[pa.Table]":
        with _opened(path) as file:
            for group in range(file.num_row_groups):
                yield file.read_row_group(group, columns=list(columns), use_threads=False)

    return groups


def groups_of_table(table: "pa.Table") -> ScoreGroups:
    """A table that is in memory, as the only part."""
    return lambda columns: iter([table.select(list(columns))])


def read_scores(path: Path) -> "pa.Table":
    """Read `scores.parquet` as a whole; the columns are those of `scores_schema`.

    Raises:
        BadInputError: If it is missing, no table, or was written in another schema version.
    """
    with _opened(path) as file:
        return file.read()


@contextmanager
def _opened(path: Path) -> "Iterator[pq.ParquetFile]":
    """The file, with what is wrong with it said in our words."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    mend = f"score the run again: peakbench score {path.parent}"
    try:
        with pq.ParquetFile(path) as file:  # `read_table` would import pandas
            found = (file.schema_arrow.metadata or {}).get(b"peakbench.schema_version", b"none").decode()
            if found != str(SCORES_SCHEMA_VERSION):
                raise BadInputError(
                    f"{path}: schema version {found}; this PeakBench reads version {SCORES_SCHEMA_VERSION}", mend=mend
                )
            yield file
    except (OSError, pa.ArrowException) as error:
        raise BadInputError(f"{path} cannot be read: {error}", mend=mend) from error
