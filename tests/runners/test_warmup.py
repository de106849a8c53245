"""Warming up: so many requests, each once, at most so many at once; what every other would fail by is an error."""

import asyncio
from collections.abc import Callable

import pytest

from peakbench.errors import InfrastructureError
from peakbench.runners.asking import AskingSettings
from peakbench.runners.warmup import warm_up
from peakbench.runs.records import Failure, FailureKind, Generation, Record, Request, Response, Timing, Usage


class Scripted:
    """A transport that does what it is told."""

    def __init__(self, act: Callable[[Request], Record], takes_s: float = 0.0) -> None:
        self.act = act
        self.takes_s = takes_s
        self.sent = self.now = self.most = 0

    async def send(self, request: Request, timeout_s: float) -> Record:
        self.sent += 1
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(self.takes_s)
        self.now -= 1
        return self.act(request)

    async def alive(self) -> bool:
        return True

    async def close(self) -> None:
        pass


def answer(request: Request) -> Record:
    return Response(request.sample_id, 0, "{}", None, "stop", Usage(), Timing(0.0, 1.0))


def fail(kind: FailureKind) -> Callable[[Request], Record]:
    return lambda request: Failure(request.sample_id, 0, kind, "told to", 401, Timing(0.0, 1.0))


def requests(n: int) -> list[Request]:
    return [Request(f"s{number}", 0, "m", "p", "", (), Generation()) for number in range(n)]


@pytest.mark.parametrize(
    ("settings", "most"), [(AskingSettings(3, warmup=20), 3), (AskingSettings(64, adaptive=True, warmup=20), 8)]
)
def test_so_many_are_sent_and_no_more_at_once_than_a_run_begins_with(settings: AskingSettings, most: int) -> None:
    transport = Scripted(answer, takes_s=0.001)
    assert asyncio.run(warm_up(requests(20), transport, settings)) == (20, {})
    assert (transport.sent, transport.most) == (20, most)


def test_none_is_sent_where_none_is_asked_for() -> None:
    transport = Scripted(answer)
    assert asyncio.run(warm_up([], transport, AskingSettings())) == (0, {})


def test_what_may_pass_is_counted_and_not_sent_again() -> None:
    transport = Scripted(fail(FailureKind.RATE_LIMITED))
    settings = AskingSettings(warmup=5)
    assert asyncio.run(warm_up(requests(5), transport, settings)) == (5, {FailureKind.RATE_LIMITED: 5})
    late = Scripted(answer, takes_s=30)
    settings = AskingSettings(timeout_s=0.05, warmup=2)
    assert asyncio.run(warm_up(requests(2), late, settings)) == (2, {FailureKind.TIMEOUT: 2})


@pytest.mark.parametrize("kind", [FailureKind.UNAUTHORIZED, FailureKind.QUOTA, FailureKind.NOT_FOUND])
def test_what_every_other_would_fail_by_is_an_error(kind: FailureKind) -> None:
    transport = Scripted(fail(kind))
    with pytest.raises(InfrastructureError, match="told to"):
        asyncio.run(warm_up(requests(50), transport, AskingSettings(2, warmup=50)))
    assert transport.sent <= 2
