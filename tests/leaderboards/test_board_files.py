import errno
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from board_parts import HEADLINE, entry, floor
from PIL import Image

from peakbench.errors import InfrastructureError
from peakbench.leaderboards.board import build_board
from peakbench.leaderboards.chart import chart_png
from peakbench.leaderboards.rows import Board
from peakbench.leaderboards.writer import write_board


def board(models: int = 2) -> Board:
    entries = [entry(f"org/model-{i}", i / (models + 1), facts={"architecture": f"A{i % 9}"}) for i in range(models)]
    return build_board([*entries, floor("always_null", 0.3), floor("oracle", 1.0)], HEADLINE)


def test_a_board_is_four_files_and_nothing_else(tmp_path: Path) -> None:
    paths = write_board(board(), tmp_path / "new" / "folder")
    assert [path.name for path in paths] == ["board.md", "board.csv", "board.json", "board.png"]
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == sorted(path.name for path in paths)


def test_a_second_writing_gives_the_same_bytes(tmp_path: Path) -> None:
    first = [path.read_bytes() for path in write_board(board(), tmp_path / "one")]
    assert [path.read_bytes() for path in write_board(board(), tmp_path / "two")] == first


def test_a_given_time_is_written(tmp_path: Path) -> None:
    dated = build_board([entry("a", 0.9)], HEADLINE, now=datetime(2026, 11, 21, tzinfo=UTC))
    assert "Made 2026-11-21T00:00:00+00:00." in write_board(dated, tmp_path)[0].read_text()


def test_a_folder_under_a_file_is_refused_with_a_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InfrastructureError) as refused:
        write_board(board(), tmp_path / "file" / "board")
    assert refused.value.mend
    assert (tmp_path / "file").read_text() == "mine"


def test_a_full_disk_leaves_the_old_board_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = [path.read_bytes() for path in write_board(board(1), tmp_path)]

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(InfrastructureError, match="No space left") as refused:
            write_board(board(2), tmp_path)
    assert "free some space" in refused.value.mend
    paths = [tmp_path / name for name in ("board.md", "board.csv", "board.json", "board.png")]
    assert [path.read_bytes() for path in paths] == old
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("models", [0, 1, 29])
def test_the_picture_is_as_wide_as_ever_and_as_high_as_it_has_runs(models: int, tmp_path: Path) -> None:
    path = tmp_path / "board.png"
    path.write_bytes(chart_png(board(models)))
    with Image.open(path) as image:
        assert image.width == 1800
        assert image.height > 100 + 50 * (models + 2)
        assert not image.info.keys() & {"Software", "Creation Time"}


@pytest.mark.parametrize("name", ["组织/模型", "$x^2$ and $", "$\\frac{$", "x" * 300, "a\nb", "\U0001f600", "<b>"])
def test_any_name_can_be_drawn(name: str) -> None:
    facts = {"architecture": name}
    assert chart_png(build_board([entry(name, 0.5, facts=facts)], HEADLINE)).startswith(b"\x89PNG")


def test_a_users_matplotlib_settings_change_no_byte() -> None:
    import matplotlib

    plain = chart_png(board())
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "font.family": "monospace"}):
        assert chart_png(board()) == plain
