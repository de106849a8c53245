"""The demo, whole: a newcomer's first command, from nothing to a board whose order makes sense."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from peakbench.runs.folder import find_runs


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The demo in an empty folder."""
    from conftest import command

    folder = tmp_path_factory.mktemp("empty")
    done = subprocess.run(
        command("demo"), cwd=folder, env=dict(os.environ, COLUMNS="160"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "peakbench-demo", done


def board(folder: Path) -> dict[str, dict[str, Any]]:
    rows = json.loads((folder / "leaderboard" / "board.json").read_text())["rows"]
    return {row["title"]: row for row in rows}


def value(folder: Path, model: str, metric: str) -> float:
    name = model if model in board(folder) else f"floor__{model}"
    (run,) = find_runs([folder / "runs" / (f"floor__{model}" if board(folder)[model]["kind"] == "floor" else name)])
    found = run.read_results().metrics[metric].value
    assert found is not None
    return found


@pytest.mark.slow
def test_the_order_of_the_board_makes_sense(demo: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, _ = demo
    score = "weighted_score"
    assert value(folder, "oracle", score) == 1.0
    assert value(folder, "never_json", score) == 0.0
    assert value(folder, "nearest-2000", score) > value(folder, "nearest-20", score) + 0.05
    assert value(folder, "nearest-20", score) > value(folder, "majority_value", score)
    assert value(folder, "nearest-2000", score) > value(folder, "nearest-2000-cut", score)


@pytest.mark.slow
def test_prose_changes_the_strict_parse_rate_and_no_score(
    demo: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = demo
    for metric in ("weighted_score", "structured_match", "field_f1", "json_parse_rate_extracted"):
        assert value(folder, "nearest-2000-prose", metric) == value(folder, "nearest-2000", metric)
    assert value(folder, "nearest-2000", "json_parse_rate_strict") == 1.0
    assert value(folder, "nearest-2000-prose", "json_parse_rate_strict") == 0.0


@pytest.mark.slow
def test_what_stops_in_the_middle_is_told_by_truncation_and_parse_rate(
    demo: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = demo
    truncated = value(folder, "nearest-2000-cut", "truncation_rate")
    assert 0.3 < truncated < 0.7
    assert value(folder, "nearest-2000-cut", "json_parse_rate_extracted") == pytest.approx(1 - truncated)
    assert value(folder, "nearest-2000", "truncation_rate") == 0.0


@pytest.mark.slow
def test_it_says_where_everything_lies_and_that_these_are_baselines(
    demo: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, done = demo
    assert "small baselines built into PeakBench" in done.stdout
    for path in ("leaderboard", "runs", "data"):
        assert f"peakbench-demo/{path}" in done.stdout
        assert (folder / path).is_dir()
    assert {path.name for path in (folder / "leaderboard").iterdir()} == {
        "board.md",
        "board.csv",
        "board.json",
        "board.png",
    }
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_scoring_again_gives_the_same_bytes(
    demo: tuple[Path, subprocess.CompletedProcess[str]],
    peakbench: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = demo
    (run,) = find_runs([folder / "runs" / "nearest-2000"])
    before = {path: path.read_bytes() for path in (run.results_path, run.scores_path)}
    picture = (folder / "leaderboard" / "board.png").read_bytes()
    assert peakbench("score", run.path, cwd=folder.parent).returncode == 0
    assert {path: path.read_bytes() for path in before} == before
    models = [f"peakbench-demo/runs/{name}" for name in ("nearest-20", "nearest-2000", "nearest-2000-prose")]
    cut = "peakbench-demo/runs/nearest-2000-cut"
    assert peakbench("leaderboard", *models, cut, "-o", "again", cwd=folder.parent).returncode == 0
    assert (folder.parent / "again" / "board.png").read_bytes() == picture
