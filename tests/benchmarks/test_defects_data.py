"""Scenes on disk: whole or not there, the same bytes each time, never over other data."""

import hashlib
import json
from pathlib import Path

import pytest
from PIL import Image

from peakbench.benchmarks.defects import SceneSpec, defects_from_cache, draw_scene, make_defects
from peakbench.benchmarks.defects import making as making_module
from peakbench.errors import BadInputError


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_made_data_set_is_whole(tmp_path: Path) -> None:
    calls: list[int] = []
    data = make_defects(tmp_path / "made", 6, 7, progress=calls.append)
    assert calls == [1, 2, 3, 4, 5, 6]
    rows = [json.loads(line) for line in data.read_text(encoding="utf-8").splitlines()]
    for index, row in enumerate(rows):
        spec = draw_scene(7, index)
        assert row == {
            "id": f"scene-7-{index:06d}",
            "image": f"images/scene-7-{index:06d}.jpg",
            "caption": spec.caption,
            "reference": spec.reference(),
        }
        with Image.open(data.parent / row["image"]) as image:
            assert (image.size, image.mode, image.format) == ((384, 384), "RGB", "JPEG")
    assert {path.name for path in data.parent.iterdir()} == {"data.jsonl", "images"}


def test_a_benchmark_file_is_written_when_given_and_never_over_another(tmp_path: Path) -> None:
    make_defects(tmp_path / "new", 1, 7, benchmark_file=lambda: "# made\n")
    assert (tmp_path / "new" / "benchmark.yaml").read_text() == "# made\n"
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "benchmark.yaml").write_text("# mine\n")
    make_defects(tmp_path / "old", 1, 7, benchmark_file=lambda: "# made\n")
    assert (tmp_path / "old" / "benchmark.yaml").read_text() == "# mine\n"


def test_the_first_scenes_are_the_same_however_many_are_made(tmp_path: Path) -> None:
    few, more = make_defects(tmp_path / "few", 2, 7), make_defects(tmp_path / "more", 5, 7)
    assert more.read_text().startswith(few.read_text())
    assert digests(few.parent / "images").items() <= digests(more.parent / "images").items()


def test_making_again_gives_the_same_bytes_and_in_place_does_nothing(tmp_path: Path) -> None:
    first = make_defects(tmp_path / "one", 4, 7).parent
    before = {path: path.stat().st_mtime_ns for path in first.rglob("*")}
    calls: list[int] = []
    assert make_defects(first, 4, 7, progress=calls.append) == first / "data.jsonl"
    assert {path: path.stat().st_mtime_ns for path in first.rglob("*")} == before
    assert calls == []
    assert digests(make_defects(tmp_path / "two", 4, 7).parent) == digests(first)


@pytest.mark.parametrize(("n", "seed"), [(4, 8), (3, 7), (5, 7)])
def test_a_folder_with_other_scenes_is_refused_and_left_alone(tmp_path: Path, n: int, seed: int) -> None:
    make_defects(tmp_path, 4, 7)
    before = digests(tmp_path)
    with pytest.raises(BadInputError, match="other scenes") as refusal:
        make_defects(tmp_path, n, seed)
    assert refusal.value.mend
    assert digests(tmp_path) == before


@pytest.mark.parametrize(("n", "seed"), [(0, 7), (-1, 7), (3, -1)])
def test_impossible_numbers_are_refused(tmp_path: Path, n: int, seed: int) -> None:
    with pytest.raises(BadInputError) as refusal:
        make_defects(tmp_path / "none", n, seed)
    assert refusal.value.mend
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("after", [0, 3])
def test_an_interrupted_making_is_never_taken_for_a_whole_one(tmp_path: Path, after: int) -> None:
    def interrupt(done: int) -> None:
        if done > after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_defects(tmp_path / "made", 4, 7, progress=interrupt)
    assert not (tmp_path / "made" / "data.jsonl").exists()
    make_defects(tmp_path / "made", 4, 7)
    assert digests(tmp_path / "made") == digests(make_defects(tmp_path / "whole", 4, 7).parent)


def test_an_image_whose_rendering_is_interrupted_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(spec: SceneSpec) -> bytes:
        if spec.index == 1:
            raise KeyboardInterrupt
        return b"image"

    monkeypatch.setattr(making_module, "jpeg_of", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make_defects(tmp_path, 4, 7)
    assert sorted(digests(tmp_path)) == ["images/scene-7-000000.jpg"]


def test_a_lost_image_is_rendered_again(tmp_path: Path) -> None:
    data = make_defects(tmp_path, 3, 7)
    before = digests(tmp_path)
    (data.parent / "images" / "scene-7-000001.jpg").unlink()
    make_defects(tmp_path, 3, 7)
    assert digests(tmp_path) == before


def test_the_cache_renders_once_and_keeps_data_sets_apart(tmp_path: Path) -> None:
    data = defects_from_cache(3, 7, tmp_path)
    assert data.parent.name.startswith("defects-3-7-v")
    image = data.parent / "images" / "scene-7-000000.jpg"
    written = image.stat().st_mtime_ns
    assert defects_from_cache(3, 7, tmp_path) == data
    assert image.stat().st_mtime_ns == written
    assert defects_from_cache(3, 8, tmp_path) != data
