"""`samples.jsonl`: what was asked about, with every image, readable without the data."""

import hashlib
from pathlib import Path

import pytest

from peakbench.benchmarks.sample import ImageFile, Sample
from peakbench.errors import BadInputError
from peakbench.runs.samples import read_samples_file, write_samples


def image(name: str) -> ImageFile:
    return ImageFile(Path("/pictures") / name, hashlib.sha256(name.encode()).hexdigest(), "image/png", 8, 6, 99)


SAMPLES = [
    Sample("front and back", "p", (image("front"), image("back")), {"type": "shirt"}, cluster="posh", line=3),
    Sample("é\n", "p", (), "a text", line=9),
]


def test_what_is_written_is_read_in_order(tmp_path: Path) -> None:
    write_samples(tmp_path / "samples.jsonl", "run", "d" * 64, SAMPLES)
    first, second = read_samples_file(tmp_path / "samples.jsonl")
    assert (first.id, first.line, first.cluster) == ("front and back", 3, "posh")
    assert (first.digest, second.digest) == tuple(sample.digest for sample in SAMPLES)
    front, back = first.files
    assert (front.path, back.path) == ("/pictures/front", "/pictures/back")
    assert (front.sha256, front.mime, front.width, front.height, front.bytes) == (
        image("front").sha256,
        "image/png",
        8,
        6,
        99,
    )
    assert (second.id, second.cluster, second.images) == ("é\n", None, [])


def test_a_file_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    with pytest.raises(BadInputError, match="No such file"):
        list(read_samples_file(path))
    write_samples(path, "run", "d" * 64, SAMPLES)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]))
    with pytest.raises(BadInputError, match="1 samples where its header says 2"):
        list(read_samples_file(path))
    path.write_text("\n".join([lines[0].replace('"schema_version":1', '"schema_version":2'), *lines[1:]]))
    with pytest.raises(BadInputError, match="schema_version"):
        list(read_samples_file(path))
