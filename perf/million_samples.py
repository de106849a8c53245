"""A million samples through the real command: memory, the time to the first request, a kill and what comes after it.

    python perf/million_samples.py [SAMPLES]

Samples are short texts. A server in a process of its own answers without looking and tells when requests come. First
300 samples are run, then SAMPLES (a million): killed with SIGKILL when half was asked, then gone on with. Printed is
the most memory the command had while it read, asked and scored, the seconds and the CPU seconds from its start to its
first request, the seconds from the start of the resume to the first new request, and how many requests the journal
settles, which has to be each exactly once. Linux only: memory is read from `/proc`.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

from peakbench.mock.canned import CannedProtocol
from peakbench.runs.folder import RunFolder, find_runs

SMALL = 300
CONCURRENCY = 64
FILE = """
schema_version: 1
id: many
version: 1
task: text
data: {path: data.jsonl}
columns: {image: null}
prompt: {template: "What is {{ thing }}?"}
metrics: [levenshtein_ratio, truncation_rate, failure_rate]
rank_by: levenshtein_ratio
"""


class Telling(CannedProtocol):
    """Counts the requests of all connections, and tells of the first one after there was no connection."""

    connections = 0
    requests = 0
    quiet = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count."""
        Telling.connections += 1
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Count; without any, the next request is a first one."""
        Telling.connections -= 1
        Telling.quiet = Telling.quiet or not Telling.connections
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """Count a request by its head, and answer it."""
        if data.startswith(b"POST"):
            Telling.requests += 1
            if Telling.quiet or Telling.requests % 1000 == 0:
                tell("first" if Telling.quiet else "count", Telling.requests)
                Telling.quiet = False
        super().data_received(data)


def tell(what: str, requests: int) -> None:
    """Write one line for the measuring process."""
    sys.stdout.write(f"{json.dumps([what, requests, time.time()])}\n")
    sys.stdout.flush()


async def serve() -> None:
    """Listen, tell the port, and answer until the process ends."""
    server = await asyncio.get_running_loop().create_server(Telling, "127.0.0.1", 0)
    tell("port", server.sockets[0].getsockname()[1])
    await server.serve_forever()


@dataclass
class Server:
    """What the server told last."""

    port: int = 0
    requests: int = 0
    first: float = 0.0
    lines: Iterator[str] = field(default_factory=lambda: iter(()))

    def listen(self) -> None:
        """Take what it tells, to its end."""
        for line in self.lines:
            what, number, at = json.loads(line)
            if what == "port":
                self.port = number
                continue
            self.requests = number
            if what == "first":
                self.first = at


@dataclass
class Measured:
    """What one process of the command took."""

    peak_mb: dict[str, float]
    first_s: float
    first_cpu_s: float
    total_s: float


def measure(server: Server, bench: Path, runs: Path, *words: str, kill_at: int | None = None) -> Measured:
    """Run the command and look at it, many times a second."""
    server.first = 0.0
    command = [sys.executable, "-m", "peakbench", "run", bench / "benchmark.yaml", "--model", "canned"]
    url = f"http://127.0.0.1:{server.port}/v1"
    began = time.time()
    with subprocess.Popen(
        [*map(str, command), "--base-url", url, "-o", str(runs), "-j", str(CONCURRENCY), *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "PEAKBENCH_CACHE": str(bench / "cache")},
    ) as process:
        peaks: dict[str, float] = {}
        cpu = 0.0
        while process.poll() is None:
            stage = "reading" if not server.first else "scoring" if is_asked(runs) else "asking"
            peaks[stage] = max(peaks.get(stage, 0.0), resident_mb(process.pid))
            if not server.first:
                cpu = cpu_s(process.pid) or cpu
            if kill_at is not None and server.requests >= kill_at:
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(0.01 if stage == "reading" else 0.1)
        told = process.stderr.read() if process.stderr else b""
    if kill_at is None and process.returncode:
        raise SystemExit(told.decode())
    made = Measured(peaks, server.first - began, cpu, time.time() - began)
    sys.stderr.write(f"{made}\n")
    return made


def resident_mb(pid: int) -> float:
    """Memory of a process, MB; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmRSS")), 0.0)


def cpu_s(pid: int) -> float:
    """CPU time of a process, seconds; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def the_run(runs: Path) -> RunFolder:
    """The run of the model."""
    (run,) = find_runs([runs / "canned"])
    return run


def is_asked(runs: Path) -> bool:
    """Whether all was asked."""
    return the_run(runs).read_manifest().finished is not None


def build(folder: Path, n: int) -> Path:
    """Write a benchmark of n texts."""
    folder.mkdir()
    (folder / "benchmark.yaml").write_text(FILE)
    with (folder / "data.jsonl").open("w") as file:
        for i in range(n):
            row = {"id": f"row-{i}", "thing": f"thing {i}", "reference": f"It is thing number {i}."}
            file.write(json.dumps(row) + "\n")
    return folder


def settled_once(run: RunFolder) -> int:
    """How many requests the journal settles; a second record of one is refused where it is opened."""
    n = run.read_manifest().data.n
    with run.journal() as journal:
        settled = run.settled(journal, run.read_manifest())
        if settled.n_missing or len(journal) != n:
            raise SystemExit(f"{len(journal)} settled, {settled.n_missing} missing, of {n}")
    return n


def figures(small: Measured, killed: Measured, resumed: Measured) -> dict[str, tuple[float, float]]:
    """Each figure for 300 samples and for many."""
    rows: dict[str, tuple[float, float]] = {}
    for stage in ("reading", "asking"):
        rows[f"peak while {stage}, MB"] = (small.peak_mb[stage], killed.peak_mb[stage])
    for stage in ("reading", "asking", "scoring"):
        rows[f"peak while {stage}, resumed, MB"] = (small.peak_mb.get(stage, 0.0), resumed.peak_mb[stage])
    rows["start to first request, s"] = (small.first_s, killed.first_s)
    rows["start to first request, CPU s"] = (small.first_cpu_s, killed.first_cpu_s)
    rows["start to first new request, resumed, s"] = (small.first_s, resumed.first_s)
    rows["start to first new request, resumed, CPU s"] = (small.first_cpu_s, resumed.first_cpu_s)
    rows["whole, s"] = (small.total_s, killed.total_s + resumed.total_s)
    return rows


def main() -> None:
    """Measure and print."""
    if sys.argv[1:] == ["--serve"]:
        asyncio.run(serve())
        return
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with (
        tempfile.TemporaryDirectory() as name,
        subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True) as process,
    ):
        assert process.stdout is not None
        folder, server = Path(name), Server(lines=process.stdout)
        Thread(target=server.listen, daemon=True).start()
        while not server.port:
            time.sleep(0.01)
        try:
            measure(server, build(folder / "warm", SMALL), folder / "warm-runs")  # Python's own files are in memory now
            small = measure(server, build(folder / "small", SMALL), folder / "small-runs")
            bench, runs, asked = build(folder / "many", n), folder / "runs", server.requests
            killed = measure(server, bench, runs, kill_at=asked + n // 2)
            resumed = measure(server, bench, runs, "--resume")
            settled = settled_once(the_run(runs))
        finally:
            process.terminate()
    sys.stdout.write(f"{'':44}{SMALL:>12,}{n:>12,}{'ratio':>8}\n")
    for what, (few, many) in figures(small, killed, resumed).items():
        ratio = f"{many / few:.2f}" if few else "-"
        sys.stdout.write(f"{what:44}{few:>12.2f}{many:>12.2f}{ratio:>8}\n")
    sys.stdout.write(f"{'settled, each exactly once':44}{SMALL:>12,}{settled:>12,}\n")


if __name__ == "__main__":
    main()
