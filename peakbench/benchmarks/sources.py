"""Rows of data, whatever they are kept in: JSONL, CSV, Parquet, or a Hugging Face data set.

Rows are streamed: one row, or one small batch of them, is in memory at a time. A row that cannot be read is not the end
of the data; it comes as a `BadRow` that says why, so that everything wrong can be named in one pass.
"""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from peakbench.errors import BadInputError

if TYPE_CHECKING:
    from peakbench.benchmarks.file import HubData

MAX_LINE_BYTES = 16 * 2**20
"""Longest row of JSONL or CSV that is read."""
_BATCH = 256
_BUFFER = 2**20

_COMMIT = re.compile("[0-9a-f]{40}")

Format = Literal["jsonl", "csv", "parquet", "datasets"]
_SUFFIXES: Mapping[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it stands in the data.

    Attributes:
        number: Line of a text file, row of any other, from 1.
        columns: Name to value.
    """

    number: int
    columns: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read.

    Attributes:
        number: As in `Row`.
        reason: Why.
    """

    number: int
    reason: str


def format_of(path: Path) -> Format:
    """The format of a data file, told from its name; a folder is a data set that `datasets` saved.

    Raises:
        BadInputError: If the path is not there, or its name tells no format.
    """
    if path.is_dir():
        return "datasets"
    if not path.is_file():
        what = "is no file" if path.exists() else "is not there"
        raise BadInputError(
            f"{path} {what}",
            mend="check `data.path` in the benchmark file, which is relative to that file, or give --data PATH",
        )
    found = _SUFFIXES.get(path.suffix.lower())
    if found is None:
        raise BadInputError(
            f"{path}: no format is known for `{path.suffix}`",
            mend=f"name the file with one of {', '.join(_SUFFIXES)}, or a folder written by `save_to_disk`",
        )
    return found


def place_name(path: Path) -> str:
    """What a row's number counts: `line` in a text file, else `row`."""
    return "line" if not path.is_dir() and _SUFFIXES.get(path.suffix.lower()) in ("jsonl", "csv") else "row"


def read_rows(path: Path, columns: Sequence[str] | None = None) -> Iterator[Row | BadRow]:
    """Read all rows of a file or folder, in its order.

    Args:
        path: The file or folder.
        columns: Those that are needed; formats that keep columns apart leave the others unread. None for all.

    Raises:
        BadInputError: If it cannot be read at all.
    """
    readers: Mapping[Format, Callable[[], Iterator[Row | BadRow]]] = {
        "jsonl": lambda: _jsonl(path),
        "csv": lambda: _csv(path),
        "parquet": lambda: _parquet(path, columns),
        "datasets": lambda: _saved_dataset(path, columns),
    }
    reader = readers[format_of(path)]
    try:
        yield from reader()
    except OSError as error:
        raise BadInputError(
            f"{path}: {error.strerror or error}", mend="check `data.path` in the benchmark file"
        ) from error


def read_json(text: str | bytes) -> Any:
    """Read JSON; an object that says two things under one key is refused, where Python would keep the last.

    Raises:
        ValueError: If it is no JSON.
        RecursionError: If it is nested too deep.
    """
    return json.loads(text, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in made if keys.count(key) > 1)
        raise ValueError(f"the key `{twice}` is given twice")
    return made


def _jsonl(path: Path) -> Iterator[Row | BadRow]:
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE_BYTES + 1), b""), start=1):
            if len(line) > MAX_LINE_BYTES:
                yield BadRow(number, f"longer than {MAX_LINE_BYTES:,} bytes; not read on from here")
                return
            text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if not text.strip():
                continue
            try:
                value = read_json(text)
            except (ValueError, RecursionError) as error:
                yield BadRow(number, f"no JSON: {error}")
                continue
            if isinstance(value, dict):
                yield Row(number, value)
            else:
                yield BadRow(number, f"a JSON {type(value).__name__} where an object is needed")


def _csv(path: Path) -> Iterator[Row | BadRow]:
    with path.open(encoding="utf-8-sig", newline="", errors="strict") as file:
        reader = csv.reader(file, strict=True)
        limit = csv.field_size_limit(MAX_LINE_BYTES)
        try:
            names = next(reader, None)
            if names is None:
                return
            doubled = sorted({name for name in names if names.count(name) > 1})
            if doubled:
                raise BadInputError(f"{path}: the column `{doubled[0]}` is there twice", mend="rename one of them")
            start = reader.line_num + 1
            while True:
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except (csv.Error, UnicodeDecodeError) as error:
                    yield BadRow(start, f"no CSV: {error}; not read on from here")
                    return
                if cells and len(cells) != len(names):
                    yield BadRow(start, f"{len(cells)} cells where the header has {len(names)}")
                elif cells:
                    yield Row(start, dict(zip(names, cells, strict=True)))
                start = reader.line_num + 1
        finally:
            csv.field_size_limit(limit)


def _parquet(path: Path, columns: Sequence[str] | None) -> Iterator[Row | BadRow]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Without these a whole row group, which may be the whole file, would be in memory.
        with pq.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False) as file:
            wanted = _wanted(columns, file.schema_arrow.names)
            yield from _batches(file.iter_batches(batch_size=_BATCH, columns=wanted, use_threads=False))
    except pa.ArrowException as error:
        raise BadInputError(f"{path} is no Parquet: {error}", mend="write the file again") from error


def _wanted(columns: Sequence[str] | None, names: Iterable[str]) -> list[str] | None:
    """The columns to read; None for all, also when none is there, so that a row can say what it has instead."""
    there = set(names)
    return [name for name in columns or () if name in there] or None


def _batches(batches: Iterator[Any]) -> Iterator[Row | BadRow]:
    number = 0
    for batch in batches:
        for columns in batch.to_pylist():
            number += 1
            yield Row(number, columns)


def _saved_dataset(path: Path, columns: Sequence[str] | None) -> Iterator[Row | BadRow]:
    datasets = _datasets_library(f"{path} is a folder: a data set that `datasets` saved")
    try:
        found = datasets.load_from_disk(str(path))
    except (FileNotFoundError, ValueError, OSError) as error:
        raise BadInputError(
            f"{path} holds no data set: {error}", mend="name a folder written by `save_to_disk`"
        ) from error
    if isinstance(found, datasets.DatasetDict):
        raise BadInputError(
            f"{path} holds several splits: {', '.join(found)}", mend=f"name one: {path / next(iter(found))}"
        )
    yield from _dataset_rows(found, columns)


def pinned(source: "HubData") -> "HubData":
    """The same data set at the commit that its revision names now, so that all of a run is of one state of it.

    Raises:
        BadInputError: If `datasets` is not installed, or the Hub does not tell.
    """
    if _COMMIT.fullmatch(source.revision):
        return source
    _datasets_library(f"the data set {source.repo} is on the Hub")
    from huggingface_hub import HfApi

    try:
        commit = HfApi().dataset_info(source.repo, revision=source.revision).sha
    except Exception as error:  # the client raises whatever its transports raise
        raise _no_hub(source, error) from error
    return source if commit is None else source.model_copy(update={"revision": commit})


def read_hub_rows(source: "HubData", columns: Sequence[str] | None = None) -> Iterator[Row | BadRow]:
    """Read the rows of a data set on the Hugging Face Hub, streamed.

    Args:
        source: The data set.
        columns: Those that are needed; None for all.

    Raises:
        BadInputError: If `datasets` is not installed, or the data set cannot be had.
    """
    datasets = _datasets_library(f"the data set {source.repo} is on the Hub")
    try:
        found = datasets.load_dataset(
            source.repo, source.config, split=source.split, revision=source.revision, streaming=True
        )
        yield from _dataset_rows(found, columns)
    except Exception as error:  # the client raises whatever its transports raise, while rows are read too
        raise _no_hub(source, error) from error


def _no_hub(source: "HubData", error: Exception) -> BadInputError:
    return BadInputError(
        f"the data set {source.repo} (split {source.split}, revision {source.revision}) cannot be had: {error}",
        mend="check the name, the network and your access (`hf auth login`), or download it and name its path",
    )


def _dataset_rows(found: Any, columns: Sequence[str] | None) -> Iterator[Row | BadRow]:
    """Rows with images left as the bytes they are: they are sent untouched."""
    datasets = _datasets_library("")
    wanted = _wanted(columns, found.features or ())
    if wanted:
        found = found.select_columns(wanted)
    for name, feature in (found.features or {}).items():
        if isinstance(feature, datasets.Image):
            found = found.cast_column(name, datasets.Image(decode=False))
        elif isinstance(getattr(feature, "feature", None), datasets.Image):
            found = found.cast_column(name, datasets.List(datasets.Image(decode=False)))
    for number, row in enumerate(found, start=1):
        yield Row(number, row)


def _datasets_library(need: str) -> Any:
    try:
        import datasets
    except ImportError as error:
        raise BadInputError(
            f"{need}, and `datasets` is not installed", mend="pip install 'peakbench[datasets]'"
        ) from error
    return datasets
