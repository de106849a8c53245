"""Pictures are decoded once: notes by digest that are right, shared, and never in the way."""

import json
import random
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from peakbench.benchmarks import images as images_module
from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.benchmarks.decoded import Decoded, DecodedPictures
from peakbench.benchmarks.sample import Sample
from peakbench.errors import BadInputError

Tiny = Callable[..., Path]
SHA = [random.Random(number).randbytes(32).hex() for number in range(2500)]


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was decoded, while the test goes on."""
    seen: list[str] = []
    decode = images_module._decode

    def noting(what: str, content: bytes) -> Decoded:
        seen.append(what)
        return decode(what, content)

    monkeypatch.setattr(images_module, "_decode", noting)
    return seen


def samples(path: Path, cache: Path) -> list[Sample]:
    benchmark = find_benchmark(str(path))
    return benchmark.samples(benchmark.data_place(cache), cache)[0]


def picture_of(path: Path, row: int) -> Path:
    rows = [json.loads(line) for line in (path.parent / "data.jsonl").read_text().splitlines()]
    return path.parent / str(rows[row]["image"])


def test_data_that_is_read_again_is_not_decoded_again(tiny: Tiny, tmp_path: Path, decoded: list[str]) -> None:
    path, cache = tiny(6), tmp_path / "cache"
    first = samples(path, cache)
    n = len({image.sha256 for sample in first for image in sample.files})
    assert len(decoded) == n > 1
    assert samples(path, cache) == first
    assert len(decoded) == n
    assert samples(path, tmp_path / "other") == first
    assert len(decoded) == 2 * n


def test_a_picture_that_is_broken_since_is_told_all_the_same(tiny: Tiny, tmp_path: Path) -> None:
    path, cache = tiny(6), tmp_path / "cache"
    samples(path, cache)
    place = picture_of(path, 3)
    place.write_bytes(place.read_bytes()[:50])
    for _ in range(2):
        with pytest.raises(BadInputError, match=r"cannot be decoded"):
            samples(path, cache)


def test_notes_hold_for_the_checks_that_made_them_and_no_others(tmp_path: Path) -> None:
    path = tmp_path / "folder with ? and %" / "decoded.sqlite"
    found = Decoded("image/png", 3, 4)
    with DecodedPictures(path, "old") as notes:
        notes.note(SHA[0], found)
        assert notes.find(SHA[0]) == found
    for checks, expected in (("old", found), ("new", None)):
        with DecodedPictures(path, checks) as notes:
            assert notes.find(SHA[0]) == expected
            assert notes.find(SHA[1]) is None


def test_many_who_note_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "decoded.sqlite"

    def note(part: int) -> None:
        with DecodedPictures(path, "c") as notes:
            for number in range(part, len(SHA), 2):
                notes.find(SHA[number])
                notes.note(SHA[number], Decoded("image/png", number + 1, 1))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(note, (0, 1, 0, 1)))
    with DecodedPictures(path, "c") as notes:
        assert [notes.find(digest) for digest in SHA] == [Decoded("image/png", n + 1, 1) for n in range(len(SHA))]


def test_a_cache_of_no_use_costs_time_only(tiny: Tiny, tmp_path: Path, decoded: list[str]) -> None:
    path, cache = tiny(2), tmp_path / "cache"
    expected = samples(path, cache)
    notes = cache / "images" / "decoded.sqlite"
    notes.write_bytes(b"no database, but long enough to look into" * 100)
    assert samples(path, cache) == expected
    decoded.clear()
    assert samples(path, cache) == expected  # it was made again
    assert not decoded
    with sqlite3.connect(notes) as connection:
        connection.execute("drop table decoded")
        connection.execute("create table decoded (other text)")
    connection.close()
    assert samples(path, cache) == expected
    (tmp_path / "file").touch()
    assert samples(path, tmp_path / "file") == expected


def test_reading_that_is_left_off_may_be_cleared_away_in_another_thread(tiny: Tiny, tmp_path: Path) -> None:
    path, cache = tiny(3), tmp_path / "cache"
    samples(path, cache)
    benchmark = find_benchmark(str(path))
    items = benchmark.each_sample(benchmark.data_place(cache), cache)
    next(items)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(items.close).result()  # type: ignore[attr-defined]
