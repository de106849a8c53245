"""A board of a benchmark that declares nothing to rank by."""

import csv
import io
import json
from pathlib import Path

import pytest
from board_parts import HEADLINE, definition, entry, floor, metric, unranked
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from peakbench.errors import NotComparableError
from peakbench.leaderboards.board import build_board
from peakbench.leaderboards.chart import _draw
from peakbench.leaderboards.entries import BoardEntry
from peakbench.leaderboards.rows import Board
from peakbench.leaderboards.terminal import print_board
from peakbench.leaderboards.writer import write_board
from peakbench.runs.results import Results


def unranked_floor(name: str, rate: float | None) -> BoardEntry:
    return unranked(name, rate, None, kind="floor", performance=None)


FLOORS = [unranked_floor("never_json", 0.0), unranked_floor("always_empty", 1.0), unranked_floor("oracle", 1.0)]


def board(*entries: BoardEntry) -> Board:
    return build_board(entries, HEADLINE)


def say(*entries: BoardEntry) -> list[str]:
    return board(*entries).findings


def terminal(made: Board, width: int = 200, *, style: bool = False) -> str:
    out = io.StringIO()
    print_board(made, Console(file=out, width=width, color_system="standard" if style else None, force_terminal=style))
    return out.getvalue()


def test_results_say_that_there_is_nothing_to_rank_by() -> None:
    results = unranked("a", 0.9).results
    assert results.rank_by is None
    assert Results.model_validate_json(results.model_dump_json()) == results


def test_models_stand_by_name_and_floors_below_them_in_their_order() -> None:
    made = board(*FLOORS[:1], unranked("b", 0.9), *FLOORS[1:], unranked("A", 0.2), unranked("c", None))
    assert [(row.title, row.kind) for row in made.rows] == [
        ("A", "model"),
        ("b", "model"),
        ("c", "model"),
        ("never_json", "floor"),
        ("always_empty", "floor"),
        ("oracle", "ceiling"),
    ]
    assert {row.rank for row in made.rows} == {None}


def test_one_note_says_it_and_no_row_has_a_reason() -> None:
    made = board(unranked("a", 0.9, n_failed=50), unranked("b", None), *FLOORS)
    assert {row.unranked for row in made.rows} == {None}
    assert [note for note in made.notes if "ranked" in note] == [
        "Not ranked: the benchmark declares nothing to rank by."
    ]
    assert "floors stand below the models." in made.notes[1]
    assert made.rank_by is None


def test_runs_with_and_without_a_rank_share_no_board() -> None:
    with pytest.raises(NotComparableError, match="rank_by") as refused:
        board(unranked("a", 0.9, benchmark="garments-demo@1"), entry("b", 0.9))
    assert "rank_by nothing: a (" in refused.value.message


def test_the_finding_is_between_which_values_the_models_lie() -> None:
    assert say(unranked("a", 0.9), unranked("b", 0.8), unranked("c", 0.9), *FLOORS) == [
        "The JSON parse rate of the 3 models lies between 80.0 % (b) and 90.0 % (a and c)."
    ]
    assert say(unranked("a", 0.9), unranked("b", 0.8), unranked("c", None)) == [
        "The JSON parse rate of the 2 models that have one lies between 80.0 % (b) and 90.0 % (a)."
    ]


def test_values_that_print_alike_are_one_value() -> None:
    assert say(unranked("a", 0.9), unranked("b", 0.9)) == ["The JSON parse rate of the 2 models is 90.0 %."]
    assert say(unranked("a", 0.9), unranked("b", 0.9001)) == [
        "The JSON parse rate of the 2 models is 90.0 %, with less than 0.1 points between them."
    ]


def test_one_model_has_its_interval_and_none_says_nothing() -> None:
    assert say(unranked("a", 0.9)) == ["a has 90.0 % JSON parse rate (95 % interval 88.0 % to 92.0 %)."]
    assert say(unranked("a", None)) == []
    assert say(*FLOORS) == ["There is no model on this board, only floors."]


@given(st.lists(st.one_of(st.none(), st.floats(0, 1), st.sampled_from([0.5, 0.25])), min_size=1, max_size=9))
def test_findings_never_contradict_the_table_that_is_not_ranked(rates: list[float | None]) -> None:
    made = board(*(unranked(f"m{i}", rate) for i, rate in enumerate(rates)), *FLOORS)
    text = " ".join(made.findings)
    assert not any(word in text for word in ("None", "nan", "?", " 0.0 points", "leads", "ranked", "best"))
    found = [rate for rate in rates if rate is not None]
    assert all(f"{100 * end:.1f} %" in text for end in (min(found), max(found))) if found else not text


def test_every_table_holds_the_rates_and_the_headlines_that_have_results(tmp_path: Path) -> None:
    one = unranked("a", 0.9, n_failed=3)
    more = one.results.model_copy(update={"metrics": {**one.results.metrics, "field_f1": metric(0.5)}})
    made = build_board([BoardEntry(more, one.facts), *FLOORS], [*HEADLINE, definition("iou", "Box IoU")])
    assert [column.id for column in made.columns] == ["field_f1"]
    assert "95 % intervals in brackets." in made.notes
    words = ["Field F1", "50.0 [48.0, 52.0]", "JSON (%)", "90.0", "Strict JSON (%)", "45.0", "Truncated (%)", "0.0"]
    words += ["Failed (%)", "1.5", "Samples/s", "12.5", "Median latency", "480 ms"]
    write_board(made, tmp_path)
    for text in (terminal(made), (tmp_path / "board.md").read_text()):
        assert [word for word in words if word not in text] == []
        assert "Box IoU" not in text
    [row, *_] = csv.DictReader(io.StringIO((tmp_path / "board.csv").read_text()))
    assert (row["rank"], row["unranked"], row["title"], row["n_failed"]) == ("", "", "a", "3")
    assert (row["json_parse_rate_extracted"], row["field_f1"], row["throughput"]) == ("0.9", "0.5", "12.5")
    data = json.loads((tmp_path / "board.json").read_text())
    assert (data["rank_by"], data["rows"][0]["rank"]) == (None, None)
    assert [rate["id"] for rate in data["rates"]] == ["json_parse_rate_extracted", "json_parse_rate_strict"]
    assert Board.model_validate(data) == made
    assert drawn(made)[0][0] == "JSON parse rate, higher is better; not ranked"
    assert "Not shown in 60 columns: Field F1 (%)" in terminal(made, 60)


def test_eighty_columns_hold_the_rates() -> None:
    text = terminal(board(unranked("org/model-of-the-year", 0.9), *FLOORS), 80)
    assert "Not shown" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_models_are_not_dimmed_for_having_no_rank() -> None:
    lines = terminal(board(unranked("a-model", 0.9), *FLOORS), style=True).splitlines()
    dim = {name: "\x1b[2m" in line for line in lines for name in ("a-model", "never_json") if f"{name} " in line}
    assert dim == {"a-model": False, "never_json": True}


def drawn(made: Board) -> tuple[list[str], list[tuple[float, str, bool]]]:
    """The chart's words, and its dots: value, marker, whether it is hollow."""
    figure = _draw(made)
    axes = figure.axes[0]
    dots = [line for line in axes.lines if line.get_linestyle() == "None"]
    return (
        [text.get_text() for text in [*figure.texts, *axes.texts]],
        [(float(dot.get_xdata()[0]), str(dot.get_marker()), dot.get_markerfacecolor() == "white") for dot in dots],  # type: ignore[index, arg-type]
    )


def test_the_chart_shows_the_json_parse_rate_and_says_so() -> None:
    words, dots = drawn(board(unranked("b", 0.5), unranked("a", 0.25), *FLOORS))
    assert words[0] == "JSON parse rate, higher is better; not ranked"
    assert "95 % intervals" in words[1]
    assert "23.0 – 27.0" in words
    assert not any("(not ranked)" in word for word in words)
    assert dots == [(25.0, "o", False), (50.0, "o", False), (0.0, "o", True), (100.0, "o", True), (100.0, "o", True)]


def test_without_parse_rates_the_chart_shows_the_first_column() -> None:
    made = board(unranked("a", None, metrics={"field_f1": metric(0.5)}))
    assert drawn(made)[0][0] == "Field F1, higher is better; not ranked"
    assert made.findings == ["a has 50.0 % field F1 (95 % interval 48.0 % to 52.0 %)."]


def test_a_board_without_any_value_can_be_written(tmp_path: Path) -> None:
    made = board(unranked("a", None, metrics={}))
    assert len(write_board(made, tmp_path)) == 4
    assert made.findings == []
    assert "undefined" in drawn(made)[0]


def test_a_ranked_board_is_about_its_ranking_metric() -> None:
    made = build_board([entry("a", 0.9), floor("always_null", 0.3)], HEADLINE)
    assert drawn(made)[0][0] == "Weighted score, higher is better"
