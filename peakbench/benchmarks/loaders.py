"""From rows to samples: every row is checked before the first request, and every bad one is named.

Samples are streamed: one is in memory at a time, whatever the size of the data. What is wrong with a row is a `Finding`
with its place and its sample, so that one pass names everything.
"""

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Literal, Self

from peakbench.benchmarks.boxes import scale_size
from peakbench.benchmarks.file import BenchmarkFile, HubData
from peakbench.benchmarks.images import ImageReader, decoded_pictures
from peakbench.benchmarks.prompts import prompt_renderer
from peakbench.benchmarks.references import ReferenceReader, reference_reader
from peakbench.benchmarks.sample import ImageFile, Reference, RemoteImage, Sample
from peakbench.benchmarks.sources import BadRow, Row, place_name, read_hub_rows, read_rows
from peakbench.errors import InfrastructureError
from peakbench.files import TEMPORARY, disk_error, temporary_files
from peakbench.redaction import hide_in_urls

DataPlace = Path | HubData
"""Where data lies: a file or folder, or a data set on the Hub."""

_SHOWN_FINDINGS = 20
_CHECKED_IN_MEMORY = 10_000


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a row.

    Attributes:
        place: Such as `data.jsonl, line 7`.
        sample: The sample's id, when the row has one.
        reason: What is wrong.
    """

    place: str
    sample: str | None
    reason: str

    def __str__(self) -> str:
        named = "" if self.sample is None else f", sample {self.sample!r}"
        return f"{self.place}{named}: {self.reason}"


def iter_samples(file: BenchmarkFile, data: DataPlace, store: Path) -> Iterator[Sample | Finding]:
    """Read samples one by one, in the data's order; a bad row comes as a finding.

    Args:
        file: The benchmark.
        data: Where its data lies.
        store: Folder for images that the data holds as bytes.

    Raises:
        BadInputError: If the data cannot be read at all.
    """
    render, identify = prompt_renderer(file.prompt), _identifier(file)
    references = reference_reader(file)
    where, word = _told_place(data)
    if isinstance(data, Path):
        rows, folder = read_rows(data), data if data.is_dir() else data.parent
    else:
        rows, folder = read_hub_rows(data), None
    with _Seen() as seen, decoded_pictures(store) as decoded:
        images = ImageReader(folder, store, decoded)
        for row in rows:
            place = f"{where}, {word} {row.number}"
            if isinstance(row, BadRow):
                yield Finding(place, None, row.reason)
                continue
            name = _name(row, file)
            try:
                sample = _sample(file, row, render, identify, references, images)
                earlier = seen.add(sample.id, row.number)
                if earlier is not None:
                    raise ValueError(f"the id was given before, in {word} {earlier}")
            except ValueError as error:
                yield Finding(place, None if name is None else str(name), str(error))
                continue
            yield sample


def iter_references(file: BenchmarkFile, data: DataPlace) -> Iterator[Reference | Finding]:
    """Read the completed references of rows one by one, and nothing else of them; a bad row comes as a finding.

    Args:
        file: The benchmark, by whose columns and fields the rows are read.
        data: Where the rows lie.

    Raises:
        BadInputError: If the data cannot be read at all.
    """
    column, references = file.columns.reference, reference_reader(file)
    rows = read_rows(data, (column,)) if isinstance(data, Path) else read_hub_rows(data, (column,))
    where, word = _told_place(data)
    for row in rows:
        place = f"{where}, {word} {row.number}"
        if isinstance(row, BadRow):
            yield Finding(place, None, row.reason)
            continue
        try:
            reference = references(_column(row, column), None)
        except ValueError as error:
            name = _name(row, file)
            yield Finding(place, None if name is None else str(name), str(error))
            continue
        yield reference


def place_text(data: DataPlace) -> str:
    """Where data lies, as `run.json` says it."""
    return str(data.resolve()) if isinstance(data, Path) else f"{data.repo}@{data.revision} ({data.split})"


def _told_place(data: DataPlace) -> tuple[str, str]:
    """Where data lies, and what its rows are called, as findings say it."""
    return (str(data), place_name(data)) if isinstance(data, Path) else (data.repo, "row")


def told(findings: Sequence[Finding], n: int | None = None, most: int = _SHOWN_FINDINGS) -> list[str]:
    """Findings as lines, the first ones in full and the others as a number.

    Args:
        findings: What is wrong.
        n: How many there are, when `findings` holds the first of them only.
        most: How many are told in full.
    """
    more = (len(findings) if n is None else n) - most
    return [str(finding) for finding in findings[:most]] + ([f"… and {more} more"] if more > 0 else [])


def _sample(
    file: BenchmarkFile,
    row: Row,
    render: Callable[[Mapping[str, Any]], str],
    identify: Callable[[Row], str],
    references: ReferenceReader,
    images: ImageReader,
) -> Sample:
    """Build one sample; a ValueError says what is wrong with the row."""
    columns = file.columns
    identifier = identify(row)
    given = _column(row, columns.reference)
    pictures = [picture for name in columns.images for picture in _pictures(row, name)]
    if columns.images and not pictures:
        raise ValueError(f"column `{columns.images[0]}` holds no image")
    read = tuple(images.read(picture) for picture in pictures)
    first = read[0] if read else None
    if file.boxes and isinstance(first, RemoteImage):
        raise ValueError(f"image {hide_in_urls(first.url)} is a URL; boxes need the image's size, so download it first")
    size = (first.width, first.height) if isinstance(first, ImageFile) else None
    reference = references(given, size)
    if size and file.boxes:
        scale_size(file.boxes.answers, *size)  # refuses an image that the declared resizing cannot take
    cluster = _column(row, columns.cluster) if columns.cluster else None
    if cluster is not None and (isinstance(cluster, bool) or not isinstance(cluster, str | int)):
        raise ValueError(f"column `{columns.cluster}` holds {cluster!r}; a string, a whole number or null is needed")
    evidence = _column(row, columns.evidence) if columns.evidence else None
    if evidence is not None and not isinstance(evidence, str):
        raise ValueError(f"column `{columns.evidence}` holds {evidence!r}; a string or null is needed")
    prompt = render(row.columns)
    for what, text in (("the id", identifier), ("the prompt", prompt), ("the cluster", str(cluster))):
        _require_utf8(what, text)
    return Sample(
        id=identifier,
        prompt=prompt,
        images=read,
        reference=reference,
        cluster=None if cluster is None or cluster == "" else str(cluster),
        evidence=evidence,
        line=row.number,
    )


def _identifier(file: BenchmarkFile) -> Callable[[Row], str]:
    """The function that gives a row's id; a ValueError says what is wrong with it."""
    column = file.columns.id
    if column is None:
        return lambda row: f"row-{row.number:06d}"
    if not isinstance(column, str):
        render = prompt_renderer(column)
        return lambda row: render(row.columns)

    def of_column(row: Row) -> str:
        identifier = _column(row, column)
        if isinstance(identifier, int) and not isinstance(identifier, bool):
            return str(identifier)
        if not isinstance(identifier, str) or not identifier.strip():
            raise ValueError(f"column `{column}` holds {identifier!r}; a string or a whole number is needed")
        return identifier

    return of_column


def _name(row: Row, file: BenchmarkFile) -> Any:
    """What a person would call a row whose id may be wrong."""
    return row.columns.get(file.columns.id) if isinstance(file.columns.id, str) else None


def _pictures(row: Row, name: str) -> list[Any]:
    value = _column(row, name)
    if isinstance(value, str) and value.lstrip().startswith("["):  # a list, as a CSV file writes it
        from peakbench.benchmarks.sources import read_json

        value = read_json(value)
    if value is None or value == "":
        raise ValueError(f"column `{name}` holds no image")
    return list(value) if isinstance(value, list | tuple) else [value]


def _require_utf8(what: str, text: str) -> None:
    """JSON can say half a character (a lone surrogate), which can be neither sent nor kept."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{what} is no UTF-8: {error}") from error


def _column(row: Row, name: str) -> Any:
    if name not in row.columns:
        raise ValueError(f"column `{name}` is missing; the row has {', '.join(map(str, row.columns)) or 'none'}")
    return row.columns[name]


class _Seen:
    """The ids that were seen, and where first; beyond ten thousand they move to a file, so memory stays flat."""

    def __init__(self) -> None:
        self._first: dict[str, int] = {}
        self._folder: TemporaryDirectory[str] | None = None
        self._base: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def add(self, identifier: str, number: int) -> int | None:
        """Note an id; give the number of the row that had it before, if one had."""
        if self._base is None:
            earlier = self._first.setdefault(identifier, number)
            if len(self._first) > _CHECKED_IN_MEMORY:
                self._move()
            return None if earlier == number else earlier
        try:
            self._base.execute("insert into seen values (?, ?)", (identifier, number))
        except sqlite3.IntegrityError:
            found = self._base.execute("select number from seen where id = ?", (identifier,)).fetchone()
            return int(found[0])
        except sqlite3.OperationalError as error:
            raise self._refused(error) from error
        return None

    def _move(self) -> None:
        with temporary_files():
            self._folder = TemporaryDirectory(prefix="peakbench-ids-")
        try:
            self._base = sqlite3.connect(Path(self._folder.name) / "ids.sqlite", isolation_level=None)
            self._base.execute("pragma journal_mode = off")
            self._base.execute("pragma synchronous = off")
            self._base.execute("create table seen (id text primary key, number integer) without rowid")
            self._base.execute("begin")
            self._base.executemany("insert into seen values (?, ?)", self._first.items())
        except sqlite3.OperationalError as error:
            raise self._refused(error) from error
        self._first = {}

    def _refused(self, error: sqlite3.OperationalError) -> InfrastructureError:
        """What the disk refused; sqlite has words of its own, and no number of the system."""
        assert self._folder is not None, "ids lie in a folder"
        full = error.sqlite_errorcode == sqlite3.SQLITE_FULL
        refusal = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) if full else OSError(str(error))
        return disk_error(Path(self._folder.name), refusal, TEMPORARY)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        if self._base is not None:
            self._base.close()
        if self._folder is not None:
            self._folder.cleanup()
        return False
