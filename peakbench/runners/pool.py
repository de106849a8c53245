"""Several endpoints that serve one model, as one transport.

A request goes to the endpoint with the fewest outstanding; of several such, to the one that was not asked for longest.
What the pool does about an endpoint that fails:

- Refused or reset: it is left out, and the request goes to another at once. Each endpoint is tried once before that
  counts as an attempt of the sample; so one that dies costs no sample any of its retries.
- A row of other failures (5xx, no answer in time, no completion) without an answer in between: it is left out too, but
  each of these counts as an attempt, for the sample itself may be the cause. The last one that is in stays in.
- 429: the request goes to another that has room at once, and counts as an attempt only when none has. How many an
  endpoint takes at once is learnt from that (`room`), so a small one does not slow the others down, and is not asked
  again and again. With a `Retry-After` it is not asked until then. Only when all have to be waited for does the failure
  say how long.

An endpoint that is left out is looked at again at once, then after a second, and after waits that double up to a
minute. One that answers then is in, and after a wait on trial: one request at a time, until one is answered.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from peakbench.runners.room import Room
from peakbench.runners.transport import Transport
from peakbench.runs.records import Failure, FailureKind, Record, Request, Response

_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 60.0
_ROW = 8
"""So many failures in a row leave an endpoint out."""
_ABOUT_S = 0.05
"""A request that is cancelled so near its deadline is cancelled for it."""
_OF_THE_SERVER = frozenset({FailureKind.SERVER_ERROR, FailureKind.TIMEOUT, FailureKind.INVALID_RESPONSE})


@dataclass(slots=True, eq=False)
class Member:
    """An endpoint of a pool.

    Attributes:
        url: Its base URL, for messages.
        transport: How it is asked.
        outstanding: Requests sent and not yet settled.
        answered: Requests it answered.
        failed: Attempts that failed at it.
        left_out: How often it was found not to answer, and left out.
        turn: When it was last asked, as a count of requests.
        in_row: Failures since its last answer.
        on_trial: Whether it is given one request at a time.
        held_until: Monotonic time until which it asked not to be asked.
        room: How many requests it takes at once.
        wait_s: How long it is left out next; an answer makes it short again.
        told: Whether the person knows that it is left out.
        revival: Looks whether it answers again; None while it is in.
    """

    url: str
    transport: Transport
    outstanding: int = 0
    answered: int = 0
    failed: int = 0
    left_out: int = 0
    turn: int = 0
    in_row: int = 0
    on_trial: bool = False
    held_until: float = 0.0
    room: Room = field(default_factory=Room, repr=False)
    wait_s: float = _FIRST_WAIT_S
    told: bool = False
    revival: asyncio.Task[None] | None = field(default=None, repr=False)

    def free(self, now: float) -> bool:
        """Whether it may be asked now."""
        return self.revival is None and self.held_until <= now and not (self.on_trial and self.outstanding)


class Pool:
    """Sends each request to one of several endpoints; see `Transport`.

    It has to be made where an event loop runs, and closed.

    Args:
        endpoints: Base URL and transport of each; at least one.
        say: Called with a line for the person when an endpoint is left out, and when it is back.
    """

    def __init__(self, endpoints: Sequence[tuple[str, Transport]], say: Callable[[str], None] = lambda _: None) -> None:
        self.members = tuple(Member(url, transport) for url, transport in endpoints)
        self._say = say
        self._turn = 0

    async def send(self, request: Request, timeout_s: float) -> Record:
        """Send one request to the endpoint that has least to do, and to the next where one is gone."""
        deadline = time.monotonic() + timeout_s
        tried: set[Member] = set()
        while True:
            member = self._choose(tried)
            tried.add(member)
            record = await self._send_to(member, request, max(0.001, deadline - time.monotonic()))
            if not (isinstance(record, Failure) and self._may_go_elsewhere(record.kind, tried)):
                return record

    async def alive(self) -> bool:
        """Whether any of them answers."""
        return any(await asyncio.gather(*(member.transport.alive() for member in self.members)))

    async def close(self) -> None:
        """Close all connections, and look after no endpoint any more."""
        for member in self.members:
            if member.revival is not None:
                member.revival.cancel()
                with suppress(asyncio.CancelledError):
                    await member.revival
            await member.transport.close()

    def forget_counts(self) -> None:
        """Count from here on: what was asked before is not part of it."""
        for member in self.members:
            member.answered = member.failed = member.left_out = 0

    def _may_go_elsewhere(self, kind: FailureKind, tried: set[Member]) -> bool:
        """Whether a request that failed so goes to another endpoint, within the same attempt."""
        others = [member for member in self.members if member not in tried and member.revival is None]
        if kind is FailureKind.RATE_LIMITED:
            now = time.monotonic()
            return any(member.free(now) and not member.room.lacking(member.outstanding) for member in others)
        return kind is FailureKind.CONNECTION and bool(others)

    def _choose(self, tried: set[Member]) -> Member:
        """The best of those not tried yet: free ones first, then those that are in; of such, one with room."""
        now = time.monotonic()

        def rank(member: Member) -> tuple[int, ...]:
            lacking = member.room.lacking(member.outstanding)
            return (not member.free(now), member.revival is not None, lacking, member.outstanding, member.turn)

        return min((member for member in self.members if member not in tried), key=rank)

    async def _send_to(self, member: Member, request: Request, timeout_s: float) -> Record:
        self._turn += 1
        member.turn = self._turn
        member.outstanding += 1
        began = time.monotonic()
        deadline = began + timeout_s
        try:
            record = await member.transport.send(request, timeout_s)
        except asyncio.CancelledError:
            if time.monotonic() > deadline - _ABOUT_S:  # else it is the run that ends, which says nothing of a server
                self._count_failure(member, FailureKind.TIMEOUT)
            raise
        finally:
            member.outstanding -= 1
        if isinstance(record, Response):
            member.answered += 1
            member.room.answered(member.outstanding + 1)
            self._is_well(member)
            return record
        self._count_failure(member, record.kind)
        if record.kind is FailureKind.RATE_LIMITED:
            member.room.refused(began, time.monotonic(), member.outstanding + 1)
            if record.retry_after_s is not None:
                return self._held(member, record, record.retry_after_s)
        return record

    def _is_well(self, member: Member) -> None:
        member.in_row = 0
        member.on_trial = False
        member.wait_s = _FIRST_WAIT_S
        if member.told:
            member.told = False
            self._say(f"{member.url} answers again")

    def _count_failure(self, member: Member, kind: FailureKind) -> None:
        member.failed += 1
        if kind is FailureKind.CONNECTION:
            self._leave_out(member, known=False)
        elif kind in _OF_THE_SERVER:
            member.in_row += 1
            others = any(other.revival is None for other in self.members if other is not member)
            if others and (member.in_row >= _ROW or member.on_trial):
                self._leave_out(member, known=True)
        else:  # it refused this request, as a server does that works
            self._is_well(member)

    def _held(self, member: Member, record: Failure, wait_s: float) -> Failure:
        """Ask this endpoint no more until then; the failure says when any may be asked."""
        now = time.monotonic()
        member.held_until = max(member.held_until, now + wait_s)
        until = min((other.held_until for other in self.members if other.revival is None), default=member.held_until)
        return replace(record, retry_after_s=until - now if until > now else None)

    def _leave_out(self, member: Member, *, known: bool) -> None:
        """Ask it no more until it answers.

        Args:
            member: The endpoint.
            known: Whether it is known to fail; else it is looked at first, and left out if it does not answer.
        """
        if member.revival is None:
            member.revival = asyncio.create_task(self._revive(member, known=known))

    async def _revive(self, member: Member, *, known: bool) -> None:
        if known or not await member.transport.alive():
            member.left_out += 1
            if not member.told:
                member.told = True
                self._say(f"{member.url} does not answer, or only with errors; it is left out until it does")
            while True:
                await asyncio.sleep(member.wait_s)
                member.wait_s = min(2 * member.wait_s, _LONGEST_WAIT_S)
                if await member.transport.alive():
                    break
            member.on_trial = True
        member.in_row = 0
        member.revival = None
