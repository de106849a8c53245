"""A server that stays away longer than a run can wait: a clear end, nothing lost, and every sample once in the end."""

import json
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from peakbench.mock import FaultKind, Faults, MockServerSettings, build_models, run_in_thread
from peakbench.runs.folder import RunFolder, find_runs
from peakbench.runs.records import Response

N = 60
Command = Callable[..., "subprocess.CompletedProcess[str]"]


def words(benchmark: Path, url: str) -> list[object]:
    return ["run", benchmark, "--model", "constant-null", "--base-url", url, "-o", "runs", "-j", 4, "--max-retries", 0]


def the_run(folder: Path) -> RunFolder:
    (run,) = find_runs([folder / "runs" / "constant-null"])
    return run


def asked(run: RunFolder) -> Counter[str]:
    """How often each sample stands in the journal, as an answer alone."""
    with run.journal() as journal:
        assert all(isinstance(record, Response) for record in journal.records())
    return Counter(json.loads(line)["sample_id"] for line in run.journal_path.read_bytes().splitlines()[1:])


def check(tiny: Callable[..., Path], peakbench: Command, folder: Path, stopping: MockServerSettings, said: str) -> None:
    benchmark = tiny(N)
    models = build_models(["constant-null"])
    with run_in_thread(models, stopping) as server:
        stopped = peakbench(*words(benchmark, server.base_url))
        port = int(server.base_url.removesuffix("/v1").rpartition(":")[2])
        still = peakbench(*words(benchmark, server.base_url), "--resume") if stopping.die_after else None
    assert stopped.returncode == 5, stopped.stderr
    assert said in stopped.stderr
    assert "--resume" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    if still is not None:  # while it is away, nothing is lost by trying
        assert still.returncode == 5, still.stderr
    before = asked(the_run(folder))
    assert before.total() < N
    with run_in_thread(models, MockServerSettings(port=port)) as server:
        resumed = peakbench(*words(benchmark, server.base_url), "--resume")
        assert resumed.returncode == 0, resumed.stderr
        assert server.server.requests_received == N - before.total()
    assert asked(the_run(folder)) == {f"s{position:04d}": 1 for position in range(N)}


def test_a_run_whose_server_stays_away_is_gone_on_with(
    tiny: Callable[..., Path], peakbench: Command, tmp_path: Path
) -> None:
    away = MockServerSettings(die_after=30, die_for_s=600, shutdown_s=0.1)
    check(tiny, peakbench, tmp_path, away, "the server is gone")


def test_a_run_whose_server_moves_is_gone_on_with(
    tiny: Callable[..., Path], peakbench: Command, tmp_path: Path
) -> None:
    moving = MockServerSettings(faults=Faults({FaultKind.MOVED: 0.1}, seed=4))
    check(tiny, peakbench, tmp_path, moving, "a redirect to https://elsewhere.invalid/v1, not followed")


@pytest.mark.parametrize("kind", [FaultKind.QUOTA, FaultKind.PAYMENT_REQUIRED, FaultKind.FORBIDDEN])
def test_a_run_whose_account_is_refused_in_the_middle_is_gone_on_with(
    tiny: Callable[..., Path], peakbench: Command, tmp_path: Path, kind: FaultKind
) -> None:
    refusing = MockServerSettings(faults=Faults({kind: 0.1}, seed=4))
    check(tiny, peakbench, tmp_path, refusing, "(a fault on purpose)")
