"""Which pictures are known to decode, by the digest of their bytes, so that each is decoded once and not in every run.

Decoding is what costs when data is read: a millisecond a photo, for every model of a sweep, where hashing it takes a
tenth of that. What the same Pillow once decoded it decodes again, so a note in the cache stands for it. Only success is
noted; a broken picture is looked at each time, and told in the decoder's own words. A cache that cannot be read or
written costs time and nothing else.
"""

import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

_WRITTEN_AT_ONCE = 1000
_WAIT_S = 2.0
"""How long another process that writes its notes is waited for."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What was found when a picture was decoded.

    Attributes:
        mime: Media type, such as `image/png`.
        width: Pixels.
        height: Pixels.
    """

    mime: str
    width: int
    height: int


class DecodedPictures:
    """The notes; used as a context manager, whose end writes down what is new.

    Args:
        path: Where they lie; made when there is something to note.
        checks: What a picture was held to, and by which decoder; notes of other checks do not count.
    """

    def __init__(self, path: Path, checks: str) -> None:
        self._path = path
        self._checks = checks
        self._new: dict[bytes, Decoded] = {}
        self._notes: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        if self._path.is_file():
            try:
                place = f"{self._path.absolute().as_uri()}?mode=ro"
                # Whoever reads samples and leaves off may have them cleared away in another thread.
                self._notes = sqlite3.connect(place, timeout=_WAIT_S, uri=True, check_same_thread=False)
                self._find(bytes(32))
            except sqlite3.OperationalError:  # locked for long, or not for us to read
                self._close()
            except sqlite3.DatabaseError:  # no database: it is made again
                self._close()
                with suppress(OSError):
                    self._path.unlink()
        return self

    def find(self, sha256: str) -> Decoded | None:
        """What was found in the picture with these bytes; None where nobody looked.

        Args:
            sha256: Hex digest of the bytes.
        """
        digest = bytes.fromhex(sha256)
        if digest in self._new:
            return self._new[digest]
        try:
            return self._find(digest)
        except sqlite3.Error:
            self._close()
            return None

    def note(self, sha256: str, found: Decoded) -> None:
        """Note that a picture was decoded.

        Args:
            sha256: Hex digest of its bytes.
            found: What it is.
        """
        self._new[bytes.fromhex(sha256)] = found
        if len(self._new) >= _WRITTEN_AT_ONCE:
            self._write()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        self._close()
        self._write()
        return False

    def _find(self, digest: bytes) -> Decoded | None:
        if self._notes is None:
            return None
        asked = "select mime, width, height from decoded where sha256 = ? and checks = ?"
        row = self._notes.execute(asked, (digest, self._checks)).fetchone()
        return None if row is None else Decoded(*row)

    def _write(self) -> None:
        """Write down what is new, all of it or nothing."""
        rows = [(digest, self._checks, one.mime, one.width, one.height) for digest, one in self._new.items()]
        self._new = {}
        if not rows:
            return
        with suppress(OSError, sqlite3.Error):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path, timeout=_WAIT_S)) as notes, notes:
                notes.execute(
                    "create table if not exists decoded (sha256 blob, checks text, mime text, width integer,"
                    " height integer, primary key (sha256, checks)) without rowid"
                )
                notes.executemany("insert or ignore into decoded values (?, ?, ?, ?, ?)", rows)

    def _close(self) -> None:
        if self._notes is not None:
            self._notes.close()
            self._notes = None
