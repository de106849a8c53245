"""The demo, whole: a newcomer's first command, from nothing to a board whose order makes sense."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from peakbench.runs.folder import find_runs

Demo = tuple[Path, subprocess.CompletedProcess[str]]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo in an empty folder."""
    from conftest import command

    folder = tmp_path_factory.mktemp("empty")
    done = subprocess.run(
        command("demo"), cwd=folder, env=dict(os.environ, COLUMNS="160"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "peakbench-demo", done


def value(folder: Path, model: str, metric: str, benchmark: str = "garments-demo") -> float:
    """A metric's value on the board."""
    rows = json.loads((folder / "leaderboard" / f"{benchmark}@1" / "board.json").read_text())["rows"]
    (row,) = [row for row in rows if row["title"] == model]
    found: Any = row["metrics"][metric]["value"]
    assert isinstance(found, float)
    return found


def test_the_order_of_the_board_makes_sense(demo: Demo) -> None:
    folder, _ = demo
    score = "weighted_score"
    assert value(folder, "oracle", score) == 1.0
    assert value(folder, "never_json", score) == 0.0
    assert value(folder, "nearest-2000", score) > value(folder, "nearest-20", score) + 0.05
    assert value(folder, "nearest-20", score) > value(folder, "majority_value", score)
    assert value(folder, "nearest-2000", score) > value(folder, "nearest-2000-cut", score)


def test_prose_changes_the_strict_parse_rate_and_no_score(
    demo: Demo,
) -> None:
    folder, _ = demo
    for metric in ("weighted_score", "structured_match", "field_f1", "json_parse_rate_extracted"):
        assert value(folder, "nearest-2000-prose", metric) == value(folder, "nearest-2000", metric)
    assert value(folder, "nearest-2000", "json_parse_rate_strict") == 1.0
    assert value(folder, "nearest-2000-prose", "json_parse_rate_strict") == 0.0


def test_what_stops_in_the_middle_is_told_by_truncation_and_parse_rate(
    demo: Demo,
) -> None:
    folder, _ = demo
    truncated = value(folder, "nearest-2000-cut", "truncation_rate")
    assert 0.3 < truncated < 0.7
    assert value(folder, "nearest-2000-cut", "json_parse_rate_extracted") == pytest.approx(1 - truncated)
    assert value(folder, "nearest-2000", "truncation_rate") == 0.0


def test_it_says_where_everything_lies_and_that_these_are_baselines(
    demo: Demo,
) -> None:
    folder, done = demo
    assert "small baselines built into PeakBench" in done.stdout
    for path in ("leaderboard", "runs", "data"):
        assert f"peakbench-demo/{path}" in done.stdout
        assert (folder / path).is_dir()
    assert {path.name for path in (folder / "leaderboard" / "defects-demo@1").iterdir()} == {
        "board.md",
        "board.csv",
        "board.json",
        "board.png",
    }
    assert "Traceback" not in done.stderr


def test_scoring_again_gives_the_same_bytes(
    demo: Demo,
    peakbench_process: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = demo
    (run,) = find_runs([folder / "runs" / "nearest-2000"])
    before = {path: path.read_bytes() for path in (run.results_path, run.scores_path)}
    picture = (folder / "leaderboard" / "garments-demo@1" / "board.png").read_bytes()
    assert peakbench_process("score", run.path, cwd=folder.parent).returncode == 0
    assert {path: path.read_bytes() for path in before} == before
    models = [f"peakbench-demo/runs/{name}" for name in ("nearest-20", "nearest-2000", "nearest-2000-prose")]
    cut = "peakbench-demo/runs/nearest-2000-cut"
    assert peakbench_process("leaderboard", *models, cut, "-o", "again", cwd=folder.parent).returncode == 0
    assert (folder.parent / "again" / "board.png").read_bytes() == picture


def test_the_second_task_stands_on_a_board_of_its_own(demo: Demo) -> None:
    folder, _ = demo
    for model in ("pixel-detective", "constant-empty", "oracle", "defects_whole_image"):
        assert value(folder, model, "json_parse_rate_extracted", "defects-demo") == 1.0
    assert value(folder, "never_json", "json_parse_rate_extracted", "defects-demo") == 0.0
    assert value(folder, "pixel-detective", "json_parse_rate_strict", "defects-demo") == 0.0  # it thinks aloud first
