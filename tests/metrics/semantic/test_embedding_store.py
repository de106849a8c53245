"""Embeddings on disk: a broken file costs time, never a number."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from peakbench.metrics.semantic import memory
from peakbench.metrics.semantic.memory import EmbeddingStore, Recent, text_digest

KEY, OTHER = text_digest("navy"), text_digest("red")
VECTOR = np.arange(4, dtype=np.float32)


@pytest.fixture
def store(tmp_path: Path) -> EmbeddingStore:
    store = EmbeddingStore(tmp_path / "deep" / "kept.sqlite")
    assert store.read([KEY]) == {}
    store.write({KEY: VECTOR})
    return store


def test_what_was_written_is_read_and_nothing_else(store: EmbeddingStore) -> None:
    found = store.read([OTHER, KEY])
    assert list(found) == [KEY]
    assert (found[KEY] == VECTOR).all()
    assert len(store.read([text_digest(str(n)) for n in range(2000)] + [KEY])) == 1


def test_damaged_row_counts_as_not_there(store: EmbeddingStore) -> None:
    with closing(sqlite3.connect(store.file)) as connection, connection:
        connection.execute("UPDATE embeddings SET vector = ?", (VECTOR[::-1].tobytes(),))
    assert store.read([KEY]) == {}
    store.write({KEY: VECTOR})
    assert (store.read([KEY])[KEY] == VECTOR).all()


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be read as one " * 40, b""])
def test_broken_file_is_thrown_away_and_made_anew(store: EmbeddingStore, content: bytes) -> None:
    store.file.write_bytes(content)
    assert store.read([KEY]) == {}
    store.write({KEY: VECTOR})
    assert list(store.read([KEY])) == [KEY]


def test_page_overwritten_in_the_middle_is_survived(store: EmbeddingStore) -> None:
    store.write({text_digest(str(n)): np.full(768, n, dtype=np.float32) for n in range(50)})
    content = bytearray(store.file.read_bytes())
    content[4096:12288] = b"\xff" * 8192
    store.file.write_bytes(bytes(content))
    for key, vector in store.read([text_digest(str(n)) for n in range(50)]).items():
        assert key == text_digest(str(int(vector[0])))
    store.write({KEY: VECTOR})
    store.write({KEY: VECTOR})
    assert list(store.read([KEY])) == [KEY]


def test_disk_that_refuses_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = EmbeddingStore(tmp_path / "file" / "kept.sqlite")
    store.write({KEY: VECTOR})
    assert store.read([KEY]) == {}


def test_full_store_takes_nothing_more(store: EmbeddingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST_ROWS", 1)
    store.write({OTHER: VECTOR})
    assert list(store.read([KEY, OTHER])) == [KEY]


def test_processes_write_into_one_file_at_once(tmp_path: Path) -> None:
    code = """
import sys, numpy as np
from pathlib import Path
from peakbench.metrics.semantic.memory import EmbeddingStore, text_digest
store, name = EmbeddingStore(Path(sys.argv[1])), sys.argv[2]
for n in range(20):
    store.write({text_digest(f"{name} {n} {m}"): np.full(8, n, dtype=np.float32) for m in range(20)})
"""
    file = tmp_path / "kept.sqlite"
    writers = [subprocess.Popen([sys.executable, "-c", code, str(file), name]) for name in "abc"]
    assert [writer.wait(timeout=300) for writer in writers] == [0, 0, 0]
    keys = [text_digest(f"{name} {n} {m}") for name in "abc" for n in range(20) for m in range(20)]
    assert len(EmbeddingStore(file).read(keys)) == len(keys) == 1200


def test_recent_forgets_what_was_not_asked_for_longest() -> None:
    recent: Recent[str, int] = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.get("a") == 1
    recent.put("c", 3)
    assert [recent.get(name) for name in "abc"] == [1, None, 3]
