"""Log-probabilities that were asked for and never came: the results warn of it, and of nothing else."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.jobs.run import run_benchmark
from peakbench.jobs.score import score_run
from peakbench.jobs.settings import RunSettings
from peakbench.metrics.registry import Registry
from peakbench.mock.serving import RunningMockServer
from peakbench.runners.endpoint import Endpoint
from peakbench.runs.folder import find_runs
from peakbench.runs.manifest import ModelFacts


def test_a_server_that_ignores_what_was_asked_is_warned_of(
    tiny: Callable[..., Path], server: RunningMockServer, tmp_path: Path
) -> None:
    benchmark, registry = find_benchmark(str(tiny(4))), Registry.load()
    settings = RunSettings(ModelFacts(name="constant-null"), Endpoint(server.base_url), tmp_path / "runs")
    assert run_benchmark(benchmark, settings, registry).results.warnings == []
    outcome = run_benchmark(benchmark, replace(settings, logprobs=2), registry)
    (warning,) = outcome.results.warnings
    assert "no answer came with log-probabilities" in warning
    floors = [run.read_results() for run in find_runs([tmp_path / "runs"]) if run.path.parts[-3].startswith("floor")]
    assert floors
    assert not any(floor.warnings for floor in floors)

    journal = outcome.folder.journal_path
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    lines[2]["logprobs"] = [["{", -0.1, []]]
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with outcome.folder.lock():
        assert score_run(outcome.folder, registry).warnings == []


def test_failures_are_no_answers_without_them(
    tiny: Callable[..., Path], server: RunningMockServer, tmp_path: Path
) -> None:
    path = tiny(1)
    (row,) = [json.loads(line) for line in (path.parent / "data.jsonl").read_text().splitlines()]
    row["image"] = "https://example.org/a.png"  # this server fetches nothing
    (path.parent / "data.jsonl").write_text(json.dumps(row) + "\n")
    settings = RunSettings(
        ModelFacts(name="constant-null"),
        Endpoint(server.base_url),
        tmp_path / "runs",
        allow_remote_images=True,
        logprobs=0,
    )
    results = run_benchmark(find_benchmark(str(path)), settings, Registry.load()).results
    assert results.n_failed == 1
    assert not any("log-probabilities" in warning for warning in results.warnings)
