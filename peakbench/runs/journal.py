"""`responses.jsonl`: the journal of a run, and the only truth about what was asked and answered.

The first line is a header (schema version, run id, identity digest); every other line is a response or a typed
failure of one (sample, repeat). A record is one `write` to a file opened with `O_APPEND`, and the file is synced to
the disk in groups; only a synced record counts as done. A process killed at any instant leaves at most one torn line
at the end, which is cut off before the journal is used again, and that sample is asked again.

A failure may be superseded by a later record of the same key (`--retry-failed`); a response never is: two responses
of one key mean that two processes wrote the journal, and it is refused.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from peakbench.errors import BadInputError
from peakbench.files import disk_error, sync_folder
from peakbench.runs.records import Failure, FailureKind, Record, Response, Timing, TokenLogprob, Usage

JOURNAL_SCHEMA_VERSION = 1

Key = tuple[str, int]
"""(sample id, repeat)."""


@dataclass(frozen=True, slots=True)
class JournalHeader:
    """The first line of a journal.

    Attributes:
        run_id: The run folder's name.
        identity: The run's identity digest.
        schema_version: Of the journal's format.
    """

    run_id: str
    identity: str
    schema_version: int = JOURNAL_SCHEMA_VERSION


def _line(value: dict[str, Any]) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode() + b"\n"
    except UnicodeEncodeError:  # a lone surrogate, which UTF-8 cannot hold but a JSON escape can
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def encode_record(record: Record) -> bytes:
    """Encode a record as one line of the journal, the newline included."""
    timing = record.timing
    value: dict[str, Any] = {
        "kind": "response" if isinstance(record, Response) else "failure",
        "sample_id": record.sample_id,
        "repeat": record.repeat,
        "sample_digest": record.sample_digest,
        "session": record.session,
        "timing": {
            "started_at": timing.started_at,
            "e2el_ms": timing.e2el_ms,
            "ttft_ms": timing.ttft_ms,
            "attempts": timing.attempts,
            "itl_ms": timing.itl_ms,
        },
    }
    if isinstance(record, Response):
        usage = record.usage
        value |= {
            "text": record.text,
            "reasoning": record.reasoning,
            "finish_reason": record.finish_reason,
            "usage": {
                "prompt_tokens": usage.prompt_tokens,
                "completion_tokens": usage.completion_tokens,
                "reasoning_tokens": usage.reasoning_tokens,
            },
            "request_id": record.request_id,
            "system_fingerprint": record.system_fingerprint,
            "logprobs": record.logprobs,
        }
    else:
        value |= {"error": str(record.kind), "status": record.status, "message": record.message}
    return _line(value)


def decode_record(line: bytes) -> Record:
    """Decode one line of the journal.

    Raises:
        ValueError: If the line is no record of this schema version.
    """
    value = json.loads(line)
    try:
        timing = value["timing"]
        if timing.get("itl_ms") is not None:
            timing["itl_ms"] = tuple(timing["itl_ms"])
        common = {
            "sample_id": value["sample_id"],
            "repeat": value["repeat"],
            "sample_digest": value["sample_digest"],
            "session": value["session"],
            "timing": Timing(**timing),
        }
        if value["kind"] == "response":
            return Response(
                **common,
                text=value["text"],
                reasoning=value["reasoning"],
                finish_reason=value["finish_reason"],
                usage=Usage(**value["usage"]),
                request_id=value["request_id"],
                system_fingerprint=value["system_fingerprint"],
                logprobs=_logprobs(value.get("logprobs")),  # older journals have none
            )
        if value["kind"] == "failure":
            return Failure(**common, kind=FailureKind(value["error"]), status=value["status"], message=value["message"])
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"no record: {error}") from error
    raise ValueError(f"no record: kind {value['kind']!r}")


def _logprobs(tokens: list[Any] | None) -> tuple[TokenLogprob, ...] | None:
    if tokens is None:
        return None
    return tuple(TokenLogprob(token, logprob, tuple((one, its) for one, its in top)) for token, logprob, top in tokens)


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


@dataclass(frozen=True, slots=True)
class _Entry:
    offset: int
    failed: bool


class Journal:
    """A journal that is read: which keys are settled, and the record of each, read from the disk when asked for.

    Memory holds one small entry a key, not the texts. A torn last line is ignored here; `JournalWriter` cuts it off.

    Raises:
        BadInputError: If there is no journal, it has another schema version, or a line in it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header: JournalHeader | None = None
        self._entries: dict[Key, _Entry] = {}
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise BadInputError(f"{path}: {error.strerror}", mend="name a run folder") from error
        try:
            self._index()
        except BadInputError:
            self._file.close()
            raise

    def _index(self) -> None:
        offset = 0
        for number, line in enumerate(self._file, start=1):
            if not line.endswith(b"\n"):
                break
            try:
                if number == 1:
                    self.header = _decode_header(line)
                else:
                    self._add(decode_record(line), offset)
            except ValueError as error:
                raise _damaged(self.path, number, error) from error
            offset += len(line)

    def _add(self, record: Record, offset: int) -> None:
        key = (record.sample_id, record.repeat)
        earlier = self._entries.get(key)
        if earlier is not None and not earlier.failed:
            raise ValueError(f"sample {key[0]!r}, repeat {key[1]} was answered before")
        self._entries[key] = _Entry(offset, isinstance(record, Failure))

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: Key) -> bool:
        return key in self._entries

    def __getitem__(self, key: Key) -> Record:
        self._file.seek(self._entries[key].offset)
        return decode_record(self._file.readline())

    def __iter__(self) -> Iterator[Key]:
        return iter(self._entries)

    def failed(self, key: Key) -> bool:
        """Whether the key's last record is a failure."""
        return self._entries[key].failed

    @property
    def n_failed(self) -> int:
        """Number of keys whose last record is a failure."""
        return sum(entry.failed for entry in self._entries.values())

    def records(self) -> Iterator[Record]:
        """The settled record of every key, in the order of the journal."""
        for key in sorted(self._entries, key=lambda key: self._entries[key].offset):
            yield self[key]

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


def _damaged(path: Path, number: int, error: ValueError) -> BadInputError:
    return BadInputError(
        f"{path}, line {number}: {error}",
        mend="the journal was changed by something else; restore it, or start again with --fresh",
    )


def _decode_header(line: bytes) -> JournalHeader:
    value = json.loads(line)
    if not isinstance(value, dict) or value.get("kind") != "header":
        raise ValueError("the first line is no header")
    version = value.get("schema_version")
    if version != JOURNAL_SCHEMA_VERSION:
        raise ValueError(f"schema version {version}; this PeakBench reads version {JOURNAL_SCHEMA_VERSION}")
    run_id, identity = value.get("run_id"), value.get("identity")
    if not isinstance(run_id, str) or not isinstance(identity, str):
        raise ValueError("the header names no run or no identity")
    return JournalHeader(run_id, identity)


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
                    _line(
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
                found = _decode_header(file.readline())
            except ValueError as error:
                raise _damaged(self.path, 1, error) from error
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
