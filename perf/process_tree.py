"""What a command costs with everything it starts: CPU time, memory and time on the wall. Linux only.

The command runs under a small launcher that is made the reaper of its descendants (`PR_SET_CHILD_SUBREAPER`), so that
a process whose parent has gone is waited for too, and `getrusage(RUSAGE_CHILDREN)` of the launcher holds the CPU time
of them all. Beside it a thread looks at `/proc` fifty times a second: so the CPU time at a moment that somebody else
knows (the first request, told by the server) can be read off afterwards.
"""

import bisect
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LOOK_EVERY_S = 0.02
_MEMORY_EVERY = 5
"""Looks from one at memory to the next: to sum it up costs the kernel more."""
_PR_SET_CHILD_SUBREAPER = 36
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Measured:
    """What a command cost, with all its descendants.

    Attributes:
        cpu_s: User and system time, seconds.
        wall_s: From start to end, seconds.
        peak_mb: Most resident memory, in 10**6 bytes: the peak of the largest process, or the largest sum over all
            processes that was seen (pages that several share are counted once), whichever is more.
        processes: Most processes that were seen at once.
        timeline: Monotonic seconds and CPU seconds until then, from the start to the end.
        memory: Monotonic seconds and resident memory then, in 10**6 bytes.
        output: What the command wrote.
    """

    cpu_s: float
    wall_s: float
    peak_mb: float
    processes: int
    timeline: tuple[tuple[float, float], ...]
    memory: tuple[tuple[float, float], ...]
    output: str

    def cpu_at(self, moment_s: float) -> float:
        """CPU seconds until a moment of the monotonic clock, between two looks in proportion."""
        place = bisect.bisect_left(self.timeline, (moment_s, 0.0))
        if place in (0, len(self.timeline)):
            return self.timeline[min(place, len(self.timeline) - 1)][1]
        (before_s, before), (after_s, after) = self.timeline[place - 1 : place + 1]
        return before + (after - before) * (moment_s - before_s) / (after_s - before_s)

    def peak_mb_until(self, moment_s: float) -> float:
        """Most resident memory that was seen until a moment of the monotonic clock, in 10**6 bytes."""
        return max((seen for at_s, seen in self.memory if at_s <= moment_s), default=0.0)


def measure(
    command: Sequence[str], *, cwd: Path, environment: Mapping[str, str] | None = None, timeout_s: float = 900.0
) -> Measured:
    """Run a command to its end and measure it.

    Args:
        command: Its words.
        cwd: Where it runs; its output goes into a file there.
        environment: Variables beside those of this process.
        timeout_s: After which it is killed, with all its descendants.

    Raises:
        RuntimeError: If it does not end in time, or ends with another code than 0; with the end of its output.
    """
    usage, said = cwd / "usage.json", cwd / "output.txt"
    usage.unlink(missing_ok=True)
    launcher = [sys.executable, "-I", "-S", __file__, str(usage), *command]
    with said.open("wb") as output:
        began = time.monotonic()
        process = subprocess.Popen(
            launcher,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        watch = _Watch(process.pid, began)
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{command[0]} did not end within {timeout_s:g} s: {_tail(said)}") from None
        finally:
            watch.stop()
            if process.poll() is None:
                for pid in reversed(_descendants(process.pid)):
                    _kill(pid)
                process.wait()
        wall_s = time.monotonic() - began
    if code:
        raise RuntimeError(f"{' '.join(command)} ended with {code}: {_tail(said)}")
    told = json.loads(usage.read_text())
    return Measured(
        cpu_s=told["cpu_s"],
        wall_s=wall_s,
        peak_mb=max(told["largest_kib"] * 1024 / 1e6, *(seen for _, seen in watch.memory)),
        processes=watch.most_processes,
        timeline=(*watch.timeline, (began + wall_s, told["cpu_s"])),
        memory=tuple(watch.memory),
        output=said.read_text(errors="replace"),
    )


class _Watch:
    """Looks at the descendants of a process until it is stopped.

    Args:
        root: The process, whose own time and memory do not count.
        began: Monotonic seconds.
    """

    def __init__(self, root: int, began: float) -> None:
        self.timeline = [(began, 0.0)]
        self.memory = [(began, 0.0)]
        self.most_processes = 0
        self._root = root
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        looks = 0
        before: set[int] = set()
        while not self._ended.wait(LOOK_EVERY_S):
            pids = _descendants(self._root)
            # Of the root only what its children left when they ended; of those that live, what they took themselves.
            ticks = sum(_ticks(self._root)[2:]) + sum(sum(_ticks(pid)) for pid in pids)
            # A process that ends between two readings is missing from one look; time does not run backwards.
            self.timeline.append((time.monotonic(), max(self.timeline[-1][1], ticks * _TICK_S)))
            self.most_processes = max(self.most_processes, len(pids))
            if looks % _MEMORY_EVERY == 0:
                # A process that is just being started shares its parent's memory, and would count it twice.
                resident = sum(map(_resident_bytes, before.intersection(pids)))
                self.memory.append((time.monotonic(), resident / 1e6))
            before = set(pids)
            looks += 1


def _descendants(root: int) -> list[int]:
    """The processes that a process started, and those that they started, without itself."""
    found: list[int] = []
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        for task in _listed(Path(f"/proc/{pid}/task")):
            children = _read(task / "children").split()
            found += map(int, children)
            waiting += map(int, children)
    return found


def _ticks(pid: int) -> tuple[int, ...]:
    """User and system time of a process, then those of its children that ended; zeros when it is gone."""
    # The second field is the name, in brackets, and may hold anything.
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return tuple(map(int, fields[11:15])) if fields else (0, 0, 0, 0)


def _resident_bytes(pid: int) -> int:
    """Resident memory of a process; a page that n processes share counts as an n-th."""
    for line in _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # it ended meanwhile
        return []


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # it ended meanwhile
        return ""


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _tail(path: Path) -> str:
    return path.read_text(errors="replace")[-2000:]


def launch(usage: Path, command: Sequence[str]) -> int:
    """Run a command, wait for it and all its descendants, and write down what they took.

    Returns:
        The command's exit code; 128 and the signal's number when a signal ended it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
    first = os.posix_spawnp(command[0], list(command), dict(os.environ))
    code = 0
    while True:
        try:
            pid, status = os.wait()
        except ChildProcessError:
            break
        if pid == first:
            code = os.waitstatus_to_exitcode(status)
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    usage.write_text(json.dumps({"cpu_s": spent.ru_utime + spent.ru_stime, "largest_kib": spent.ru_maxrss}))
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(launch(Path(sys.argv[1]), sys.argv[2:]))
