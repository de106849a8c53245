"""What a request costs in PeakBench and in its peers, and whether PeakBench's goals are met. Linux only.

    python perf/peers.py [--sizes 300 1500] [--rounds 3] [--only PeakBench aiperf] [--environments build/peers]

Prints the Markdown that stands in `docs/performance.md`. Every contender (`contenders.py`) is installed into an
environment of its own, started as its users start it, and asks the same server (`peakbench mock-server --canned`) about
the same pictures, 64 at a time. What counts is the CPU time of the command and of all it starts (`process_tree.py`),
not the server's; how many requests the server got, and how many bytes, is asked of the server. Two sizes part what
starting and ending costs from what a request costs. Contenders take turns; the least of the rounds is taken, since
noise only adds. What PeakBench's asking costs beside bare clients is taken from `asking.py`.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asking
from contenders import (
    CONCURRENCY,
    CONTENDERS,
    ONE_METRIC,
    PEAKBENCH,
    Contender,
    Job,
    installed_version,
    interpreter,
    make_samples,
)
from process_tree import measure

MEMORY_SAMPLES = 5000
"""Samples of the run whose memory is looked at beside the smallest."""
ASKING_REQUESTS = 2000


@dataclass(frozen=True, slots=True)
class Round:
    """What one command cost.

    Attributes:
        cpu_s: Of the whole command.
        first_cpu_s: CPU seconds until the server saw the first request.
        asking_cpu_s: From there until it had answered the last.
        wall_s: Of the whole command.
        peak_mb: Most resident memory.
        asking_mb: The same until the last answer.
        processes: Most processes at once.
        requests: That the server got.
        body_bytes: Of a request, on average.
    """

    cpu_s: float
    first_cpu_s: float
    asking_cpu_s: float
    wall_s: float
    peak_mb: float
    asking_mb: float
    processes: int
    requests: int
    body_bytes: float


@contextmanager
def canned_server() -> Iterator[str]:
    """A server of its own, and its URL with `/v1`."""
    server, url = asking.served()
    try:
        yield url
    finally:
        server.terminate()
        server.wait()


def take(contender: Contender, python: Path, data: Path, n: int) -> Round:
    """Run a contender once over n samples.

    Raises:
        RuntimeError: If its command fails, or it asks another number of times than it was told.
    """
    with canned_server() as url, tempfile.TemporaryDirectory(dir=data.parent) as work:
        job = Job(n, url, data, Path(work), python)
        # Compiled sources are kept, as pip keeps those of what it installs.
        environment = {"PYTHONDONTWRITEBYTECODE": "", **contender.environment}
        cost = measure(contender.words(job), cwd=job.work, environment=environment)
        with urllib.request.urlopen(f"{url.removesuffix('/v1')}/stats") as answer:
            stats: dict[str, Any] = json.load(answer)
    if stats["requests"] != n:
        raise RuntimeError(
            f"{contender.name} sent {stats['requests']} requests for {n} samples:\n{cost.output[-2000:]}"
        )
    first = cost.cpu_at(stats["first_s"])
    return Round(
        cpu_s=cost.cpu_s,
        first_cpu_s=first,
        asking_cpu_s=cost.cpu_at(stats["last_s"]) - first,
        wall_s=cost.wall_s,
        peak_mb=cost.peak_mb,
        asking_mb=cost.peak_mb_until(stats["last_s"]),
        processes=cost.processes,
        requests=stats["requests"],
        body_bytes=stats["body_bytes"] / n,
    )


@dataclass(frozen=True, slots=True)
class Cost:
    """What a contender costs, the least of its rounds.

    Attributes:
        contender: Whose.
        version: Of what was installed.
        small: Rounds at the smaller size.
        large: Rounds at the larger size.
        more: How many requests the larger size has beyond the smaller.
    """

    contender: Contender
    version: str
    small: Sequence[Round]
    large: Sequence[Round]
    more: int

    @property
    def fixed_s(self) -> float:
        """CPU seconds of the smaller size."""
        return min(one.cpu_s for one in self.small)

    @property
    def slope_ms(self) -> float:
        """CPU milliseconds of a further request, everything included."""
        return (min(one.cpu_s for one in self.large) - self.fixed_s) / self.more * 1000

    @property
    def asking_ms(self) -> float:
        """CPU milliseconds a request between the first request and the last answer."""
        return min(one.asking_cpu_s / one.requests for one in self.large) * 1000

    @property
    def first_s(self) -> float:
        """CPU seconds until the first request, at the smaller size."""
        return min(one.first_cpu_s for one in self.small)

    @property
    def wall_s(self) -> float:
        """Seconds on the wall at the larger size."""
        return min(one.wall_s for one in self.large)

    @property
    def peak_mb(self) -> float:
        """Most resident memory at the larger size."""
        return min(one.peak_mb for one in self.large)


def costs(
    contenders: Sequence[Contender], sizes: tuple[int, int], rounds: int, folder: Path, environments: Path
) -> list[Cost]:
    """Measure contenders at two sizes, in turns, after one run of each that does not count."""
    data = {n: folder / f"samples-{n}" for n in (CONCURRENCY, *sizes)}
    for n, place in data.items():
        make_samples(place, n)
    pythons = {one.name: interpreter(one, environments) for one in contenders}
    for one in contenders:
        tell(f"{one.name}: warming up")
        take(one, pythons[one.name], data[CONCURRENCY], CONCURRENCY)
    taken: dict[tuple[str, int], list[Round]] = {}
    for turn in range(rounds):
        for n in sizes:
            for one in contenders:
                found = take(one, pythons[one.name], data[n], n)
                tell(f"{one.name}: round {turn + 1}, {n} requests: {found.cpu_s:.2f} s CPU, {found.wall_s:.2f} s")
                taken.setdefault((one.name, n), []).append(found)
    small, large = sizes
    return [
        Cost(
            one,
            installed_version(pythons[one.name], one.distribution),
            taken[one.name, small],
            taken[one.name, large],
            large - small,
        )
        for one in contenders
    ]


def print_costs(found: Sequence[Cost], sizes: tuple[int, int]) -> None:
    """The table of the contenders."""
    small, large = sizes
    ours = next((one for one in found if one.contender is PEAKBENCH), None)
    print(
        f"| client | scores | ms CPU a request, asking alone | ms CPU a request, whole command | "
        f"s CPU until the first request, of {small} | s CPU, {small} requests | s wall, {large} requests | "
        f"MB, {large} requests | processes | kB a request |"
    )
    print("| --- | --- |" + " ---: |" * 8)
    for one in found:
        last = one.large[0]
        asking_times = f" ({one.asking_ms / ours.asking_ms:.1f} ×)" if ours else ""
        whole_times = f" ({one.slope_ms / ours.slope_ms:.1f} ×)" if ours else ""
        print(
            f"| {one.contender.name} {one.version} | {one.contender.scores} | {one.asking_ms:.2f}{asking_times} | "
            f"{one.slope_ms:.2f}{whole_times} | {one.first_s:.2f} | {one.fixed_s:.2f} | {one.wall_s:.1f} | "
            f"{one.peak_mb:.0f} | {last.processes} | {last.body_bytes / 1000:.0f} |"
        )
    print()


def print_goals(found: Sequence[Cost], bare: asking.Figures, memory: Mapping[int, Round]) -> None:
    """The table of the goals: what was wanted, what was measured, and whether that is it."""
    ours = next(one for one in found if one.contender is PEAKBENCH)
    plain = next(one for one in found if one.contender is ONE_METRIC)
    rows = [
        ("CPU a request, asking, of bare aiohttp's", "≤ 2", f"{bare.against_bare:.2f}", bare.against_bare <= 2),
        (
            "CPU a request, asking, of `AsyncOpenAI`'s",
            "≤ 0.125",
            f"{bare.against_client:.3f}",
            bare.against_client <= 0.125,
        ),
    ]
    for one in found:
        if one not in (ours, plain):
            for what, ratio in (
                ("asking alone", ours.asking_ms / one.asking_ms),
                ("whole command, one metric", plain.slope_ms / one.slope_ms),
                ("whole command, all metrics and floors", ours.slope_ms / one.slope_ms),
            ):
                rows.append(
                    (f"CPU a request, {what}, of {one.contender.name}'s", "≤ 0.1", f"{ratio:.3f}", ratio <= 0.1)
                )
    rows.append(("CPU of `peakbench run` until the first request", "≤ 1 s", f"{ours.first_s:.2f} s", ours.first_s <= 1))
    for n, run in memory.items():
        rows.append((f"memory, {n} samples, asking", "≤ 150 MB", f"{run.asking_mb:.0f} MB", run.asking_mb <= 150))
        rows.append((f"memory, {n} samples, whole command", "≤ 150 MB", f"{run.peak_mb:.0f} MB", run.peak_mb <= 150))
    rate = max(bare.of_ideal, bare.of_bare)
    told = f"{bare.of_ideal:.2f}, {bare.of_bare:.2f}"
    rows.append(("requests a second at 50 ms, of the ideal; of bare aiohttp's", "≥ 0.9 of either", told, rate >= 0.9))
    print("| goal | wanted | measured | |\n| --- | ---: | ---: | --- |")
    for what, wanted, measured, met in rows:
        print(f"| {what} | {wanted} | {measured} | {'met' if met else '**missed**'} |")
    print()


def print_machine(load: tuple[float, float, float]) -> None:
    """Where and when it was measured."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout
    print(
        f"{time.strftime('%Y-%m-%d', time.gmtime())}, commit {commit.strip() or 'unknown'}: {os.cpu_count()} cores, "
        f"{model}, Python {platform.python_version()}. Load averages (1 min) before {load[0]:.1f} and after "
        f"{os.getloadavg()[0]:.1f}; an idle machine shows less than 1 before.\n"
    )


def tell(line: str) -> None:
    """Say on stderr what is being done."""
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs=2, default=(300, 1500), metavar="N")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=[one.name for one in CONTENDERS], help="no table of goals then")
    parser.add_argument("--environments", type=Path, default=Path("build/peers"), help="where the peers are installed")
    given = parser.parse_args()
    load = os.getloadavg()
    sizes = (min(given.sizes), max(given.sizes))
    contenders = [one for one in CONTENDERS if given.only is None or one.name in given.only]
    environments = given.environments.resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = costs(contenders, sizes, given.rounds, folder, environments)
        print_costs(found, sizes)
        sys.stdout.flush()  # what follows takes minutes
        if given.only is None:
            ours = next(one for one in found if one.contender is PEAKBENCH)
            tell(f"{PEAKBENCH.name}: memory at {MEMORY_SAMPLES} samples")
            many = folder / f"samples-{MEMORY_SAMPLES}"
            make_samples(many, MEMORY_SAMPLES)
            python = interpreter(PEAKBENCH, environments)
            memory = {sizes[0]: ours.small[0], MEMORY_SAMPLES: take(PEAKBENCH, python, many, MEMORY_SAMPLES)}
            tell("bare clients")
            print_goals(found, asking.figures(ASKING_REQUESTS), memory)
    print_machine(load)


if __name__ == "__main__":
    main()
