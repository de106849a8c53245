"""The options that `run` and `sweep` share: how many at once, several endpoints, a warm-up, the chat template."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from peakbench.cli.request_options import added_keys, without_values
from peakbench.errors import BadInputError
from peakbench.jobs.settings import AUTO_MAX, concurrency
from peakbench.mock import MockServerSettings, build_models, run_in_thread
from peakbench.mock.serving import RunningMockServer
from peakbench.runs.folder import find_runs
from peakbench.runs.manifest import RunManifest

Run = Callable[..., subprocess.CompletedProcess[str]]
Tiny = Callable[..., Path]


@pytest.fixture
def second() -> Iterator[RunningMockServer]:
    """A second server of the same model."""
    with run_in_thread(build_models(["constant-null"]), MockServerSettings()) as running:
        yield running


def the_manifest(runs: Path) -> RunManifest:
    (run,) = find_runs([runs / "constant-null"])
    return run.read_manifest()


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("8", (8, False)),
        ("1", (1, False)),
        ("4096", (4096, False)),
        ("auto", (AUTO_MAX, True)),
        ("auto:1", (1, True)),
        (" auto:64 ", (64, True)),
    ],
)
def test_how_many_at_once_is_a_number_or_found(given: str, read: tuple[int, bool]) -> None:
    assert concurrency(given) == read


@pytest.mark.parametrize(
    "given", ["", "0", "-1", "4097", "1.5", "auto:", "auto:0", "auto:5000", "auto64", "AUTO", "8:auto", "9" * 5000, "٣"]
)
def test_what_is_neither_is_refused(given: str) -> None:
    with pytest.raises(BadInputError, match="neither a number"):
        concurrency(given)


def test_what_the_template_is_given_is_said_once() -> None:
    assert added_keys(None, None) == {}
    assert added_keys('{"top_k": 1}', '{"a": false}') == {"top_k": 1, "chat_template_kwargs": {"a": False}}
    whole = '{"chat_template_kwargs": {"a": false}}'
    assert added_keys(None, '{"a": false}') == added_keys(whole, None)
    with pytest.raises(BadInputError, match="--chat-template-kwargs is given, too"):
        added_keys(whole, '{"b": 1}')
    for wrong in ("", "[]", "{", "1"):
        with pytest.raises(BadInputError, match="--chat-template-kwargs is no JSON"):
            added_keys(None, wrong)


def test_a_run_is_told_all_of_them(
    peakbench: Run, tiny: Tiny, server: RunningMockServer, second: RunningMockServer, tmp_path: Path
) -> None:
    words: list[Any] = ["run", tiny(8), "--model", "constant-null", "-j", "auto:16", "--warmup", 2]
    words += ["--chat-template-kwargs", '{"enable_thinking": false}']
    done = peakbench(*words, "--base-url", server.base_url, "--base-url", second.base_url)
    assert done.returncode == 0, done.stderr
    assert "warmed up with 2 requests" in done.stderr
    manifest = the_manifest(tmp_path / "runs")
    (session,) = manifest.sessions
    assert [use.base_url for use in session.endpoints] == [server.base_url, second.base_url]
    assert (session.max_concurrency, session.adaptive, session.warmup) == (16, True, 2)
    assert manifest.identity.generation["extra_body"] == {"chat_template_kwargs": {"enable_thinking": False}}


def test_a_sweep_asks_at_all_urls_of_the_command_line(
    peakbench: Run, tiny: Tiny, server: RunningMockServer, second: RunningMockServer, tmp_path: Path
) -> None:
    sweep = {"schema_version": 1, "benchmarks": [str(tiny(6))], "models": [{"name": "constant-null"}]}
    (tmp_path / "sweep.yaml").write_text(json.dumps(sweep))
    done = peakbench("sweep", "sweep.yaml", "--base-url", server.base_url, "--base-url", second.base_url)
    assert done.returncode == 0, done.stderr
    (session,) = the_manifest(tmp_path / "runs").sessions
    assert sum(use.answered or 0 for use in session.endpoints) == 6


def test_an_endpoint_twice_and_two_ways_to_name_them_are_refused(
    peakbench: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    again = server.base_url.removesuffix("/v1") + "/"
    done = peakbench("run", tiny(2), "--model", "m", "--base-url", server.base_url, "--base-url", again)
    assert done.returncode == 2
    assert "is given twice" in done.stderr
    models = [{"name": "m", "base_url": "http://a", "base_urls": ["http://b"]}]
    (tmp_path / "sweep.yaml").write_text(json.dumps({"schema_version": 1, "benchmarks": ["x"], "models": models}))
    done = peakbench("sweep", "sweep.yaml")
    assert done.returncode == 2
    assert "exclude one another" in done.stderr
    assert not (tmp_path / "runs").exists()


BODY = '{"top_k": 3, "tools": [{"api_key": "s-3-c-r-3-t"}]}'


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["--extra-body", BODY], ["--extra-body", BODY.replace("s-3-c-r-3-t", "…")]),
        ([f"--extra_body={BODY}"], [f"--extra_body={BODY}".replace("s-3-c-r-3-t", "…")]),
        ([f"--chat-template-kwargs={BODY}"], [f"--chat-template-kwargs={BODY}".replace("s-3-c-r-3-t", "…")]),
        (["--extra-body", '{"top_k":3}', "--stream"], ["--extra-body", '{"top_k":3}', "--stream"]),
        (["--extra-body", "no JSON"], ["--extra-body", "no JSON"]),
    ],
)
def test_a_command_that_is_told_holds_no_secrets_of_added_keys(words: list[str], shown: list[str]) -> None:
    assert without_values(words) == shown
    of_variables = ["--header", "X-A: ${KEY}", "--header=X-B:${KEY}", "--header", "X-C: ${KEY} more"]
    assert without_values(of_variables) == [*of_variables[:4], "X-C: …"], "the name of a variable is no secret"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--timeout", "inf"], "--timeout"),
        (["--stall-timeout", "inf"], "--stall-timeout"),
        (["--extra-body", '{"a": {"b": NaN}}'], "what no JSON can say"),
        (["--extra-body", '{"a": 1e999}'], "what no JSON can say"),
        (["--extra-body", r'{"\ud800": 1}'], "what no JSON can say"),
        (["--extra-body", '{"a": 1, "a": 2}'], "'a' is given twice"),
        (["--header", "Transfer-Encoding: chunked"], "is what PeakBench sends itself"),
        (["--header", "X-A: 1", "--header", "x-a: 2"], "--header x-a is given twice"),
    ],
)
def test_what_no_request_can_be_made_of_is_refused_before_anything_is_written(
    peakbench: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path, more: list[str], said: str
) -> None:
    done = peakbench("run", tiny(2), "--model", "constant-null", "--base-url", server.base_url, *more)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert not (tmp_path / "runs").exists()
