"""The fault matrix: every sample ends answered or typed, exactly once, and no answer is made of a failure."""

import asyncio
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL.Image import Image

from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.benchmarks.sample import ImageFile
from peakbench.errors import InfrastructureError
from peakbench.mock import FaultKind, Faults, MockAnswer, MockServerSettings, run_in_thread
from peakbench.runners.asking import AskingSettings, AskingState, ask
from peakbench.runners.endpoint import Endpoint
from peakbench.runners.http_transport import HttpTransport
from peakbench.runners.openai_transport import OpenAITransport
from peakbench.runners.transport import Transport
from peakbench.runs.journal import Journal, JournalWriter
from peakbench.runs.journal_lines import JournalHeader
from peakbench.runs.records import Failure, FailureKind, Generation, Record, Request, Response

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
TRANSPORTS: dict[str, Callable[[Endpoint], Transport]] = {
    "http": HttpTransport,
    "openai": OpenAITransport,
    "http streamed": partial(HttpTransport, stream=True),
    "openai streamed": partial(OpenAITransport, stream=True),
}


@dataclass(frozen=True)
class Row:
    """What the page promises for a fault."""

    recorded: FailureKind
    again: bool
    stops: bool


def promised() -> dict[FaultKind, Row]:
    """The rows of the page's table of faults."""
    yes = {"yes": True, "no": False}
    rows = re.findall(r"^\| `(\w+)` \|.*\| `(\w+)` \| (yes|no) \| (yes|no) \|$", PAGE.read_text(), re.MULTILINE)
    return {FaultKind(kind): Row(FailureKind(record), yes[again], yes[stops]) for kind, record, again, stops in rows}


PROMISED = promised()
PASSING = [kind for kind, row in PROMISED.items() if not row.stops]
STOPPING = [kind for kind, row in PROMISED.items() if row.stops]
HELD = (FaultKind.STALL, FaultKind.SLOW_LORIS)


class Reciting:
    """Says what follows from the prompt alone, and does not stand in it."""

    name = "reciting"

    def answer(self, image: Image, prompt: str) -> MockAnswer:
        return MockAnswer(recited(prompt))


def recited(prompt: str) -> str:
    return f'{{"said": "{hashlib.sha256(prompt.encode()).hexdigest()}"}}'


@pytest.fixture
def image(tiny: Callable[..., Path]) -> ImageFile:
    path = tiny(1)
    benchmark = find_benchmark(str(path))
    return benchmark.samples(benchmark.data_place(path.parent), path.parent)[0][0].files[0]


def questions(image: ImageFile, ids: Sequence[str]) -> list[tuple[Request, str]]:
    generation = Generation(max_tokens=200)
    return [(Request(sample, 0, "reciting", f"About {sample}.", "", (image,), generation), "d") for sample in ids]


def names(n: int) -> list[str]:
    return [f"s{position:04d}" for position in range(n)]


def asked(
    asking: list[tuple[Request, str]], url: str, journal: Path, settings: AskingSettings, transport: str = "http"
) -> AskingState:
    """Ask into a journal that may be there already."""
    state = AskingState(total=len(asking))

    async def whole() -> None:
        opened = TRANSPORTS[transport](Endpoint(url))
        try:
            await ask(asking, opened, writer, settings, state, session=0)
        finally:
            await opened.close()

    writer = JournalWriter(journal, JournalHeader("run", "identity"))
    try:
        asyncio.run(whole())
    finally:
        writer.close()
    return state


def settled(journal: Path) -> dict[str, Record]:
    """What the journal holds, each sample once, and every answer the true one."""
    keys = Counter(json.loads(line)["sample_id"] for line in journal.read_bytes().splitlines()[1:])
    assert set(keys.values()) <= {1}
    with Journal(journal) as opened:
        records = {sample: opened[sample, 0] for sample in keys}
    for sample, record in records.items():
        if isinstance(record, Response):
            assert record.text == recited(f"About {sample}.")
    return records


def failures(records: Mapping[str, Record]) -> Counter[FailureKind]:
    return Counter(record.kind for record in records.values() if isinstance(record, Failure))


def faulty(rates: Mapping[FaultKind, float], max_per_request: int = 2, **other: Any) -> MockServerSettings:
    faults = Faults(rates, hold_s=60, max_per_request=max_per_request, **other)
    return MockServerSettings(faults=faults, shutdown_s=0.1)


def test_the_page_has_a_row_for_every_fault() -> None:
    assert list(PROMISED) == list(FaultKind)


@pytest.mark.parametrize("kind", FaultKind)
def test_what_stops_a_run_and_what_is_asked_again_is_as_the_page_says(kind: FaultKind) -> None:
    row = PROMISED[kind]
    assert (row.recorded.transient, row.recorded.fatal) == (row.again, row.stops)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("kind", FaultKind)
def test_every_form_of_a_fault_is_typed_as_the_page_says_and_the_next_attempt_is_answered(
    image: ImageFile, kind: FaultKind, transport: str
) -> None:
    asking = [request for request, _ in questions(image, names(24))]

    async def attempts(url: str) -> list[list[Record]]:
        opened = TRANSPORTS[transport](Endpoint(url))
        try:
            first = [opened.send(request, 2 if kind in HELD else 60) for request in asking]
            hit = await asyncio.gather(*first)
            return [hit, await asyncio.gather(*(opened.send(request, 60) for request in asking))]
        finally:
            await opened.close()

    with run_in_thread([Reciting()], faulty({kind: 1.0}, max_per_request=1)) as server:
        hit, after = asyncio.run(attempts(server.base_url))
        assert server.server.faults_given == {kind: len(asking)}
    assert failures({record.sample_id: record for record in hit}) == {PROMISED[kind].recorded: len(asking)}
    texts = [record.text for record in after if isinstance(record, Response)]
    assert texts == [recited(request.prompt) for request in asking]


def check_together(image: ImageFile, folder: Path, n: int, transport: str, timeout_s: float) -> None:
    """All faults that pass, at 20 % in total."""
    rates = dict.fromkeys(PASSING, 0.2 / len(PASSING))
    with run_in_thread([Reciting()], faulty(rates)) as server:
        settings = AskingSettings(200, timeout_s)
        asked(questions(image, names(n)), server.base_url, folder / "journal", settings, transport)
        assert server.server.faults_given.total() > 0.1 * n
    records = settled(folder / "journal")
    assert sorted(records) == names(n)
    # A fault that is held open takes the whole deadline of its sample; another may leave no time for a further attempt.
    assert set(failures(records)) <= {PROMISED[kind].recorded for kind in PASSING}
    assert failures(records).total() < 0.5 * n


def test_two_hundred_samples_survive_all_faults_together(image: ImageFile, tmp_path: Path) -> None:
    check_together(image, tmp_path, 200, "http", timeout_s=5)


@pytest.mark.slow
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_thousand_samples_survive_all_faults_together(image: ImageFile, tmp_path: Path, transport: str) -> None:
    check_together(image, tmp_path, 1000, transport, timeout_s=10)


@pytest.mark.slow
@pytest.mark.parametrize("kind", PASSING)
def test_a_thousand_samples_survive_each_fault_alone(image: ImageFile, tmp_path: Path, kind: FaultKind) -> None:
    with run_in_thread([Reciting()], faulty({kind: 0.3})) as server:
        timeout_s = 2 if kind in HELD else 120
        state = asked(
            questions(image, names(1000)), server.base_url, tmp_path / "journal", AskingSettings(100, timeout_s)
        )
        assert server.server.faults_given[kind] > 200
    records = settled(tmp_path / "journal")
    assert sorted(records) == names(1000)
    if kind in HELD:
        assert set(failures(records)) <= {PROMISED[kind].recorded}
        assert failures(records).total() < 600
    else:
        assert not failures(records)
        assert state.retries == server.server.faults_given[kind]


@pytest.mark.parametrize("kind", STOPPING)
def test_what_no_sample_can_survive_stops_the_run_and_the_rest_is_asked_later(
    image: ImageFile, tmp_path: Path, kind: FaultKind
) -> None:
    journal = tmp_path / "journal"
    with (
        run_in_thread([Reciting()], faulty({kind: 0.1}, seed=3)) as server,
        pytest.raises(InfrastructureError) as stopped,
    ):
        asked(questions(image, names(100)), server.base_url, journal, AskingSettings(8, 60))
    assert stopped.value.mend
    assert 0 < server.server.requests_received < 100
    before = settled(journal)
    assert not failures(before)
    with run_in_thread([Reciting()]) as server:
        rest = [name for name in names(100) if name not in before]
        asked(questions(image, rest), server.base_url, journal, AskingSettings(8, 60))
    assert sorted(settled(journal)) == names(100)


def test_a_wait_of_a_year_hangs_nobody(image: ImageFile, tmp_path: Path) -> None:
    limits = faulty({FaultKind.RATE_LIMIT: 1.0}, retry_after_s=31_536_000)
    with run_in_thread([Reciting()], limits) as server:
        asked(questions(image, names(20)), server.base_url, tmp_path / "journal", AskingSettings(8, 60))
    assert failures(settled(tmp_path / "journal")) == {FailureKind.RATE_LIMITED: 20}


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_server_that_dies_and_returns_costs_no_sample(image: ImageFile, tmp_path: Path, transport: str) -> None:
    settings = MockServerSettings(die_after=90, die_for_s=0.3, shutdown_s=0.1)
    with run_in_thread([Reciting()], settings) as server:
        asked(questions(image, names(200)), server.base_url, tmp_path / "journal", AskingSettings(16, 120), transport)
        assert server.server.deaths >= 2
    records = settled(tmp_path / "journal")
    assert sorted(records) == names(200)
    assert not failures(records)
