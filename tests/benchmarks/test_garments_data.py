"""The references, and the data sets made of them."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from peakbench.benchmarks.file import read_benchmark_file
from peakbench.benchmarks.garments import GarmentSpec, draw_spec, garments_from_cache, make_garments
from peakbench.benchmarks.garments import making as making_module
from peakbench.benchmarks.garments.defects import box_of
from peakbench.benchmarks.garments.making import BUILTIN
from peakbench.benchmarks.garments.vocabulary import (
    ATTRIBUTES,
    BOTTOMS,
    BRANDS,
    COLORS,
    DEFECT_SHARES,
    EVERYDAY_PATTERNS,
    KINDS,
    LETTER_SIZES,
    WAIST_SIZES,
)
from peakbench.errors import BadInputError


@pytest.fixture(scope="module")
def many() -> list[GarmentSpec]:
    return [draw_spec(7, index) for index in range(4000)]


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_reference_has_the_nine_keys_in_the_order_of_the_schema() -> None:
    schema = read_benchmark_file(BUILTIN).fields
    assert tuple(draw_spec(7, 0).reference()) == ATTRIBUTES == tuple(schema)


def test_seed_and_index_alone_decide_a_garment() -> None:
    assert draw_spec(7, 17) == draw_spec(7, 17)
    assert draw_spec(7, 17) != draw_spec(7, 18)
    assert draw_spec(7, 17) != draw_spec(8, 17)
    with pytest.raises(ValueError, match="non-negative"):
        draw_spec(-1, 0)


def test_every_value_is_reached(many: list[GarmentSpec]) -> None:
    seen = {name: {spec.reference()[name] for spec in many} for name in ATTRIBUTES}
    assert seen["type"] == set(KINDS)
    assert seen["color"] == set(COLORS)
    assert seen["pattern"] == set(EVERYDAY_PATTERNS)
    assert seen["neckline"] == {neckline for kind in KINDS.values() for neckline, _ in kind.cuts}
    assert seen["sleeve_length"] == {None, "sleeveless", "short sleeve", "long sleeve"}
    assert seen["closure"] == {None, "pullover", "button", "zipper"}
    assert seen["brand"] == {None, *BRANDS}
    assert seen["size"] == {None, *LETTER_SIZES, *WAIST_SIZES}
    assert {spec.defect.kind for spec in many if spec.defect} == set(DEFECT_SHARES)


def test_nulls_come_at_the_rates_of_real_data(many: list[GarmentSpec]) -> None:
    nulls = Counter(name for spec in many for name, value in spec.reference().items() if value is None)
    rates = {name: nulls[name] / len(many) for name in ATTRIBUTES}
    assert rates["type"] == rates["color"] == rates["pattern"] == 0
    assert rates["neckline"] == rates["sleeve_length"]
    assert 0.18 < rates["neckline"] < 0.30
    assert 0.05 < rates["closure"] < 0.16
    assert 0.57 < rates["brand"] < 0.63
    assert 0.62 < rates["size"] < 0.68
    assert 0.72 < rates["defect_type"] < 0.78


def test_no_type_and_no_colour_dominates(many: list[GarmentSpec]) -> None:
    for name in ("type", "color"):
        (_, most), *_ = Counter(spec.reference()[name] for spec in many).most_common(1)
        assert most / len(many) < 0.2


def test_attributes_go_together(many: list[GarmentSpec]) -> None:
    for spec in many:
        assert (spec.neckline is None) == (spec.sleeve_length is None) == (spec.type in BOTTOMS)
        assert (spec.size is None) == (spec.tag is None)
        if spec.pattern == "graphic":
            assert spec.closure == "pullover"
        if spec.defect and spec.defect.kind == "missing button":
            assert spec.closure == "button"
        if spec.defect and "sleeve" in spec.defect.place:
            assert spec.sleeve_length in ("short sleeve", "long sleeve")


def test_brands_cannot_be_taken_for_one_another() -> None:
    from rapidfuzz.distance import Levenshtein

    pairs = [(a, b) for a in BRANDS for b in BRANDS if a < b]
    assert max(Levenshtein.normalized_similarity(a.lower(), b.lower()) for a, b in pairs) < 0.8


def test_the_builtin_benchmark_knows_every_value_that_is_drawn(many: list[GarmentSpec]) -> None:
    benchmark = read_benchmark_file(BUILTIN)
    assert benchmark.rank_by == "weighted_score"
    for name, field in benchmark.fields.items():
        values = {value for spec in many if (value := spec.reference()[name]) is not None}
        assert not values & set(field.null_values)
        if field.type == "categorical":
            assert values == set(field.synonyms)
            words = [word for head, others in field.synonyms.items() for word in (head, *others)]
            assert len(words) == len(set(words)), f"a word of {name} means two things"
    assert all(name in str(benchmark.prompt) for name in ATTRIBUTES)
    weights = {name: field.weight for name, field in benchmark.fields.items()}
    assert sum(weights.values()) == 12.5
    assert (weights["type"], weights["defect_type"], weights["brand"], weights["size"]) == (2.5, 2.0, 1.5, 1.5)


def test_a_made_data_set_is_whole(tmp_path: Path) -> None:
    calls: list[int] = []
    data = make_garments(tmp_path / "made", 6, 7, progress=calls.append)
    assert calls == [1, 2, 3, 4, 5, 6]
    rows = [json.loads(line) for line in data.read_text().splitlines()]
    assert len({row["id"] for row in rows}) == 6
    for index, row in enumerate(rows):
        spec = draw_spec(7, index)
        assert list(row) == ["id", "image", "reference", "defect_box"]
        assert row["id"] == f"garment-7-{index:06d}"
        assert row["reference"] == spec.reference()
        box = box_of(spec)
        assert row["defect_box"] == (list(box) if box else None)
        with Image.open(data.parent / row["image"]) as image:
            assert (image.size, image.mode, image.format) == ((256, 320), "RGB", "JPEG")
    assert {path.name for path in data.parent.iterdir()} == {"data.jsonl", "benchmark.yaml", "images"}


def test_the_made_benchmark_file_is_the_builtin_one_with_its_own_data(tmp_path: Path) -> None:
    made = read_benchmark_file(make_garments(tmp_path, 1, 7).with_name("benchmark.yaml"))
    builtin = read_benchmark_file(BUILTIN)
    assert (made.id, made.data.path, made.data.make) == ("garments-made", "data.jsonl", None)
    assert made.training is None
    own = {"id", "title", "data", "training"}
    assert made.model_dump(exclude=own) == builtin.model_dump(exclude=own)
    assert (builtin.id, builtin.data.make and builtin.data.make.n) == ("garments-demo", 200)


def test_the_first_garments_are_the_same_however_many_are_made(tmp_path: Path) -> None:
    few, more = make_garments(tmp_path / "few", 2, 7), make_garments(tmp_path / "more", 5, 7)
    assert more.read_text().startswith(few.read_text())
    assert digests(few.parent / "images").items() <= digests(more.parent / "images").items()


def test_making_again_gives_the_same_bytes_and_in_place_does_nothing(tmp_path: Path) -> None:
    first = make_garments(tmp_path / "one", 4, 7).parent
    before = {path: path.stat().st_mtime_ns for path in first.rglob("*")}
    calls: list[int] = []
    assert make_garments(first, 4, 7, progress=calls.append) == first / "data.jsonl"
    assert {path: path.stat().st_mtime_ns for path in first.rglob("*")} == before
    assert calls == []
    assert digests(make_garments(tmp_path / "two", 4, 7).parent) == digests(first)


@pytest.mark.parametrize(("n", "seed"), [(4, 8), (3, 7), (5, 7)])
def test_a_folder_with_other_garments_is_refused_and_left_alone(tmp_path: Path, n: int, seed: int) -> None:
    make_garments(tmp_path, 4, 7)
    before = digests(tmp_path)
    with pytest.raises(BadInputError, match="other garments") as refusal:
        make_garments(tmp_path, n, seed)
    assert refusal.value.mend
    assert digests(tmp_path) == before


@pytest.mark.parametrize(("n", "seed"), [(0, 7), (-1, 7), (3, -1)])
def test_impossible_numbers_are_refused(tmp_path: Path, n: int, seed: int) -> None:
    with pytest.raises(BadInputError) as refusal:
        make_garments(tmp_path / "none", n, seed)
    assert refusal.value.mend
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("after", [0, 1, 3])
def test_an_interrupted_making_is_never_taken_for_a_whole_one(tmp_path: Path, after: int) -> None:
    def interrupt(done: int) -> None:
        if done > after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_garments(tmp_path / "made", 4, 7, progress=interrupt)
    assert not (tmp_path / "made" / "data.jsonl").exists()
    make_garments(tmp_path / "made", 4, 7)
    assert digests(tmp_path / "made") == digests(make_garments(tmp_path / "whole", 4, 7).parent)


def test_an_image_whose_writing_is_interrupted_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(spec: GarmentSpec) -> bytes:
        if spec.index == 2:
            raise KeyboardInterrupt
        return b"image"

    monkeypatch.setattr(making_module, "jpeg_of", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make_garments(tmp_path, 4, 7)
    assert sorted(digests(tmp_path)) == ["images/garment-7-000000.jpg", "images/garment-7-000001.jpg"]


def test_a_lost_image_is_rendered_again(tmp_path: Path) -> None:
    data = make_garments(tmp_path, 3, 7)
    before = digests(tmp_path)
    (data.parent / "images" / "garment-7-000001.jpg").unlink()
    make_garments(tmp_path, 3, 7)
    assert digests(tmp_path) == before


def test_an_edited_benchmark_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / "benchmark.yaml").write_text("# mine\n")
    make_garments(tmp_path, 1, 7)
    assert (tmp_path / "benchmark.yaml").read_text() == "# mine\n"


def test_the_cache_renders_once_and_keeps_data_sets_apart(tmp_path: Path) -> None:
    data = garments_from_cache(3, 7, tmp_path)
    assert data.parent.name.startswith("garments-3-7-v")
    image = data.parent / "images" / "garment-7-000000.jpg"
    written = image.stat().st_mtime_ns
    assert garments_from_cache(3, 7, tmp_path) == data
    assert image.stat().st_mtime_ns == written
    assert garments_from_cache(3, 8, tmp_path) != data
