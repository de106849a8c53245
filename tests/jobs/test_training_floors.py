"""Floors from a training split: said in their notes, kept in `run.json`, and never mixed with others."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.errors import BadInputError, NotComparableError
from peakbench.jobs.leaderboard import make_boards
from peakbench.jobs.run import run_benchmark
from peakbench.jobs.settings import RunSettings
from peakbench.metrics.registry import Registry
from peakbench.mock.serving import RunningMockServer
from peakbench.runners.endpoint import Endpoint
from peakbench.runs.folder import RunFolder, find_runs
from peakbench.runs.manifest import ModelFacts

Tiny = Callable[..., Path]


def train(path: Path, *types: str | None) -> None:
    rows = [json.dumps({"reference": {"type": kind, "size": "M"}}) for kind in types]
    (path.parent / "train.jsonl").write_text("\n".join(rows) + "\n")


def run(path: Path, server: RunningMockServer, root: Path, **others: Any) -> RunFolder:
    settings = RunSettings(ModelFacts(name="constant-null"), Endpoint(server.base_url), root)
    return run_benchmark(find_benchmark(str(path)), replace(settings, **others), Registry.load()).folder


def majority_floor(root: Path) -> list[RunFolder]:
    return [floor for floor in find_runs([root]) if floor.read_manifest().identity.model == "floor/majority_value"]


def test_the_floor_answers_the_majority_of_the_training_split_and_says_so(
    tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    path = tiny(extra="training: {path: train.jsonl}\n")
    train(path, "hoodie", "hoodie", None)
    manifest = run(path, server, tmp_path / "runs").read_manifest()
    training = manifest.data.training
    assert training is not None
    assert training.majority == {"type": "hoodie", "color": None, "size": "M"}
    assert (training.n, training.n_skipped, training.digest) == (3, 0, manifest.identity.training)
    (floor,) = majority_floor(tmp_path / "runs")
    with floor.journal() as journal:
        answers = {json.loads(record.text)["type"] for record in journal.records()}  # type: ignore[union-attr]
    assert answers == {"hoodie"}
    (board,) = make_boards([tmp_path / "runs"], Registry.load())
    (note,) = [row.note for row in board.rows if row.title == "majority_value"]
    assert note.endswith(f"taken from a training split of 3 references ({training.digest[:12]})")
    assert board.comparable["training"] == training.digest


def test_a_floor_without_a_training_split_is_marked_in_sample(
    tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    manifest = run(tiny(), server, tmp_path / "runs").read_manifest()
    assert (manifest.data.training, manifest.identity.training) == (None, None)
    (floor,) = majority_floor(tmp_path / "runs")
    assert "in-sample" in floor.read_manifest().note
    assert "training" not in floor.read_results().comparable


def test_another_training_split_is_another_floor_and_another_board(
    tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    path = tiny(extra="training: {path: train.jsonl}\n")
    train(path, "hoodie")
    first = run(path, server, tmp_path / "runs")
    train(path, "skirt")
    with pytest.raises(BadInputError, match="differs in\n  training: "):
        run(path, server, tmp_path / "runs", resume=True)
    second = run(path, server, tmp_path / "runs")
    assert first.path != second.path
    assert len(majority_floor(tmp_path / "runs")) == 2
    results = second.read_results()
    second.write_results(results.model_copy(update={"model": "another"}))
    manifest = second.read_manifest()
    identity = manifest.identity.model_copy(update={"model": "another"})
    second.write_manifest(manifest.model_copy(update={"identity": identity}))
    with pytest.raises(NotComparableError, match=r"differ in .*training"):
        make_boards([tmp_path / "runs"], Registry.load())


def test_a_floor_is_made_again_where_the_training_split_is_gone(
    tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    path = tiny(extra="training: {path: train.jsonl}\n")
    train(path, "hoodie")
    folder = run(path, server, tmp_path / "runs")
    (path.parent / "train.jsonl").unlink()
    moved = tmp_path / "elsewhere"
    folder.path.rename(moved)
    make_boards([moved], Registry.load())
    (floor,) = majority_floor(tmp_path / "floor__majority_value")
    assert floor.read_manifest().data.training == RunFolder(moved).read_manifest().data.training


def test_skill_is_measured_against_the_training_split_of_the_run(
    tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    path = tiny(extra="training: {path: train.jsonl}\n")
    train(path, "hoodie", "hoodie", None)
    results = run(path, server, tmp_path / "runs").read_results()
    skill = results.metrics["skill_over_majority"]
    assert f"|majority=training@{results.comparable['training'][:8]}|" in skill.signature
    assert skill.counts["floor"] != 3.0  # what the majority of the samples themselves would score
    (floor,) = majority_floor(tmp_path / "runs")
    assert floor.read_results().metrics["skill_over_majority"].value == 0.0
