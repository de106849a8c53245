"""Floors on disk: made once, whole or not at all, by however many processes at a time."""

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from peakbench.benchmarks.benchmark import Benchmark, find_benchmark
from peakbench.benchmarks.sample import data_digest
from peakbench.errors import InfrastructureError
from peakbench.jobs import floors as floors_module
from peakbench.jobs.floors import ensure_floors
from peakbench.jobs.identity import run_identity
from peakbench.jobs.leaderboard import make_boards
from peakbench.jobs.run import run_benchmark
from peakbench.jobs.score import metrics_of, signatures_digest
from peakbench.jobs.settings import RunSettings
from peakbench.metrics.registry import Registry
from peakbench.mock.serving import RunningMockServer
from peakbench.runners.endpoint import Endpoint
from peakbench.runs.folder import RunFolder, find_runs
from peakbench.runs.journal import JournalWriter
from peakbench.runs.manifest import DataFacts, ModelFacts
from peakbench.runs.records import ImageSending

Tiny = Callable[..., Path]


def make(path: Path, root: Path) -> list[RunFolder]:
    benchmark = find_benchmark(str(path))
    data = benchmark.data_place(path.parent)
    samples, _ = benchmark.samples(data, path.parent)
    settings = RunSettings(ModelFacts(name="m"), Endpoint("http://127.0.0.1:9/v1"), root)
    identity = run_identity(benchmark, data_digest(sample.digest for sample in samples), settings, None)
    facts = DataFacts(path=str(data), digest=identity.data, n=len(samples))
    return ensure_floors(root, benchmark, facts, lambda: samples, Registry.load(), identity)


def test_skill_puts_the_majority_at_nothing_and_the_reference_at_all(tiny: Tiny, tmp_path: Path) -> None:
    skills = {}
    for floor in make(tiny(), tmp_path / "runs"):
        results = floor.read_results()
        skills[results.model.removeprefix("floor/")] = results.metrics["skill_over_majority"]
    assert (skills["majority_value"].value, skills["oracle"].value) == (0.0, 1.0)
    assert skills["never_json"].value == pytest.approx(-1.0)  # half of the references are null, as the majority is
    assert (skills["oracle"].n, skills["oracle"].n_defined) == (6, 6)
    assert skills["oracle"].counts == {"score": 6.0, "floor": 3.0, "n": 6.0}
    assert "|majority=in_sample|" in skills["oracle"].signature


def test_metrics_against_a_training_split_say_so_and_share_no_digest_with_others(tiny: Tiny) -> None:
    file, registry = find_benchmark(str(tiny())).file, Registry.load()
    in_sample, trained = metrics_of(file, registry), metrics_of(file, registry, training="1f2e3d4c" * 8)
    assert list(in_sample) == list(trained)
    differing = [name for name in in_sample if in_sample[name].signature != trained[name].signature]
    assert differing == ["skill_over_majority"]
    assert "|majority=training@1f2e3d4c|" in trained["skill_over_majority"].signature
    assert signatures_digest(in_sample) != signatures_digest(trained)


def test_floors_are_made_once_by_makers_of_the_same_moment(tiny: Tiny, tmp_path: Path) -> None:
    path = tiny()
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: [floor.path for floor in make(path, tmp_path / "runs")], range(4)))
    assert made[0] == made[1] == made[2] == made[3]
    assert len(find_runs([tmp_path / "runs"])) == 5


def test_runs_of_the_same_samples_share_their_floors_however_they_were_asked(
    tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    benchmark, registry = find_benchmark(str(tiny())), Registry.load()
    settings = RunSettings(ModelFacts(name="constant-null"), Endpoint(server.base_url), tmp_path / "runs")
    ways: list[dict[str, Any]] = [
        {},
        {"logprobs": 1},
        {"extra_body": {"top_k": 1}, "variant": "greedy"},
        {"images": ImageSending(max_pixels=16), "repeats": 2},
    ]
    for way in ways:
        run_benchmark(benchmark, replace(settings, **way), registry)
    runs = find_runs([settings.output])
    assert len(runs) == len(ways) + 5
    generations = [run.read_manifest().identity.generation for run in runs if run.path.parts[-3].startswith("floor")]
    assert generations == [{}] * 5
    (board,) = make_boards([settings.output], registry)
    assert [row.superseded for row in board.rows if row.kind == "floor"] == [0] * 4  # the oracle is a ceiling
    run_benchmark(benchmark, replace(settings, limit=3), registry)
    assert len(find_runs([settings.output])) == len(ways) + 5 + 1 + 5


def test_a_floor_that_is_being_scored_again_is_waited_for(tiny: Tiny, tmp_path: Path) -> None:
    path = tiny()
    for floor in make(path, tmp_path / "runs"):
        results = floor.read_results()
        floor.write_results(results.model_copy(update={"comparable": {**results.comparable, "metrics": "old"}}))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: make(path, tmp_path / "runs"), range(4)))
    assert {floor.read_results().comparable["metrics"] for floor in find_runs([tmp_path / "runs"])} != {"old"}
    assert len(find_runs([tmp_path / "runs"])) == 5


def test_a_floor_that_was_broken_off_is_not_called_finished_and_is_made_again(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tiny()

    def full(*_: object) -> None:
        raise InfrastructureError("the disk is full")

    with monkeypatch.context() as patch, pytest.raises(InfrastructureError):
        patch.setattr(JournalWriter, "sync", full)
        make(path, tmp_path / "runs")
    assert [floor.read_manifest().finished for floor in find_runs([tmp_path / "runs"])] == [None]
    assert all(floor.read_manifest().finished for floor in make(path, tmp_path / "runs"))


def test_floors_of_a_run_that_was_taken_elsewhere_are_made_beside_it(
    tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    settings = RunSettings(ModelFacts(name="constant-null"), Endpoint(server.base_url), tmp_path / "runs")
    run = run_benchmark(find_benchmark(str(tiny())), settings, Registry.load()).folder
    shutil.copytree(run.path, tmp_path / "a" / "b" / "mine")
    (board,) = make_boards([tmp_path / "a" / "b" / "mine"], Registry.load())
    assert {row.title for row in board.rows} >= {"constant-null", "oracle"}
    assert (tmp_path / "a" / "b" / "floor__oracle").is_dir()


def test_the_data_is_read_once_for_all_floors(
    tiny: Tiny, server: RunningMockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = RunSettings(ModelFacts(name="constant-null"), Endpoint(server.base_url), tmp_path / "runs")
    run_benchmark(find_benchmark(str(tiny())), settings, Registry.load())
    for floor in (tmp_path / "runs").glob("floor__*"):
        shutil.rmtree(floor)
    reads = []
    read = Benchmark.reading

    def counted(*words: Any, **others: Any) -> Any:
        reads.append(words)
        return read(*words, **others)

    monkeypatch.setattr(Benchmark, "reading", counted)
    make_boards([tmp_path / "runs"], Registry.load())
    assert len(reads) == 1


def test_floors_that_are_there_need_no_folder_that_may_be_written(tiny: Tiny, tmp_path: Path) -> None:
    path = tiny()
    made = make(path, tmp_path / "runs")
    for lock in (tmp_path / "runs").rglob(".lock"):
        lock.unlink()
    assert [floor.path for floor in make(path, tmp_path / "runs")] == [floor.path for floor in made]
    assert not list((tmp_path / "runs").rglob(".lock"))
    assert json.loads(made[0].manifest_path.read_text())["identity"]["kind"] == "floor"
    assert floors_module.floor_model("oracle") == "floor/oracle"
