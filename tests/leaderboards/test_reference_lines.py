"""Values that a benchmark states to compare with, on its board."""

import csv
import io
import json
from pathlib import Path

import jsonschema
import pytest
from board_parts import HEADLINE, definition, entry, floor, metric, unranked
from rich.console import Console

from peakbench.errors import BadInputError
from peakbench.leaderboards.board import build_board
from peakbench.leaderboards.chart import _draw
from peakbench.leaderboards.entries import BoardEntry
from peakbench.leaderboards.rows import Board, ReferenceLine
from peakbench.leaderboards.tables import to_csv, to_json, to_markdown
from peakbench.leaderboards.terminal import print_board
from peakbench.leaderboards.writer import write_board
from peakbench.runs.results import Result

PEOPLE = ReferenceLine("human agreement", "weighted_score", 0.93, note="two people, 50 images")
ENTRIES = [entry("a", 0.95), entry("b", 0.6), floor("always_null", 0.3), floor("oracle", 1.0)]


def board(*lines: ReferenceLine, entries: list[BoardEntry] = ENTRIES) -> Board:
    return build_board(entries, HEADLINE, reference_lines=lines)


def cells(text: str, name: str) -> list[str]:
    line = next(line for line in text.splitlines() if f"| {name} |" in line)  # the board stands before the facts
    return [cell.strip() for cell in line.split("|")[1:-1]]


def test_a_reference_stands_in_its_place_by_value_and_changes_no_rank() -> None:
    made = board(PEOPLE)
    assert [(row.title, row.kind, row.rank) for row in made.rows] == [
        ("oracle", "ceiling", None),
        ("a", "model", 1),
        ("human agreement", "reference", None),
        ("b", "model", 2),
        ("always_null", "floor", None),
    ]
    assert made.findings == board().findings


def test_below_is_better_where_the_metric_says_so() -> None:
    lower = {"direction": "lower"}
    made = board(
        ReferenceLine("people", "weighted_score", 0.3),
        entries=[entry("a", 0.5, score=lower), entry("b", 0.1, score=lower)],
    )
    assert [row.title for row in made.rows] == ["b", "people", "a"]


def test_only_what_is_stated_is_filled_in() -> None:
    made = board(PEOPLE)
    assert cells(to_markdown(made), "human agreement") == ["reference", "human agreement", "93.0", *["—"] * 8]
    [row] = [row for row in csv.DictReader(io.StringIO(to_csv(made))) if row["kind"] == "reference"]
    filled = {key: value for key, value in row.items() if value not in ("", "0")}
    assert filled == {
        "kind": "reference",
        "title": "human agreement",
        "model": "human agreement",
        "note": "two people, 50 images",
        "weighted_score": "0.93",
    }


def test_the_json_has_it_as_a_reference_without_a_run() -> None:
    made = board(PEOPLE)
    data = json.loads(to_json(made))
    jsonschema.validate(data, Board.model_json_schema(mode="serialization"))
    assert Board.model_validate(data) == made
    [row] = [row for row in data["rows"] if row["kind"] == "reference"]
    assert row["metrics"] == {"weighted_score": {"value": 0.93, "ci": None, "n": None, "n_defined": None}}
    assert {row[key] for key in ("rank", "run_id", "n", "n_failed", "throughput", "unranked")} == {None}


def test_the_terminal_calls_it_a_reference_and_the_runs_keep_their_one_size() -> None:
    out = io.StringIO()
    print_board(board(PEOPLE), Console(file=out, width=200, color_system=None))
    lines = out.getvalue().splitlines()
    assert lines[0] == "garments-demo@1, n = 200"
    assert any(line.split()[:4] == ["reference", "human", "agreement", "93.0"] for line in lines)


def test_what_it_is_and_its_note_are_told() -> None:
    made = board(PEOPLE)
    assert "A reference is a value that the benchmark states to compare with; there is no run behind it." in made.notes
    assert "human agreement (reference): two people, 50 images." in made.descriptions
    assert not any("human agreement" in note for note in made.notes)
    assert not any("reference is" in note for note in board().notes)


def test_a_reference_of_another_metric_stands_at_the_end() -> None:
    made = board(ReferenceLine("people", "field_f1", 0.99), entries=[*ENTRIES, entry("x", None), floor("y", None)])
    assert [row.title for row in made.rows][-3:] == ["x", "y", "people"]
    assert cells(to_markdown(made), "people")[:4] == ["reference", "people", "—", "99.0"]


def test_lines_of_one_name_share_a_row() -> None:
    made = board(PEOPLE, ReferenceLine("human\nagreement", "field_f1", 0.8), ReferenceLine("other", "field_f1", 0.7))
    assert cells(to_markdown(made), "human agreement")[:4] == ["reference", "human agreement", "93.0", "80.0"]
    assert [row.title for row in made.rows if row.kind == "reference"] == ["human agreement", "other"]


def test_a_reference_of_a_slice_has_the_slice_of_the_runs_beside_it() -> None:
    slices = {"field=type": Result(value=0.7, ci=(0.6, 0.8), n=200, n_defined=200)}
    runs = [entry("a", 0.95, score={"slices": slices}), entry("b", 0.6)]
    made = board(ReferenceLine("people", "weighted_score", 0.8, slice="field=type"), entries=runs)
    assert made.columns[-1].title == "Weighted score, field=type"
    column = cells(to_markdown(made), "Rank").index("Weighted score, field=type (%)")
    found = {name: cells(to_markdown(made), name)[column] for name in ("a", "b", "people")}
    assert found == {"a": "70.0 [60.0, 80.0]", "b": "—", "people": "80.0"}
    assert made.rows[-1].metrics.keys() == {"weighted_score[field=type]"}
    assert made.rows[-1].unranked == "it states no weighted_score"
    names = to_csv(made).splitlines()[0].split(",")
    assert names.index("field_f1") < names.index("weighted_score[field=type]") < names.index("json_parse_rate_strict")


def test_a_reference_gives_a_metric_that_is_no_headline_its_column() -> None:
    run = entry("a", 0.9)
    run = BoardEntry(
        run.results.model_copy(update={"metrics": {**run.results.metrics, "rouge_l": metric(0.5)}}), run.facts
    )
    made = board(ReferenceLine("people", "rouge_l", 0.6), entries=[run])
    assert [column.id for column in made.columns] == ["weighted_score", "field_f1", "rouge_l"]


def test_a_reference_of_a_parse_rate_stands_in_the_rates_column() -> None:
    made = board(ReferenceLine("people", "json_parse_rate_extracted", 0.99))
    assert [column.id for column in made.columns] == ["weighted_score", "field_f1"]
    assert cells(to_markdown(made), "people")[4] == "99.0"


def test_a_reference_of_what_no_run_has_is_said_to_be_missing() -> None:
    lines = ReferenceLine("people", "box_f1_50", 0.8), ReferenceLine("people", "weighted_score", 0.8, slice="field=no")
    made = board(*lines)
    assert made.rows == board().rows
    assert made.notes[-2:] == [
        "The reference people is not shown for box_f1_50: no run has a result for it.",
        "The reference people is not shown for weighted_score[field=no]: no run has a result for it.",
    ]


@pytest.mark.parametrize("value", [92.0, -0.1, float("nan"), float("inf")])
def test_a_value_outside_the_range_is_refused(value: float) -> None:
    with pytest.raises(BadInputError, match=r"human agreement.*weighted_score.*outside .*\[0, 1\]") as refused:
        board(ReferenceLine("human agreement", "weighted_score", value))
    assert "a fraction, not percent" in refused.value.mend


def test_a_value_of_another_unit_may_be_above_one() -> None:
    run = entry("a", 0.9)
    timed = {**run.results.metrics, "throughput": metric(12.5, None, unit="samples/s", interval="none")}
    run = BoardEntry(run.results.model_copy(update={"metrics": timed}), run.facts)
    line = ReferenceLine("needed", "throughput", 10.0)
    known = definition("throughput", "Throughput", applies_to=["timing"], unit="samples/s", range=(0.0, None))
    for headline in (HEADLINE, [*HEADLINE, known]):
        made = build_board([run], headline, reference_lines=[line])
        assert "10 |" in to_markdown(made)
    with pytest.raises(BadInputError, match="outside") as refused:
        build_board([run], HEADLINE, reference_lines=[ReferenceLine("needed", "throughput", -1.0)])
    assert refused.value.mend == "write it in the metric's unit"


def test_a_value_that_is_stated_twice_is_refused() -> None:
    with pytest.raises(BadInputError, match="stated twice"):
        board(PEOPLE, ReferenceLine("human  agreement", "weighted_score", 0.5))


def test_a_reference_with_the_name_of_a_model_is_told_apart() -> None:
    made = board(ReferenceLine("a", "weighted_score", 0.5))
    titles = [row.title for row in made.rows]
    assert "a (reference)" in titles
    assert len(set(titles)) == len(titles)


def test_a_hostile_name_stays_inside_its_cell(tmp_path: Path) -> None:
    made = board(ReferenceLine("<b>|x\n# y$", "weighted_score", 0.5, note="<script>"))
    text = to_markdown(made)
    assert "&lt;b&gt;\\|x \\# y\\$" in text
    assert not any(tag in text for tag in ("<b>", "<script>"))
    assert len(write_board(made, tmp_path)) == 4


def test_a_board_of_floors_and_references_says_so() -> None:
    made = board(PEOPLE, entries=ENTRIES[2:])
    assert made.findings == ["There is no model on this board, only floors and references."]
    assert "n = 200" in _draw(made).texts[1].get_text()


def test_a_board_that_is_not_ranked_has_its_references_below_the_floors() -> None:
    empty = unranked("never_json", 0.0, None, kind="floor", performance=None)
    lines = [ReferenceLine(name, "json_parse_rate_extracted", 0.9) for name in ("z", "y")]
    made = board(*lines, entries=[empty, unranked("a", 0.95)])
    assert [row.title for row in made.rows] == ["a", "never_json", "z", "y"]
    assert {row.unranked for row in made.rows} == {None}


def test_the_chart_has_a_hollow_diamond_and_leaves_out_what_it_cannot_place() -> None:
    axes = _draw(board(PEOPLE, ReferenceLine("other", "field_f1", 0.7))).axes[0]
    [diamond] = [line for line in axes.lines if line.get_marker() == "D"]
    assert diamond.get_xydata().tolist() == [[pytest.approx(93.0), 2.0]]  # type: ignore[union-attr]
    assert diamond.get_markerfacecolor() == "white"
    words = [text.get_text() for text in axes.texts]
    assert "human agreement (reference)" in words
    assert not any("other" in word for word in words)


def test_a_reference_that_no_column_of_a_narrow_terminal_shows_is_named_below() -> None:
    made = board(PEOPLE, ReferenceLine("a line of its own", "field_f1", 0.6))
    narrow, wide = io.StringIO(), io.StringIO()
    print_board(made, Console(file=narrow, width=60, color_system=None))
    print_board(made, Console(file=wide, width=200, color_system=None))
    table, below = narrow.getvalue().split("Not shown in 60 columns:")
    assert "human agreement" in table
    assert "a line of its own" not in table
    assert "a line of its own" in " ".join(below.split())
    assert "a line of its own" in wide.getvalue().split("Ranked by")[0]
