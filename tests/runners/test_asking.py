"""Asking: every request is settled exactly once, retried while that can help, and stopped when it cannot."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.benchmarks.sample import Sample
from peakbench.errors import InfrastructureError, InterruptedRunError
from peakbench.mock import FaultKind, Faults, MockServerSettings, build_models, run_in_thread
from peakbench.mock.serving import RunningMockServer
from peakbench.runners import asking as asking_module
from peakbench.runners.asking import AskingSettings, AskingState, ask
from peakbench.runners.endpoint import Endpoint
from peakbench.runners.http_transport import HttpTransport
from peakbench.runners.progress import progress_text
from peakbench.runs.journal import Journal, JournalWriter
from peakbench.runs.journal_lines import JournalHeader
from peakbench.runs.records import Failure, FailureKind, Generation, Record, Request, Response, Timing, Usage


def requests(samples: list[Sample]) -> list[tuple[Request, str]]:
    return [
        (
            Request(sample.id, 0, "constant-null", sample.prompt, "", sample.images, Generation(max_tokens=200)),
            sample.digest,
        )
        for sample in samples
    ]


def load(path: Path) -> list[Sample]:
    benchmark = find_benchmark(str(path))
    return benchmark.samples(benchmark.data_place(path.parent), path.parent)[0]


def asked(
    asking: list[tuple[Request, str]], transport_of: Callable[[], object], path: Path, settings: AskingSettings
) -> tuple[dict[tuple[str, int], Record], AskingState]:
    """Ask with a transport made inside the event loop; give the journal's records."""
    state = AskingState(total=len(asking))

    async def whole() -> None:
        transport = transport_of()
        try:
            await ask(asking, transport, writer, settings, state, session=0)  # type: ignore[arg-type]
        finally:
            await transport.close()  # type: ignore[attr-defined]

    writer = JournalWriter(path, JournalHeader("run", "identity"))
    try:
        asyncio.run(whole())
    finally:
        writer.close()
        with Journal(path) as journal:
            records = {key: journal[key] for key in journal}
    return records, state


def test_every_sample_is_answered_once(tiny: Callable[..., Path], server: RunningMockServer, tmp_path: Path) -> None:
    samples = load(tiny(30))
    transport = lambda: HttpTransport(Endpoint(server.base_url))  # noqa: E731
    records, state = asked(requests(samples), transport, tmp_path / "journal", AskingSettings())
    assert len(records) == 30
    assert all(isinstance(record, Response) and record.text.startswith("{") for record in records.values())
    assert {record.sample_digest for record in records.values()} == {sample.digest for sample in samples}
    assert (state.done, state.failed, state.in_flight) == (30, 0, {})


def test_faults_that_pass_are_retried_until_answered(tiny: Callable[..., Path], tmp_path: Path) -> None:
    faults = Faults(
        {FaultKind.RATE_LIMIT: 0.3, FaultKind.SERVER_ERROR: 0.2, FaultKind.RESET: 0.2}, seed=3, max_per_request=2
    )
    with run_in_thread(build_models(["constant-null"]), MockServerSettings(faults=faults)) as server:
        samples = load(tiny(24))
        transport = lambda: HttpTransport(Endpoint(server.base_url))  # noqa: E731
        records, state = asked(requests(samples), transport, tmp_path / "journal", AskingSettings(24))
    assert len(records) == 24
    assert all(isinstance(record, Response) for record in records.values())
    assert state.retries > 5
    assert sum(record.timing.attempts - 1 for record in records.values()) == state.retries


def test_faults_that_do_not_pass_are_typed_and_never_answers(tiny: Callable[..., Path], tmp_path: Path) -> None:
    faults = Faults({FaultKind.RATE_LIMIT: 1.0}, max_per_request=100)
    with run_in_thread(build_models(["constant-null"]), MockServerSettings(faults=faults)) as server:
        transport = lambda: HttpTransport(Endpoint(server.base_url))  # noqa: E731
        records, state = asked(
            requests(load(tiny(5))), transport, tmp_path / "journal", AskingSettings(8, 30, max_retries=2)
        )
    assert [record.kind for record in records.values() if isinstance(record, Failure)] == [FailureKind.RATE_LIMITED] * 5
    assert {record.timing.attempts for record in records.values()} == {3}
    assert state.failed == 5


class Scripted:
    """A transport that does what it is told, for what no real server does on demand."""

    def __init__(self, act: Callable[[Request], Record], *, lives: bool = True, takes_s: float = 0.0) -> None:
        self.act = act
        self.lives = lives
        self.takes_s = takes_s

    async def send(self, request: Request, timeout_s: float) -> Record:
        await asyncio.sleep(self.takes_s)
        return self.act(request)

    async def alive(self) -> bool:
        return self.lives

    async def close(self) -> None:
        pass


def answer(request: Request) -> Response:
    return Response(request.sample_id, request.repeat, "{}", None, "stop", Usage(), Timing(0.0, 1.0))


def fail(kind: FailureKind) -> Callable[[Request], Record]:
    return lambda request: Failure(request.sample_id, request.repeat, kind, "told to", None, Timing(0.0, 1.0))


def plain(n: int) -> list[tuple[Request, str]]:
    return [(Request(f"s{index}", 0, "m", "p", "", (), Generation()), "d") for index in range(n)]


@pytest.mark.parametrize("kind", [FailureKind.UNAUTHORIZED, FailureKind.QUOTA, FailureKind.NOT_FOUND])
def test_what_would_fail_for_every_sample_stops_the_run(tmp_path: Path, kind: FailureKind) -> None:
    def act(request: Request) -> Record:
        return answer(request) if request.sample_id in ("s0", "s1") else fail(kind)(request)

    with pytest.raises(InfrastructureError):
        asked(plain(50), lambda: Scripted(act), tmp_path / "journal", AskingSettings(1))
    with Journal(tmp_path / "journal") as journal:
        assert set(journal) == {("s0", 0), ("s1", 0)}


def test_a_server_that_is_gone_stops_the_run_and_writes_no_failure(tmp_path: Path) -> None:
    transport = lambda: Scripted(fail(FailureKind.CONNECTION), lives=False)  # noqa: E731
    with pytest.raises(InfrastructureError, match="the server is gone"):
        asked(plain(20), transport, tmp_path / "journal", AskingSettings(4, 30, max_retries=0))
    with Journal(tmp_path / "journal") as journal:
        assert len(journal) == 0


def test_a_server_that_lives_but_resets_one_sample_gives_a_typed_failure(tmp_path: Path) -> None:
    transport = lambda: Scripted(fail(FailureKind.CONNECTION))  # noqa: E731
    records, _ = asked(plain(3), transport, tmp_path / "journal", AskingSettings(4, 30, max_retries=0))
    assert [record.kind for record in records.values() if isinstance(record, Failure)] == [FailureKind.CONNECTION] * 3


def test_a_deadline_ends_a_sample_and_not_the_run(tmp_path: Path) -> None:
    records, _ = asked(
        plain(3), lambda: Scripted(answer, takes_s=30), tmp_path / "journal", AskingSettings(8, timeout_s=0.2)
    )
    assert [record.kind for record in records.values() if isinstance(record, Failure)] == [FailureKind.TIMEOUT] * 3


def test_a_bad_request_is_final_at_once(tmp_path: Path) -> None:
    records, state = asked(
        plain(3), lambda: Scripted(fail(FailureKind.BAD_REQUEST)), tmp_path / "journal", AskingSettings()
    )
    assert {record.timing.attempts for record in records.values()} == {1}
    assert state.failed == 3


def test_a_wait_that_the_server_asks_for_beyond_the_deadline_is_not_waited_for(tmp_path: Path) -> None:
    def act(request: Request) -> Record:
        made = fail(FailureKind.RATE_LIMITED)(request)
        assert isinstance(made, Failure)
        return replace(made, retry_after_s=3600)

    records, _ = asked(plain(2), lambda: Scripted(act), tmp_path / "journal", AskingSettings(8, timeout_s=5))
    assert {record.timing.attempts for record in records.values()} == {1}


def test_a_wait_beyond_what_is_left_of_the_deadline_is_not_begun(tmp_path: Path) -> None:
    seen: set[str] = set()

    def act(request: Request) -> Record:
        made = fail(FailureKind.RATE_LIMITED)(request)
        assert isinstance(made, Failure)
        again = request.sample_id in seen
        seen.add(request.sample_id)
        return replace(made, retry_after_s=29.2 if again else 1.0)

    # The second attempt is made after a second or more; its wait is shorter than the deadline, and ends after it.
    records, _ = asked(plain(2), lambda: Scripted(act), tmp_path / "journal", AskingSettings(8, timeout_s=30))
    assert {record.timing.attempts for record in records.values()} == {2}
    assert {record.kind for record in records.values() if isinstance(record, Failure)} == {FailureKind.RATE_LIMITED}


def test_a_wait_that_the_server_asks_of_one_holds_the_others_back(tmp_path: Path) -> None:
    refused: list[float] = []
    sent: list[float] = []

    def act(request: Request) -> Record:
        sent.append(time.monotonic())
        if request.sample_id == "s0" and not refused:
            refused.append(time.monotonic())
            made = fail(FailureKind.RATE_LIMITED)(request)
            assert isinstance(made, Failure)
            return replace(made, retry_after_s=0.5)
        return answer(request)

    records, state = asked(plain(40), lambda: Scripted(act, takes_s=0.01), tmp_path / "journal", AskingSettings(4))
    assert len(records) == 40
    assert state.failed == 0
    assert state.retries == 1
    early = [when for when in sent if when < refused[0] + 0.5]
    assert len(early) <= 4 + 4  # those who were in flight then, and may have answered before it


def test_a_wait_that_nobody_could_wait_for_holds_nobody_back(tmp_path: Path) -> None:
    def act(request: Request) -> Record:
        if request.sample_id != "s0":
            return answer(request)
        made = fail(FailureKind.RATE_LIMITED)(request)
        assert isinstance(made, Failure)
        return replace(made, retry_after_s=86_400 * 365)

    records, state = asked(plain(20), lambda: Scripted(act), tmp_path / "journal", AskingSettings(2, timeout_s=60))
    assert [key for key, record in records.items() if isinstance(record, Failure)] == [("s0", 0)]
    assert state.retries == 0


@pytest.mark.parametrize("retry_after_s", [None, 20.0])
@pytest.mark.parametrize("adaptive", [False, True])
def test_an_interrupt_waits_for_no_retry(
    tmp_path: Path, adaptive: bool, retry_after_s: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking_module, "_DRAIN_S", 3600)
    monkeypatch.setattr(asking_module, "_backoff", lambda _: 20.0)  # so that no retry is due before the interrupt
    sent: list[str] = []

    def act(request: Request) -> Record:
        if request.sample_id == "s0":
            return answer(request)
        if not sent:
            asyncio.get_running_loop().call_later(0.1, os.kill, os.getpid(), signal.SIGINT)
        sent.append(request.sample_id)
        made = fail(FailureKind.RATE_LIMITED)(request)
        assert isinstance(made, Failure)
        return replace(made, retry_after_s=retry_after_s)

    settings = AskingSettings(4, max_retries=5, adaptive=adaptive)
    with pytest.raises(InterruptedRunError):
        asked(plain(50), lambda: Scripted(act), tmp_path / "journal", settings)
    assert len(sent) == len(set(sent))
    with Journal(tmp_path / "journal") as journal:
        assert set(journal) == {("s0", 0)}


def test_the_first_interrupt_keeps_what_is_in_flight_and_the_second_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking_module, "_DRAIN_S", 3600)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGTERM, own := lambda *_: None)

    def interrupting(times: int, takes_s: float) -> Callable[[], Scripted]:
        class Interrupting(Scripted):
            async def send(self, request: Request, timeout_s: float) -> Record:
                if request.sample_id == "s0":
                    for number in range(times):
                        asyncio.get_running_loop().call_later(0.05 * number, os.kill, os.getpid(), signal.SIGINT)
                return await super().send(request, timeout_s)

        return lambda: Interrupting(answer, takes_s=takes_s)

    for times, takes_s, kept in ((1, 0.3, 3), (2, 30.0, 0)):
        path = tmp_path / f"journal-{times}"
        with pytest.raises(InterruptedRunError):
            asked(plain(50), interrupting(times, takes_s), path, AskingSettings(3))
        with Journal(path) as journal:
            assert len(journal) == kept
    assert signal.getsignal(signal.SIGINT) is handlers[signal.SIGINT]
    assert signal.getsignal(signal.SIGTERM) is own
    signal.signal(signal.SIGTERM, handlers[signal.SIGTERM])


class Limited:
    """A real server that answers so many requests at once and refuses the others."""

    def __init__(self, capacity: int, latency_s: float, retry_after: str | None = None) -> None:
        self.capacity = capacity
        self.latency_s = latency_s
        self.headers = {"Retry-After": retry_after} if retry_after else {}
        self.busy = self.most = self.refused = 0

    async def chat(self, request: web.Request) -> web.Response:
        await request.read()
        if self.busy >= self.capacity:
            self.refused += 1
            return web.json_response({"error": {"message": "busy"}}, status=429, headers=self.headers)
        self.busy += 1
        self.most = max(self.most, self.busy)
        await asyncio.sleep(self.latency_s)
        self.busy -= 1
        return web.json_response({"choices": [{"message": {"content": "{}"}, "finish_reason": "stop"}]})


def test_an_adaptive_limit_finds_what_a_real_server_takes(tmp_path: Path) -> None:
    limited = Limited(24, 0.05)
    state = AskingState(total=700)

    async def whole() -> None:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", limited.chat)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        transport = HttpTransport(Endpoint(f"http://127.0.0.1:{runner.addresses[0][1]}/v1"))
        try:
            await ask(plain(700), transport, writer, AskingSettings(200, adaptive=True), state, session=0)
        finally:
            await transport.close()
            await runner.cleanup()

    writer = JournalWriter(tmp_path / "journal", JournalHeader("run", "identity"))
    try:
        asyncio.run(whole())
    finally:
        writer.close()
    assert state.failed == 0
    assert state.pace is not None
    law = state.pace.law
    assert law is not None
    assert limited.most > 12
    assert law.highest <= 64
    assert limited.refused < 100  # so many a fixed limit of 200 collects in its first moment
    assert f"{law.limit} at once" in progress_text("m", state)


def test_no_more_requests_are_in_flight_than_allowed(tmp_path: Path) -> None:
    now, most = 0, 0

    class Counting(Scripted):
        async def send(self, request: Request, timeout_s: float) -> Record:
            nonlocal now, most
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.001)
            now -= 1
            return answer(request)

    asked(plain(60), lambda: Counting(answer), tmp_path / "journal", AskingSettings(7))
    assert most == 7


def test_a_disk_that_refuses_stops_the_run_with_whole_lines(tmp_path: Path) -> None:
    import resource
    import signal

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
    try:
        with pytest.raises(InfrastructureError, match="cannot write"):
            asked(plain(100), lambda: Scripted(answer), tmp_path / "journal", AskingSettings())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)
    content = (tmp_path / "journal").read_bytes()
    assert content.endswith(b"\n")
    with Journal(tmp_path / "journal") as journal:
        assert 3 < len(journal) < 100


def test_progress_shows_no_control_characters_of_a_sample() -> None:
    state = AskingState(total=2)
    state.in_flight[("\x1b]0;mine\x07\x1b[2J", 0)] = state.started - 10
    text = progress_text("m\x1b[31m", state)
    assert "slowest" in text
    assert text.isprintable()
