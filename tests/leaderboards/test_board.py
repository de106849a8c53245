from datetime import UTC, datetime
from pathlib import Path

import pytest
from board_parts import COMPARABLE, HEADLINE, definition, entry, floor, metric, performance

from peakbench.errors import BadInputError, ExitCode, NotComparableError
from peakbench.leaderboards.board import build_board
from peakbench.leaderboards.entries import BoardEntry, newest_entries, read_entry
from peakbench.leaderboards.rows import Board
from peakbench.runs.folder import RunFolder
from peakbench.runs.manifest import DataFacts, Identity, ModelFacts, RunManifest, ServerFacts, Session


def ranks(board: Board) -> list[tuple[str, int | None]]:
    return [(row.title, row.rank) for row in board.rows]


def test_ranks_are_competition_ranks_and_ties_stand_by_name() -> None:
    board = build_board([entry("d", 0.2), entry("c", 0.7), entry("a", 0.9), entry("b", 0.7)], HEADLINE)
    assert ranks(board) == [("a", 1), ("b", 2), ("c", 2), ("d", 4)]
    assert any("equal values share a rank, and stand by name" in note for note in board.notes)


def test_without_ties_nothing_is_said_of_them() -> None:
    board = build_board([entry("a", 0.9), entry("b", 0.7)], HEADLINE)
    assert not any("equal values" in note for note in board.notes)


def test_values_that_differ_by_rounding_alone_share_a_rank() -> None:
    board = build_board([entry("a", 0.1 + 0.2), entry("b", 0.3)], HEADLINE)
    assert ranks(board) == [("a", 1), ("b", 1)]


def test_order_of_entries_changes_nothing() -> None:
    entries = [entry("a", 0.9), entry("b", 0.7), floor("always_null", 0.7), entry("c", 0.7), entry("x", None)]
    assert build_board(entries[::-1], HEADLINE) == build_board(entries, HEADLINE)


def test_lower_is_better_where_the_metric_says_so() -> None:
    lower = {"direction": "lower"}
    board = build_board([entry("a", 0.9, score=lower), entry("b", 0.1, score=lower)], HEADLINE)
    assert ranks(board) == [("b", 1), ("a", 2)]
    assert board.findings == [
        "b leads with 10.0 % weighted score, 80.0 points ahead of a (90.0 %); their 95 % intervals do not overlap."
    ]


def test_floors_stand_by_their_value_and_have_no_rank() -> None:
    board = build_board(
        [entry("a", 0.9), entry("b", 0.2), floor("majority_value", 0.5), floor("oracle", 1.0)], HEADLINE
    )
    assert ranks(board) == [("oracle", None), ("a", 1), ("majority_value", None), ("b", 2)]
    assert [row.kind for row in board.rows] == ["ceiling", "model", "floor", "model"]


def test_a_model_that_failed_too_often_is_listed_unranked_with_the_reason() -> None:
    board = build_board([entry("a", 0.9, n_failed=3), entry("b", 0.2, n_failed=2)], HEADLINE)
    assert ranks(board) == [("b", 1), ("a", None)]
    assert "a is not ranked: 3 (1.5 %) of 200 samples failed, more than the allowed 1 %." in board.notes
    assert ranks(build_board([entry("a", 0.9, n_failed=3)], HEADLINE, max_error_rate=0.02)) == [("a", 1)]


def test_a_model_whose_value_is_undefined_is_listed_unranked() -> None:
    board = build_board([entry("a", None), entry("b", 0.2)], HEADLINE)
    assert ranks(board) == [("b", 1), ("a", None)]
    assert "a is not ranked: weighted_score is undefined." in board.notes


def test_runs_that_differ_are_refused_by_key_and_side() -> None:
    other = {**COMPARABLE, "data": "9" * 64, "sample_set": "8" * 64}
    with pytest.raises(NotComparableError) as refused:
        build_board([entry("a", 0.9), entry("b", 0.8, comparable=other), entry("c", 0.7)], HEADLINE)
    assert refused.value.exit_code == ExitCode.NOT_COMPARABLE
    lines = refused.value.message.splitlines()
    assert lines[0].endswith("they differ in data, sample_set:")
    a, b, c = (f"{name} (20261121T100000Z-00000001)" for name in "abc")
    assert lines[1:3] == [f"  data bbbbbbbbbbbb: {a}, {c}", f"  data 999999999999: {b}"]


def test_runs_ranked_by_different_metrics_are_refused() -> None:
    with pytest.raises(NotComparableError, match="rank_by"):
        build_board([entry("a", 0.9), entry("b", 0.8, rank_by="field_f1")], HEADLINE)


def test_no_runs_make_no_board() -> None:
    with pytest.raises(BadInputError):
        build_board([], HEADLINE)


def test_columns_are_the_ranking_metric_and_the_other_headlines_that_have_results() -> None:
    extra = [
        definition("rouge_l", "ROUGE-L"),
        definition("throughput", "Throughput", applies_to=["timing"], family="performance", unit="samples/s"),
    ]
    run = entry("a", 0.9)
    timed = {**run.results.metrics, "throughput": metric(12.5, None, unit="samples/s", interval="none")}
    run = BoardEntry(run.results.model_copy(update={"metrics": timed}), run.facts)
    board = build_board([run], [*HEADLINE[::-1], *extra])
    assert [column.id for column in board.columns] == ["weighted_score", "field_f1"]


def test_a_ranking_metric_outside_the_headlines_still_ranks() -> None:
    board = build_board([entry("a", 0.9)], [])
    assert (board.columns[0].id, board.columns[0].title) == ("weighted_score", "weighted_score")


def test_a_metric_that_is_no_headline_ranks_under_its_title_and_others_get_no_column() -> None:
    quiet = [definition("weighted_score", "Weighted", headline=False), definition("field_f1", "F1", headline=False)]
    board = build_board([entry("a", 0.9)], quiet)
    assert [(column.id, column.title) for column in board.columns] == [("weighted_score", "Weighted")]


def test_throughput_counts_samples_not_requests() -> None:
    board = build_board([entry("a", 0.9, repeats=3, speed=performance(12.0))], HEADLINE)
    assert board.rows[0].throughput == 4.0


def test_what_the_runs_may_differ_in_is_printed() -> None:
    board = build_board(
        [
            entry("a", 0.9, facts={"server": "vllm 0.11.2"}, speed=performance(concurrency=8)),
            entry("b", 0.8, facts={"server": "vllm 0.12.0"}, speed=performance(concurrency=4)),
        ],
        HEADLINE,
    )
    assert "The runs differ in server: vllm 0.11.2 (a); vllm 0.12.0 (b)." in board.notes
    assert "The runs differ in concurrency: 8 (a); 4 (b)." in board.notes
    assert "All models ran with: asking machine NVIDIA H200; repeats 1." in board.notes


def test_two_runs_of_one_model_are_told_apart_by_their_run() -> None:
    board = build_board([entry("a", 0.9, run_id="one"), entry("a", 0.8, run_id="two")], HEADLINE)
    assert ranks(board) == [("a (one)", 1), ("a (two)", 2)]


def test_the_newest_run_of_a_model_stands_for_the_earlier_ones() -> None:
    runs = [
        entry("a", 0.9, run_id="r1", facts={"started": "2026-11-20T10:00:00Z"}),
        entry("a", 0.8, run_id="r2", facts={"started": "2026-11-21T10:00:00Z"}),
        entry("b", 0.7),
    ]
    kept = newest_entries(runs)
    assert (kept[0].results.run_id, kept[0].facts.superseded) == ("r2", 1)
    board = build_board(kept, HEADLINE)
    assert ranks(board) == [("a", 1), ("b", 2)]
    assert "The newest run of each model is shown; 1 earlier run is not." in board.notes


def test_the_time_is_on_the_board_only_when_it_is_given() -> None:
    assert build_board([entry("a", 0.9)], HEADLINE).created is None
    now = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
    assert build_board([entry("a", 0.9)], HEADLINE, now=now).created == "2026-11-21T09:30:00+00:00"


def test_an_entry_is_read_from_a_run_folder(tmp_path: Path) -> None:
    identity = Identity(
        kind="run",
        benchmark="garments-demo@1",
        data="b",
        prompt="c",
        generation={},
        fields="f",
        model="org/a",
        revision=None,
        repeats=1,
        limit=None,
        seed=0,
    )
    session = Session(
        started="2026-11-21T10:00:00Z",
        base_url="http://127.0.0.1:8000/v1",
        max_concurrency=8,
        timeout_s=60,
        max_retries=3,
        server=ServerFacts(version="0.11.2", owned_by="vllm"),
    )
    run = RunFolder.create(tmp_path, identity)
    run.write_manifest(
        RunManifest(
            run_id="20261121T100000Z-0000",
            identity=identity,
            identity_digest=identity.digest,
            benchmark={},
            benchmark_path="garments-demo",
            data=DataFacts(path="data.jsonl", digest="b", n=200),
            model=ModelFacts(name="org/a", title="Model A", architecture="Qwen3-VL", quantization="AWQ"),
            created="2026-11-21T09:59:00Z",
            sessions=[session],
            hardware={"processor": "Some CPU", "cores": "16", "machine": "x86_64", "system": "Linux 6.1"},
            packages={},
            code_revision=None,
        )
    )
    run.write_results(entry("org/a", 0.9).results)
    read = read_entry(run.path)
    assert read.results.metrics["weighted_score"] == metric(0.9)
    assert (read.facts.title, read.facts.architecture, read.facts.quantization) == ("Model A", "Qwen3-VL", "AWQ")
    assert (read.facts.started, read.facts.server) == ("2026-11-21T10:00:00Z", "vllm 0.11.2")
    assert read.facts.hardware == "Some CPU, 16 cores"
    assert read.facts.parameters is None


def test_a_run_that_was_not_scored_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"results\.json"):
        read_entry(tmp_path)
