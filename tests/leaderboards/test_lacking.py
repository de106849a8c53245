"""Below a board stands what its columns lack, with the command that mends it."""

from dataclasses import replace

from board_parts import HEADLINE, entry, metric

from peakbench.leaderboards.board import build_board
from peakbench.leaderboards.entries import BoardEntry
from peakbench.runs.results import MetricResult

COMMAND = "the encoder is not there; fetch it: peakbench metrics fetch sbert"


def with_f1(run: BoardEntry, found: MetricResult) -> BoardEntry:
    return replace(run, results=run.results.model_copy(update={"metrics": run.results.metrics | {"field_f1": found}}))


def test_a_column_without_any_value_says_why() -> None:
    nothing = metric(None, undefined={COMMAND: 200})
    board = build_board([with_f1(entry("a", 0.9), nothing), with_f1(entry("b", 0.7), nothing)], HEADLINE)
    assert f"Field F1 is undefined for every run: {COMMAND}." in board.notes
    assert all(row.metrics["field_f1"].value is None for row in board.rows)


def test_a_column_without_some_value_says_of_which_run_and_why() -> None:
    nothing = metric(None, undefined={COMMAND: 200})
    board = build_board([with_f1(entry("a", 0.9), nothing), entry("b", 0.7)], HEADLINE)
    assert f"Field F1 is undefined for a: {COMMAND}." in board.notes
    assert not [note for note in board.notes if "undefined for every run" in note or "contradictions" in note]
    runs = [with_f1(entry(name, 0.9), nothing) for name in "abcde"]
    board = build_board([*runs, entry("f", 0.7)], HEADLINE)
    assert f"Field F1 is undefined for 5 runs: {COMMAND}." in board.notes


def test_columns_of_values_alone_say_nothing() -> None:
    board = build_board([entry("a", 0.9), entry("b", 0.7)], HEADLINE)
    assert not [note for note in board.notes if "undefined for" in note]


def test_scores_that_nothing_lowered_are_told() -> None:
    plain = metric(0.5, signature="field_f1@1|nli=none")
    board = build_board([with_f1(entry("a", 0.9), plain)], HEADLINE)
    (note,) = [note for note in board.notes if "contradictions" in note]
    assert note.startswith("Field F1 is not lowered for contradictions (nli=none)")
    assert "`peakbench metrics fetch nli`" in note
