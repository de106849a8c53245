"""`responses.jsonl`: the journal of a run, and the only truth about what was asked and answered.

The first line is a header (schema version, run id, identity digest); every other line is a response or a typed
failure of one (sample, repeat). A record is one `write` to a file opened with `O_APPEND`, and the file is synced to
the disk in groups; only a synced record counts as done. A process killed at any instant leaves at most one torn line
at the end, which is cut off before the journal is used again, and that sample is asked again.

A failure may be superseded by a later record of the same key (`--retry-failed`); a response never is: two responses
of one key mean that two processes wrote the journal, and it is refused.
"""

import os
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import msgspec

from peakbench.errors import BadInputError
from peakbench.files import disk_error, sync_folder
from peakbench.runs.journal_lines import JournalHeader, Key, decode_header, decode_record, encode_record, line_of
from peakbench.runs.records import Failure, Record, Response


def mend_journal(path: Path) -> int:
    """Cut a torn last line off, if there is one.

    Returns:
        The number of bytes cut.
    """
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        end = size
        while end > 0:
            start = max(0, end - 65_536)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            file.truncate(end)
            os.fsync(file.fileno())
        return size - end


class _Key(msgspec.Struct):
    """What of a record says which request it settles, and how; the rest of the line is passed over."""

    kind: Literal["response", "failure"]
    sample_id: str
    repeat: int


_read_key = msgspec.json.Decoder(_Key).decode


@dataclass(frozen=True, slots=True)
class JournalLine:
    """Which request a line of a journal settles.

    Attributes:
        number: Of the line, from 1.
        offset: Byte at which it begins.
        key: The request.
        failed: Whether it is a failure.
        superseded: Whether a later line settles the same request.
    """

    number: int
    offset: int
    key: Key
    failed: bool
    superseded: bool


class Journal:
    """A journal that is read: gone through line by line, however long it is.

    Opening goes through it once, so that a damaged one is refused. Memory holds an entry a failure, and nothing of a
    response. A torn last line is ignored here; `JournalWriter` cuts it off.

    Attributes:
        path: The file.
        header: The first line; None for a journal without one.

    Raises:
        BadInputError: If there is no journal, it has another schema version, or a line in it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header: JournalHeader | None = None
        self._failed: dict[Key, int] = {}
        self._n_answered = 0
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise BadInputError(f"{path}: {error.strerror}", mend="name a run folder") from error
        try:
            self._check()
        except BadInputError:
            self._file.close()
            raise

    def _check(self) -> None:
        """Go through the journal once: count what is settled, and refuse what comes after an answer."""
        answered = array("q")  # 8 bytes an answer, for the time of the check; a set would take 200
        for number, offset, line in self._whole_lines():
            if number == 1:
                self.header = self._header(line)
                continue
            found = self._key(number, line)
            key = (found.sample_id, found.repeat)
            if found.kind == "failure":
                self._failed[key] = offset
            else:
                self._failed.pop(key, None)
                answered.append(hash(key))
        self._n_answered = len(answered)
        suspects = _doubled(answered, [hash(key) for key in self._failed])
        if suspects:
            self._refuse_doubled(suspects)

    def _refuse_doubled(self, suspects: frozenset[int]) -> None:
        """Look at the requests whose hashes are there more than once, which two may share by chance."""
        answered: set[Key] = set()
        for line in self.lines():
            if hash(line.key) not in suspects:
                continue
            if line.key in answered:
                error = ValueError(f"sample {line.key[0]!r}, repeat {line.key[1]} was answered before")
                raise damaged(self.path, line.number, error)
            if not line.failed:
                answered.add(line.key)

    def lines(self) -> Iterator[JournalLine]:
        """Which request each line settles, in the journal's order; the header is none of them."""
        for number, offset, line in self._whole_lines():
            if number > 1:
                found = self._key(number, line)
                key, failed = (found.sample_id, found.repeat), found.kind == "failure"
                yield JournalLine(number, offset, key, failed, failed and self._failed.get(key) != offset)

    def _whole_lines(self) -> Iterator[tuple[int, int, bytes]]:
        """Number, offset and bytes of every line but a torn one."""
        offset = 0
        with self.path.open("rb") as file:  # of its own, for `record_at` may go elsewhere meanwhile
            for number, line in enumerate(file, start=1):
                if line.endswith(b"\n"):
                    yield number, offset, line
                    offset += len(line)

    def _header(self, line: bytes) -> JournalHeader:
        try:
            return decode_header(line)
        except ValueError as error:
            raise damaged(self.path, 1, error) from error

    def _key(self, number: int, line: bytes) -> _Key:
        try:
            return _read_key(line)
        except (
            msgspec.MsgspecError,
            ValueError,
        ):  # of half a character (a lone surrogate) too, which a response may hold
            record = self._decoded(line, number)
            kind: Literal["response", "failure"] = "response" if isinstance(record, Response) else "failure"
            return _Key(kind, record.sample_id, record.repeat)

    def __len__(self) -> int:
        return self._n_answered + len(self._failed)

    def __iter__(self) -> Iterator[Key]:
        return (line.key for line in self.lines() if not line.superseded)

    def __getitem__(self, key: Key) -> Record:
        """The settled record of a key, found by going through the journal; `settled_requests` finds many at once."""
        for line in self.lines():
            if line.key == key and not line.superseded:
                return self.record_at(line.offset)
        raise KeyError(key)

    @property
    def n_failed(self) -> int:
        """Number of keys whose last record is a failure."""
        return len(self._failed)

    def records(self) -> Iterator[Record]:
        """The settled record of every key, in the order of the journal."""
        for number, offset, line in self._whole_lines():
            if number == 1:
                continue
            record = self._decoded(line, number)
            if isinstance(record, Response) or self._failed.get((record.sample_id, record.repeat)) == offset:
                yield record

    def failures(self) -> Iterator[Failure]:
        """The settled records that are failures, in the order of the journal."""
        for offset in sorted(self._failed.values()):
            record = self.record_at(offset)
            assert isinstance(record, Failure), "a failure is noted where one stands"
            yield record

    def record_at(self, offset: int) -> Record:
        """The record that begins at a byte of the file.

        Raises:
            BadInputError: If it is no record.
        """
        self._file.seek(offset)
        return self._decoded(self._file.readline(), f"byte {offset}")

    def _decoded(self, line: bytes, place: int | str) -> Record:
        try:
            return decode_record(line)
        except (ValueError, RecursionError) as error:
            raise damaged(self.path, place, error) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        self.close()
        return False


def _doubled(answered: "array[int]", failed: Sequence[int]) -> frozenset[int]:
    """Hashes that are there more than once among the answered, or among both; the array is sorted on the way."""
    import numpy as np

    if not answered:
        return frozenset()
    numbers = np.frombuffer(answered, dtype=np.int64)
    numbers.sort()
    others = np.array(failed, dtype=np.int64)
    nearest = numbers[np.minimum(np.searchsorted(numbers, others), len(numbers) - 1)]
    return frozenset(numbers[1:][numbers[1:] == numbers[:-1]].tolist()) | frozenset(others[others == nearest].tolist())


def damaged(path: Path, place: int | str, error: Exception) -> BadInputError:
    """The refusal of a journal, with the number of a line, or a place in the file."""
    return BadInputError(
        f"{path}, {f'line {place}' if isinstance(place, int) else place}: {error}",
        mend="the journal was changed by something else; restore it, or start again with --fresh",
    )


def require_own_header(path: Path, found: JournalHeader | None, identity: str) -> None:
    """Refuse the journal of another run, which was put here by hand.

    Raises:
        BadInputError: If the journal has a header, and its identity is another.
    """
    if found is not None and found.identity != identity:
        raise BadInputError(
            f"{path} is the journal of another run ({found.run_id})",
            mend="bring back the journal that belongs here, or start again with --fresh",
        )


class JournalWriter:
    """A journal that is written: one `write` a record, synced when `sync` is called.

    Opening cuts off a torn last line and writes the header if there is none; the journal of another run is refused.
    The caller holds the run folder's lock.

    Attributes:
        n_written: Records written since opening.
        n_cut: Bytes of a torn last line that were cut off at opening.
    """

    def __init__(self, path: Path, header: JournalHeader) -> None:
        self.path = path
        self.n_written = 0
        self._handle = -1
        try:
            new = not path.exists()
            self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            self.n_cut = mend_journal(path)
            self._size = os.fstat(self._handle).st_size
            if self._size > 0:
                self._require_own(header)
            else:
                self._write(
                    line_of(
                        {
                            "kind": "header",
                            "schema_version": header.schema_version,
                            "run_id": header.run_id,
                            "identity": header.identity,
                        }
                    )
                )
                self.sync()
            if new:
                sync_folder(path.parent)
        except OSError as error:
            self.close()
            raise disk_error(path, error) from error
        except BadInputError:
            self.close()
            raise

    def _require_own(self, header: JournalHeader) -> None:
        with self.path.open("rb") as file:
            try:
                found = decode_header(file.readline())
            except ValueError as error:
                raise damaged(self.path, 1, error) from error
        require_own_header(self.path, found, header.identity)

    def append(self, record: Record) -> None:
        """Write one record.

        Raises:
            InfrastructureError: If the disk refuses; the journal then ends with the record before.
        """
        try:
            self._write(encode_record(record))
        except OSError as error:
            raise disk_error(self.path, error) from error
        self.n_written += 1

    def _write(self, line: bytes) -> None:
        try:
            written = os.write(self._handle, line)
            while written < len(line):  # a disk that is nearly full takes a part, then refuses the rest
                written += os.write(self._handle, line[written:])
        except OSError:
            os.ftruncate(self._handle, self._size)
            raise
        self._size += len(line)

    def sync(self) -> None:
        """Have everything written so far reach the disk.

        Raises:
            InfrastructureError: If the disk refuses.
        """
        try:
            os.fsync(self._handle)
        except OSError as error:
            raise disk_error(self.path, error) from error

    def close(self) -> None:
        """Close the file; call `sync` before."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
