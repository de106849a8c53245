"""How fast requests go out: so many samples at once, none while the server asked to wait, none after a stop.

One pace is shared by all workers of a session. When a server tells one of them to wait, it means all: the others would
each collect a refusal of their own.
"""

import asyncio
import random
import time
from collections import deque
from contextlib import suppress

from peakbench.runners.adaptive import AdaptiveLimit
from peakbench.runs.records import FailureKind, Record, Response

_SPREAD_S = 0.5
"""Those who waited for the same moment go on within this time of it, not all at once."""


class StoppedError(Exception):
    """A stop was asked for while somebody waited."""


class Pace:
    """The pace of a session; made where an event loop runs.

    Args:
        max_concurrency: Samples asked at once, at most.
        adaptive: Find out how many, up to that; else so many.
        stop: When it is set, every wait ends.
    """

    def __init__(self, max_concurrency: int, *, adaptive: bool, stop: asyncio.Event) -> None:
        self.law = AdaptiveLimit(max_concurrency, time.monotonic()) if adaptive else None
        self._limit = self.law.limit if self.law else max_concurrency
        self._out = 0
        """Samples that were let in, and those who are just being woken."""
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._stop = stop
        self._held_until = 0.0

    async def enter(self) -> None:
        """Wait until one more sample may be asked.

        Raises:
            StoppedError: If a stop was asked for; then nothing has to be left.
        """
        if self._out < self._limit:
            self._out += 1
        else:
            await self._turn()
        try:
            while self.held_s > 0:
                await self.pause(spread(self.held_s))
            if self._stop.is_set():
                raise StoppedError
        except BaseException:
            self.leave()
            raise

    def leave(self) -> None:
        """A sample is settled, or given up."""
        self._out -= 1
        self._let_in()

    @property
    def held_s(self) -> float:
        """Seconds until the server may be asked again, 0 or more."""
        return max(0.0, self._held_until - time.monotonic())

    def hold(self, seconds: float) -> None:
        """Nobody asks for so long, since the server asked for that."""
        self._held_until = max(self._held_until, time.monotonic() + seconds)

    async def pause(self, seconds: float) -> None:
        """Wait.

        Raises:
            StoppedError: If a stop was asked for meanwhile.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        if self._stop.is_set():
            raise StoppedError

    def attempted(self, record: Record, began: float) -> None:
        """Learn from an attempt.

        Args:
            record: What came of it.
            began: When it was sent, monotonic time.
        """
        law = self.law
        if law is None:
            return
        if isinstance(record, Response):
            law.answered(began, time.monotonic(), self._out)
        elif record.kind is FailureKind.RATE_LIMITED:
            law.rate_limited(began, time.monotonic(), self._out)
        elif record.kind.transient:
            law.troubled()
        self._limit = law.limit
        self._let_in()

    async def _turn(self) -> None:
        """Wait to be let in."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # let in, and cancelled before it knew
                self.leave()
            raise

    def _let_in(self) -> None:
        """Let in who waits, as many as the limit leaves room for. After a stop they go at once, and let in the next."""
        while self._waiting and self._out < self._limit:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._out += 1


def spread(seconds: float) -> float:
    """A wait, and a little more by chance: up to as much again, and up to half a second."""
    return seconds + random.uniform(0, min(seconds, _SPREAD_S))
