"""A server of one model that PeakBench starts when it is needed, watches, and leaves no trace of.

The log is a file from the start on, under `servers` in the folder of the runs; as soon as there is a run folder, it
stands there, too, as `server.log` (a hard link: one file, two names). When all is over and it has a place in a run, its
first name is taken away.
"""

import asyncio
import os
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from peakbench.errors import InfrastructureError
from peakbench.files import disk_errors, make_folder
from peakbench.runners.endpoint import Endpoint
from peakbench.runners.serving import observed, ports
from peakbench.runners.serving.diagnosis import (
    LOG_MARK,
    PORT_IN_USE,
    Cause,
    known_cause,
    last_exception,
    log_lines,
    log_text,
)
from peakbench.runners.serving.plan import HOST, ServePlan
from peakbench.runners.serving.process import ServerProcess
from peakbench.runs.folder import folder_name
from peakbench.runs.manifest import ServedFacts

_TRIES = 3
"""How often another free port is tried when somebody else takes it first."""
_LOOK_EVERY_S = 0.25
_TELL_EVERY_S = 10.0
_PORT_TIMEOUT_S = 10.0
_FORWARDERS = frozenset({"docker-proxy", "rootlessport", "slirp4netns", "pasta", "conmon"})
"""What listens in the place of a server in a container, and is not below the command that began it."""
_END_TIMEOUT_S = 5.0
"""How long a server may take to be gone after it stopped answering."""


class _PortTakenError(InfrastructureError):
    """Somebody else listens at the port that was free a moment ago."""


class ManagedServer:
    """The server of one model, for the length of a block; it starts when `start` is first called.

    Args:
        plan: What is served, and how.
        logs: Folder of the logs of servers.
    """

    def __init__(self, plan: ServePlan, logs: Path) -> None:
        self.plan = plan
        self._logs = logs
        self._say: Callable[[str], None] = lambda _: None
        self._process: ServerProcess | None = None
        self._failure: InfrastructureError | None = None
        self._port = 0
        self._command: list[str] = []
        self._log = logs / "server.log"
        self._log_begin = 0
        self._log_in_run: Path | None = None
        self._ready_s = 0.0
        self._gpus: tuple[list[str], str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def endpoint(self, like: Endpoint) -> Endpoint:
        """Where it is asked, with the key and the headers of another endpoint."""
        return replace(like, base_url=f"http://{HOST}:{self._port}/v1", direct=True)

    def start(self, say: Callable[[str], None]) -> None:
        """Have the server run and be ready; nothing is done when it is, and one that ended is started again.

        Args:
            say: Called with a line now and then, for the person.

        Raises:
            InfrastructureError: If it cannot be started, ends, or is not ready in time; with the end of its log. It is
                not tried again then.
        """
        self._say = say
        if self._failure is not None:
            raise InfrastructureError(
                f"{self._failure.message.splitlines()[0]} (as before: `{self.plan.name}` was not tried again)",
                mend=self._failure.mend,
            )
        if self._process is not None and self._process.status() is None:
            return
        self.stop()
        try:
            for left in reversed(range(_TRIES)):
                try:
                    self._start_once()
                    break
                except _PortTakenError:
                    self.stop()
                    if self.plan.section.port is not None or not left:
                        raise
                    say(f"port {self._port} was taken in the meantime; trying another one")
        except InfrastructureError as error:
            self._failure = error
            self.stop()
            raise
        self._gpus = observed.gpus()
        say(f"`{self.plan.name}` is ready after {self._ready_s:.0f} s on port {self._port}")

    def _start_once(self) -> None:
        section = self.plan.section
        self._port = section.port or ports.free_port(HOST)
        ports.require_free(HOST, self._port)
        self._command = self.plan.command(self._port)
        self._log = _new_log(self._logs, self.plan.name)
        self._log_in_run = None
        shown = self.plan.in_words(self._command)
        with disk_errors(self._log):
            self._log.write_text(
                f"# {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} PeakBench starts: {shown}\n", encoding="utf-8"
            )
            self._log_begin = self._log.stat().st_size
        self._say(f"starting {shown}\nits log is {self._log}")
        self._process = ServerProcess(self._command, self.plan.environment(), self._log, section.stop_timeout)
        self._wait_until_ready(self._process)

    def _wait_until_ready(self, process: ServerProcess) -> None:
        section = self.plan.section
        began = last_told = time.monotonic()
        while True:
            status = process.status()
            now = time.monotonic()
            self._ready_s = now - began
            if status is not None:
                raise self._failed(
                    f"{_ended(status)} after {self._ready_s:.0f} s, before it was ready", status, _left(status)
                )
            answer = observed.status(HOST, self._port, section.health)
            if answer == 200:
                self._require_own(process)
                if process.status() is None:
                    return
                continue
            asked = f"GET {section.health} is " + (f"answered with {answer}" if answer else "not answered")
            if self._ready_s > section.ready_timeout:
                way_out = (
                    "name a path that it answers with 200 as soon as it is ready (`serve.health`), such as /v1/models"
                    if answer == 404
                    else "give it more time (`serve.ready_timeout`), or see its log for what it waits for"
                )
                raise self._failed(
                    f"was not ready after {section.ready_timeout:g} s: {asked}", None, Cause("", way_out)
                )
            if now - last_told >= _TELL_EVERY_S:
                last_told = now
                last = log_lines(self._log, self._log_begin, 1)
                told = f"{self._ready_s:.0f} s of at most {section.ready_timeout:g} s"
                told += f"; {asked}" if answer else ""
                told += f"; it says: {self.plan.hidden(last[0])}" if last else ""
                self._say(f"waiting for `{self.plan.name}`: {told}")
            time.sleep(_LOOK_EVERY_S)

    def _require_own(self, process: ServerProcess) -> None:
        """See that what answers is the server, and not another one that took the port first."""
        found = ports.listeners(self._port)
        family = process.family()
        others = [one for one in found if one.pid is not None and one.pid not in family and one.name not in _FORWARDERS]
        if others:
            raise _PortTakenError(
                f"{PORT_IN_USE}: port {self._port}, by {ports.holder(others[0])}",
                mend="end that process, or leave `port` out: a free one is taken",
            )

    def _failed(self, what: str, status: int | None, otherwise: Cause | None = None) -> InfrastructureError:
        """The error of a server that did not do its part, with the end of its log."""
        text = log_text(self._log, self._log_begin)
        cause = known_cause(text, status) or otherwise
        told = (cause and cause.told) or (last_exception(text) if status is not None else None)
        lines = [told] if told else []
        lines.append(f"the server of `{self.plan.name}` {what}")
        lines += [f"{LOG_MARK}{line}" for line in log_lines(self._log, self._log_begin)]
        lines.append(f"its whole log is {self._log_in_run or self._log}")
        kind = _PortTakenError if cause and cause.told == PORT_IN_USE else InfrastructureError
        return kind(self.plan.hidden("\n".join(lines)), mend=cause.mend if cause else "look at its log")

    def ended(self) -> bool:
        """Whether the server has ended though nobody stopped it."""
        return self._process is not None and self._process.status() is not None

    def end_error(self) -> InfrastructureError:
        """What to say of a server that ended in the middle of a run."""
        status = self._process.status() if self._process else None
        error = self._failed(f"{_ended(status)} in the middle of the run; what was answered is kept", status)
        return InfrastructureError(error.message, mend=error.mend)

    def keep_log(self, folder: Path) -> str | None:
        """Give the log a name in a run folder: `server.log`, or `server-2.log` and so on for further starts.

        Returns:
            The name; None when the file system gives no file two names, so that the log stays where it is.
        """
        number = 1
        while True:
            name = "server.log" if number == 1 else f"server-{number}.log"
            try:
                os.link(self._log, folder / name)
            except FileExistsError:
                number += 1
                continue
            except OSError:
                self._say(f"the log stays at {self._log}: the file system of {folder} gives no file two names")
                return None
            self._log_in_run = folder / name
            return name

    def facts(self, log: str | None) -> ServedFacts:
        """What `run.json` says of the server.

        Args:
            log: Name of the log in the run folder.
        """
        return ServedFacts(
            command=self.plan.shown(self._command),
            environment=self.plan.shown_environment(),
            digest=self.plan.digest(),
            ready_s=round(self._ready_s, 3),
            gpus=self._gpus[0] if self._gpus else None,
            driver=self._gpus[1] if self._gpus else None,
            log=log,
        )

    def counters(self) -> dict[str, float] | None:
        """What the server has counted so far; None when it does not tell."""
        return None if self._process is None or self.ended() else observed.counters(HOST, self._port)

    def stop(self) -> None:
        """End the server and all its processes, and wait until they are gone and the port is free."""
        process, self._process = self._process, None
        if process is None:
            return
        left = process.stop()
        if left:
            self._say(f"these processes of the server cannot be ended: {', '.join(map(str, sorted(left)))}")
        if not ports.wait_until_released(HOST, self._port, _PORT_TIMEOUT_S):
            self._say(f"port {self._port} is still in use")
        if self._log_in_run is not None:
            with suppress(OSError):
                self._log.unlink()
                self._logs.rmdir()  # when it was the last one


async def while_served(server: ManagedServer, asking: Coroutine[Any, Any, None]) -> None:
    """Ask for as long as the server runs: when it ends, nobody waits for answers that cannot come.

    Raises:
        InfrastructureError: If the server ended, with the end of its log.
    """
    work = asyncio.create_task(asking)
    end = asyncio.create_task(_until_ended(server))
    try:
        await asyncio.wait({work, end}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ended_first = end.done() and not work.done()
        for task in (work, end):
            task.cancel()
        await asyncio.gather(work, end, return_exceptions=True)
    if ended_first:
        raise server.end_error()
    try:
        work.result()
    except InfrastructureError:
        with suppress(TimeoutError):
            await asyncio.wait_for(_until_ended(server), _END_TIMEOUT_S)
            raise server.end_error() from None
        raise


async def _until_ended(server: ManagedServer) -> None:
    while not server.ended():  # noqa: ASYNC110  # a process's end comes through a pipe that nobody else reads
        await asyncio.sleep(_LOOK_EVERY_S)


def _new_log(folder: Path, name: str) -> Path:
    """A file of its own for each start."""
    make_folder(folder)
    stem = f"{folder_name(name)}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    for number in range(1, 1000):
        path = folder / (f"{stem}.log" if number == 1 else f"{stem}-{number}.log")
        with disk_errors(path), suppress(FileExistsError):
            path.touch(mode=0o600, exist_ok=False)  # a server may write there what it was told, keys too
            return path
    raise InfrastructureError(f"{folder} holds a thousand logs of this second", mend="write elsewhere with --output")


def _left(status: int) -> Cause | None:
    """A server that begins another process and leaves is not watched, so what it began is ended with it."""
    if status != 0:
        return None
    return Cause("", "have the command stay in the foreground, where it went into the background; else see its log")


def _ended(status: int | None) -> str:
    if status is None:
        return "ended"
    return f"was ended by signal {-status}" if status < 0 else f"ended with exit status {status}"
