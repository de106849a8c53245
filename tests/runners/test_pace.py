"""The pace: never more at once than the limit, nobody while the server asked to wait, nobody after a stop."""

import asyncio
import time

import pytest

from peakbench.runners.pace import Pace, StoppedError
from peakbench.runs.records import Failure, FailureKind, Timing


def failure(kind: FailureKind) -> Failure:
    return Failure("s", 0, kind, "told to", None, Timing(0.0, 1.0))


def test_a_cut_holds_those_back_who_come_and_hurries_nobody_who_is_in() -> None:
    async def whole() -> None:
        pace = Pace(64, adaptive=True, stop=asyncio.Event())
        for _ in range(8):
            await pace.enter()
        late = [asyncio.create_task(pace.enter()) for _ in range(10)]
        pace.attempted(failure(FailureKind.RATE_LIMITED), time.monotonic())  # 8 become 5
        for left in range(1, 4):
            pace.leave()
            await asyncio.sleep(0)
            assert sum(task.done() for task in late) == 0, left
        for entered in range(1, 8):
            pace.leave()
            await asyncio.sleep(0.001)
            assert sum(task.done() for task in late) == entered
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    asyncio.run(whole())


@pytest.mark.parametrize("adaptive", [False, True])
def test_a_stop_wakes_everybody_who_waits(adaptive: bool) -> None:
    async def whole() -> None:
        stop = asyncio.Event()
        pace = Pace(40, adaptive=adaptive, stop=stop)
        for _ in range(8):
            await pace.enter()
        pace.hold(3600)
        late = [asyncio.create_task(pace.enter()) for _ in range(60)]
        if adaptive:
            pace.attempted(failure(FailureKind.RATE_LIMITED), time.monotonic())
        pausing = asyncio.create_task(pace.pause(3600))
        await asyncio.sleep(0.01)
        assert not any(task.done() for task in late)
        stop.set()
        for _ in range(8):
            pace.leave()
        async with asyncio.timeout(60):
            outcomes = await asyncio.gather(pausing, *late, return_exceptions=True)
        assert all(isinstance(outcome, StoppedError) for outcome in outcomes)

    asyncio.run(whole())


def test_a_hold_is_for_everybody_and_only_the_longest_counts() -> None:
    async def whole() -> None:
        pace = Pace(4, adaptive=False, stop=asyncio.Event())
        assert pace.held_s == 0
        pace.hold(0.2)
        pace.hold(0.1)
        began = time.monotonic()
        await asyncio.gather(*(pace.enter() for _ in range(4)))
        assert time.monotonic() - began >= 0.19

    asyncio.run(whole())
