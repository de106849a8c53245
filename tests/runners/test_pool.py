"""The pool: requests go where there is least to do, and an endpoint that fails costs no sample its answer."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.benchmarks.sample import ImageFile
from peakbench.errors import InfrastructureError
from peakbench.mock import MockServerSettings, build_models, run_in_thread
from peakbench.mock.serving import RunningMockServer
from peakbench.runners import pool as pool_module
from peakbench.runners.asking import AskingSettings, AskingState, ask
from peakbench.runners.endpoint import Endpoint
from peakbench.runners.http_transport import HttpTransport
from peakbench.runners.pool import Pool
from peakbench.runs.journal import JournalWriter
from peakbench.runs.journal_lines import JournalHeader
from peakbench.runs.records import Failure, FailureKind, Generation, Record, Request, Response, Timing, Usage


class Scripted:
    """An endpoint that does what it is told: answers, or fails with a kind, at once or when it is let."""

    def __init__(self, fails: FailureKind | None = None, *, takes_s: float = 0.0, lives: bool = True) -> None:
        self.fails = fails
        self.takes_s = takes_s
        self.lives = lives
        self.retry_after_s: float | None = None
        self.holds: Callable[[], bool] = lambda: False
        self.sent = self.now = self.most = self.looks = 0

    async def send(self, request: Request, timeout_s: float) -> Record:
        self.sent += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.takes_s)
            await until(lambda: not self.holds())
        finally:
            self.now -= 1
        timing = Timing(0.0, 1.0)
        if self.fails is not None:
            return Failure(request.sample_id, 0, self.fails, "told to", None, timing, retry_after_s=self.retry_after_s)
        return Response(request.sample_id, 0, "{}", None, "stop", Usage(), timing)

    async def alive(self) -> bool:
        self.looks += 1
        return self.lives

    async def close(self) -> None:
        pass


def request(number: int, *images: ImageFile) -> Request:
    return Request(f"s{number}", 0, "constant-null", "What is it?", "", images, Generation(max_tokens=50))


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110  # what is waited for is inside the product, which has no event for it
        await asyncio.sleep(0.005)


def pooled(
    endpoints: Sequence[Scripted], work: Callable[[Pool], Coroutine[Any, Any, None]], said: list[str] | None = None
) -> Pool:
    async def whole() -> Pool:
        pool = Pool(
            [(f"http://e{i}/v1", one) for i, one in enumerate(endpoints)], (said if said is not None else []).append
        )
        try:
            async with asyncio.timeout(60):
                await work(pool)
        finally:
            await pool.close()
        return pool

    return asyncio.run(whole())


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of hundredths of a second, where they are seconds."""
    monkeypatch.setattr(pool_module, "_FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(pool_module, "_LONGEST_WAIT_S", 0.04)


async def send_all(pool: Pool, n: int, at_once: int = 1, first: int = 0, *images: ImageFile) -> list[Record]:
    numbers = iter(range(first, first + n))
    records: list[Record] = []

    async def work() -> None:
        for number in numbers:
            records.append(await pool.send(request(number, *images), 10))  # noqa: PERF401

    await asyncio.gather(*(work() for _ in range(at_once)))
    return records


def test_equal_endpoints_take_turns_and_a_slow_one_gets_less() -> None:
    async def work(pool: Pool) -> None:
        await send_all(pool, 30)

    even = [Scripted(), Scripted(), Scripted()]
    pooled(even, work)
    assert [one.sent for one in even] == [10, 10, 10]

    async def work_at_once(pool: Pool) -> None:
        await send_all(pool, 120, at_once=6)

    slow, fast = Scripted(), Scripted()
    slow.holds = lambda: fast.sent < 100
    pooled([slow, fast], work_at_once)
    assert slow.sent + fast.sent == 120
    assert fast.sent >= 100


def test_a_dead_endpoint_costs_no_attempt_and_is_left_out() -> None:
    dead, fine = Scripted(FailureKind.CONNECTION, lives=False), Scripted()
    said: list[str] = []

    async def work(pool: Pool) -> None:
        records = await send_all(pool, 50)
        assert all(isinstance(record, Response) for record in records)

    pool = pooled([dead, fine], work, said)
    assert dead.sent == 1
    assert [member.left_out for member in pool.members] == [1, 0]
    assert len(said) == 1
    assert "http://e0/v1" in said[0]


def test_it_is_tried_again_with_growing_waits_and_comes_back_on_trial(quick: None) -> None:
    gone, fine = Scripted(FailureKind.CONNECTION, lives=False), Scripted(takes_s=0.001)
    said: list[str] = []
    let: list[bool] = []

    async def work(pool: Pool) -> None:
        await send_all(pool, 5)
        looks = gone.looks
        await until(lambda: gone.looks >= looks + 4)
        assert gone.sent == 1
        gone.lives, gone.fails, gone.holds = True, None, lambda: not let
        await until(lambda: pool.members[0].revival is None)
        before = fine.sent
        first = asyncio.create_task(send_all(pool, 40, at_once=8, first=100))
        await until(lambda: fine.sent >= before + 20)
        assert gone.now == 1  # one at a time, until one is answered
        let.append(True)
        await first
        await send_all(pool, 40, at_once=8, first=200)
        assert gone.most > 1

    pooled([gone, fine], work, said)
    assert [line.split(" ", 1)[1].split(",")[0] for line in said] == ["does not answer", "answers again"]


def test_a_reset_of_one_sample_leaves_nobody_out() -> None:
    class Resetting(Scripted):
        async def send(self, request: Request, timeout_s: float) -> Record:
            self.fails = FailureKind.CONNECTION if request.sample_id == "s3" else None
            return await super().send(request, timeout_s)

    endpoints = [Resetting(), Resetting()]

    async def work(pool: Pool) -> None:
        records = await send_all(pool, 20)
        assert [record.sample_id for record in records if isinstance(record, Failure)] == ["s3"]
        assert [one.sent for one in endpoints] in ([10, 11], [11, 10])  # it was tried at both, in one attempt

    pool = pooled(endpoints, work)
    assert [member.left_out for member in pool.members] == [0, 0]


@pytest.mark.parametrize("kind", [FailureKind.SERVER_ERROR, FailureKind.TIMEOUT, FailureKind.INVALID_RESPONSE])
def test_a_row_of_other_failures_leaves_it_out_too_but_never_the_last(kind: FailureKind) -> None:
    bad, fine = Scripted(kind, lives=False), Scripted()

    async def work(pool: Pool) -> None:
        await send_all(pool, 200)

    pool = pooled([bad, fine], work)
    assert bad.sent == pool_module._ROW
    assert fine.sent == 200 - bad.sent

    only = Scripted(kind)
    pool = pooled([only, Scripted(FailureKind.CONNECTION, lives=False)], work)
    assert only.sent == 200
    assert pool.members[0].left_out == 0


def test_a_bad_request_says_nothing_of_its_endpoint() -> None:
    endpoints = [Scripted(FailureKind.BAD_REQUEST), Scripted()]

    async def work(pool: Pool) -> None:
        await send_all(pool, 100)

    pooled(endpoints, work)
    assert [one.sent for one in endpoints] == [50, 50]


def test_a_request_that_hangs_to_its_deadline_counts_against_its_endpoint() -> None:
    hangs, fine = Scripted(takes_s=60, lives=False), Scripted()

    async def work(pool: Pool) -> None:
        async def with_deadline(number: int) -> None:
            try:
                async with asyncio.timeout(0.2):
                    await pool.send(request(number), 0.2)
            except TimeoutError:
                pass

        await asyncio.gather(*(with_deadline(number) for number in range(2 * pool_module._ROW)))
        assert pool.members[0].revival is not None

        ending = asyncio.create_task(pool.send(request(99), 60))
        await asyncio.sleep(0)
        ending.cancel()  # a run that ends, which says nothing of a server
        await asyncio.gather(ending, return_exceptions=True)

    pool = pooled([hangs, fine], work)
    assert [member.failed for member in pool.members] == [pool_module._ROW, 0]


def test_an_endpoint_that_asks_to_wait_is_left_alone_and_the_others_are_not() -> None:
    busy, fine = Scripted(FailureKind.RATE_LIMITED), Scripted()
    busy.retry_after_s = 30.0

    async def work(pool: Pool) -> None:
        records = await send_all(pool, 40)
        assert all(isinstance(record, Response) for record in records)  # another was asked at once
        fine.fails, fine.retry_after_s = FailureKind.RATE_LIMITED, 20.0
        (record,) = await send_all(pool, 1)
        assert isinstance(record, Failure)
        assert record.retry_after_s is not None
        assert 10 < record.retry_after_s <= 20  # now all ask to wait: until the first of them may be asked

    pooled([busy, fine], work)
    assert busy.sent == 1


class Filling(Scripted):
    """An endpoint that takes so many requests at once, and refuses what is more."""

    def __init__(self, capacity: int) -> None:
        super().__init__(takes_s=0.01)
        self.capacity = capacity
        self.refused = 0

    async def send(self, request: Request, timeout_s: float) -> Record:
        if self.now < self.capacity:
            return await super().send(request, timeout_s)
        self.refused += 1
        await asyncio.sleep(0)
        return Failure(request.sample_id, 0, FailureKind.RATE_LIMITED, "full", 429, Timing(0.0, 1.0))


async def ask_all(pool: Pool, folder: Path, n: int, settings: AskingSettings) -> AskingState:
    writer = JournalWriter(folder / "journal", JournalHeader("run", "identity"))
    state = AskingState(total=n)
    try:
        await ask(((request(number), "d") for number in range(n)), pool, writer, settings, state, session=0)
    finally:
        writer.close()
    return state


@pytest.mark.parametrize("adaptive", [False, True])
def test_a_429_of_a_small_endpoint_slows_nobody_down_while_another_has_room(tmp_path: Path, adaptive: bool) -> None:
    small, large = Filling(3), Filling(1000)

    async def work(pool: Pool) -> None:
        state = await ask_all(pool, tmp_path, 1500, AskingSettings(40, adaptive=adaptive))
        assert (state.done, state.failed, state.retries) == (1500, 0, 0)
        assert state.pace is not None
        assert state.pace.law is None or state.pace.law.cuts == 0

    pool = pooled([small, large], work)
    assert small.sent + large.sent == 1500
    assert small.sent > 20  # what it can do, it does
    assert small.refused < small.sent  # it is not asked for more again and again
    assert pool.members[0].failed == small.refused


def test_429s_of_all_endpoints_cut_the_limit_of_all(tmp_path: Path) -> None:
    endpoints = [Filling(5), Filling(5)]

    async def work(pool: Pool) -> None:
        state = await ask_all(pool, tmp_path, 300, AskingSettings(64, adaptive=True, max_retries=50))
        assert (state.done, state.failed) == (300, 0)
        assert state.pace is not None
        assert state.pace.law is not None
        assert state.pace.law.cuts > 0

    pooled(endpoints, work)


def test_all_gone_is_a_connection_failure_and_not_alive() -> None:
    async def work(pool: Pool) -> None:
        (record,) = await send_all(pool, 1)
        assert isinstance(record, Failure)
        assert record.kind is FailureKind.CONNECTION
        assert not await pool.alive()

    endpoints = [Scripted(FailureKind.CONNECTION, lives=False) for _ in range(3)]
    pooled(endpoints, work)
    assert [one.sent for one in endpoints] == [1, 1, 1]


def test_a_real_server_that_dies_and_returns(tiny: Callable[..., Path], quick: None) -> None:
    """Three servers; one is stopped under load and started again on its port."""
    benchmark = find_benchmark(str(tiny(1)))
    ((sample,), _) = benchmark.samples(benchmark.data_place(benchmark.path.parent), benchmark.path.parent)
    (picture,) = sample.files

    async def whole(servers: list[RunningMockServer], restart: Callable[[], object]) -> Pool:
        pool = Pool([(server.base_url, HttpTransport(Endpoint(server.base_url))) for server in servers])
        try:
            async with asyncio.timeout(120):
                records = await send_all(pool, 60, 6, 0, picture)
                await asyncio.to_thread(servers[1].stop)
                records += await send_all(pool, 60, 6, 100, picture)
                await until(lambda: pool.members[1].left_out == 1)
                down = pool.members[1].answered
                await asyncio.to_thread(restart)
                await until(lambda: pool.members[1].revival is None)
                records += await send_all(pool, 60, 6, 200, picture)
                assert pool.members[1].answered > down
                assert all(isinstance(record, Response) for record in records)
        finally:
            await pool.close()
        return pool

    with ExitStack() as stack:
        models = build_models(["constant-null"])
        slow = MockServerSettings(ttft_ms=5)
        servers = [stack.enter_context(run_in_thread(models, slow)) for _ in range(3)]
        port = int(servers[1].base_url.removesuffix("/v1").rpartition(":")[2])
        pool = asyncio.run(whole(servers, lambda: stack.enter_context(run_in_thread(models, replace(slow, port=port)))))
    assert sum(member.answered for member in pool.members) == 180


def test_the_whole_run_stops_when_all_are_gone(tmp_path: Any) -> None:
    async def work(pool: Pool) -> None:
        with pytest.raises(InfrastructureError, match="the server is gone"):
            await ask_all(pool, tmp_path, 20, AskingSettings(4, max_retries=0))

    pooled([Scripted(FailureKind.CONNECTION, lives=False) for _ in range(2)], work)
