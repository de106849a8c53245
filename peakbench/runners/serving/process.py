"""A server as a tree of processes: started, watched and ended through the launcher, and searched for in /proc."""

import errno
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from signal import Signals
from uuid import uuid4

from peakbench.errors import InfrastructureError
from peakbench.files import disk_errors
from peakbench.runners.serving import launcher

MARK = "PEAKBENCH_SERVER"
"""Variable in the environment of a server's processes, by which they are found again when the launcher was killed."""
_LAUNCHER_SLACK_S = 40.0
"""How long the launcher may take beyond the server's own time to stop: it kills for up to 30 s, then gives up."""
_KILL_TIMEOUT_S = 10.0


class ServerProcess:
    """A server, begun. Whatever ends this process, the server ends, too.

    Args:
        command: The command line.
        environment: Of the server, whole.
        log: What the server writes is appended to this file.
        stop_timeout_s: How long the server may take to end before it is killed, seconds.

    Attributes:
        pid: Of the server's first process; it leads a session and a group of its own.

    Raises:
        InfrastructureError: If the command cannot be started, or the log cannot be written.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path, stop_timeout_s: float
    ) -> None:
        self._mark = uuid4().hex
        self._stop_timeout_s = stop_timeout_s
        self._status: int | None = None
        self._told = b""
        with disk_errors(log), log.open("ab") as file:
            self._launcher = subprocess.Popen(
                [sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()), str(stop_timeout_s), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                env={**environment, MARK: self._mark},
                start_new_session=True,
                bufsize=0,
            )
        assert self._launcher.stdout is not None
        first = b""
        while not first.endswith(b"\n") and (read := self._launcher.stdout.read(1)):
            first += read
        word, _, number = first.decode().strip().partition(" ")
        if word != "started":
            self._close()
            reason = os.strerror(int(number)) if word == "failed" else "the launcher ended"
            missing = word == "failed" and int(number) == errno.ENOENT
            raise InfrastructureError(
                f"cannot start `{command[0]}`: {reason}",
                mend="install it, or give its path (vLLM: --vllm-bin PATH)" if missing else "",
            )
        self.pid = int(number)
        os.set_blocking(self._launcher.stdout.fileno(), False)

    def status(self) -> int | None:
        """The exit status of the server's first process, negative for a signal; None while it runs.

        A launcher that was killed takes the server with it, and counts as killed.
        """
        if self._status is None:
            self._listen()
            if self._status is None and self._launcher.poll() is not None:
                self._listen()
                self._status = -Signals.SIGKILL if self._status is None else self._status
        return self._status

    def _listen(self) -> None:
        pipe = self._launcher.stdout
        if pipe is None or pipe.closed:
            return
        self._told += pipe.read(65_536) or b""
        for line in self._told.decode().splitlines():
            word, _, number = line.partition(" ")
            if word == "ended":
                self._status = int(number)

    def family(self) -> set[int]:
        """The server's processes: below the launcher, in the server's session, or marked; and what is below those."""
        launched = set() if self._launcher.returncode is not None else {self._launcher.pid}
        found = launcher.descendants(launched)
        found |= {pid for pid in launcher.parents() if _session(pid) == self.pid or _marked(pid, self._mark)}
        return (found | launcher.descendants(found)) - launched

    def stop(self) -> set[int]:
        """End every process of the server, and wait until they are gone. Twice does no harm.

        A Ctrl-C meanwhile has them killed at once, and is raised again.

        Returns:
            The processes that could not be ended.
        """
        try:
            self._order(b"s")
            self._await_launcher()
        except BaseException:
            self._order(b"k")
            self._await_launcher()
            raise
        finally:
            self._close()
        return self._kill_rest()

    def _await_launcher(self) -> None:
        with suppress(subprocess.TimeoutExpired):
            self._launcher.wait(self._stop_timeout_s + _LAUNCHER_SLACK_S)

    def _kill_rest(self) -> set[int]:
        """Kill what is left when the launcher could not do it, since it was killed itself."""
        deadline = time.monotonic() + _KILL_TIMEOUT_S
        while (left := self.family()) and time.monotonic() < deadline:
            launcher.send(left, Signals.SIGKILL)
            time.sleep(0.05)
        return left

    def _order(self, word: bytes) -> None:
        if self._launcher.stdin is not None and not self._launcher.stdin.closed:
            with suppress(OSError):
                self._launcher.stdin.write(word)

    def _close(self) -> None:
        """Close the pipes, which ends the launcher, and take its status when it has ended."""
        self.status()
        for pipe in (self._launcher.stdin, self._launcher.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self._launcher.wait(1)


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _marked(pid: int, mark: str) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return f"{MARK}={mark}".encode() in environment.split(b"\0")
