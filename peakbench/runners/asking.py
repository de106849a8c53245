"""Asking: many requests at once, each retried while that can help, each settled exactly once in the journal.

Workers pull from one iterator, so memory does not grow with the data. A record is in the journal before it is counted,
and counted only when it is synced. What stops a run, and loses nothing: a key that is refused, a model that is not
there, a server that is gone, a disk that is full, Ctrl-C. What does not stop it: anything that concerns one sample.
"""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_result,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential_jitter,
)

from peakbench.errors import InfrastructureError, InterruptedRunError
from peakbench.runners.transport import Transport
from peakbench.runs.journal import JournalWriter, Key
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
        max_concurrency: Requests in flight at once.
        timeout_s: Deadline of one sample: all its attempts and the waits between them, in seconds.
        max_retries: How often a request is sent again after its first attempt.
    """

    max_concurrency: int = 8
    timeout_s: float = 300.0
    max_retries: int = 5


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
        started: Monotonic time.
        draining: Whether no further request is begun.
    """

    total: int
    written: int = 0
    done: int = 0
    failed: int = 0
    retries: int = 0
    in_flight: dict[Key, float] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    draining: bool = False


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
        InfrastructureError: If asking on is pointless: the key is refused, the model is not there, the server is gone,
            or the disk refuses. Everything settled before is kept.
        InterruptedRunError: If the person, or the system, asked the process to end.
    """
    queue = iter(requests)
    stop = asyncio.Event()
    try:
        with _signals(stop, state) as interrupts:
            workers = [
                asyncio.create_task(_work(queue, transport, journal, settings, state, session, stop))
                for _ in range(settings.max_concurrency)
            ]
            watchers = [
                asyncio.create_task(_sync_regularly(journal, state)),
                asyncio.create_task(_show_regularly(show, state, show_every_s)),
            ]
            await _run_until_stopped(workers, watchers, stop)
            if interrupts:
                raise InterruptedRunError("interrupted; everything answered so far is kept")
    finally:
        await asyncio.to_thread(journal.sync)
        state.done = state.written
        show(state)


async def _run_until_stopped(
    workers: list[asyncio.Task[None]], watchers: list[asyncio.Task[None]], stop: asyncio.Event
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
            await asyncio.wait({*pending}, timeout=_DRAIN_S)
    finally:
        for task in (*workers, *watchers, stopped):
            task.cancel()
        outcomes = await asyncio.gather(*workers, *watchers, stopped, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


async def _work(
    queue: Iterator[tuple[Request, str]],
    transport: Transport,
    journal: JournalWriter,
    settings: AskingSettings,
    state: AskingState,
    session: int,
    stop: asyncio.Event,
) -> None:
    """Pull requests until there are none, or a stop is asked for."""
    while not stop.is_set():
        item = next(queue, None)
        if item is None:
            return
        request, digest = item
        key = (request.sample_id, request.repeat)
        state.in_flight[key] = time.monotonic()
        try:
            record = await _settle(request, transport, settings, state)
        finally:
            del state.in_flight[key]
        journal.append(replace(record, sample_digest=digest, session=session))
        state.written += 1
        state.failed += isinstance(record, Failure)


async def _settle(request: Request, transport: Transport, settings: AskingSettings, state: AskingState) -> Record:
    """Send a request until it is answered, cannot be answered, or its deadline passes."""
    began, clock = time.time(), time.monotonic()
    attempts = 0

    async def attempt() -> Record:
        nonlocal attempts
        attempts += 1
        state.retries += attempts > 1
        left = max(0.001, settings.timeout_s - (time.monotonic() - clock))
        try:
            async with asyncio.timeout(left):
                return await transport.send(request, left)
        except TimeoutError:
            return Failure(
                sample_id=request.sample_id,
                repeat=request.repeat,
                kind=FailureKind.TIMEOUT,
                message=f"no answer within {settings.timeout_s:g} s",
                status=None,
                timing=Timing(began, (time.monotonic() - clock) * 1000),
            )

    record = await attempt()
    if _may_pass(record):  # most do not, and are spared the cost of the machinery
        record = await _retry(record, attempt, settings)
    if isinstance(record, Failure):
        if record.kind.fatal:
            raise _pointless(record, request)
        if record.kind is FailureKind.CONNECTION and not await transport.alive():
            raise InfrastructureError(
                f"the server is gone ({record.message}; {attempts} attempts)",
                mend="start it again, then go on with --resume",
            )
    return record if attempts == 1 else replace(record, timing=replace(record.timing, attempts=attempts))


def _may_pass(record: Record) -> bool:
    """Whether the same request may succeed when it is sent again."""
    return isinstance(record, Failure) and record.kind.transient


async def _retry(first: Record, attempt: Callable[[], Awaitable[Record]], settings: AskingSettings) -> Record:
    """Send again after the first failure, with waits, until an answer, the last retry or the deadline."""
    failed: Record | None = first

    async def attempt_after_the_first() -> Record:
        nonlocal failed
        record, failed = failed, None
        return await attempt() if record is None else record

    retrying = AsyncRetrying(
        retry=retry_if_result(_may_pass),
        stop=stop_after_attempt(settings.max_retries + 1) | stop_before_delay(settings.timeout_s),
        wait=_wait,
        retry_error_callback=lambda call: call.outcome.result() if call.outcome else None,
        sleep=asyncio.sleep,
    )
    record: Record = await retrying(attempt_after_the_first)
    return record


_backoff = wait_exponential_jitter(multiplier=_FIRST_WAIT_S, max=_LONGEST_WAIT_S, jitter=_FIRST_WAIT_S)


def _wait(call: RetryCallState) -> float:
    """Wait as long as the server asked for; else twice as long each time, with jitter."""
    record = call.outcome.result() if call.outcome else None
    if isinstance(record, Failure) and record.retry_after_s is not None:
        return record.retry_after_s
    return _backoff(call)


def _pointless(record: Failure, request: Request) -> InfrastructureError:
    if record.kind is FailureKind.UNAUTHORIZED:
        return InfrastructureError(
            f"the server refuses the API key ({record.status}): {record.message}",
            mend="put the right key into the environment (--api-key-env names the variable), then --resume",
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


@contextmanager
def _signals(stop: asyncio.Event, state: AskingState) -> Iterator[list[int]]:
    """Let Ctrl-C and SIGTERM end the asking in order; a second one ends it at once.

    Yields:
        The signals that came.
    """
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()
    came: list[int] = []

    def on_signal(number: int) -> None:
        came.append(number)
        state.draining = True
        stop.set()
        if len(came) > 1 and main is not None:
            main.cancel()

    earlier: dict[int, Any] = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(ValueError, RuntimeError):  # raised outside the main thread, where signals are not ours to handle
            before = signal.getsignal(number)
            loop.add_signal_handler(number, on_signal, number)
            earlier[number] = before
    try:
        yield came
    except asyncio.CancelledError:
        if not came or main is None:
            raise
        main.uncancel()
        raise InterruptedRunError("interrupted; everything answered so far is kept") from None
    finally:
        for handled, before in earlier.items():
            loop.remove_signal_handler(handled)
            signal.signal(handled, before)
