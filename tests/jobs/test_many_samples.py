"""Twenty thousand samples, killed half-way: each settled exactly once, in memory that hardly grows."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import command

from peakbench.mock.canned import start_canned
from peakbench.runs.folder import RunFolder, find_runs

N = 20_000
TEXTS = """
schema_version: 1
id: many
version: 1
task: text
data: {path: data.jsonl}
columns: {image: null}
prompt: {template: "What is {{ thing }}?"}
metrics: [levenshtein_ratio, failure_rate]
rank_by: levenshtein_ratio
"""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc"),
]


@pytest.fixture
def url() -> Iterator[str]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(start_canned("127.0.0.1", 0), loop).result(30)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(30)
    loop.close()


def write(folder: Path, n: int) -> Path:
    folder.mkdir()
    (folder / "benchmark.yaml").write_text(TEXTS)
    rows = ({"id": f"row-{i}", "thing": f"thing {i}", "reference": f"It is thing number {i}."} for i in range(n))
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "benchmark.yaml"


def asked_in_mb(path: Path, url: str, runs: Path, *words: str, kill_at: int | None = None) -> float:
    """Run the command; give the most memory it had while it asked."""
    peak = 0.0
    line = command("run", path, "--model", "canned", "--base-url", url, "-o", runs, "-j", 32, *words)
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            found = list(runs.glob("canned/*/*/responses.jsonl"))
            if found and RunFolder(found[0].parent).read_manifest().finished is None:
                peak = max(peak, resident_mb(process.pid))
                if kill_at is not None and found[0].read_bytes().count(b"\n") > kill_at:
                    os.kill(process.pid, signal.SIGKILL)
            time.sleep(0.1)
        assert process.stderr is not None
        told = process.stderr.read()
    assert process.returncode == (-signal.SIGKILL if kill_at else 0), told
    return peak


def resident_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


def test_many_samples_are_settled_once_each_in_memory_that_hardly_grows(url: str, tmp_path: Path) -> None:
    few = asked_in_mb(write(tmp_path / "few", 300), url, tmp_path / "few-runs")
    path, runs = write(tmp_path / "many", N), tmp_path / "runs"
    begun = asked_in_mb(path, url, runs, kill_at=N // 2)
    (run,) = find_runs([runs / "canned"])
    with run.journal() as journal:
        kept = len(journal)
    assert N // 2 <= kept < N
    resumed = asked_in_mb(path, url, runs, "--resume")
    keys = [json.loads(line)["sample_id"] for line in run.journal_path.read_bytes().splitlines()[1:]]
    assert sorted(keys) == sorted(f"row-{i}" for i in range(N))
    assert run.read_results().n == N
    assert run.read_results().metrics["failure_rate"].value == 0.0
    assert max(begun, resumed) < 1.5 * few
