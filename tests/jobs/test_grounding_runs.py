"""Whole runs of boxes: real pictures, and what the files and the board say."""

import itertools
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shared_data import CIRCUIT_BOARDS, shared

from peakbench.benchmarks.benchmark import Benchmark, find_benchmark
from peakbench.benchmarks.floors import floor_answers
from peakbench.benchmarks.sample import Sample, data_digest
from peakbench.jobs.floors import ensure_floors
from peakbench.jobs.identity import run_identity
from peakbench.jobs.score import metrics_of
from peakbench.jobs.settings import RunSettings
from peakbench.leaderboards.board import build_board
from peakbench.leaderboards.entries import BoardEntry, RunFacts
from peakbench.metrics.answers import preparer
from peakbench.metrics.golden.case import run_value
from peakbench.metrics.grounding.diagnostics import SwappedAxes
from peakbench.metrics.metric import Answer
from peakbench.metrics.registry import Registry
from peakbench.runners.endpoint import Endpoint
from peakbench.runs.manifest import DataFacts, ModelFacts
from peakbench.runs.records import Response, Timing, Usage

REGISTRY = Registry.load()
Item = dict[str, Any]
Change = Callable[[random.Random, list[Item]], list[Item]]


def shifted(share: float) -> Change:
    """Every box moved by a share of its own size, some way or other."""

    def change(draw: random.Random, items: list[Item]) -> list[Item]:
        made = []
        for one in items:
            left, top, right, bottom = one["box"]
            dx, dy = [draw.choice((-1, 1)) * share * side for side in (right - left, bottom - top)]
            made.append(one | {"box": [left + dx, top + dy, right + dx, bottom + dy]})
        return made

    return change


def scaled(factor: float) -> Change:
    def change(draw: random.Random, items: list[Item]) -> list[Item]:
        made = []
        for one in items:
            left, top, right, bottom = one["box"]
            grow_x, grow_y = (right - left) * (factor - 1) / 2, (bottom - top) * (factor - 1) / 2
            made.append(one | {"box": [left - grow_x, top - grow_y, right + grow_x, bottom + grow_y]})
        return made

    return change


def dropped(share: float) -> Change:
    return lambda draw, items: [one for one in items if draw.random() >= share]


def invented(each: int) -> Change:
    def change(draw: random.Random, items: list[Item]) -> list[Item]:
        more = []
        for _ in range(each):
            left, top = draw.uniform(0, 900), draw.uniform(0, 900)
            more.append({"box": [left, top, left + 60, top + 60], "label": "open"})
        return [*items, *more]

    return change


def swapped(draw: random.Random, items: list[Item]) -> list[Item]:
    return [one | {"box": [one["box"][place] for place in (1, 0, 3, 2)]} for one in items]


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> tuple[Benchmark, list[Sample]]:
    folder = tmp_path_factory.mktemp("boards")
    data = shared("data/defects-real/labels.jsonl")
    (folder / "benchmark.yaml").write_text(CIRCUIT_BOARDS.replace("DATA", json.dumps(str(data))))
    found = find_benchmark(str(folder / "benchmark.yaml"))
    samples, _ = found.samples(found.data_place(folder), folder / "cache")
    return found, samples


def answered(boards: tuple[Benchmark, list[Sample]], change: Change) -> list[Answer]:
    """Answers that are the references, perturbed: the same for the same change."""
    benchmark, samples = boards
    prepare, draw = preparer(benchmark.file, REGISTRY), random.Random(17)
    answers = []
    for sample in samples:
        size = (sample.files[0].width, sample.files[0].height)
        items = []
        for one in sample.reference:
            assert isinstance(one, dict)
            box = [1000 * edge / size[place % 2] for place, edge in enumerate(one["box"])]
            items.append({"box": box, "label": one["label"]})
        text = json.dumps(change(draw, items))
        answers.append(prepare(sample, Response(sample.id, 0, text, None, "stop", Usage(), Timing(0.0, 1.0))))
    return answers


def value(boards: tuple[Benchmark, list[Sample]], answers: list[Answer], name: str = "box_f1_50") -> float:
    found = run_value(metrics_of(boards[0].file, REGISTRY)[name], answers)
    assert found is not None
    return found


FAMILIES = {
    "shift": [shifted(share) for share in (0.0, 0.05, 0.12, 0.3, 0.6)],
    "scale": [scaled(factor) for factor in (1.0, 1.15, 1.35, 1.6, 3.0)],
    "drop": [dropped(share) for share in (0.0, 0.2, 0.5, 0.8)],
    "invent": [invented(each) for each in (0, 1, 3, 9)],
}


@pytest.mark.parametrize("name", FAMILIES)
def test_the_more_real_boxes_are_perturbed_the_less_they_score(
    boards: tuple[Benchmark, list[Sample]], name: str
) -> None:
    runs = [answered(boards, change) for change in FAMILIES[name]]
    f1, overlap = [value(boards, run) for run in runs], [value(boards, run, "union_iou") for run in runs]
    assert f1[0] == pytest.approx(1.0)
    assert all(one >= other for one, other in itertools.pairwise(f1)), f1
    assert f1[-1] < f1[0]
    assert all(one > other for one, other in itertools.pairwise(overlap)), overlap
    if name == "drop":
        assert value(boards, runs[2], "box_precision_50") == 1.0
        assert value(boards, runs[2], "box_recall_50") == pytest.approx(0.5, abs=0.1)
    if name == "invent":
        assert value(boards, runs[2], "box_recall_50") == 1.0


def test_the_swapped_axes_warning_fires_for_the_swapped_ones_alone(boards: tuple[Benchmark, list[Sample]]) -> None:
    changes = [change for family in FAMILIES.values() for change in family]
    fired = []
    for change in [*changes, swapped]:
        axes = SwappedAxes()
        for answer in answered(boards, change):
            assert answer.boxes is not None
            axes.add(answer.boxes)
        fired.append(axes.warning is not None)
    assert fired == [False] * len(changes) + [True]
    assert value(boards, answered(boards, swapped)) < 0.1


DEFECTS = """
schema_version: 1
extends: defects-demo
id: few-defects
version: 1
data: {make: {kind: defects, n: 40, seed: 3}}
"""


def test_a_run_of_boxes_is_scored_ranked_and_warned_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "few.yaml").write_text(DEFECTS)
    benchmark = find_benchmark(str(tmp_path / "few.yaml"))
    data = benchmark.data_place(tmp_path / "cache")
    samples, _ = benchmark.samples(data, tmp_path / "cache")
    settings = RunSettings(ModelFacts(name="m"), Endpoint("http://127.0.0.1:9/v1"), tmp_path / "runs")
    identity = run_identity(benchmark, data_digest(sample.digest for sample in samples), settings, None)
    facts = DataFacts(path=str(data), digest=identity.data, n=len(samples))

    def turned(file: Any, name: Any, some: Any, seed: int, majority: Any = None) -> list[str]:
        """The random rows answer with the sample's own reference, axes swapped."""
        if name != "random_row":
            return list(floor_answers(file, name, some, seed))
        draw = random.Random(0)
        rows = [json.loads(text) for text in floor_answers(file, "oracle", some, seed)]
        key = file.box_conventions.keys[0]
        return [
            json.dumps([one | {key: swapped(draw, [one | {"box": one[key]}])[0]["box"]} for one in row]) for row in rows
        ]

    monkeypatch.setattr("peakbench.jobs.floors.floor_answers", turned)
    made = ensure_floors(tmp_path / "runs", benchmark, facts, lambda: samples, REGISTRY, identity)
    results = {one.read_results().model.rpartition("/")[2]: one.read_results() for one in made}
    oracle = results["oracle"]
    assert oracle.rank_by == "box_f1_50"
    for name, result in oracle.metrics.items():
        best = 0.0 if result.direction == "lower" else 1.0
        assert result.value is None or result.value == pytest.approx(best, abs=1e-6), name
        assert result.n == 40
    assert oracle.metrics["box_f1_50"].n_defined == 40, "clean images are part of an F1 of boxes"
    assert set(oracle.metrics["box_f1_50"].slices) == {"label=artifact", "label=misalignment"}
    assert oracle.metrics["importance_spearman_10"].value in (None, 1.0)
    assert oracle.metrics["mean_ap"].value is None, "references carry no score"
    assert sum(oracle.metrics["mean_ap"].undefined.values()) == 40
    assert results["never_json"].metrics["cln_acc"].value == 0.0
    assert results["defects_always_empty"].metrics["cln_acc"].value == 1.0
    assert results["defects_whole_image"].metrics["det_type_recall"].value == 1.0
    assert {name for name, one in results.items() if one.warnings} == {"random_row"}
    assert "may be swapped" in results["random_row"].warnings[0]
    facts_of_board = RunFacts("r", tmp_path, "m")
    as_model = BoardEntry(results["random_row"].model_copy(update={"kind": "run", "model": "m"}), facts_of_board)
    board = build_board([as_model], [])
    assert any(note.startswith("m: the axes of the answers' boxes may be swapped") for note in board.notes)
    assert board.rows[0].warnings == results["random_row"].warnings
