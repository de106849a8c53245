"""A streamed run: the same answers and scores as any other, with the times of its tokens."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.jobs.leaderboard import make_boards
from peakbench.jobs.run import RunOutcome, run_benchmark
from peakbench.jobs.schemas import schemas
from peakbench.jobs.settings import RunSettings
from peakbench.leaderboards.columns import board_columns
from peakbench.metrics.registry import Registry
from peakbench.mock import MockServerSettings, build_models, run_in_thread
from peakbench.runners.asking import AskingSettings
from peakbench.runners.endpoint import Endpoint
from peakbench.runners.transport import TransportName
from peakbench.runs.manifest import ModelFacts
from peakbench.runs.records import Response

TTFT_MS, TOKEN_MS = 60.0, 4.0


@pytest.fixture(scope="module")
def slow() -> object:
    """A server that takes its time, for the first token and for each further one."""
    settings = MockServerSettings(ttft_ms=TTFT_MS, token_ms=TOKEN_MS)
    with run_in_thread(build_models(["constant-null"]), settings) as running:
        yield running.base_url


def run(
    url: object, path: Path, output: Path, *, stream: bool, transport: TransportName = "http", at_once: int = 8
) -> RunOutcome:
    settings = RunSettings(
        ModelFacts(name="constant-null"),
        Endpoint(str(url)),
        output,
        asking=AskingSettings(at_once),
        transport=transport,
        cache=output / "cache",
    )
    return run_benchmark(find_benchmark(str(path)), replace(settings, stream=stream), Registry.load())


@pytest.mark.parametrize("transport", ["http", "openai"])
def test_times_of_tokens_are_those_of_the_server(
    slow: object, tiny: Callable[..., Path], tmp_path: Path, transport: TransportName
) -> None:
    outcome = run(slow, tiny(6), tmp_path, stream=True, transport=transport, at_once=1)
    performance = outcome.results.performance
    assert performance is not None
    assert performance.median_ttft_ms is not None
    assert performance.median_ttft_ms > 0.9 * TTFT_MS  # from above nothing holds on a machine with other things to do
    assert performance.median_itl_ms is not None
    assert performance.median_tpot_ms is not None
    gaps: list[float] = []
    with outcome.folder.journal() as journal:
        for record in journal.records():
            assert isinstance(record, Response)
            timing = record.timing
            assert timing.itl_ms is not None
            assert timing.ttft_ms is not None
            assert len(timing.itl_ms) == (record.usage.completion_tokens or 0) - 1
            gaps += timing.itl_ms
            # A client that had no turn meanwhile sees several tokens at once, and the last one never too early.
            assert timing.ttft_ms + sum(timing.itl_ms) > 0.9 * (TTFT_MS + TOKEN_MS * len(timing.itl_ms))
            # What is rounded adds up to the whole, and the end of the answer comes behind its last token.
            assert timing.ttft_ms + sum(timing.itl_ms) <= timing.e2el_ms + 0.01 * len(timing.itl_ms)
    assert max(gaps) > 0.9 * TOKEN_MS  # of six answers, one after the other, some token was waited for
    for line in outcome.folder.journal_path.read_text().splitlines():
        jsonschema.validate(json.loads(line), schemas()["responses.schema.json"])
    assert outcome.folder.read_manifest().sessions[0].stream


def test_streamed_or_not_a_run_is_the_same_run_with_the_same_scores(
    slow: object, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    path = tiny(4)
    streamed, whole = (run(slow, path, tmp_path / str(way), stream=way) for way in (True, False))
    first, second = streamed.folder.read_manifest(), whole.folder.read_manifest()
    assert first.identity_digest == second.identity_digest
    assert streamed.results.fingerprint != whole.results.fingerprint
    assert streamed.results.comparable == whole.results.comparable
    scores = [
        {name: result.value for name, result in outcome.results.metrics.items() if result.interval != "none"}
        for outcome in (streamed, whole)
    ]
    assert scores[0] == scores[1]
    assert whole.results.performance is not None
    assert whole.results.performance.median_ttft_ms is None


def test_a_board_shows_the_time_to_first_token_where_there_is_one(
    slow: object, tiny: Callable[..., Path], tmp_path: Path
) -> None:
    path = tiny(3)
    for stream in (True, False):
        run(slow, path, tmp_path / str(stream), stream=stream)
        (board,) = make_boards([tmp_path / str(stream)], Registry.load(), 0.01)
        headers = [column.header for column in board_columns(board)]
        assert ("Median TTFT" in headers) is stream
        assert "Median latency" in headers


def test_the_command_streams_shows_the_times_and_notes_how_it_asked(
    slow: object, tiny: Callable[..., Path], peakbench: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    options = ["--stream", "--stall-timeout", "33", "--logprobs", "2"]
    done = peakbench("run", tiny(3), "-m", "constant-null", "--base-url", slow, *options)
    assert done.returncode == 0, done.stderr
    assert "median_ttft_ms" in done.stdout
    assert "p99_itl_ms" in done.stdout
    (path,) = tmp_path.glob("runs/constant-null/*/*/run.json")
    manifest = json.loads(path.read_text())
    session = manifest["sessions"][0]
    assert (session["stream"], session["stall_timeout_s"]) == (True, 33.0)
    assert manifest["identity"]["generation"]["logprobs"] == 2
    done = peakbench("run", tiny(3), "-m", "constant-null", "--base-url", slow, "--fresh")
    assert "ttft" not in done.stdout


@pytest.mark.parametrize("key", ["stream", "stream_options", "logprobs", "top_logprobs"])
def test_what_has_an_option_is_no_key_to_add(
    slow: object, tiny: Callable[..., Path], peakbench: Callable[..., subprocess.CompletedProcess[str]], key: str
) -> None:
    added = json.dumps({key: True})
    done = peakbench("run", tiny(3), "-m", "constant-null", "--base-url", slow, "--extra-body", added)
    assert done.returncode == 2
    assert "--logprobs" in done.stderr
