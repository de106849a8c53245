"""Killed at any instant, a run goes on where it was: every sample settled once, scores as if nothing happened."""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import command, write_benchmark

from peakbench.mock import FaultKind, Faults, MockServerSettings, build_models, run_in_thread
from peakbench.runs.folder import RunFolder, find_runs
from peakbench.runs.records import Response
from peakbench.runs.scores import read_scores

N = 500
AT_ONCE = 4
"""Few enough that no run ends before its last kill: undisturbed it asks for six seconds, with twenty kills longer."""
FAULTS = Faults(
    {FaultKind.RATE_LIMIT: 0.08, FaultKind.SERVER_ERROR: 0.03, FaultKind.RESET: 0.03},
    retry_after_s=0.05,
    seed=11,
    max_per_request=2,
)


@pytest.fixture(scope="module")
def benchmark_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_benchmark(tmp_path_factory.mktemp("bench"), N)


@pytest.fixture
def url() -> Iterator[str]:
    """A server with faults of its own for each test, since it counts the attempts it has seen."""
    settings = MockServerSettings(faults=FAULTS, ttft_ms=50)
    with run_in_thread(build_models(["constant-null"]), settings) as server:
        yield server.base_url


def words(benchmark: Path, url: str, runs: Path, at_once: int = 8) -> list[object]:
    return ["run", benchmark, "--model", "constant-null", "--base-url", url, "-o", runs, "-j", at_once]


def the_run(runs: Path) -> RunFolder:
    (run,) = find_runs([runs / "constant-null"])
    return run


def scores_of(run: RunFolder) -> tuple[Any, dict[str, Any]]:
    table = read_scores(run.scores_path).to_pydict()
    results = run.read_results().model_dump(mode="json")
    timed = {"throughput", "mean_e2el_ms", "median_e2el_ms", "p99_e2el_ms"}
    metrics = {name: metric for name, metric in results["metrics"].items() if name not in timed}
    return table, metrics


def assert_settled_once(run: RunFolder) -> None:
    keys = []
    for line in run.journal_path.read_bytes().splitlines()[1:]:
        record = json.loads(line)
        keys.append((record["sample_id"], record["repeat"]))
    assert len(keys) == len(set(keys)) == N
    with run.journal() as journal:
        assert all(isinstance(record, Response) for record in journal.records())


def n_sessions(runs: Path) -> int:
    """How often the run has begun to ask."""
    return len(the_run(runs).read_manifest().sessions) if any(runs.rglob("run.json")) else 0


def kill_and_resume(benchmark: Path, url: str, runs: Path, kills: int, seed: int) -> int:
    """Kill the run `kills` times, then let it end; give how often it was killed.

    Every second kill comes a random while after it began to ask, so that half of them meet it asking however slow the
    machine is; the others come a random while after it had its folder.
    """
    draw = random.Random(seed)
    killed = 0
    while killed < kills:
        resume = ["--resume"] if any(runs.rglob("run.json")) else []
        before = n_sessions(runs)
        with subprocess.Popen(
            command(*words(benchmark, url, runs, AT_ONCE), *resume), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
        ) as process:
            assert process.stderr is not None
            for line in process.stderr:  # from the moment on that it has its folder
                if b"writing" in line or b"going on" in line:
                    break
            while killed % 2 == 0 and process.poll() is None and n_sessions(runs) == before:
                time.sleep(0.01)
            time.sleep(draw.uniform(0, 0.6 if kills <= 5 else 0.25))
            if process.poll() is not None:
                break  # it ended before it could be killed
            os.kill(process.pid, signal.SIGKILL)
            killed += 1
    run = the_run(runs)
    if not run.results_path.is_file():
        done = subprocess.run(
            command(*words(benchmark, url, runs, AT_ONCE), "--resume"),
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr
    return killed


def check(benchmark: Path, url: str, folder: Path, kills: int, seed: int) -> None:
    undisturbed = subprocess.run(
        command(*words(benchmark, url, folder / "undisturbed", AT_ONCE)),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert undisturbed.returncode == 0, undisturbed.stderr
    killed = kill_and_resume(benchmark, url, folder / "killed", kills, seed)
    assert killed == kills
    run = the_run(folder / "killed")
    assert_settled_once(run)
    assert n_sessions(folder / "killed") > kills // 2
    assert scores_of(run) == scores_of(the_run(folder / "undisturbed"))


@pytest.mark.slow
def test_a_run_killed_five_times_ends_as_if_undisturbed(benchmark_file: Path, url: str, tmp_path: Path) -> None:
    check(benchmark_file, url, tmp_path, kills=5, seed=1)


@pytest.mark.slow
def test_a_run_killed_twenty_times_ends_as_if_undisturbed(benchmark_file: Path, url: str, tmp_path: Path) -> None:
    check(benchmark_file, url, tmp_path, kills=20, seed=2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_how_to_go_on(
    benchmark_file: Path, url: str, tmp_path: Path, number: signal.Signals
) -> None:
    with subprocess.Popen(
        command(*words(benchmark_file, url, tmp_path / "runs")), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert "writing" in process.stderr.readline()
        journal_path = the_run(tmp_path / "runs").journal_path
        while not journal_path.is_file() or journal_path.read_bytes().count(b"\n") < 20:
            time.sleep(0.01)
        process.send_signal(number)
        told = process.stderr.read()
        assert process.wait(300) == 130, told
    assert "interrupted" in told
    assert "--resume" in told
    assert "Traceback" not in told
    run = the_run(tmp_path / "runs")
    with run.journal() as journal:
        kept = len(journal)
    assert 0 < kept < N
    assert run.read_manifest().finished is None
    assert run.read_manifest().sessions[-1].ended is not None


def test_a_second_process_on_the_same_run_is_refused(benchmark_file: Path, url: str, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    with subprocess.Popen(command(*words(benchmark_file, url, runs)), stderr=subprocess.PIPE, text=True) as first:
        assert first.stderr is not None
        assert "writing" in first.stderr.readline()
        first.send_signal(signal.SIGSTOP)
        second = subprocess.run(
            command(*words(benchmark_file, url, runs), "--resume"),
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        first.send_signal(signal.SIGCONT)
        first.communicate(timeout=600)
        assert first.returncode == 0
    assert second.returncode == 2
    assert "another process" in second.stderr
    assert_settled_once(the_run(runs))


def test_the_same_seed_draws_the_same_samples(
    tiny: Callable[..., Path], peakbench: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, url: str
) -> None:
    path = tiny(30)
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        done = peakbench(
            "run", path, "--model", "constant-null", "--base-url", url, "-o", folder, "--limit", 8, "--seed", seed
        )
        assert done.returncode == 0, done.stderr
    digests = [the_run(tmp_path / folder).read_manifest().data for folder in "abc"]
    assert digests[0].digest == digests[1].digest != digests[2].digest
    assert digests[0].n == 8
