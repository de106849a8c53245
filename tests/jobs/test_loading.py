"""Runs as Python sees them: what is on disk, in typed objects and frames; and the examples of the documentation."""

import doctest
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import peakbench
from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.content import content_root
from peakbench.errors import BadInputError
from peakbench.jobs import answers, loading
from peakbench.jobs.run import run_benchmark
from peakbench.jobs.settings import RunSettings
from peakbench.metrics.registry import Registry
from peakbench.mock.serving import RunningMockServer
from peakbench.runners.endpoint import Endpoint
from peakbench.runs.folder import RunFolder
from peakbench.runs.manifest import ModelFacts
from peakbench.runs.records import Failure, FailureKind, Response, Timing, Usage


@pytest.fixture
def folder(tiny: Callable[..., Path], server: RunningMockServer, tmp_path: Path) -> RunFolder:
    """A run of six samples on a benchmark without floors."""
    settings = RunSettings(
        model=ModelFacts(name="constant-null"), endpoint=Endpoint(server.base_url), output=tmp_path / "runs"
    )
    return run_benchmark(find_benchmark(str(tiny(extra="floors: []\n"))), settings, Registry.load()).folder


def replaced(folder: RunFolder, record: Response | Failure) -> None:
    """Write the journal again, with another record for a sample at its end."""
    with folder.journal() as journal:
        kept = [one for one in journal.records() if one.sample_id != record.sample_id]
    folder.journal_path.unlink()
    writer = folder.journal_writer(folder.read_manifest())
    for one in [*kept, record]:
        writer.append(one)
    writer.sync()
    writer.close()


@pytest.mark.parametrize("module", [answers, loading])
def test_the_examples_of_the_functions_are_so(folder: RunFolder, module: object) -> None:
    found = doctest.testmod(module, extraglobs={"run_folder": folder.path})  # type: ignore[arg-type]
    assert found.attempted > 3
    assert found.failed == 0


def test_the_examples_of_the_page_are_so(folder: RunFolder, tmp_path: Path) -> None:
    page = Path(peakbench.__file__).parents[1] / "docs" / "python.md"
    if not page.is_file():
        pytest.skip("an installed wheel has no docs")
    globs = {"run_folder": str(folder.path), "root": str(tmp_path / "runs")}
    found = doctest.testfile(str(page), module_relative=False, globs=globs)
    assert found.attempted > 10
    assert found.failed == 0


def test_a_run_is_what_its_files_say(folder: RunFolder) -> None:
    run = peakbench.load_run(folder.path)
    assert run.results == folder.read_results()
    assert run.manifest == folder.read_manifest()
    assert list(run) == list(run.results.metrics)
    assert run.frame().set_index("metric")["value"].to_dict().items() >= {("weighted_score", 0.5)}
    assert [sample.id for sample in run.samples()] == [f"s{index:04d}" for index in range(6)]
    with pytest.raises(KeyError, match="did you mean `weighted_score`"):
        run["weighted"]
    assert repr(run).splitlines()[0] == f"constant-null on tiny@1, 6 samples ({folder.path})"
    assert "  weighted_score             50.0 %  [0.0 %, 100.0 %]" in repr(run).splitlines()


def test_responses_and_predictions_keep_failures_apart(folder: RunFolder) -> None:
    timing = Timing(started_at=1.0, e2el_ms=7.0)
    replaced(folder, Failure("s0005", 0, FailureKind.TIMEOUT, "too slow", None, timing))
    run = peakbench.load_run(str(folder.path))
    responses = run.responses()
    assert responses["error"].isna().tolist() == [True] * 5 + [False]
    last = responses.iloc[-1]
    assert (last["error"], last["message"], last["e2el_ms"]) == ("timeout", "too slow", 7.0)
    assert responses["text"].isna().tolist() == [False] * 5 + [True]
    predictions = run.predictions()
    assert predictions["level"].isna().tolist() == [False] * 5 + [True]
    values = predictions["value"].tolist()
    assert values[0]["type"] is None
    assert values[5] is None


def test_half_a_character_of_a_response_stops_no_frame(folder: RunFolder) -> None:
    timing = Timing(started_at=1.0, e2el_ms=7.0)
    replaced(folder, Response("s0005", 0, '{"type": "\ud800"}', "\udfff", "stop", Usage(), timing))
    run = peakbench.load_run(folder.path)
    asked = run.responses().iloc[-1]
    assert (asked["text"], asked["reasoning"]) == ('{"type": "\ufffd"}', "\ufffd")
    *_, last = run.records()
    assert isinstance(last, Response)
    assert last.text == '{"type": "\ud800"}'
    assert run.predictions()["value"].iloc[-1] == {"type": "\ufffd"}


def test_a_run_without_scores_says_how_to_get_them(folder: RunFolder) -> None:
    folder.results_path.unlink()
    run = peakbench.load_run(folder.path)
    assert not run.scored
    assert "not scored yet" in repr(run)
    for asked in (lambda: run.results, run.scores, run.frame, lambda: run["weighted_score"]):
        with pytest.raises(BadInputError, match="was not scored yet") as caught:
            asked()
        assert caught.value.mend == f"score it: peakbench score {folder.path}"
    folder.write_manifest(run.manifest.model_copy(update={"finished": None}))
    with pytest.raises(BadInputError, match="it is unfinished"):
        peakbench.load_run(folder.path).scores()


def test_floors_and_runs_are_found_below_a_folder(folder: RunFolder, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    shutil.copytree(folder.path, root / "another")
    assert [run.path.name for run in peakbench.load_runs(root)] == sorted([folder.path.name, "another"])
    with pytest.raises(BadInputError, match="holds 2 runs"):
        peakbench.load_run(root)
    with pytest.raises(BadInputError, match="is no folder"):
        peakbench.load_run(root / "nowhere")


def test_the_package_names_what_it_has() -> None:
    assert set(peakbench.__all__) <= set(dir(peakbench))
    assert all(hasattr(peakbench, name) for name in peakbench.__all__)
    assert (content_root() / "peakbench_metrics.json").is_file()
    with pytest.raises(AttributeError, match="no attribute 'scores'"):
        peakbench.scores  # noqa: B018


def test_a_run_its_floors_and_python_share_what_was_compared(
    tiny: Callable[..., Path], server: RunningMockServer, tmp_path: Path
) -> None:
    """Each reads the benchmark again, and the comparisons of one serve the others."""
    registry = Registry.load()
    settings = RunSettings(
        model=ModelFacts(name="constant-null"), endpoint=Endpoint(server.base_url), output=tmp_path / "runs"
    )
    run_benchmark(find_benchmark(str(tiny())), settings, registry)
    runs = peakbench.load_runs(tmp_path / "runs")
    assert len(runs) == 6
    peakbench.score(["{}"], [{}], runs[0].benchmark, registry=registry)
    assert len(registry._comparers) == 1
