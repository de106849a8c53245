"""References of boxes in pixels: whether a box lies in its image depends on the image."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.benchmarks.loaders import Finding
from peakbench.benchmarks.sample import Sample

NORM = "{order: xyxy, scale: norm1000}"
PIXELS = "{order: xyxy, scale: pixel}"
RESIZED = "{order: xyxy, scale: pixel_resized}"


def read(folder: Path, box: list[float], references: str, answers: str = NORM, image: str = "a.png") -> Any:
    """The one row of a benchmark whose picture is 40 pixels wide and 30 high, or a thin one."""
    Image.new("RGB", (40, 30)).save(folder / "a.png")
    Image.new("RGB", (1, 300)).save(folder / "thin.png")
    row = {"id": "a", "image": image, "reference": [{"box_2d": box, "label": "artifact"}]}
    (folder / "data.jsonl").write_text(json.dumps(row))
    (folder / "b.yaml").write_text(
        "schema_version: 1\nid: b\nversion: 1\ntask: grounding\ndata: {path: data.jsonl}\nprompt: Find defects.\n"
        f"labels: {{artifact: []}}\nboxes:\n  references: {references}\n  answers: {answers}\n"
    )
    benchmark = find_benchmark(str(folder / "b.yaml"))
    (found,) = benchmark.each_sample(benchmark.data_place(folder), folder)
    return found


@pytest.mark.parametrize("box", [[1, 2, 42, 20], [1, 2, 20, 32], [-2, 2, 20, 20]])
def test_a_box_in_pixels_that_leaves_its_image_is_named(tmp_path: Path, box: list[float]) -> None:
    found = read(tmp_path, box, PIXELS)
    assert isinstance(found, Finding)
    assert "data.jsonl, line 1, sample 'a': item 1 of the reference" in str(found)
    assert "lies outside the image of 40 x 30 pixels" in found.reason


def test_a_box_of_a_resized_image_may_use_all_of_it(tmp_path: Path) -> None:
    assert isinstance(read(tmp_path, [0, 0, 84, 56], PIXELS), Finding)
    assert isinstance(read(tmp_path, [0, 0, 84, 56], RESIZED), Sample)


def test_an_image_that_the_declared_resizing_cannot_take_is_a_bad_row(tmp_path: Path) -> None:
    for references, answers in ((RESIZED, NORM), (NORM, RESIZED)):
        found = read(tmp_path, [0, 0, 1, 1], references, answers, image="thin.png")
        assert isinstance(found, Finding)
        assert "too narrow to be resized" in found.reason
