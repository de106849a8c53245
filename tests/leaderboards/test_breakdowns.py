"""Tables by field, by cluster and of outcomes: made of slices, in the order of the board, readable at any size."""

import html
import json
import re
from typing import Any

import jsonschema
import pytest
from board_parts import HEADLINE, definition, entry, floor, metric
from markdown_it import MarkdownIt

from peakbench.leaderboards.board import build_board
from peakbench.leaderboards.breakdowns import MOST_CLUSTERS
from peakbench.leaderboards.entries import BoardEntry
from peakbench.leaderboards.rows import Board, Breakdown, ReferenceLine
from peakbench.leaderboards.tables import to_json, to_markdown
from peakbench.runs.results import MetricResult, Result

COLUMNS = [*HEADLINE, definition("structured_match", "Structured match")]
PARSER = MarkdownIt("commonmark").enable(["table"])


def part(value: float | None, n: int = 200) -> Result:
    return Result(value=value, ci=None, n=n, n_defined=0 if value is None else n)


def sliced(value: float, kind: str, parts: dict[str, Any], n: int = 200) -> MetricResult:
    slices = {
        f"{kind}={name}": part(*each) if isinstance(each, tuple) else part(each, n) for name, each in parts.items()
    }
    return metric(value, slices=slices)


def with_metrics(run: BoardEntry, **metrics: MetricResult) -> BoardEntry:
    object.__setattr__(run, "results", run.results.model_copy(update={"metrics": {**run.results.metrics, **metrics}}))
    return run


def a_model(name: str, value: float, fields: dict[str, Any] | None = None) -> BoardEntry:
    return with_metrics(
        entry(name, value), structured_match=sliced(value, "field", fields or {"type": value, "brand": 0.25})
    )


def tables_of(board: Board) -> dict[str, list[list[str]]]:
    """Heading to the cells of the table under it, as a browser shows them."""
    page = PARSER.render(to_markdown(board))
    found = {}
    for heading, rest in re.findall(r"<h2>(.*?)</h2>(.*?)(?=<h2>|$)", page, re.DOTALL):
        rows = re.findall(r"<tr>(.*?)</tr>", rest, re.DOTALL)
        cells = [[html.unescape(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)] for row in rows]
        found[html.unescape(heading)] = cells
    return found


def the(board: Board, title: str) -> Breakdown:
    (found,) = [each for each in board.breakdowns if each.title == title]
    return found


def test_the_headline_metric_stands_by_field_in_percent_in_the_order_of_the_board() -> None:
    low = with_metrics(floor("always_null", 0.3), structured_match=sliced(0.3, "field", {"type": 0.0, "brand": 1.0}))
    board = build_board([a_model("b", 0.7), low, a_model("a", 0.9)], COLUMNS)
    assert tables_of(board)["Structured match by field (%)"] == [
        ["Run", "All", "brand", "type"],
        ["a", "90.0", "25.0", "90.0"],
        ["b", "70.0", "25.0", "70.0"],
        ["always_null (floor)", "30.0", "100.0", "0.0"],
    ]
    found = the(board, "Structured match by field")
    assert [row.kind for row in found.rows] == ["model", "model", "floor"]
    assert found.rows[0].values == [0.25, 0.9]  # fractions, never percent


def test_a_part_that_no_run_has_a_value_for_is_left_out_and_one_that_some_lack_is_a_dash() -> None:
    one = with_metrics(
        entry("a", 0.9), fabrication_rate=sliced(0.1, "field", {"type": None, "brand": 0.1, "size": 0.2})
    )
    other = with_metrics(entry("b", 0.8), fabrication_rate=sliced(0.2, "field", {"brand": None, "size": 0.3}))
    third = entry("c", 0.7)
    board = build_board([one, other, third], COLUMNS)
    assert tables_of(board)["Fabrication rate by field (%)"] == [
        ["Run", "All", "brand", "size"],
        ["a", "10.0", "10.0", "20.0"],
        ["b", "20.0", "—", "30.0"],
        ["c", "—", "—", "—"],
    ]
    assert "Omission rate by field (%)" not in tables_of(board)


def test_outcomes_are_shares_of_all_fields() -> None:
    counts = {"tp": 3.0, "fd": 1.0, "fa": 0.0, "fn": 0.0, "tn": 4.0, "missing": 0.0, "unparsed": 2.0}
    board = build_board(
        [with_metrics(entry("a", 0.9), field_outcomes=metric(0.7, counts=counts)), entry("b", 0.1)], COLUMNS
    )
    table = tables_of(board)["What became of the fields (%)"]
    assert table[0][:3] == ["Run", "Right (TP, TN)", "Value right (TP)"]
    assert table[1] == ["a", "70.0", "30.0", "10.0", "0.0", "0.0", "40.0", "0.0", "20.0"]
    assert table[2] == ["b", *["—"] * 8]


@pytest.mark.parametrize("clusters", [2, MOST_CLUSTERS, MOST_CLUSTERS + 1])
def test_clusters_stand_with_their_sizes_while_there_are_few(clusters: int) -> None:
    parts = {f"c{i:02d}": (i / 20, 5 + i) for i in range(clusters)}
    run = with_metrics(entry("a", 0.9), weighted_score=sliced(0.9, "cluster", parts))
    tables = tables_of(build_board([run], COLUMNS))
    if clusters > MOST_CLUSTERS:
        assert "Weighted score by cluster (%)" not in tables
        return
    cells = tables["Weighted score by cluster (%)"]
    assert cells[0] == ["Run", "All", *(f"c{i:02d} (n = {5 + i})" for i in range(clusters))]
    assert cells[1][:4] == ["a", "90.0", "0.0", "5.0"]


def test_many_fields_of_few_models_stand_below_one_another() -> None:
    many_fields = {f"f{i:02d}": 0.5 for i in range(40)}
    few_models = build_board([a_model("a", 0.9, many_fields), a_model("b", 0.8, many_fields)], COLUMNS)
    cells = tables_of(few_models)["Structured match by field (%)"]
    assert (len(cells), cells[0]) == (42, ["Part", "a", "b"])
    many_models = build_board([a_model(f"m{i:02d}", i / 40) for i in range(29)], COLUMNS)
    cells = tables_of(many_models)["Structured match by field (%)"]
    assert (len(cells), cells[0]) == (30, ["Run", "All", "brand", "type"])


def test_labels_have_a_table_where_a_column_has_them_and_references_have_no_row() -> None:
    run = entry("a", 0.5)
    with_metrics(run, weighted_score=sliced(0.5, "label", {"artifact": 0.4, "misalignment": 0.6}))
    lines = [ReferenceLine("people", "weighted_score", 0.4, "label=artifact")]
    board = build_board([run], COLUMNS, reference_lines=lines)
    assert any(row.kind == "reference" for row in board.rows)
    found = the(board, "Weighted score by label")
    assert [row.title for row in found.rows] == ["a"]
    assert [each.name for each in found.parts] == ["artifact", "misalignment"]


def test_a_board_without_slices_has_no_breakdowns() -> None:
    assert build_board([entry("a", 0.9)], COLUMNS).breakdowns == []


def test_two_runs_of_one_name_keep_their_own_values() -> None:
    first = a_model("a", 0.9)
    second = with_metrics(
        entry("a", 0.5, run_id="other"), structured_match=sliced(0.5, "field", {"type": 0.5, "brand": 0.0})
    )
    found = the(build_board([second, first], COLUMNS), "Structured match by field")
    assert [(row.values, "other" in row.title) for row in found.rows] == [([0.25, 0.9], False), ([0.0, 0.5], True)]


@pytest.mark.parametrize("name", ["a|b", "<script>alert(1)</script>", "**bold**", "[x](javascript:y)", "a\nb"])
def test_hostile_names_of_fields_and_models_stay_in_their_cells(name: str) -> None:
    board = build_board([a_model(name, 0.9, {name: 0.5, "type": 0.5})], COLUMNS)
    cells = tables_of(board)["Structured match by field (%)"]
    shown = " ".join(name.split())
    assert cells[0] == ["Run", "All", *sorted([shown, "type"])]
    assert cells[1] == [shown, "90.0", "50.0", "50.0"]
    assert "<script>" not in PARSER.render(to_markdown(board))


def test_board_json_keeps_its_schema_and_reads_back() -> None:
    board = build_board([a_model("a", 0.9)], COLUMNS)
    assert Board.model_validate_json(to_json(board)) == board
    jsonschema.validate(json.loads(to_json(board)), Board.model_json_schema(mode="serialization"))
