"""From rows to samples: what is read, what is refused, and digests that see content and nothing else."""

import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from peakbench.benchmarks.benchmark import Benchmark, cache_folder, draw, find_benchmark
from peakbench.benchmarks.images import MAX_IMAGE_BYTES, ImageReader
from peakbench.benchmarks.sample import ImageFile, RemoteImage, Sample, data_digest
from peakbench.benchmarks.sources import MAX_LINE_BYTES
from peakbench.errors import BadInputError

Tiny = Callable[..., Path]


def load(path: Path) -> list[Sample]:
    benchmark = find_benchmark(str(path))
    return benchmark.samples(benchmark.data_place(path.parent), path.parent)[0]


def rewrite(path: Path, change: Callable[[int, dict[str, object]], dict[str, object]]) -> None:
    data = path.parent / "data.jsonl"
    rows = [change(index, json.loads(line)) for index, line in enumerate(data.read_text().splitlines())]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))


def digest(samples: list[Sample]) -> str:
    return data_digest([sample.digest for sample in samples])


def test_a_reference_is_completed_with_nulls(tiny: Tiny) -> None:
    first, second = load(tiny(2))
    assert first.reference == {"type": None, "color": None, "size": None}
    assert second.reference == {"type": "shirt", "color": "red", "size": "M"}


def test_a_reference_may_be_a_string_that_holds_json(tiny: Tiny) -> None:
    plain = load(tiny(4))
    path = tiny(4, name="strings")
    rewrite(path, lambda _, row: row | {"reference": json.dumps(row["reference"])})
    assert digest(load(path)) == digest(plain)


def test_the_digest_is_of_content_not_of_the_file(tiny: Tiny) -> None:
    path = tiny(6)
    before = digest(load(path))
    data = path.parent / "data.jsonl"
    lines = data.read_text().splitlines()
    random.Random(0).shuffle(lines)
    data.write_text("\n\n".join(line.replace(": ", " :  ") for line in lines))
    assert digest(load(path)) == before


@pytest.mark.parametrize("what", ["id", "reference", "image", "prompt"])
def test_the_digest_sees_every_part_of_a_sample(tiny: Tiny, what: str) -> None:
    path = tiny(3)
    before = digest(load(path))
    if what == "image":
        Image.new("RGB", (8, 8), "white").save(path.parent / "images" / "1.png")
    elif what == "prompt":
        path.write_text(path.read_text().replace("Answer with", "Reply with"))
    else:
        changed = {"id": "other", "reference": {"type": "dress"}}[what]
        rewrite(path, lambda index, row: row | {what: changed} if index == 1 else row)
    assert digest(load(path)) != before


def test_several_images_keep_their_order(tiny: Tiny) -> None:
    path = tiny(3)
    rewrite(path, lambda _, row: row | {"image": ["images/2.png", "images/0.png"]})
    assert [image.path.name for image in load(path)[0].files] == ["2.png", "0.png"]


def test_a_template_is_rendered_over_the_columns(tiny: Tiny) -> None:
    path = tiny(2)
    path.write_text(
        path.read_text().replace("prompt: Answer with one JSON object.", "prompt: {template: 'Is {{ id }} red?'}")
    )
    assert [sample.prompt for sample in load(path)] == ["Is s0000 red?", "Is s0001 red?"]


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ nowhere }}", "'nowhere' is undefined"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ image.__init__.__globals__ }}", "unsafe"),
        ("{% if False %}x{% endif %}", "the prompt is empty"),
        ("{{ 'x' * 2000000 }}", "characters"),
    ],
)
def test_a_template_that_gives_no_prompt_is_refused_with_the_sample(tiny: Tiny, template: str, said: str) -> None:
    path = tiny(1)
    path.write_text(
        path.read_text().replace("prompt: Answer with one JSON object.", f'prompt: {{template: "{template}"}}')
    )
    with pytest.raises(BadInputError, match=rf"line 1, sample 's0000'.*{said}"):
        load(path)


def test_a_template_that_is_no_jinja_is_refused(tiny: Tiny) -> None:
    path = tiny(1)
    path.write_text(path.read_text().replace("prompt: Answer with one JSON object.", 'prompt: {template: "{{ id"}'))
    with pytest.raises(BadInputError, match="prompt template"):
        load(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": ""}, "a string or a whole number is needed"),
        ({"id": True}, "a string or a whole number is needed"),
        ({"id": None}, "a string or a whole number is needed"),
        ({"image": []}, "holds no image"),
        ({"image": 5}, "no image: a path, a data URL or bytes"),
        ({"image": "a\0b"}, "no image: a path, a data URL or bytes"),
        ({"image": "/etc/hostname"}, "leaves the data's folder"),
        ({"reference": [1]}, "holds no JSON object"),
        ({"reference": "[1]"}, "holds no JSON object"),
        ({"reference": "{"}, "holds no JSON"),
    ],
)
def test_a_bad_row_is_named(tiny: Tiny, change: dict[str, object], said: str) -> None:
    path = tiny(2)
    rewrite(path, lambda index, row: row | change if index == 1 else row)
    with pytest.raises(BadInputError, match=rf"line 2.*{said}"):
        load(path)


def test_a_missing_column_is_named_with_those_that_are_there(tiny: Tiny) -> None:
    path = tiny(1)
    rewrite(path, lambda _, row: {"id": "a", "picture": "images/0.png"})
    with pytest.raises(BadInputError, match="column `reference` is missing; the row has id, picture"):
        load(path)


def test_whole_numbers_are_ids(tiny: Tiny) -> None:
    path = tiny(2)
    rewrite(path, lambda index, row: row | {"id": index})
    assert [sample.id for sample in load(path)] == ["0", "1"]


def test_many_findings_are_counted_and_not_all_shown(tiny: Tiny) -> None:
    path = tiny(40)
    rewrite(path, lambda _, row: row | {"image": "nowhere.png"})
    with pytest.raises(BadInputError, match="and 20 more"):
        load(path)


def test_data_without_rows_is_refused(tiny: Tiny) -> None:
    path = tiny(1)
    (path.parent / "data.jsonl").write_text("\n")
    with pytest.raises(BadInputError, match="holds no samples"):
        load(path)


def test_an_image_with_too_many_pixels_is_not_decoded(tmp_path: Path) -> None:
    Image.new("1", (20_000, 6_000)).save(tmp_path / "huge.png")
    with pytest.raises(ValueError, match="pixels"):
        ImageReader(tmp_path, tmp_path).read("huge.png")


def looked_at(folder: Path, name: str) -> ImageFile:
    image = ImageReader(folder, folder).read(name)
    assert isinstance(image, ImageFile)
    return image


@pytest.mark.parametrize("url", ["http://example.org/a.png", "https://example.org:8443/a%20b.png?width=3"])
def test_a_url_is_kept_as_it_stands(tmp_path: Path, url: str) -> None:
    assert ImageReader(tmp_path, tmp_path).read(url) == RemoteImage(url)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/a.png",
        "file:///etc/passwd",
        "http:///a.png",
        "http://example.org:port/a.png",
        "http://me:secret@example.org/a.png",
        "http://example.org/a b.png",
        "http://example.org/é.png",
        "http://example.org/\n.png",
        "http://example.org/" + "a" * 9000,
    ],
)
def test_a_url_that_no_server_should_be_handed_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValueError, match="image") as told:
        ImageReader(tmp_path, tmp_path).read(url)
    assert "secret" not in str(told.value)


def test_the_media_type_is_read_from_the_bytes(tmp_path: Path) -> None:
    Image.new("RGB", (4, 5)).save(tmp_path / "picture.png", format="JPEG")
    image = looked_at(tmp_path, "picture.png")
    assert (image.mime, image.width, image.height) == ("image/jpeg", 4, 5)


def test_a_limit_draws_from_the_whole_data_and_keeps_its_order() -> None:
    places = draw(40, 10, seed=3)
    assert places == [0, 4, 8, 15, 23, 30, 34, 36, 37, 38]  # what it draws is part of a run's identity
    assert places == draw(40, 10, seed=3) != draw(40, 10, seed=4)
    assert draw(40, None, 3) is None
    assert draw(40, 40, 3) is None


def test_a_user_without_a_home_is_told_how_to_name_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("PEAKBENCH_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(BadInputError, match="no cache folder") as refused:
        cache_folder()
    assert "PEAKBENCH_CACHE" in refused.value.mend


def test_a_version_that_is_not_there_is_refused() -> None:
    assert isinstance(find_benchmark("garments-demo@1"), Benchmark)
    with pytest.raises(BadInputError, match="garments-demo@1"):
        find_benchmark("garments-demo@99")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("schema_version: 1", "schema_version: 2", "schema_version"),
        ("version: 1\ntask", "version: 1\nversion: 2\ntask", "duplicate key"),
        ("task: extraction", "task: translation", "task"),
        ("weight: 2.5", "weight: -1", "weight"),
        ("type: categorical", "type: categoricall", "type"),
        ("data: {path: data.jsonl}", "data: {}", "give one of `path`"),
        ("prompt: Answer with one JSON object.", "prompt: ' '", "the prompt is empty"),
        ("fields:", "rank_by: nothing\nmetrics: [field_f1]\nfields:", "rank_by"),
    ],
)
def test_a_benchmark_file_that_breaks_the_format_is_refused(tiny: Tiny, old: str, new: str, said: str) -> None:
    path = tiny(1)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(BadInputError, match=said):
        load(path)


def test_no_is_a_word_in_a_benchmark_file(tiny: Tiny) -> None:
    path = tiny(1, extra="null_values: [no, off]\n")
    assert find_benchmark(str(path)).file.null_values == ["no", "off"]


@pytest.mark.parametrize("name", ["pipe", "loop", "folder", "empty", "picture.eps", "picture.dds", "broken.avif"])
def test_a_file_that_is_no_picture_is_refused_and_never_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    Image.new("RGB", (4, 4)).save(tmp_path / "picture.eps")
    Image.new("RGB", (4, 4)).save(tmp_path / "picture.dds")
    Image.new("RGB", (4, 4)).save(tmp_path / "whole.avif")
    (tmp_path / "broken.avif").write_bytes((tmp_path / "whole.avif").read_bytes()[:-90])
    with pytest.raises(ValueError, match=f"image {name}"):
        ImageReader(tmp_path, tmp_path).read(name)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_that_ends_too_early_is_refused_and_a_whole_one_keeps_its_size(
    tmp_path: Path, mode: str, progressive: bool
) -> None:
    bands = len(Image.new(mode, (1, 1)).getbands())
    noise = Image.frombytes(mode, (90, 70), random.Random(0).randbytes(90 * 70 * bands))
    noise.save(tmp_path / "whole.jpg", progressive=progressive)
    content = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(content[: len(content) * 3 // 4])
    whole = looked_at(tmp_path, "whole.jpg")
    assert (whole.width, whole.height, whole.n_bytes) == (90, 70, len(content))
    with pytest.raises(ValueError, match=r"image cut.jpg cannot be decoded"):
        ImageReader(tmp_path, tmp_path).read("cut.jpg")


def test_a_file_too_large_to_send_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "large.png").open("wb") as file:
        file.truncate(MAX_IMAGE_BYTES + 1)
    with pytest.raises(ValueError, match="bytes"):
        ImageReader(tmp_path, tmp_path).read("large.png")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_pictures_of_every_kind_are_read(tmp_path: Path, mode: str) -> None:
    name = "x.jpg" if mode == "CMYK" else "x.png"
    Image.new(mode, (4, 5)).save(tmp_path / name)
    image = looked_at(tmp_path, name)
    assert (image.width, image.height) == (4, 5)


def test_a_jpeg_of_several_pictures_is_sent_as_a_jpeg(tmp_path: Path) -> None:
    """Telephones write them; their own media type is one that no server knows."""
    picture = Image.new("RGB", (4, 4))
    picture.save(tmp_path / "x.jpg", "MPO", save_all=True, append_images=[picture])
    assert looked_at(tmp_path, "x.jpg").mime == "image/jpeg"


@pytest.mark.filterwarnings("error")
def test_a_picture_with_broken_metadata_is_read_in_silence(tmp_path: Path) -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\x05\0\x1c\x01\x03\0\xff\0\0\0\xff\xff\0\0"
    Image.new("RGB", (4, 4)).save(tmp_path / "x.jpg", exif=exif)
    assert looked_at(tmp_path, "x.jpg").mime == "image/jpeg"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('{"id": "a", "id": "b", "image": "images/0.png", "reference": {}}', "the key `id` is given twice"),
        ('{"id": "a", "image": "images/0.png", "reference": {"type": "x", "type": "y"}}', "`type` is given twice"),
        ('{"id": "a", "image": "images/0.png", "reference": "{\\"x\\": 1, \\"x\\": 2}"}', "`x` is given twice"),
        ('{"id": "\\ud800", "image": "images/0.png", "reference": {}, "cluster": null}', "no UTF-8"),
        ('{"id": "a", "image": "\\ud800", "reference": {}, "cluster": null}', "no UTF-8"),
        ('{"id": "a", "image": "images/0.png", "reference": {}, "cluster": "\\ud800"}', "no UTF-8"),
        ('{"id": "a", "image": "images/0.png", "reference": {}, "cluster": [1]}', "column `cluster`"),
        ('{"id": "a", "image": "images/0.png", "reference": {}, "cluster": 1.0}', "column `cluster`"),
    ],
)
def test_a_row_that_says_two_things_or_cannot_be_kept_is_refused(tiny: Tiny, row: str, said: str) -> None:
    path = tiny(1, extra="columns: {cluster: cluster}\n")
    (path.parent / "data.jsonl").write_text(row + "\n")
    with pytest.raises(BadInputError, match=f"line 1.*{said}"):
        load(path)


def test_a_prompt_that_cannot_be_sent_is_refused(tiny: Tiny) -> None:
    path = tiny(1)
    path.write_text(path.read_text().replace("Answer with one JSON object.", '"\\ud800"'))
    with pytest.raises(BadInputError, match="no UTF-8"):
        load(path)


def test_an_endless_line_is_refused_unread(tiny: Tiny) -> None:
    path = tiny(1)
    with (path.parent / "data.jsonl").open("ab") as file:
        file.truncate(MAX_LINE_BYTES * 4)
    with pytest.raises(BadInputError, match="line 2: longer than"):
        load(path)


def test_a_byte_order_mark_and_windows_line_ends_are_read(tiny: Tiny) -> None:
    path = tiny(2)
    before = digest(load(path))
    data = path.parent / "data.jsonl"
    data.write_bytes(b"\xef\xbb\xbf" + data.read_bytes().replace(b"\n", b"\r\n"))
    assert digest(load(path)) == before


def test_data_that_is_no_file_is_refused_and_never_waited_for(tiny: Tiny) -> None:
    path = tiny(1)
    (path.parent / "data.jsonl").unlink()
    os.mkfifo(path.parent / "data.jsonl")
    with pytest.raises(BadInputError, match="no file"):
        load(path)


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 5000 + "]" * 5000,
        "version: " + "9" * 5000,
        "version: 2024-99-99",
        "version: !!int nothing",
        "? {a: b}\n: c",
        "&a {schema_version: *a}",
        '!!python/object/apply:os.system ["true"]',
        "version: \x00",
    ],
)
def test_hostile_yaml_is_refused_with_a_message(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(BadInputError, match=r"x\.yaml"):
        find_benchmark(str(tmp_path / "x.yaml"))
