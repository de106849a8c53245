import io

import pytest
from board_parts import HEADLINE, entry, floor
from rich.cells import cell_len
from rich.console import Console

from peakbench.leaderboards.board import build_board
from peakbench.leaderboards.rows import Board
from peakbench.leaderboards.terminal import print_board

LONG = "some-very-long-organisation/an-even-longer-model-name-with-suffixes-7B-AWQ-v2.1"


def printed(board: Board, width: int) -> list[str]:
    out = io.StringIO()
    print_board(board, Console(file=out, width=width, color_system=None))
    return out.getvalue().splitlines()


def table_of(lines: list[str]) -> list[str]:
    start = next(i for i, line in enumerate(lines) if line.lstrip().startswith("Rank"))
    return lines[start : lines.index("", start)]


@pytest.mark.parametrize("width", [40, 80, 120, 160, 300])
def test_every_run_is_one_line_that_fits(width: int) -> None:
    board = build_board([entry(LONG, 0.9), entry("组织/模型名字" * 8, 0.8), floor("always_null", 0.3)], HEADLINE)
    lines = table_of(printed(board, width))
    assert len(lines) == 4
    assert all(cell_len(line) <= width for line in lines)


def test_a_wide_terminal_shows_every_column_and_the_whole_name() -> None:
    text = "\n".join(printed(build_board([entry(LONG, 0.9)], HEADLINE), 300))
    assert LONG in text
    assert "Median latency" in text
    assert "Not shown" not in text


def test_a_narrow_terminal_keeps_rank_name_and_value_and_names_what_it_drops() -> None:
    board = build_board([entry("org/model", 0.9124), floor("always_null", 0.3)], HEADLINE)
    lines = printed(board, 60)
    assert table_of(lines)[1].split()[:5] == ["1", "org/model", "91.2", "[89.2,", "93.2]"]
    end = next(i for i, line in enumerate(lines) if line.startswith("Not shown"))
    dropped = " ".join(" ".join(lines[end:]).split())
    assert "Not shown in 60 columns: Field F1 (%), Truncated (%), Samples/s and Median latency." in dropped
    assert "latency" not in " ".join(lines[:end])


def test_eighty_columns_hold_what_tells_good_answers_from_broken_ones() -> None:
    board = build_board([entry("org/model-of-the-year", 0.9124), floor("majority_value", 0.3)], HEADLINE)
    lines = printed(board, 80)
    assert lines[0] == "garments-demo@1, n = 200"
    headers = " ".join(" ".join(lines[: lines.index(table_of(lines)[1])]).split())
    assert all(word in headers for word in ("JSON", "Strict", "Cut", "Failed"))
    assert max(map(len, lines)) <= 80


def test_floors_are_named_in_words() -> None:
    board = build_board([entry("a", 0.9), floor("always_null", 0.3), floor("oracle", 1.0)], HEADLINE)
    first = [line.split()[0] for line in table_of(printed(board, 120))[1:]]
    assert first == ["ceiling", "1", "floor"]


def test_names_are_no_markup() -> None:
    board = build_board([entry("[red]x[/red]", 0.9)], HEADLINE)
    assert "[red]x[/red]" in table_of(printed(board, 160))[1]
