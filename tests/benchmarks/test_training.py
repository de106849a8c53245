"""The training split: read for its references alone, known by a digest, never the samples themselves."""

import json
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.benchmarks.training import Training, read_training
from peakbench.errors import BadInputError

Tiny = Callable[..., Path]
SPLIT: list[dict[str, Any]] = [
    {"reference": {"type": "hoodie", "color": "Navy"}},
    {"reference": {"type": "hoodie", "color": "N/A"}},
    {"reference": {"type": "shirt", "size": "M"}},
]


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def read(path: Path, **options: bool) -> Training:
    training = read_training(find_benchmark(str(path)), ["N/A"], **options)
    assert training is not None
    return training


def test_a_benchmark_without_a_training_split_has_none(tiny: Tiny) -> None:
    assert read_training(find_benchmark(str(tiny())), []) is None


def test_the_majority_is_that_of_the_training_split_which_needs_no_images(tiny: Tiny) -> None:
    path = tiny(extra="training: {path: train.jsonl}\n")
    write_jsonl(path.parent / "train.jsonl", SPLIT)
    training = read(path)
    assert training.majority == {"type": "hoodie", "color": None, "size": None}
    assert (training.n, training.n_bad) == (3, 0)
    assert training.place == str((path.parent / "train.jsonl").resolve())


def test_the_digest_sees_every_reference_and_neither_order_nor_format(tiny: Tiny) -> None:
    path = tiny(extra="training: {path: train.jsonl}\n")
    data = path.parent / "train.jsonl"
    write_jsonl(data, SPLIT)
    before = read(path).digest
    write_jsonl(data, random.Random(1).sample(SPLIT, 3))
    assert read(path).digest == before
    for other in (SPLIT[:2], [*SPLIT, SPLIT[0]], [*SPLIT[:2], {"reference": {"type": "shirt", "size": "L"}}]):
        write_jsonl(data, other)
        assert read(path).digest != before
    rows = [{"image": b"no image", "reference": json.dumps(row["reference"])} for row in SPLIT]
    pq.write_table(pa.Table.from_pylist(rows), path.parent / "train.parquet")
    path.write_text(path.read_text().replace("train.jsonl", "train.parquet"))
    assert read(path).digest == before


def test_a_saved_data_set_is_read_too(tiny: Tiny) -> None:
    datasets = pytest.importorskip("datasets", reason="the extra `datasets` is not installed")
    path = tiny(extra="training: {path: train}\n")
    rows = [{"image": "images/0.png", "reference": json.dumps(row["reference"])} for row in SPLIT]
    datasets.Dataset.from_list(rows).save_to_disk(str(path.parent / "train"))
    assert read(path).majority["type"] == "hoodie"


def test_bad_rows_are_named_and_left_out_only_when_told(tiny: Tiny) -> None:
    path = tiny(extra="training: {path: train.jsonl}\n")
    write_jsonl(path.parent / "train.jsonl", [*SPLIT, {"id": "x", "reference": {"fabric": "wool"}}, {"other": 1}])
    with pytest.raises(BadInputError, match=r"in the training split:\n.*line 4, sample 'x': the reference has the key"):
        read(path)
    training = read(path, skip_bad=True)
    assert (training.n, training.n_bad) == (3, 2)
    assert "column `reference` is missing; the row has other" in str(training.findings[1])


def test_a_split_without_a_row_is_refused(tiny: Tiny) -> None:
    path = tiny(extra="training: {path: train.jsonl}\n")
    (path.parent / "train.jsonl").touch()
    with pytest.raises(BadInputError, match="holds no rows"):
        read(path)
    (path.parent / "train.jsonl").unlink()
    with pytest.raises(BadInputError, match="is not there"):
        read(path)


@pytest.mark.parametrize(
    ("training", "said"),
    [
        ("{path: data.jsonl}", "names the very samples"),
        ("{make: {kind: defects, n: 5, seed: 1}}", "cannot be rendered defects"),
        ("{path: a.jsonl, make: {kind: garments, n: 5, seed: 1}}", "give one of `path`"),
    ],
)
def test_a_training_split_that_cannot_be_one_is_refused(tiny: Tiny, training: str, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        find_benchmark(str(tiny(extra=f"training: {training}\n")))


def test_a_split_that_a_benchmark_extends_lies_where_that_one_says(tiny: Tiny, tmp_path: Path) -> None:
    path = tiny(extra="training: {path: train.jsonl}\n")
    write_jsonl(path.parent / "train.jsonl", SPLIT)
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "benchmark.yaml"
    other.write_text("schema_version: 1\nextends: ../bench/benchmark.yaml\nid: other\n")
    assert read(other).digest == read(path).digest
    other.write_text(other.read_text() + "training: null\n")
    assert read_training(find_benchmark(str(other)), []) is None


def test_other_data_does_not_inherit_a_training_split(tiny: Tiny, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("schema_version: 1\nextends: garments-demo\nid: other\ndata: {path: data.jsonl}\n")
    assert read_training(find_benchmark(str(other)), []) is None
    assert read_training(find_benchmark("garments"), []) is None


def test_rendered_references_are_drawn_without_a_picture(tiny: Tiny) -> None:
    training = read(find_benchmark("garments-demo").path)
    assert training.n == 2000
    assert training.place == "2000 garments of seed 900001, not rendered"
    assert training.majority["type"] == "t-shirt"
    path = tiny(extra="training: {make: {kind: garments, n: 3, seed: 1}}\n")
    with pytest.raises(BadInputError, match="garment 1 of seed 1: the reference has the key `pattern`"):
        read(path)


def test_memory_does_not_grow_with_the_rows_of_a_training_split(tiny: Tiny) -> None:
    path = tiny(extra="training: {path: train.jsonl}\n")

    def peak(n: int) -> int:
        write_jsonl(path.parent / "train.jsonl", SPLIT * n)
        tracemalloc.start()
        try:
            read(path)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small = peak(50)
    assert peak(2000) < small + 200_000
