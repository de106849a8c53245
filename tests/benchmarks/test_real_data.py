"""Real photos: two benchmark files that a person writes in ten minutes, and every format of data."""

import base64
import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shared_data import CIRCUIT_BOARDS, shared

from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.benchmarks.sample import Sample, data_digest

GARMENTS = """
extends: garments-demo
schema_version: 1
id: real-garments
version: 1
data: {path: DATA}
columns: {reference: ground_truth, cluster: annotator}
"""


def load(text: str, data: Path, folder: Path) -> list[Sample]:
    file = folder / "benchmark.yaml"
    file.write_text(text.replace("DATA", json.dumps(str(data))))
    found = find_benchmark(str(file))
    samples, findings = found.samples(found.data_place(folder), folder / "cache")
    assert findings == []
    return samples


@pytest.mark.parametrize(
    ("text", "place", "n"),
    [(GARMENTS, "garments-real/attributes.jsonl", 200), (CIRCUIT_BOARDS, "defects-real/labels.jsonl", 100)],
)
def test_real_photos_load_from_every_format_with_one_digest(text: str, place: str, n: int, tmp_path: Path) -> None:
    data = shared(f"data/{place}")
    samples = load(text, data, tmp_path)
    assert len(samples) == n
    expected = data_digest(sample.digest for sample in samples)
    column = "file" if "defects" in place else "image"
    rows: list[dict[str, Any]] = [json.loads(line) for line in data.read_text().splitlines()]
    for row in rows:
        row[column] = (data.parent / row[column]).read_bytes()
        for key, value in row.items():
            if isinstance(value, list | dict):
                row[key] = json.dumps(value)
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "data.parquet")
    again = load(text, tmp_path / "data.parquet", tmp_path)
    assert data_digest(sample.digest for sample in again) == expected
    with (tmp_path / "data.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            url = f"data:image/jpeg;base64,{base64.b64encode(row[column]).decode()}"
            writer.writerow(row | {column: url})
    from_csv = load(text, tmp_path / "data.csv", tmp_path)
    assert data_digest(sample.digest for sample in from_csv) == expected
    datasets = pytest.importorskip("datasets", reason="the extra `datasets` is not installed")
    saved = datasets.Dataset.from_list([row | {column: {"bytes": row[column], "path": None}} for row in rows])
    saved.cast_column(column, datasets.Image()).save_to_disk(str(tmp_path / "saved"))
    third = load(text, tmp_path / "saved", tmp_path)
    assert data_digest(sample.digest for sample in third) == expected
