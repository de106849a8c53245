"""A session of asking: several endpoints, a warm-up and a clock, and what `run.json` says of them."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from small_servers import QuietHandler, serving

from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.errors import InfrastructureError
from peakbench.jobs import session as session_module
from peakbench.jobs.run import RunOutcome, run_benchmark
from peakbench.jobs.score import score_run
from peakbench.jobs.settings import RunSettings
from peakbench.jobs.sweep import combinations, read_sweep, sweep
from peakbench.jobs.watching import Watching
from peakbench.metrics.registry import Registry
from peakbench.mock import FaultKind, Faults, MockServerSettings, build_models, run_in_thread
from peakbench.mock.serving import RunningMockServer
from peakbench.runners.asking import AskingSettings, AskingState, ask
from peakbench.runners.endpoint import Endpoint, NoAnswerError
from peakbench.runners.warmup import warm_up
from peakbench.runs.folder import RunFolder
from peakbench.runs.manifest import ModelFacts, Session

Tiny = Callable[..., Path]
NOWHERE = Endpoint("http://127.0.0.1:9/v1")


@pytest.fixture
def servers() -> Iterator[Callable[..., RunningMockServer]]:
    """Starts mock servers that end with the test."""
    with ExitStack() as stack:

        def start(*names: str, **settings: Any) -> RunningMockServer:
            models = build_models(list(names) or ["constant-null"])
            return stack.enter_context(run_in_thread(models, MockServerSettings(**settings)))

        yield start


def settings_of(output: Path, *endpoints: Endpoint, **others: Any) -> RunSettings:
    first, *more = endpoints
    return RunSettings(ModelFacts(name="constant-null"), first, output, more_endpoints=tuple(more), **others)


def run(path: Path, settings: RunSettings, said: list[str] | None = None) -> RunOutcome:
    watching = Watching(say=(said if said is not None else []).append)
    return run_benchmark(find_benchmark(str(path)), settings, Registry.load(), watching)


def session_of(outcome: RunOutcome) -> Session:
    return outcome.folder.read_manifest().sessions[-1]


def test_requests_are_spread_over_all_endpoints_and_counted(
    tiny: Tiny, servers: Callable[..., RunningMockServer], tmp_path: Path
) -> None:
    three = [servers(ttft_ms=2) for _ in range(3)]
    outcome = run(tiny(30), settings_of(tmp_path / "runs", *(Endpoint(one.base_url) for one in three)))
    assert outcome.results.n_failed == 0
    session = session_of(outcome)
    assert [use.base_url for use in session.endpoints] == [one.base_url for one in three]
    assert [use.answered for use in session.endpoints] == [one.server.requests_served for one in three]
    assert sum(use.answered or 0 for use in session.endpoints) == 30
    assert all((use.answered or 0) > 4 for use in session.endpoints)
    assert [(use.failed, use.left_out) for use in session.endpoints] == [(0, 0)] * 3


def test_an_endpoint_that_is_down_at_the_start_is_told_and_not_asked(
    tiny: Tiny, servers: Callable[..., RunningMockServer], tmp_path: Path
) -> None:
    said: list[str] = []
    up = Endpoint(servers().base_url)
    outcome = run(tiny(6), settings_of(tmp_path / "runs", NOWHERE, up), said)
    assert outcome.results.n_failed == 0
    assert any(NOWHERE.base_url in line and "going on without it" in line for line in said)
    session = session_of(outcome)
    assert session.base_url == up.base_url
    assert [(use.base_url, use.server is None, use.answered) for use in session.endpoints] == [
        (NOWHERE.base_url, True, None),
        (up.base_url, False, 6),
    ]


def test_all_endpoints_down_is_an_error_that_names_each(tiny: Tiny, tmp_path: Path) -> None:
    other = Endpoint("http://127.0.0.1:13/v1")
    with pytest.raises(NoAnswerError, match=r"127.0.0.1:9/v1[^$]*127.0.0.1:13/v1"):
        run(tiny(2), settings_of(tmp_path / "runs", NOWHERE, other))
    assert not (tmp_path / "runs").exists()


def test_one_that_does_not_serve_the_model_is_for_a_person_to_mend(
    tiny: Tiny, servers: Callable[..., RunningMockServer], tmp_path: Path
) -> None:
    wrong = servers("constant-empty")
    with pytest.raises(InfrastructureError, match="does not serve `constant-null`"):
        run(tiny(2), settings_of(tmp_path / "runs", Endpoint(servers().base_url), Endpoint(wrong.base_url)))


def test_endpoints_that_serve_different_things_are_warned_of(
    tiny: Tiny, servers: Callable[..., RunningMockServer], tmp_path: Path
) -> None:
    said: list[str] = []
    short, long = (Endpoint(servers(max_model_len=length).base_url) for length in (4096, 8192))
    run(tiny(2), settings_of(tmp_path / "runs", short, long), said)
    warnings = [line for line in said if line.startswith("warning")]
    assert warnings == [
        "warning: the endpoints do not serve the same: max_model_len is "
        f"4096 at {short.base_url}, 8192 at {long.base_url}"
    ]


@pytest.mark.parametrize("constrained", [0, 1])
def test_the_canary_asks_every_endpoint(
    tiny: Tiny, servers: Callable[..., RunningMockServer], tmp_path: Path, constrained: int
) -> None:
    two = [servers(constrains=number == constrained) for number in range(2)]
    settings = settings_of(tmp_path / "runs", *(Endpoint(one.base_url) for one in two), response_format="json_schema")
    with pytest.raises(InfrastructureError, match=f"{two[1 - constrained].base_url}: the server does not constrain"):
        run(tiny(4), settings)
    assert two[1 - constrained].server.requests_served == 1


def test_a_fault_that_passes_does_not_fail_the_canary(
    tiny: Tiny, servers: Callable[..., RunningMockServer], tmp_path: Path
) -> None:
    server = servers(constrains=True, faults=Faults({FaultKind.SERVER_ERROR: 1.0}, max_per_request=1))
    settings = settings_of(tmp_path / "runs", Endpoint(server.base_url), response_format="json_schema")
    assert run(tiny(2), settings).results.n_failed == 0
    assert server.server.requests_served == 3  # the canary and two samples


def test_a_run_goes_on_at_other_endpoints(
    tiny: Tiny, servers: Callable[..., RunningMockServer], tmp_path: Path
) -> None:
    path = tiny(12)
    with run_in_thread(build_models(["constant-null"]), MockServerSettings(api_key="right")) as first:
        settings = settings_of(tmp_path / "runs", Endpoint(first.base_url, "right"))
        outcome = run(path, settings)
    # As if it had been broken off: half of the journal is there.
    journal = outcome.folder.journal_path
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:7]))
    manifest = outcome.folder.read_manifest()
    outcome.folder.write_manifest(manifest.model_copy(update={"finished": None}))
    elsewhere = [Endpoint(servers().base_url) for _ in range(2)]
    again = run(path, settings_of(tmp_path / "runs", *elsewhere, resume=True))
    assert again.folder.path == outcome.folder.path
    assert again.results.n_failed == 0
    assert sum(use.answered or 0 for use in session_of(again).endpoints) == 6


@pytest.mark.parametrize("n", [3, 50])
def test_a_warm_up_is_declared_and_counted_nowhere(
    tiny: Tiny, servers: Callable[..., RunningMockServer], tmp_path: Path, n: int
) -> None:
    two = [servers(ttft_ms=1) for _ in range(2)]
    said: list[str] = []
    settings = settings_of(tmp_path / "runs", *(Endpoint(one.base_url) for one in two), asking=AskingSettings(warmup=n))
    outcome = run(tiny(8), settings, said)
    sent = min(n, 8)
    assert sum(one.server.requests_served for one in two) == 8 + sent
    session = session_of(outcome)
    assert session.warmup == sent
    assert sum(use.answered or 0 for use in session.endpoints) == 8
    assert outcome.results.performance is not None
    assert (outcome.results.performance.completed, outcome.results.performance.failed) == (8, 0)
    assert len(outcome.folder.journal_path.read_bytes().splitlines()) == 1 + 8
    assert f"warmed up with {sent} requests" in said


def test_a_warm_up_that_fails_is_told_and_stops_nothing(
    tiny: Tiny, servers: Callable[..., RunningMockServer], tmp_path: Path
) -> None:
    said: list[str] = []
    flaky = servers(faults=Faults({FaultKind.SERVER_ERROR: 1.0}, max_per_request=1))
    settings = settings_of(tmp_path / "runs", Endpoint(flaky.base_url), asking=AskingSettings(warmup=3))
    assert run(tiny(4), settings, said).results.n_failed == 0
    assert "warmed up with 3 requests; failed: 3 × server_error" in said


def test_speed_is_of_the_measured_time_and_else_of_the_wall_clock(
    tiny: Tiny, servers: Callable[..., RunningMockServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warmed: list[float] = []
    measured: list[AskingState] = []

    async def warm_up_watched(*given: Any) -> Any:
        outcome = await warm_up(*given)
        warmed.append(time.monotonic())
        return outcome

    async def ask_watched(*given: Any, **more: Any) -> None:
        measured.extend(each for each in given if isinstance(each, AskingState))
        await ask(*given, **more)

    monkeypatch.setattr(session_module, "warm_up", warm_up_watched)
    monkeypatch.setattr(session_module, "ask", ask_watched)
    settings = settings_of(
        tmp_path / "runs", Endpoint(servers(ttft_ms=250).base_url), asking=AskingSettings(1, warmup=8), limit=2
    )
    outcome = run(tiny(12), settings)
    assert session_of(outcome).warmup == 2
    session = session_of(outcome)
    assert session.duration_s is not None
    assert outcome.results.performance is not None
    assert outcome.results.performance.duration == session.duration_s
    assert session.duration_s >= 0.5
    assert session.duration_s == measured[0].duration_s
    assert measured[0].started >= warmed[0], "the warm-up is not in it"

    def scored_with(duration_s: float | None) -> float:
        manifest = outcome.folder.read_manifest()
        ended = manifest.sessions[-1].model_copy(update={"duration_s": duration_s})
        outcome.folder.write_manifest(manifest.model_copy(update={"sessions": [ended]}))
        performance = score_run(outcome.folder, Registry.load()).performance
        assert performance is not None
        return performance.duration

    assert scored_with(40.0) == 40.0
    with outcome.folder.journal() as journal:
        records = list(journal.records())
    starts = [record.timing.started_at for record in records]
    ends = [record.timing.started_at + record.timing.e2el_ms / 1000 for record in records]
    assert scored_with(None) == pytest.approx(max(ends) - min(starts))


def test_an_adaptive_session_tells_its_course_and_is_another_fingerprint(
    tiny: Tiny, servers: Callable[..., RunningMockServer], tmp_path: Path
) -> None:
    path = tiny(10)
    settings = settings_of(tmp_path / "runs", Endpoint(servers().base_url), asking=AskingSettings(64, adaptive=True))
    outcome = run(path, settings)
    session = session_of(outcome)
    assert (session.adaptive, session.max_concurrency) == (True, 64)
    assert session.course is not None
    assert (session.course.start, session.course.cuts) == (8, 0)
    fixed = run(path, replace(settings, fresh=True, asking=AskingSettings(64)))
    assert session_of(fixed).course is None
    lower = run(path, replace(settings, fresh=True, asking=AskingSettings(32, adaptive=True)))
    assert len({each.results.fingerprint for each in (outcome, fixed, lower)}) == 3
    assert fixed.folder.read_manifest().identity == outcome.folder.read_manifest().identity


def test_the_models_of_a_sweep_may_each_have_several_endpoints(
    tiny: Tiny, servers: Callable[..., RunningMockServer], tmp_path: Path
) -> None:
    two = [servers(ttft_ms=2) for _ in range(2)]
    text = f"schema_version: 1\nbenchmarks: ['{tiny(8)}']\nmodels:\n- name: constant-null\n  base_urls:\n"
    (tmp_path / "sweep.yaml").write_text(text + "".join(f"  - {one.base_url}\n" for one in two))
    file, path = read_sweep(str(tmp_path / "sweep.yaml"))
    runs = combinations(file, path, settings_of(tmp_path / "runs", NOWHERE))
    (outcome,) = sweep(runs, Registry.load(), lambda _: Watching())
    assert outcome.run is not None, outcome.error
    assert [use.base_url for use in session_of(outcome.run).endpoints] == [one.base_url for one in two]
    assert "base_urls" not in json.loads((outcome.run.folder.path / "run.json").read_text())["model"]


def test_a_spent_account_stops_the_run_and_the_run_goes_on_with_another(
    tiny: Tiny, servers: Callable[..., RunningMockServer], tmp_path: Path
) -> None:
    asked: list[str] = []

    class Spent(QuietHandler):
        def do_GET(self) -> None:
            self.answer(200, {"data": [{"id": "constant-null"}]})

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(self.path)
            self.answer(429, {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}})

    path = tiny(40)
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Spent)) as spent:
        there = Endpoint(f"http://127.0.0.1:{spent.server_port}/v1")
        with pytest.raises(InfrastructureError, match="the account's quota or money is spent") as caught:
            run(path, settings_of(tmp_path / "runs", there, asking=AskingSettings(4)))
    assert len(asked) <= 8  # those in flight, and no attempt again
    assert "--resume" in caught.value.mend
    outcome = run(path, settings_of(tmp_path / "runs", Endpoint(servers().base_url), resume=True))
    assert outcome.results.n_failed == 0
    assert RunFolder(outcome.folder.path).read_results().n == 40
