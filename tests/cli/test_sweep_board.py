"""A sweep ends with the board of its own runs; scripts get the JSON that they always got."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from peakbench.mock import ConstantModel, FaultKind, Faults, MockServerSettings, build_models, run_in_thread
from peakbench.mock.serving import RunningMockServer

Run = Callable[..., subprocess.CompletedProcess[str]]
Tiny = Callable[..., Path]


def run_file(folder: Path, benchmarks: list[Path], models: str) -> Path:
    path = folder / "sweep.yaml"
    named = ", ".join(map(str, benchmarks))
    path.write_text(f"schema_version: 1\nbenchmarks: [{named}]\nmodels: {models}\n")
    return path


def test_the_board_holds_the_runs_of_this_sweep_alone_and_the_json_stays_as_it_was(
    peakbench: Run, tiny: Tiny, tmp_path: Path
) -> None:
    path = tiny()
    sweep = run_file(tmp_path, [path], "[{name: constant-null, title: Nothing}]")
    with run_in_thread([ConstantModel(), ConstantModel("another")]) as server:
        at = ("--base-url", server.base_url)
        trial = peakbench("run", path, "-m", "another", *at, "--limit", "3")
        done = peakbench("sweep", sweep, *at, "--board", "boards")
    assert trial.returncode == 0, trial.stderr
    assert done.returncode == 0, done.stderr  # the trial over three samples would share no board with these
    assert "tiny@1, n = 6" in done.stdout
    assert "Nothing" in done.stdout
    assert "always_null" in done.stdout
    assert "run folder:" not in done.stdout
    assert "\x1b" not in done.stdout
    assert "wrote boards/board.md" in done.stdout
    written = {path.name: path.read_bytes() for path in (tmp_path / "boards").iterdir()}
    assert set(written) == {"board.md", "board.csv", "board.json", "board.png"}
    assert json.loads(written["board.json"])["benchmark"] == "tiny@1"
    again = peakbench("sweep", sweep, *at, "--resume", "--json", "--board", "again")
    assert again.returncode == 0, again.stderr
    assert again.stderr == ""
    (outcome,) = json.loads(again.stdout)
    assert set(outcome) == {"model", "variant", "benchmark", "state", "seconds", "run", "error", "results"}
    assert {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()} == written


def test_what_failed_is_told_and_the_others_stand_on_the_board(peakbench: Run, tiny: Tiny, tmp_path: Path) -> None:
    sweep = run_file(tmp_path, [tiny(20)], "[{name: not-there}, {name: constant-null}]")
    faults = MockServerSettings(faults=Faults({FaultKind.RATE_LIMIT: 0.5}, max_per_request=100))
    with run_in_thread(build_models(["constant-null"]), faults) as flaky:
        done = peakbench("sweep", sweep, "--base-url", flaky.base_url, "--max-retries", "0")
        nobody = run_file(tmp_path, [tiny()], "[{name: not-there}]")
        none = peakbench("sweep", nobody, "--base-url", flaky.base_url)
    assert done.returncode == 5
    assert "does not serve `not-there`" in done.stderr
    board, _, outcomes = done.stdout.partition("Main score")
    assert "not-there" not in board
    assert "not-there on " in outcomes
    assert "tiny@1, n = 20" in done.stdout
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("constant-null on tiny@1: failed: "))
    assert " × " in line
    assert none.returncode == 5
    assert "tiny@1, n =" not in none.stdout


@pytest.mark.slow
def test_each_benchmark_has_a_board_in_a_folder_of_its_own(
    peakbench: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    other = tiny(4, name="other")
    other.write_text(other.read_text().replace("id: tiny", "id: other"))
    sweep = run_file(tmp_path, [tiny(), other], "[{name: constant-null}]")
    done = peakbench("sweep", sweep, "--base-url", server.base_url, "--board", "boards")
    assert done.returncode == 0, done.stderr
    assert "tiny@1, n = 6" in done.stdout
    assert "other@1, n = 4" in done.stdout
    assert {path.name for path in (tmp_path / "boards").iterdir()} == {"tiny@1", "other@1"}


def test_a_board_that_cannot_be_a_folder_is_refused_before_anything_is_asked(
    peakbench: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    sweep = run_file(tmp_path, [tiny()], "[{name: constant-null}]")
    done = peakbench("sweep", sweep, "--base-url", server.base_url, "--board", "file")
    assert done.returncode == 2
    assert "--board file is no folder" in done.stderr
    assert not (tmp_path / "runs").exists()
