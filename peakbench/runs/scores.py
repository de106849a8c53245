"""`scores.parquet`: one row a sample × repeat × metric × slice, with the metric's sufficient statistics.

Bootstrap, pooled metrics, subsets and comparisons of runs are all functions of this one table. It is written in row
groups, so that a million samples never sit in memory, and strings are dictionary-encoded.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from peakbench.errors import BadInputError
from peakbench.files import disk_errors, put_in_place

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

SCORES_SCHEMA_VERSION = 1
_ROWS_A_GROUP = 262_144


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


class ScoresWriter:
    """Writes `scores.parquet` beside its final name and puts it in place when closed without an error.

    Every method raises `InfrastructureError` if the disk refuses; the table that was there before is untouched.
    """

    def __init__(self, path: Path, metadata: Mapping[str, str] | None = None) -> None:
        self._path = path
        self._partial = path.with_name(f".{path.name}.{uuid4().hex}.partial")
        self._schema = scores_schema(metadata)
        self._rows: list[ScoreRow] = []
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        import pyarrow.parquet as pq

        with disk_errors(self._path):
            self._writer = pq.ParquetWriter(self._partial, self._schema, compression="zstd")
        return self

    def write(self, rows: Iterable[ScoreRow]) -> None:
        """Add rows; they reach the disk in groups."""
        self._rows.extend(rows)
        if len(self._rows) >= _ROWS_A_GROUP:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        assert self._writer is not None
        columns = {
            field.name: pa.array([getattr(row, field.name) for row in self._rows], type=field.type)
            for field in self._schema
        }
        table = pa.Table.from_pydict(columns, schema=self._schema)
        with disk_errors(self._path):
            self._writer.write_table(table)
        self._rows.clear()

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


def read_scores(path: Path) -> "pa.Table":
    """Read `scores.parquet`; the columns are those of `scores_schema`.

    Raises:
        BadInputError: If it is missing, no table, or was written in another schema version.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    mend = f"score the run again: peakbench score {path.parent}"
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise BadInputError(f"{path} cannot be read: {error}", mend=mend) from error
    found = (table.schema.metadata or {}).get(b"peakbench.schema_version", b"none").decode()
    if found != str(SCORES_SCHEMA_VERSION):
        raise BadInputError(
            f"{path}: schema version {found}; this PeakBench reads version {SCORES_SCHEMA_VERSION}",
            mend=mend,
        )
    return table
