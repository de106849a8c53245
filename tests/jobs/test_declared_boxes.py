"""How a model writes its boxes is declared for the model: two declarations are two rows of one board."""

import json
from pathlib import Path

import pytest
from PIL import Image

from peakbench.content import content_root
from peakbench.jobs.leaderboard import boards_of_sweep
from peakbench.jobs.settings import RunSettings
from peakbench.jobs.sweep import combinations, read_sweep, sweep
from peakbench.jobs.watching import Watching
from peakbench.metrics.registry import Registry
from peakbench.mock import MockServerSettings, run_in_thread
from peakbench.mock.answers import MockAnswer
from peakbench.runners.endpoint import Endpoint
from peakbench.runs.folder import runs_under
from peakbench.runs.manifest import ModelFacts

BENCHMARK = """
schema_version: 1
id: cells
version: 1
task: grounding
data: {path: data.jsonl}
prompt: Find the defects. Answer with a JSON list.
labels: {artifact: []}
boxes:
  references: {order: xyxy, scale: norm1000}
  answers: {order: xyxy, scale: norm1000}
rank_by: box_f1_50
floors: [defects_always_empty]
"""


class _Detector:
    """Finds the defect, and writes its top edge first."""

    name = "detector"

    def answer(self, image: Image.Image, prompt: str) -> MockAnswer:
        return MockAnswer('[{"box_2d": [100, 200, 300, 600], "label": "artifact"}]')


def write_cells(folder: Path) -> Path:
    rows = []
    for number in range(3):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / f"{number}.png")
        item = {"box_2d": [200, 100, 600, 300], "label": "artifact"}
        rows.append({"id": str(number), "image": f"{number}.png", "reference": [item]})
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "cells.yaml").write_text(BENCHMARK)
    return folder / "cells.yaml"


def test_each_declaration_is_a_row_and_only_the_right_one_finds_the_boxes(tmp_path: Path) -> None:
    registry = Registry.load()
    write_cells(tmp_path)
    (tmp_path / "sweep.yaml").write_text(
        "schema_version: 1\nbenchmarks: [cells.yaml]\nmodels:\n  - name: detector\n    overrides:\n"
        "      - {}\n      - {boxes: {order: yxyx, scale: norm1000}}\n"
    )
    file, path = read_sweep(str(tmp_path / "sweep.yaml"))
    with run_in_thread([_Detector()], MockServerSettings()) as server:
        settings = RunSettings(ModelFacts(name="x"), Endpoint(server.base_url), tmp_path / "runs")
        outcomes = sweep(combinations(file, path, settings), registry, lambda _: Watching())
    assert [one.run and one.run.results.metrics["box_f1_50"].value for one in outcomes] == [0.0, 1.0]
    (board,) = boards_of_sweep([one.run.folder for one in outcomes if one.run], registry)
    assert [row.title for row in board.rows if row.kind == "model"] == ["detector [boxes=yxyx/norm1000]", "detector"]
    assert any("read as yxyx, norm1000" in line for line in board.descriptions)
    assert len(runs_under(tmp_path / "runs" / "floor__defects_always_empty")) == 1  # it writes as the benchmark says


@pytest.mark.parametrize("name", sorted(path.stem for path in (content_root() / "runners").glob("*.yaml")))
def test_every_run_file_that_ships_is_one(name: str, tmp_path: Path) -> None:
    file, path = read_sweep(name)
    settings = RunSettings(ModelFacts(name="x"), Endpoint("http://127.0.0.1:1/v1"), tmp_path)
    titles = [(one.name, one.title) for one in combinations(file, path, settings)]
    assert len(set(titles)) == len(titles) > 1
    assert not any("?" in title for _, title in titles)
