"""The table of scores: written whole or not at all, with a clear word when the disk or the file is at fault."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from peakbench.errors import BadInputError, InfrastructureError
from peakbench.runs.scores import ScoreRow, ScoresWriter, read_scores

ROWS = [ScoreRow(f"s{index}", 0, None, "exact", "", index / 7, None, (index / 3, 1.0)) for index in range(3000)]


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may grow beyond four kilobytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    with ScoresWriter(path) as writer:
        writer.write(ROWS)
    assert read_scores(path)["value"].to_pylist() == [row.value for row in ROWS]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.usefixtures("small_files")
def test_a_disk_that_refuses_is_told_and_leaves_the_old_table(tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    with ScoresWriter(path) as writer:
        writer.write(ROWS[:3])
    with pytest.raises(InfrastructureError, match=r"cannot write .*scores\.parquet"), ScoresWriter(path) as writer:
        writer.write(ROWS)
    assert read_scores(path).num_rows == 3
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(InfrastructureError, match=r"cannot write .*scores\.parquet"),
        ScoresWriter(tmp_path / "nowhere" / "scores.parquet"),
    ):
        pass


def test_an_error_of_the_scoring_is_passed_on_and_no_table_is_left(tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    with pytest.raises(KeyError, match="mine"), ScoresWriter(path):
        raise KeyError("mine")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [None, b"", b"no parquet", b"PAR1PAR1"])
def test_a_table_that_is_none_is_told(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "scores.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInputError, match=r"scores\.parquet"):
        read_scores(path)
