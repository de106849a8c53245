"""The commands as people and scripts use them: JSON on stdout, other tools' words, help that is cheap."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from peakbench import __version__
from peakbench.mock import FaultKind, Faults, MockServerSettings, build_models, run_in_thread
from peakbench.mock.serving import RunningMockServer
from peakbench.runs.folder import RunFolder

Run = Callable[..., subprocess.CompletedProcess[str]]
Tiny = Callable[..., Path]


def json_of(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_every_command_explains_itself(peakbench: Run) -> None:
    commands = [
        (),
        ("demo",),
        ("run",),
        ("sweep",),
        ("score",),
        ("leaderboard",),
        ("mock-server",),
        ("benchmarks",),
        ("benchmarks", "make", "garments"),
        ("metrics", "verify"),
    ]
    for command in commands:
        done = peakbench(*command, "--help")
        assert done.returncode == 0
        assert "Usage:" in done.stdout
    assert peakbench("--version").stdout.strip() == __version__


def test_a_run_and_all_that_follows_in_json(
    peakbench_process: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    ran = json_of(peakbench_process("run", tiny(), "--model", "constant-null", "--base-url", server.base_url, "--json"))
    assert isinstance(ran, dict)
    assert ran["results"]["n"] == 6
    assert ran["results"]["metrics"]["weighted_score"]["value"] == pytest.approx(0.5)
    (scored,) = json_of(peakbench_process("score", ran["run"], "--json"))
    assert scored["results"] == ran["results"]
    (board,) = json_of(peakbench_process("leaderboard", "runs", "--json"))
    kinds = {row["title"]: row["kind"] for row in board["rows"]}
    assert kinds["constant-null"] == "model"
    assert kinds["oracle"] == "ceiling"
    assert kinds["never_json"] == "floor"


def test_the_words_of_other_tools_are_understood(
    peakbench: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    done = peakbench(
        *("run", tiny(), "-m", "constant-null", "--api_url", server.base_url.removesuffix("/v1"), "-L", "3"),
        *("--num_concurrent", "2", "--output_path", "elsewhere", "--max_retries", "1"),
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "elsewhere" / "constant-null" / "tiny@1").is_dir()


def test_results_go_to_stdout_and_progress_to_stderr(
    peakbench_process: Run, tiny: Tiny, server: RunningMockServer
) -> None:
    done = peakbench_process("run", tiny(), "-m", "constant-null", "--base-url", server.base_url)
    assert "weighted_score" in done.stdout
    assert "6/6" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_a_sweep_goes_on_after_a_model_that_fails(
    peakbench: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    path = tiny()
    sweep = tmp_path / "sweep.yaml"
    sweep.write_text(
        f"schema_version: 1\nbenchmarks: [{path}]\nbase_url: {server.base_url}\n"
        "models:\n  - name: not-there\n  - {name: constant-null, parameters: none, architecture: constant}\n"
    )
    done = peakbench("sweep", sweep)
    assert done.returncode == 5
    assert "does not serve `not-there`" in done.stderr
    assert "tiny@1, n = 6" in done.stdout
    again = peakbench("sweep", sweep, "--resume", "--json")
    assert again.returncode == 5
    first, second = json.loads(again.stdout)
    assert first["error"]
    assert second["results"]["n"] == 6
    assert len(list((tmp_path / "runs" / "constant-null" / "tiny@1").iterdir())) == 1


def test_rendered_garments_can_be_asked_about_at_once(
    peakbench: Run, server: RunningMockServer, tmp_path: Path
) -> None:
    made = json_of(peakbench("benchmarks", "make", "garments", "--n", "4", "--seed", "3", "-o", "mine", "--json"))
    assert isinstance(made, dict)
    done = peakbench("run", made["benchmark"], "-m", "constant-null", "--base-url", server.base_url, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["results"]["n"] == 4


def test_benchmarks_and_metrics_are_listed_and_shown(peakbench: Run) -> None:
    assert "garments-demo@1" in peakbench("benchmarks", "list").stdout
    assert "sleeve_length" in peakbench("benchmarks", "show", "garments-demo").stdout
    assert "schema_version: 1" in peakbench("benchmarks", "show", "garments-demo", "--yaml").stdout
    listed = json_of(peakbench("metrics", "list", "--json"))
    assert isinstance(listed, list)
    assert "weighted_score" in [metric["id"] for metric in listed]
    assert "weight" in peakbench("metrics", "show", "weighted_score").stdout
    assert "categorical" in peakbench("metrics", "show", "comparators").stdout
    assert "did you mean" in peakbench("metrics", "show", "weighted_scor").stderr


def test_verification_passes_with_what_ships_and_fails_with_its_own_code(peakbench: Run, tmp_path: Path) -> None:
    good = peakbench("metrics", "verify")
    assert good.returncode == 0, good.stdout
    wrong = {"id": "exact", "metric": "rouge_l", "prediction": "a b", "reference": "a c", "peakbench_value": 0.9}
    (tmp_path / "rouge_l.jsonl").write_text(json.dumps(wrong) + "\n")
    bad = peakbench("metrics", "verify", "--golden", tmp_path)
    assert bad.returncode == 7
    assert "1 of 1 golden cases fail" in bad.stderr


def test_what_cannot_be_checked_for_one_reason_is_one_line(peakbench: Run, tmp_path: Path) -> None:
    cases = [{"id": name, "metric": "no_such", "prediction": "a", "reference": "a", "value": 1} for name in "abc"]
    (tmp_path / "no_such.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases))
    brief = peakbench("metrics", "verify", "--golden", tmp_path)
    assert brief.returncode == 0
    assert "not checkable: 3 cases: " in brief.stdout
    assert len(brief.stdout.splitlines()) == 2
    assert len(peakbench("metrics", "verify", "--golden", tmp_path, "-v").stdout.splitlines()) == 4


def test_a_reader_that_goes_away_is_no_regression() -> None:
    """As `peakbench benchmarks show … | head -1` does; 1 is the code of a regression."""
    with subprocess.Popen(
        [sys.executable, "-m", "peakbench", "metrics", "list", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as done:
        assert done.stdout is not None
        assert done.stderr is not None
        done.stdout.close()
        assert done.stderr.read() == b""
        assert done.wait() == 141


def test_runs_over_different_samples_share_no_board(
    peakbench: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    words = ("run", tiny(8), "-m", "constant-null", "--base-url", server.base_url)
    assert peakbench(*words, "-o", "a").returncode == 0
    assert peakbench(*words, "-o", "b", "--limit", "4").returncode == 0
    assert peakbench("leaderboard", "a").returncode == 0
    (newest,) = json_of(peakbench("leaderboard", "a", "b", "--json"))
    assert {row["n"] for row in newest["rows"]} == {4}  # one model: its newest run stands
    other = RunFolder(next((tmp_path / "a" / "constant-null" / "tiny@1").iterdir()))
    manifest = other.read_manifest()
    renamed = manifest.identity.model_copy(update={"model": "another"})
    other.write_manifest(manifest.model_copy(update={"identity": renamed}))
    other.write_results(other.read_results().model_copy(update={"model": "another"}))
    both = peakbench("leaderboard", "a", "b")
    assert both.returncode == 6
    assert "over different samples" in both.stderr
    assert str(other.path.name) in both.stderr


def test_a_report_file_is_written_when_something_breaks(
    peakbench: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    """A registry whose metric leaves its range is a bug; it is told as one, and the answers are kept."""
    registry = Path(__file__).resolve().parents[2] / "peakbench_metrics.json"
    content = json.loads(registry.read_text())
    for metric in content["metrics"]:
        if metric["id"] == "weighted_score":
            metric["range"] = [0, 0.25]
            metric["on_unparsed"] = metric["on_failed"] = 0
    shutil.copytree(registry.parent / "metrics", tmp_path / "metrics")
    (tmp_path / "metrics.json").write_text(json.dumps(content))
    words = ("run", tiny(), "-m", "constant-null", "--base-url", server.base_url)
    done = peakbench(*words, "--metrics", "metrics.json")
    assert done.returncode == 70, done.stderr
    assert "weighted_score" in done.stderr
    assert "s0000" in done.stderr
    assert "Traceback" not in done.stderr
    assert peakbench(*words, "--resume").returncode == 0


def test_failed_samples_of_a_sweep_are_asked_again_by_the_command_that_is_told(
    peakbench: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    sweep = tmp_path / "sweep.yaml"
    sweep.write_text(f"schema_version: 1\nbenchmarks: [{tiny(20)}]\nmodels: [{{name: constant-null}}]\n")
    faults = MockServerSettings(faults=Faults({FaultKind.RATE_LIMIT: 0.5}, max_per_request=100))
    with run_in_thread(build_models(["constant-null"]), faults) as flaky:
        done = peakbench("sweep", sweep, "--base-url", flaky.base_url, "--max-retries", "0")
    assert done.returncode == 3, done.stderr
    assert "--resume --retry-failed" in done.stderr
    mended = peakbench("sweep", sweep, "--base-url", server.base_url, "--resume", "--retry-failed")
    assert mended.returncode == 0, mended.stderr


def test_one_run_that_cannot_be_scored_does_not_stop_the_others(
    peakbench: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    words = ("run", tiny(), "-m", "constant-null", "--base-url", server.base_url)
    assert peakbench(*words).returncode == 0
    (first,) = (tmp_path / "runs" / "constant-null" / "tiny@1").iterdir()
    (first / "responses.jsonl").write_bytes((first / "responses.jsonl").read_bytes()[:400])
    run = RunFolder(first)
    run.write_manifest(run.read_manifest().model_copy(update={"finished": None}))
    run.results_path.unlink()
    scored = peakbench("score", "runs", "--json")
    assert scored.returncode == 2
    assert len(json.loads(scored.stdout)) == 5
    assert "is unfinished" in scored.stderr
    assert peakbench(*words, "--fresh").returncode == 0
    board = peakbench("leaderboard", "runs")
    assert board.returncode == 0
    assert f"left out, for it is unfinished: {Path('runs') / 'constant-null' / 'tiny@1' / first.name}" in board.stderr


@pytest.mark.parametrize("words", [("--version",), ("metrics", "show", "weighted_score"), ("metrics", "show", "none")])
def test_a_command_does_the_same_in_this_process_as_in_its_own(
    peakbench: Run, peakbench_process: Run, words: tuple[str, ...]
) -> None:
    here = peakbench(*words)
    there = peakbench_process(*words)
    assert (here.args, here.returncode, here.stdout, here.stderr) == (
        there.args,
        there.returncode,
        there.stdout,
        there.stderr,
    )
