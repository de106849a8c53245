"""Asking: many requests at once, each retried while that can help, each settled exactly once in the journal.

Workers pull from one iterator, so memory does not grow with the data. A record is in the journal before it is counted,
and counted only when it is synced. What stops a run, and loses nothing: a key that is refused, an account that is
spent, a model that is not there, a server that is gone, a disk that is full, Ctrl-C. What does not stop it: anything
that concerns one sample.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_result,
    stop_after_attempt,
    wait_exponential_jitter,
)
from tenacity.stop import stop_base

from peakbench.errors import InfrastructureError
from peakbench.runners.interrupts import interrupts
from peakbench.runners.pace import Pace, StoppedError, spread
from peakbench.runners.transport import Transport
from peakbench.runs.journal import JournalWriter
from peakbench.runs.journal_lines import Key
from peakbench.runs.records import Failure, FailureKind, Record, Request, Timing

SYNC_INTERVAL_S = 0.4
"""Records reach the disk at most this long after they were written."""
_DRAIN_S = 5.0
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class AskingSettings:
    """How hard to ask.

    Attributes:
        max_concurrency: Samples asked at once, at most.
        timeout_s: Deadline of one sample: all its attempts and the waits between them, in seconds.
        max_retries: How often a request is sent again after its first attempt.
        adaptive: Whether asking finds out itself how many at once, up to `max_concurrency`; else so many.
        warmup: Requests sent before the clock starts, whose answers are not kept.
    """

    max_concurrency: int = 8
    timeout_s: float = 300.0
    max_retries: int = 5
    adaptive: bool = False
    warmup: int = 0


@dataclass(slots=True)
class AskingState:
    """What progress shows; changed while asking.

    Attributes:
        total: Requests to be settled.
        written: Records that went into the journal.
        done: Records that have reached the disk.
        failed: Of the records written, failures.
        retries: Attempts beyond the first, of all requests.
        in_flight: Key to the monotonic time its asking began.
        started: Monotonic time at which asking began.
        settled: Monotonic time at which the last record was written; None before the first.
        draining: Whether no further request is begun.
        pace: How fast it goes; None before asking began.
    """

    total: int
    written: int = 0
    done: int = 0
    failed: int = 0
    retries: int = 0
    in_flight: dict[Key, float] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    settled: float | None = None
    draining: bool = False
    pace: Pace | None = None

    @property
    def duration_s(self) -> float:
        """Seconds from the beginning of asking to its last record; 0 when there is none."""
        return 0.0 if self.settled is None else self.settled - self.started


async def ask(
    requests: Iterable[tuple[Request, str]],
    transport: Transport,
    journal: JournalWriter,
    settings: AskingSettings,
    state: AskingState,
    *,
    session: int,
    show: Callable[[AskingState], Any] = lambda _: None,
    show_every_s: float = 0.25,
) -> None:
    """Ask everything once, and write down what came of it.

    Args:
        requests: Each with its sample's digest; pulled as workers get free.
        transport: How a request is sent.
        journal: Where records go; synced when this returns, however it returns.
        settings: How hard to ask.
        state: Kept up to date for progress.
        session: Number of the session of asking, from 0.
        show: Called every `show_every_s` seconds and once at the end.
        show_every_s: Seconds.

    Raises:
        InfrastructureError: If asking on is pointless: the key is refused, the account is spent, the model is not
            there, the server is gone, or the disk refuses. Everything settled before is kept.
        InterruptedRunError: If the person, or the system, asked the process to end.
    """
    stop = asyncio.Event()
    pace = Pace(settings.max_concurrency, adaptive=settings.adaptive, stop=stop)
    state.started, state.pace = time.monotonic(), pace
    queue = iter(requests)
    asker = _Asker(transport, settings, state, pace)
    try:
        with interrupts(stop):
            workers = [
                asyncio.create_task(_work(queue, asker, journal, session)) for _ in range(settings.max_concurrency)
            ]
            watchers = [
                asyncio.create_task(_sync_regularly(journal, state)),
                asyncio.create_task(_show_regularly(show, state, show_every_s)),
            ]
            await _run_until_stopped(workers, watchers, stop, state)
    finally:
        await asyncio.to_thread(journal.sync)
        state.done = state.written
        show(state)


async def ask_alone(request: Request, transport: Transport, settings: AskingSettings) -> Record:
    """Ask one thing before a run, as patiently as any of its samples; nothing is written down.

    Raises:
        InfrastructureError: If every other request would fail in the same way.
    """
    pace = Pace(1, adaptive=False, stop=asyncio.Event())
    return await _Asker(transport, settings, AskingState(total=1), pace).settle(request)


async def _run_until_stopped(
    workers: list[asyncio.Task[None]], watchers: list[asyncio.Task[None]], stop: asyncio.Event, state: AskingState
) -> None:
    """Wait for the workers. A task that fails stops all at once; a stop lets those in flight end for a while."""
    stopped = asyncio.create_task(stop.wait())
    pending = set(workers)
    failed = False
    try:
        while pending and not failed and not stop.is_set():
            done, _ = await asyncio.wait({*pending, *watchers, stopped}, return_when=asyncio.FIRST_COMPLETED)
            pending -= done
            failed = any(task.exception() for task in done)
        if pending and not failed:
            state.draining = True
            await asyncio.wait({*pending}, timeout=_DRAIN_S)
    finally:
        for task in (*workers, *watchers, stopped):
            task.cancel()
        outcomes = await asyncio.gather(*workers, *watchers, stopped, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


async def _work(queue: Iterator[tuple[Request, str]], asker: "_Asker", journal: JournalWriter, session: int) -> None:
    """Pull requests until there are none, or a stop is asked for."""
    state, pace = asker.state, asker.pace
    while True:
        try:
            await pace.enter()
        except StoppedError:
            return
        try:
            item = next(queue, None)
            if item is None:
                return
            request, digest = item
            key = (request.sample_id, request.repeat)
            state.in_flight[key] = time.monotonic()
            try:
                record = await asker.settle(request)
            except StoppedError:  # it was between two attempts: nothing is settled, and it is asked again
                return
            finally:
                del state.in_flight[key]
        finally:
            pace.leave()
        journal.append(replace(record, sample_digest=digest, session=session))
        state.written += 1
        state.failed += isinstance(record, Failure)
        state.settled = time.monotonic()


@dataclass(frozen=True, slots=True)
class _Asker:
    """Settles one request at a time, for many workers.

    Attributes:
        transport: How a request is sent.
        settings: How hard to ask.
        state: Kept up to date for progress.
        pace: How fast.
    """

    transport: Transport
    settings: AskingSettings
    state: AskingState
    pace: Pace

    async def settle(self, request: Request) -> Record:
        """Send a request until it is answered, cannot be answered, or its deadline passes.

        Raises:
            StoppedError: If a stop was asked for between two attempts.
            InfrastructureError: If every other request would fail in the same way.
        """
        settings, started_at, clock = self.settings, time.time(), time.monotonic()
        deadline = clock + settings.timeout_s
        attempts = 0

        async def attempt() -> Record:
            nonlocal attempts
            attempts += 1
            self.state.retries += attempts > 1
            began = time.monotonic()
            left = max(0.001, deadline - began)
            try:
                async with asyncio.timeout(left):
                    record = await self.transport.send(request, left)
            except TimeoutError:
                record = Failure(
                    sample_id=request.sample_id,
                    repeat=request.repeat,
                    kind=FailureKind.TIMEOUT,
                    message=f"no answer within {settings.timeout_s:g} s",
                    status=None,
                    timing=Timing(started_at, (time.monotonic() - clock) * 1000),
                )
            self.pace.attempted(record, began)
            if isinstance(record, Failure) and record.kind is FailureKind.RATE_LIMITED:
                wait = record.retry_after_s or 0.0
                if time.monotonic() + wait < deadline:  # a longer one nobody could wait for
                    self.pace.hold(wait)
            return record

        record = await attempt()
        if _may_pass(record):  # most do not, and are spared the cost of the machinery
            record = await self._retry(record, attempt, deadline)
        if isinstance(record, Failure):
            if record.kind.fatal:
                raise pointless(record, request)
            if record.kind is FailureKind.CONNECTION and not await self.transport.alive():
                raise InfrastructureError(
                    f"the server is gone ({record.message}; {attempts} attempts)",
                    mend="start it again, then go on with --resume",
                )
        return record if attempts == 1 else replace(record, timing=replace(record.timing, attempts=attempts))

    async def _retry(self, first: Record, attempt: Callable[[], Awaitable[Record]], deadline: float) -> Record:
        """Send again after the first failure, with waits, until an answer, the last retry or the deadline."""
        failed: Record | None = first

        async def attempt_after_the_first() -> Record:
            nonlocal failed
            record, failed = failed, None
            return await attempt() if record is None else record

        retrying = AsyncRetrying(
            retry=retry_if_result(_may_pass),
            stop=stop_after_attempt(self.settings.max_retries + 1) | _stop_when_late(deadline),
            wait=self._wait,
            retry_error_callback=lambda call: call.outcome.result() if call.outcome else None,
            sleep=self.pace.pause,
        )
        record: Record = await retrying(attempt_after_the_first)
        return record

    def _wait(self, call: RetryCallState) -> float:
        """Wait as long as the server asked for, of whichever worker; else twice as long each time, with jitter."""
        record = call.outcome.result() if call.outcome else None
        asked = record.retry_after_s if isinstance(record, Failure) else None
        if asked is None:
            return max(_backoff(call), self.pace.held_s)
        return spread(max(asked, self.pace.held_s))


class _stop_when_late(stop_base):  # noqa: N801  # named as tenacity names its like
    """Stop when the wait that comes next would end after the deadline."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline

    def __call__(self, retry_state: RetryCallState) -> bool:
        return time.monotonic() + retry_state.upcoming_sleep >= self._deadline


def _may_pass(record: Record) -> bool:
    """Whether the same request may succeed when it is sent again."""
    return isinstance(record, Failure) and record.kind.transient


_backoff = wait_exponential_jitter(multiplier=_FIRST_WAIT_S, max=_LONGEST_WAIT_S, jitter=_FIRST_WAIT_S)


def pointless(record: Failure, request: Request) -> InfrastructureError:
    """What to tell of a fatal failure: why no other request would do better, and what to do."""
    if record.kind is FailureKind.UNAUTHORIZED:
        return InfrastructureError(
            f"the server refuses the API key ({record.status}): {record.message}",
            mend="put the right key into the environment (--api-key-env names the variable), then --resume",
        )
    if record.kind is FailureKind.QUOTA:
        return InfrastructureError(
            f"the account's quota or money is spent ({record.status}): {record.message}",
            mend="fill it up with the provider, or take another account's key (--api-key-env), then --resume",
        )
    if record.status is not None and record.status < 400:
        return InfrastructureError(
            f"the API has moved: {record.message}",
            mend="give the URL it points to as --base-url, then go on with --resume",
        )
    return InfrastructureError(
        f"the server does not know `{request.model}`, or the path ({record.status}): {record.message}",
        mend="check --model and --base-url, then go on with --resume",
    )


async def _sync_regularly(journal: JournalWriter, state: AskingState) -> None:
    while True:
        await asyncio.sleep(SYNC_INTERVAL_S)
        written = state.written
        if written > state.done:
            await asyncio.to_thread(journal.sync)
            state.done = written


async def _show_regularly(show: Callable[[AskingState], Any], state: AskingState, every_s: float) -> None:
    while True:
        show(state)
        await asyncio.sleep(every_s)
