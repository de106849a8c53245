"""What models computed before, kept on disk for every later run and process: embeddings of texts, logits of pairs.

It lies in an SQLite file a model, keyed by the digest of the text or pair; SQLite keeps concurrent processes apart. A
row carries a checksum, and a file that is broken is thrown away: what is lost is time, never a number.
"""

import hashlib
import sqlite3
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_AT_ONCE = 500
_PATIENCE_S = 30.0
_BROKEN = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
MOST_ROWS = 1_000_000
"""Rows after which nothing is added to a file: 3 GB, at 768 numbers a row."""

Key = TypeVar("Key")
Value = TypeVar("Value")


def text_digest(text: str) -> bytes:
    """16 bytes that stand for a text."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Recent(Generic[Key, Value]):
    """Remembers the `most` entries that were put or asked for last."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: OrderedDict[Key, Value] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        """What is remembered of a key."""
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
        return found

    def put(self, key: Key, value: Value) -> None:
        """Remember a value; the entry unused for longest makes room."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._most:
            self._entries.popitem(last=False)


class EmbeddingStore:
    """Embeddings or logits of one model on disk. A disk that refuses is no error: then nothing is remembered.

    Args:
        file: The SQLite file; made when missing.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def read(self, keys: Sequence[bytes]) -> dict[bytes, "NDArray[np.float32]"]:
        """What is there of these keys, float32 of shape (d,) each; a damaged row counts as not there."""
        import numpy as np

        found: dict[bytes, NDArray[np.float32]] = {}
        if not self.file.exists():
            return found
        with self._refusals_forgiven(), closing(self._connect()) as connection:
            for start in range(0, len(keys), _AT_ONCE):
                some = keys[start : start + _AT_ONCE]
                marks = ",".join("?" * len(some))
                query = f"SELECT key, vector, checksum FROM embeddings WHERE key IN ({marks})"
                for key, vector, checksum in connection.execute(query, some):
                    if zlib.crc32(key + vector) == checksum:
                        found[key] = np.frombuffer(vector, dtype="<f4")
        return found

    def write(self, vectors: Mapping[bytes, "NDArray[np.float32]"]) -> None:
        """Add embeddings; what another process added meanwhile stays."""
        rows = []
        for key, vector in vectors.items():
            written = vector.astype("<f4").tobytes()
            rows.append((key, written, zlib.crc32(key + written)))
        with self._refusals_forgiven():
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect()) as connection, connection:
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS embeddings "
                    "(key BLOB PRIMARY KEY, vector BLOB NOT NULL, checksum INTEGER NOT NULL)"
                )
                (there,) = connection.execute("SELECT max(rowid) FROM embeddings").fetchone()
                if (there or 0) < MOST_ROWS:
                    connection.executemany("INSERT OR REPLACE INTO embeddings VALUES (?, ?, ?)", rows)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.file, timeout=_PATIENCE_S)

    @contextmanager
    def _refusals_forgiven(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", None) in _BROKEN:
                for name in (self.file.name, f"{self.file.name}-journal"):  # a journal would be played into the next
                    with suppress(OSError):
                        self.file.with_name(name).unlink()
        except OSError:
            return
