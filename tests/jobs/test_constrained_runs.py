"""Answers held to a schema: sent as asked, checked by a canary before the first sample, and a run of its own."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.benchmarks.sample import data_digest
from peakbench.errors import BadInputError, InfrastructureError
from peakbench.jobs.identity import run_identity, without_secrets
from peakbench.jobs.run import run_benchmark
from peakbench.jobs.settings import RunSettings
from peakbench.metrics.registry import Registry
from peakbench.mock import MockServerSettings, build_models, run_in_thread
from peakbench.mock.serving import RunningMockServer
from peakbench.runners.constraint import request_extra
from peakbench.runners.endpoint import Endpoint
from peakbench.runs.manifest import ModelFacts

FORMS = ["json_object", "json_schema", "structured_outputs"]


def settings_of(url: str, output: Path, **others: Any) -> RunSettings:
    return RunSettings(ModelFacts(name="constant-null"), Endpoint(url), output, cache=output / "cache", **others)


@pytest.mark.parametrize("transport", ["http", "openai"])
@pytest.mark.parametrize("form", FORMS)
def test_a_server_that_constrains_is_asked_and_one_that_ignores_the_schema_is_not(
    tiny: Callable[..., Path], tmp_path: Path, form: Any, transport: Any
) -> None:
    benchmark = find_benchmark(str(tiny(3)))
    prose = {"response_format": form, "transport": transport}
    with run_in_thread(build_models(["constant-null"]), MockServerSettings(constrains=True)) as server:
        settings = settings_of(server.base_url, tmp_path / "held", **prose)
        outcome = run_benchmark(benchmark, settings, Registry.load())
        assert server.server.requests_served == 3 + 1  # and the canary
    assert outcome.results.n_failed == 0
    generation = outcome.folder.read_manifest().identity.generation
    assert generation["response_format"] == form
    # A model that writes an object whatever it is asked for cannot be told from one that is held to objects.
    name = "constant-empty" if form == "json_object" else "constant-null"
    with run_in_thread(build_models([name]), MockServerSettings()) as server:
        settings = replace(settings_of(server.base_url, tmp_path / "free", **prose), model=ModelFacts(name=name))
        with pytest.raises(InfrastructureError, match=f"does not constrain answers under --response-format {form}"):
            run_benchmark(benchmark, settings, Registry.load())
        assert server.server.requests_served == 1


def test_constrained_and_free_runs_and_those_with_other_keys_are_different_runs(
    tiny: Callable[..., Path], tmp_path: Path
) -> None:
    benchmark = find_benchmark(str(tiny(2)))
    ways: list[dict[str, Any]] = [
        {},
        {"logprobs": 0},
        {"logprobs": 5},
        {"response_format": "json_schema"},
        {"response_format": "structured_outputs"},
        {"extra_body": {"chat_template_kwargs": {"enable_thinking": False}}},
    ]
    identities = [
        run_identity(benchmark, data_digest([]), settings_of("http://x/v1", tmp_path, **way), None) for way in ways
    ]
    assert len({identity.digest for identity in identities}) == len(ways)
    assert identities[0].generation == benchmark.file.generation.model_dump(mode="json")


def test_the_keys_of_a_schema_are_sent_in_the_order_of_the_benchmark_and_their_order_belongs_to_the_run(
    tiny: Callable[..., Path], tmp_path: Path
) -> None:
    """A constrained model writes keys in the order of the schema; in another one it answers worse."""
    file = tiny(2)
    swapped = file.with_name("swapped.yaml")
    lines = file.read_text().splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if line.startswith("  type:"))
    lines[first : first + 2] = lines[first + 1], lines[first]
    swapped.write_text("".join(lines))
    benchmarks = [find_benchmark(str(path)) for path in (file, swapped)]
    for benchmark, fields in zip(benchmarks, (["type", "color", "size"], ["color", "type", "size"]), strict=True):
        for form in ("json_schema", "structured_outputs"):
            sent = request_extra(form, benchmark.file.answer_schema, {})
            places = [sent.index(f'"{field}": {{"type"') for field in fields]
            assert places == sorted(places)
    held = settings_of("http://x/v1", tmp_path, response_format="json_schema")
    one, other = (run_identity(benchmark, "", held, None) for benchmark in benchmarks)
    assert one.generation != other.generation


def test_secrets_among_added_keys_are_told_apart_and_not_written() -> None:
    one, other = ({"metadata": {"api_key": secret}, "top_k": 1, "max_tokens": 5} for secret in ("s1", "s2"))
    assert "s1" not in json.dumps(without_secrets(one))
    assert without_secrets(one) != without_secrets(other)
    assert "s1" not in json.dumps(without_secrets({"credentials": [{"user": {"name": "s1"}}]}))
    assert without_secrets({"top_k": 1, "max_tokens": 5}) == {"top_k": 1, "max_tokens": 5}


def test_keys_that_peakbench_sends_itself_are_refused_before_anything_is_asked(
    tiny: Callable[..., Path], tmp_path: Path
) -> None:
    benchmark = find_benchmark(str(tiny(2)))
    ways: list[dict[str, Any]] = [
        {"extra_body": {"messages": []}},
        {"extra_body": {"response_format": {}}, "response_format": "json_object"},
    ]
    for way in ways:
        with pytest.raises(BadInputError, match="is what PeakBench sends itself"):
            run_benchmark(benchmark, settings_of("http://127.0.0.1:9/v1", tmp_path, **way), Registry.load())


def test_added_keys_and_headers_reach_the_server_and_values_are_nowhere_on_disk(
    tiny: Callable[..., Path], server: RunningMockServer, tmp_path: Path, peakbench: Callable[..., Any]
) -> None:
    done = peakbench(
        "run", tiny(2), "--model", "constant-null", "--base-url", server.base_url, "-o", tmp_path / "runs",
        "--extra-body", '{"max_completion_tokens": 3, "session_secret": "s-3-c-r-3-t"}',
        "--header", "X-Team: t-3-a-m-value",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    written = [path.read_bytes() for path in tmp_path.rglob("runs/**/*") if path.is_file()]
    assert written
    assert not [text for text in written if b"t-3-a-m-value" in text or b"s-3-c-r-3-t" in text]
    (manifest,) = (tmp_path / "runs" / "constant-null").rglob("run.json")
    told = json.loads(manifest.read_text())
    assert told["sessions"][0]["headers"] == ["X-Team"]
    assert told["identity"]["generation"]["extra_body"]["max_completion_tokens"] == 3
    # The server takes the added limit, so every answer ends because it is too long.
    assert json.loads((manifest.parent / "results.json").read_text())["n_truncated"] == 2


def test_the_values_of_headers_are_not_repeated_to_the_person(
    tiny: Callable[..., Path], tmp_path: Path, peakbench: Callable[..., Any]
) -> None:
    done = peakbench(
        "run", tiny(2), "--model", "m", "--base-url", "http://127.0.0.1:9/v1", "-o", tmp_path / "runs",
        "--header", "X-Team: t-3-a-m-value",
    )  # fmt: skip
    assert done.returncode == 5
    assert "t-3-a-m-value" not in done.stdout + done.stderr
    for wrong, words in (("X-Team", "NAME: VALUE"), ("Authorization: Bearer x-y-z", "sends itself")):
        done = peakbench("run", tiny(2), "--model", "m", "--header", wrong)
        assert done.returncode == 2
        assert words in done.stderr
        assert "x-y-z" not in done.stderr
    done = peakbench("run", tiny(2), "--model", "m", "--extra-body", "[1]")
    assert done.returncode == 2
    assert "--extra-body is no JSON object" in done.stderr
