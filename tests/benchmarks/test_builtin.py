"""The built-in benchmarks whose data is not shipped, on local files of the columns that their owners describe."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from peakbench.benchmarks.benchmark import builtin_benchmarks, find_benchmark
from peakbench.benchmarks.floors import floor_answers
from peakbench.benchmarks.sample import Sample


def picture(folder: Path, name: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 48), "navy").save(path)
    return path


def load(name: str, data: Path, cache: Path) -> list[Sample]:
    samples, findings = find_benchmark(name).samples(data, cache)
    assert findings == []
    return samples


def test_garments_reads_the_columns_of_the_board_s_data(tmp_path: Path) -> None:
    answer = {"type": "Shirt", "color": "Blue", "pattern": "Solid", "closure": "Button", "brand": "N/A", "size": "M"}
    rows = [
        {
            "image": {"bytes": picture(tmp_path, f"{index}.png").read_bytes(), "path": None},
            "prompt": f"Look at garment {index}.",
            "ground_truth": json.dumps(answer),
            "source": source,
        }
        for index, source in enumerate(["crowd", "posh", "zen"])
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "data.parquet")
    samples = load("garments", tmp_path / "data.parquet", tmp_path / "cache")
    assert [sample.cluster for sample in samples] == ["crowd", "posh", "zen"]
    assert [sample.prompt for sample in samples][1] == "Look at garment 1."
    assert len({sample.id for sample in samples}) == 3
    reference = samples[0].reference
    assert isinstance(reference, dict)
    assert (reference["type"], reference["defect_type"]) == ("Shirt", None)


def test_sdg_reads_the_human_annotation_of_the_released_rows(tmp_path: Path) -> None:
    item = {"box_2d": [100, 50, 400, 900], "label": "artifact", "description": "six fingers", "importance": 70}
    common = {"caption": "a raised hand", "artifact_bboxes": [{"box_2d": [50, 100, 900, 400]}]}
    rows: list[dict[str, Any]] = [
        {"filepath": "images/0001.png", "generator": "SANA", "ann_translated_bboxes": [item], **common},
        {"filepath": "images/0001.png", "generator": "LongCat", "ann_translated_bboxes": [], **common},
    ]
    picture(tmp_path, "images/0001.png")
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    samples = load("sdg", tmp_path / "test.jsonl", tmp_path / "cache")
    assert [sample.id for sample in samples] == ["SANA/images/0001.png", "LongCat/images/0001.png"]
    assert "Caption: a raised hand" in samples[0].prompt
    assert samples[0].reference == ({**item, "box_2d": [100.0, 50.0, 400.0, 900.0]},)
    assert samples[1].reference == ()
    oracle = json.loads(next(floor_answers(find_benchmark("sdg").file, "oracle", samples, 0)))
    assert oracle[0]["box_2d"] == [100.0, 50.0, 400.0, 900.0]


@pytest.mark.parametrize("name", builtin_benchmarks())
def test_what_is_not_verified_says_so(name: str) -> None:
    file = find_benchmark(name).file
    assert bool(file.verified) == (file.data.make is None)
    assert file.licence
