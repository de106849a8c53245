"""The same data in every format people keep data in: one digest, images untouched, bad rows named by their place."""

import base64
import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from peakbench.benchmarks.benchmark import Benchmark, find_benchmark
from peakbench.benchmarks.loaders import Finding
from peakbench.benchmarks.sample import Sample, data_digest
from peakbench.errors import BadInputError

Tiny = Callable[..., Path]


def load(path: Path, data: Path | None = None) -> list[Sample]:
    benchmark = find_benchmark(str(path))
    return benchmark.samples(data or benchmark.data_place(path.parent), path.parent / "cache")[0]


def digest(samples: list[Sample]) -> str:
    return data_digest(sample.digest for sample in samples)


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (path.parent / "data.jsonl").read_text().splitlines()]


def write_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    data = path.parent / "data.csv"
    with data.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            writer.writerow({key: value if isinstance(value, str) else json.dumps(value) for key, value in row.items()})
    return data


def write_parquet(path: Path, rows: list[dict[str, Any]], name: str = "data.parquet") -> Path:
    data = path.parent / name
    pq.write_table(pa.Table.from_pylist(rows), data)
    return data


def test_one_digest_from_every_format(tiny: Tiny) -> None:
    path = tiny(9)
    rows = rows_of(path)
    expected = digest(load(path))
    assert digest(load(path, write_csv(path, rows))) == expected
    strings = [row | {"reference": json.dumps(row["reference"])} for row in rows]
    assert digest(load(path, write_parquet(path, strings))) == expected
    with_bytes = [row | {"image": (path.parent / row["image"]).read_bytes()} for row in strings]
    assert digest(load(path, write_parquet(path, with_bytes, "bytes.parquet"))) == expected
    urls = [
        row | {"image": "data:image/png;base64," + base64.b64encode((path.parent / row["image"]).read_bytes()).decode()}
        for row in rows
    ]
    assert digest(load(path, write_csv(path, urls))) == expected


def test_a_saved_data_set_gives_the_same_digest_and_the_untouched_bytes(tiny: Tiny) -> None:
    datasets = pytest.importorskip("datasets", reason="the extra `datasets` is not installed")
    path = tiny(5)
    rows = rows_of(path)
    columns = {
        "id": [row["id"] for row in rows],
        "image": [str(path.parent / row["image"]) for row in rows],
        "reference": [json.dumps(row["reference"]) for row in rows],
    }
    made = datasets.Dataset.from_dict(columns).cast_column("image", datasets.Image())
    made.save_to_disk(str(path.parent / "saved"))
    samples = load(path, path.parent / "saved")
    assert digest(samples) == digest(load(path))
    original = (path.parent / rows[0]["image"]).read_bytes()
    assert samples[0].files[0].path.read_bytes() == original


def test_several_columns_of_images_keep_their_order(tiny: Tiny) -> None:
    path = tiny(3, extra="columns: {image: [front, back]}\n")
    rows = [row | {"front": row["image"], "back": ["images/0.png", "images/1.png"]} for row in rows_of(path)]
    (path.parent / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [image.path.name for image in load(path)[2].files] == ["2.png", "0.png", "1.png"]


def test_a_prompt_may_be_a_column_and_an_id_a_template(tiny: Tiny) -> None:
    path = tiny(2, extra="columns: {id: {template: '{{ source }}/{{ id }}'}, cluster: source}\n")
    text = path.read_text().replace("prompt: Answer with one JSON object.", "prompt: {column: ask}")
    path.write_text(text)
    rows = [row | {"ask": f"What is {row['id']}?", "source": "posh"} for row in rows_of(path)]
    (path.parent / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    samples = load(path)
    assert [sample.id for sample in samples] == ["posh/s0000", "posh/s0001"]
    assert samples[0].prompt == "What is s0000?"
    assert samples[0].cluster == "posh"


def test_a_file_that_extends_another_keeps_its_keys_and_where_its_data_lies(tiny: Tiny, tmp_path: Path) -> None:
    path = tiny(3)
    other = tmp_path / "other.yaml"
    other.write_text(f"extends: {path}\nid: other\nfields: {{size: {{type: exact}}}}\ngeneration: {{max_tokens: 7}}\n")
    found = find_benchmark(str(other))
    assert found.name == "other@1"
    assert found.file.fields["size"].type == "exact"
    assert found.file.fields["size"].weight == 1.5
    assert found.file.generation.max_tokens == 7
    assert digest(load(other)) == digest(load(path))
    path.write_text(path.read_text() + f"extends: {other}\n")
    with pytest.raises(BadInputError, match="round in a circle"):
        find_benchmark(str(other))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("data.txt", b"x", "no format is known for `.txt`"),
        ("data.parquet", b"no parquet", "is no Parquet"),
        ("data.csv", b"id,id\n1,2\n", "the column `id` is there twice"),
    ],
)
def test_data_that_cannot_be_read_is_refused(tiny: Tiny, name: str, content: bytes, said: str) -> None:
    path = tiny(1)
    (path.parent / name).write_bytes(content)
    with pytest.raises(BadInputError, match=said):
        load(path, path.parent / name)


def bad(benchmark: Benchmark, data: Path) -> list[str]:
    items = benchmark.each_sample(data, data.parent / "cache")
    return [str(item) for item in items if isinstance(item, Finding)]


def test_bad_rows_of_csv_are_named_by_line(tiny: Tiny) -> None:
    path = tiny(2)
    data = path.parent / "data.csv"
    data.write_text(
        'id,image,reference\na,images/0.png,"{""type"":\n""x""}"\nb,images/0.png\nc,images/9.png,{}\nd,images/0.png,"{'
    )
    found = bad(find_benchmark(str(path)), data)
    assert ["line 4: 2 cells where the header has 3" in text for text in found[:1]] == [True]
    assert "line 5, sample 'c': image images/9.png: No such file" in found[1]
    assert "line 6: no CSV" in found[2]


def test_bad_rows_of_parquet_are_named_by_row(tiny: Tiny) -> None:
    path = tiny(1)
    rows: list[dict[str, Any]] = [
        {"id": "a", "image": b"no image", "reference": "{}"},
        {"id": "b", "image": None, "reference": "{}"},
    ]
    found = bad(find_benchmark(str(path)), write_parquet(path, rows))
    assert "row 1, sample 'a': the image cannot be decoded" in found[0]
    assert "row 2, sample 'b': column `image` holds no image" in found[1]


def test_ids_given_twice_are_named_beyond_what_memory_holds(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peakbench.benchmarks.loaders._CHECKED_IN_MEMORY", 3)
    path = tiny(8)
    rows = rows_of(path)
    rows += [rows[1], rows[6]]
    (path.parent / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = bad(find_benchmark(str(path)), path.parent / "data.jsonl")
    assert "line 9, sample 's0001': the id was given before, in line 2" in found[0]
    assert "line 10, sample 's0006': the id was given before, in line 7" in found[1]


GROUNDING = """
schema_version: 1
id: boxes
version: 1
task: grounding
data: {path: data.jsonl}
prompt: {template: "Caption: {{ caption }}"}
labels: {artifact: [artefact], misalignment: []}
boxes:
  references: {order: yxyx, scale: norm1000}
  answers: {order: xyxy, scale: norm1000}
"""


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"box_2d": [0, 0, 10, 10], "label": "scratch"}, "has the label 'scratch'; the set has artifact, misalignment"),
        ({"box_2d": [0, 0, 10, 10]}, "has the label None"),
        ({"label": "artifact"}, "has no box"),
        ({"box_2d": [0, 0, 10], "label": "artifact"}, "is no list of four numbers"),
        ({"box_2d": [0, 0, "1", 10], "label": "artifact"}, "no finite number"),
        ({"box_2d": [10, 0, 5, 10], "label": "artifact"}, "is inverted or has no area in the order yxyx"),
        ({"box_2d": [0, 0, 1001, 10], "label": "artifact"}, "lies outside the image in the scale norm1000"),
        ("box", "is no object"),
    ],
)
def test_a_bad_item_of_a_grounding_reference_is_named(tiny: Tiny, item: object, said: str) -> None:
    path = tiny(1)
    path.write_text(GROUNDING)
    good = {"bbox_2d": [1, 2, 30, 40], "label": "Artefact", "desc": "x"}
    rows = [
        {"id": "good", "image": "images/0.png", "caption": "a cup", "reference": [good]},
        {"id": "clean", "image": "images/0.png", "caption": "a cup", "reference": "[]"},
        {"id": "bad", "image": "images/0.png", "caption": "a cup", "reference": [good, item]},
    ]
    (path.parent / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = bad(find_benchmark(str(path)), path.parent / "data.jsonl")
    assert len(found) == 1
    assert "line 3, sample 'bad': item 2 of the reference" in found[0]
    assert said in found[0]
    sample = next(iter(find_benchmark(str(path)).each_sample(path.parent / "data.jsonl", path.parent)))
    assert isinstance(sample, Sample)
    assert sample.reference == ({"bbox_2d": [1.0, 2.0, 30.0, 40.0], "label": "artifact", "desc": "x"},)
