"""Ctrl-C and SIGTERM, as a person and a scheduler send them: to a real process, whatever it is waiting for."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import command, write_benchmark
from small_servers import QuietHandler, serving

from peakbench.runs.folder import RunFolder, find_runs

N = 150
GENEROUS_S = 300
"""How long a process may take to end; it takes a second or two, but not on a machine that has other things to do."""


class Server(ThreadingHTTPServer):
    """Serves a model, and does with each request what it is told."""

    daemon_threads = True
    how = "answers"
    received = 0
    ending: threading.Event


class _Handler(QuietHandler):
    server: Server

    def do_GET(self) -> None:
        self.answer(200, {"data": [{"id": "m"}]})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received += 1
        how = self.server.how
        if how == "stalls":
            self.server.ending.wait()
        elif how == "fails":
            self.answer(500, {"error": {"message": "told to"}})
        elif how == "asks to wait":
            self.answer(429, {"error": {"message": "told to"}}, ("Retry-After", "100"))
        else:
            time.sleep(0.02)
            self.answer(200, {"choices": [{"message": {"content": "{}"}, "finish_reason": "stop"}]})


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Server(("127.0.0.1", 0), _Handler)) as running:
        running.ending = threading.Event()
        yield running
        running.ending.set()


@pytest.fixture(scope="module")
def benchmark_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_benchmark(tmp_path_factory.mktemp("bench"), N)


@contextmanager
def started(server: Server, benchmark: Path, runs: Path, *more: object) -> Iterator[subprocess.Popen[str]]:
    url = f"http://127.0.0.1:{server.server_port}/v1"
    words = ["run", benchmark, "--model", "m", "--base-url", url, "-o", runs, "--max-retries", 1000, *more]
    with subprocess.Popen(
        command(*words),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "500"},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + GENEROUS_S
    while not holds():
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.02)


def check_stopped(process: subprocess.Popen[str], runs: Path) -> RunFolder:
    """It ended as it should, said how to go on, and left a run that can be gone on with."""
    assert process.stderr is not None
    told = process.stderr.read()
    assert process.wait(GENEROUS_S) == 130, told
    assert "interrupted" in told
    assert "--resume" in told
    assert "Traceback" not in told
    (run,) = find_runs([runs])
    manifest = run.read_manifest()
    assert manifest.finished is None
    assert manifest.sessions[-1].ended is not None
    return run


@pytest.mark.parametrize(
    ("how", "more"),
    [
        ("fails", []),
        ("asks to wait", []),
        ("stalls", ["--warmup", 5]),
        pytest.param("stalls", [], marks=pytest.mark.slow),
        pytest.param("stalls", ["--response-format", "json_schema"], marks=pytest.mark.slow),
        pytest.param("answers", ["-j", "auto"], marks=pytest.mark.slow),
        pytest.param("fails", ["--transport", "openai"], marks=pytest.mark.slow),
        pytest.param("stalls", ["--transport", "openai"], marks=pytest.mark.slow),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(map(str, value)) or "plain",
)
def test_one_interrupt_stops_it_within_seconds_whatever_it_waits_for(
    server: Server, benchmark_file: Path, tmp_path: Path, how: str, more: list[object]
) -> None:
    server.how = how
    with started(server, benchmark_file, tmp_path / "runs", *more) as process:
        wait_until(lambda: server.received >= (1 if "--response-format" in more else 5))
        process.send_signal(signal.SIGINT)
        run = check_stopped(process, tmp_path / "runs")
    if how != "answers" and run.journal_path.exists():
        with run.journal() as journal:
            assert len(journal) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_second_interrupt_stops_it_at_once(
    server: Server, benchmark_file: Path, tmp_path: Path, number: signal.Signals
) -> None:
    server.how = "stalls"
    with started(server, benchmark_file, tmp_path / "runs") as process:
        wait_until(lambda: server.received >= 8)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        process.send_signal(number)
        check_stopped(process, tmp_path / "runs")


@pytest.mark.slow
def test_a_run_that_was_interrupted_while_it_waited_goes_on(
    server: Server,
    benchmark_file: Path,
    tmp_path: Path,
    peakbench: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    with started(server, benchmark_file, tmp_path / "runs") as process:
        wait_until(lambda: server.received >= 30)
        server.how = "asks to wait"
        received = server.received
        wait_until(lambda: server.received > received)
        process.send_signal(signal.SIGINT)
        run = check_stopped(process, tmp_path / "runs")
    with run.journal() as journal:
        kept = len(journal)
        assert journal.n_failed == 0
    assert 0 < kept < N
    server.how = "answers"
    received = server.received
    url = f"http://127.0.0.1:{server.server_port}/v1"
    done = peakbench("run", benchmark_file, "--model", "m", "--base-url", url, "-o", tmp_path / "runs", "--resume")
    assert done.returncode == 0, done.stderr
    assert server.received - received == N - kept
