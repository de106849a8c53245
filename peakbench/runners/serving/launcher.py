"""The process between PeakBench and a server that it starts: it outlives neither the one nor leaves the other behind.

A server is a tree of processes. vLLM's engine, for one, is a child that may be in a group or session of its own, that
overwrites its environment with a title, and that holds the GPU when its parent is gone. So a small process stands
between: it is the *subreaper* of the server (the kernel makes it the parent of every orphan below it, whatever group
or session that is in), it watches PeakBench, and when PeakBench ends in any way, SIGKILL too, it ends all below it.

Run by its path with `python -I -S`, it starts in milliseconds and imports nothing but the standard library. It gives
itself a name with neither PeakBench nor the server in it: `pkill -9 -f peakbench`, which kills by names, has to leave
somebody who ends what was begun.

    launcher.py PARENT_PID STOP_TIMEOUT_S COMMAND…

    stdin    a pipe from PeakBench: `s` stops the server, `k` kills it; its end means that PeakBench is gone
    stdout   a pipe to PeakBench: `started PID`, or `failed ERRNO`; later `ended STATUS`; at last `left PID…` if any
    stderr   the log: what the server writes to its stdout and stderr
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import FrameType

_NAME = "server-launcher"
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_REST_TIMEOUT_S = 5.0
"""How long processes may live on, asked to end, when the server itself has ended."""
_KILL_TIMEOUT_S = 30.0
"""How long to go on killing; a process in the kernel's hands (a hung disk or driver) cannot be killed."""
_LOOK_EVERY_S = 0.1
_LOOK_FOR_PARENT_EVERY_S = 1.0


def parents() -> dict[int, int]:
    """Every living process that can be seen, and its parent. A zombie lives when it has another thread that does."""
    found = {}
    for name in os.listdir("/proc"):  # noqa: PTH208  # names alone are wanted
        if name.isdigit():
            with suppress(OSError):
                stat = Path("/proc", name, "stat").read_bytes()
                words = stat.rpartition(b")")[2].split()  # the name before may hold spaces and brackets
                if words[0] not in (b"Z", b"X") or int(words[17]) > 1:
                    found[int(name)] = int(words[1])
    return found


def descendants(ancestors: Iterable[int]) -> set[int]:
    """Children, their children and so on, living ones. The ancestors themselves are not among them."""
    children: dict[int, list[int]] = {}
    for pid, parent in parents().items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    waiting = list(ancestors)
    while waiting:
        for pid in children.get(waiting.pop(), ()):
            if pid not in found:
                found.add(pid)
                waiting.append(pid)
    return found


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to each process that is still there."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


class _Launcher:
    def __init__(self, parent: int, stop_timeout_s: float) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.prctl(_PR_SET_NAME, _NAME.encode(), 0, 0, 0)
        _set_command_line(f"{_NAME} of process {parent}")
        self._stop_timeout_s = stop_timeout_s
        self._server: int | None = None
        self._stop = False
        self._kill = False
        self._poll = select.poll()
        self._poll.register(sys.stdin.fileno(), select.POLLIN)
        self._wake, wake = os.pipe()
        for end in (self._wake, wake):
            os.set_blocking(end, False)
        self._poll.register(self._wake, select.POLLIN)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, _noted)
        self._libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._parent = parent
        self._parent_ends: int | None = None
        with suppress(OSError):  # a kernel older than 5.3, or a sandbox without it; then the parent is looked for
            self._parent_ends = os.pidfd_open(parent)
            self._poll.register(self._parent_ends, select.POLLIN)

    def run(self, command: list[str]) -> None:
        """Start the server, stay until it has ended or is to be stopped, and leave nothing behind."""
        me = os.getpid()
        if os.getppid() != self._parent:
            return

        def die_with_launcher() -> None:
            self._libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != me:
                os._exit(1)

        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr.fileno(),
                stderr=sys.stderr.fileno(),
                start_new_session=True,
                preexec_fn=die_with_launcher,
            )
        except OSError as error:
            _tell(f"failed {error.errno or 0}")
            return
        self._server = process.pid
        _tell(f"started {process.pid}")
        while self._server is not None and not self._stop:
            self._wait(None if self._parent_ends is not None else _LOOK_FOR_PARENT_EVERY_S)
        self._end()
        self._reap()
        left = descendants([me])
        if left:
            _tell(f"left {' '.join(map(str, sorted(left)))}")

    def _wait(self, seconds: float | None) -> None:
        """Wait for news: of the parent, of a child, or a signal."""
        for handle, _ in self._poll.poll(None if seconds is None else seconds * 1000):
            if handle == self._wake:
                came = os.read(self._wake, 4096)
                self._stop |= any(number != signal.SIGCHLD for number in came)
            elif handle == self._parent_ends:
                self._poll.unregister(handle)
                self._stop = True
            else:
                words = os.read(handle, 4096)
                self._stop = True
                self._kill |= b"k" in words
                if not words:
                    self._poll.unregister(handle)
        if self._parent_ends is None and os.getppid() != self._parent:
            self._stop = True
        self._reap()

    def _reap(self) -> None:
        """Take the status of every child that has ended: the server's, and those of orphans that came to us."""
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self._server:
                    self._server = None
                    _tell(f"ended {os.waitstatus_to_exitcode(status)}")

    def _end(self) -> None:
        """Ask the server's group to end, then what is left of its processes, then kill them."""
        me = os.getpid()
        if self._server is not None and not self._kill:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._server, signal.SIGTERM)
        deadline = time.monotonic() + self._stop_timeout_s
        rest_asked = False
        while not self._kill and time.monotonic() < deadline:
            left = descendants([me])
            if not left:
                return
            if self._server is None and not rest_asked:
                send(left, signal.SIGTERM)
                deadline = min(deadline, time.monotonic() + _REST_TIMEOUT_S)
                rest_asked = True
            self._wait(_LOOK_EVERY_S)
        deadline = time.monotonic() + _KILL_TIMEOUT_S
        while time.monotonic() < deadline:
            left = descendants([me])
            if not left:
                return
            send(left, signal.SIGKILL)
            self._wait(_LOOK_EVERY_S / 4)


def _set_command_line(text: str) -> None:
    """Write another command line over this process's own, as far as there is room; what `ps` and `pkill -f` see."""
    words = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
    start, end = int(words[45]), int(words[46])  # arg_start and arg_end of proc(5); 0 where they are hidden
    if 0 < start < end:
        ctypes.memmove(start, text.encode()[: end - start - 1].ljust(end - start, b"\0"), end - start)


def _noted(number: int, frame: FrameType | None) -> None:
    """The signal's number comes through the wake-up pipe."""


def _tell(line: str) -> None:
    """Say something to PeakBench, which may be gone."""
    with suppress(OSError):
        os.write(sys.stdout.fileno(), f"{line}\n".encode())


if __name__ == "__main__":
    _Launcher(int(sys.argv[1]), float(sys.argv[2])).run(sys.argv[3:])
