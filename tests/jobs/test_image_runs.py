"""Runs whose images are sent otherwise than as untouched bytes: allowed, checked, recorded."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.errors import BadInputError, InfrastructureError
from peakbench.jobs.run import run_benchmark
from peakbench.jobs.score import score_run
from peakbench.jobs.settings import RunSettings
from peakbench.metrics.registry import Registry
from peakbench.mock import MockServerSettings, build_models, run_in_thread
from peakbench.mock.serving import RunningMockServer
from peakbench.runners.endpoint import Endpoint
from peakbench.runs.manifest import ModelFacts
from peakbench.runs.records import ImageSending

Tiny = Callable[..., Path]


def settings_of(url: str, output: Path, **others: Any) -> RunSettings:
    return RunSettings(ModelFacts(name="constant-null"), Endpoint(url), output, cache=output / "cache", **others)


def with_urls(path: Path, url: str = "https://example.org/a.png") -> Path:
    data = path.parent / "data.jsonl"
    rows = [json.loads(line) for line in data.read_text().splitlines()]
    rows[1]["image"] = url
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("transport", ["http", "openai"])
def test_files_are_named_to_a_server_that_may_read_them(tiny: Tiny, tmp_path: Path, transport: Any) -> None:
    path = tiny(3)
    as_files = {"images": ImageSending("file"), "transport": transport}
    with run_in_thread(
        build_models(["constant-null"]), MockServerSettings(allowed_local_media_path=path.parent)
    ) as server:
        settings = settings_of(server.base_url, tmp_path / "runs", **as_files)
        outcome = run_benchmark(find_benchmark(str(path)), settings, Registry.load())
        assert server.server.requests_served == 3 + 1  # and the one that checks
        assert outcome.results.n_failed == 0
        assert outcome.folder.read_manifest().sessions[0].images_as == "file"
        # How the bytes travel is no part of what was asked.
        plain = run_benchmark(
            find_benchmark(str(path)), settings_of(server.base_url, tmp_path / "plain"), Registry.load()
        )
    assert outcome.folder.read_manifest().identity == plain.folder.read_manifest().identity


def test_a_server_that_may_not_read_them_is_told_apart_before_the_first_sample(
    tiny: Tiny, tmp_path: Path, server: RunningMockServer
) -> None:
    path = tiny(3)
    settings = settings_of(server.base_url, tmp_path / "runs", images=ImageSending("file"))
    with pytest.raises(InfrastructureError, match="--images-as file failed") as told:
        run_benchmark(find_benchmark(str(path)), settings, Registry.load())
    assert f"--allowed-local-media-path {(path.parent / 'images').resolve()}" in told.value.mend
    way_on = replace(settings, images=ImageSending(), resume=True)
    assert run_benchmark(find_benchmark(str(path)), way_on, Registry.load()).results.n_failed == 0


def test_a_server_that_may_not_read_smaller_copies_is_to_be_let_into_their_folder(
    tiny: Tiny, tmp_path: Path, server: RunningMockServer
) -> None:
    path = tiny(3)
    settings = settings_of(server.base_url, tmp_path / "runs", images=ImageSending("file", max_pixels=16))
    with pytest.raises(InfrastructureError, match="--images-as file failed") as told:
        run_benchmark(find_benchmark(str(path)), settings, Registry.load())
    folder = Path(told.value.mend.partition("--allowed-local-media-path ")[2].partition(")")[0])
    assert folder.is_relative_to(tmp_path / "runs" / "cache")
    with run_in_thread(build_models(["constant-null"]), MockServerSettings(allowed_local_media_path=folder)) as other:
        there = replace(settings, endpoint=Endpoint(other.base_url), resume=True)
        assert run_benchmark(find_benchmark(str(path)), there, Registry.load()).results.n_failed == 0


def test_urls_of_the_data_need_leave(tiny: Tiny, tmp_path: Path, server: RunningMockServer) -> None:
    benchmark = find_benchmark(str(with_urls(tiny(3))))
    settings = settings_of(server.base_url, tmp_path / "runs")
    with pytest.raises(BadInputError, match=r"\(line 2\) gives its image as a URL: https://example.org/a.png") as told:
        run_benchmark(benchmark, settings, Registry.load())
    assert "--allow-remote-images" in told.value.mend
    assert not list(settings.output.rglob("run.json"))
    outcome = run_benchmark(benchmark, replace(settings, allow_remote_images=True), Registry.load())
    assert outcome.results.n_failed == 1  # this server fetches nothing
    (warning,) = outcome.results.warnings
    assert warning.startswith("1 samples were asked with images given as URLs")
    (about,) = [sample for sample in outcome.folder.samples() if sample.line == 2]
    assert about.model_dump()["images"] == [{"url": "https://example.org/a.png"}]
    with outcome.folder.lock():
        assert score_run(outcome.folder, Registry.load()).warnings == [warning]


def test_what_is_secret_in_the_url_of_an_image_is_written_nowhere(
    tiny: Tiny, tmp_path: Path, server: RunningMockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = with_urls(tiny(3), "https://example.org/a.png?v=2&X-Amz-Signature=5e0f9a71")
    benchmark, kept = find_benchmark(str(path)), tmp_path / "runs"
    settings = settings_of(server.base_url, kept)
    with pytest.raises(BadInputError, match=r"a.png\?v=2&X-Amz-Signature=\[redacted\]"):
        run_benchmark(benchmark, settings, Registry.load())
    settings = replace(settings, allow_remote_images=True)

    def scoring_fails(*_: object, **__: object) -> None:
        raise InfrastructureError("told to")

    with monkeypatch.context() as patch, pytest.raises(InfrastructureError, match="told to"):
        patch.setattr("peakbench.jobs.run.score_run", scoring_fails)
        run_benchmark(benchmark, settings, Registry.load())
    for file in filter(Path.is_file, kept.rglob("*")):  # all that a run holds before it is scored
        assert b"5e0f9a71" not in file.read_bytes(), file
    outcome = run_benchmark(benchmark, replace(settings, resume=True), Registry.load())
    assert (outcome.n_asked, outcome.results.n_failed) == (0, 1)
    (about,) = [sample for sample in outcome.folder.samples() if sample.line == 2]
    assert about.model_dump()["images"] == [{"url": "https://example.org/a.png?v=2&X-Amz-Signature=[redacted]"}]
    for file in filter(Path.is_file, kept.rglob("*")):
        assert b"5e0f9a71" not in file.read_bytes(), file


def test_smaller_images_make_another_run_of_the_same_data(
    tiny: Tiny, tmp_path: Path, server: RunningMockServer
) -> None:
    path = tiny(2)
    for image in (path.parent / "images").iterdir():
        Image.new("RGB", (64, 32), "red").save(image)
    benchmark = find_benchmark(str(path))
    settings = settings_of(server.base_url, tmp_path / "runs")
    whole = run_benchmark(benchmark, settings, Registry.load())
    smaller = run_benchmark(benchmark, replace(settings, images=ImageSending(max_pixels=512)), Registry.load())
    one, other = whole.folder.read_manifest().identity, smaller.folder.read_manifest().identity
    assert one.data == other.data
    assert set(one.differences(other)) == {"generation"}
    told = other.generation["images"]
    assert (told["max_pixels"], told["interpolation"]) == (512, "lanczos")
    assert told["made_by"].startswith("pillow ")
    tokens = [max(record_tokens(run.folder)) for run in (whole, smaller)]
    assert tokens[0] > tokens[1]  # the server saw fewer pixels
    assert len(list((tmp_path / "runs" / "cache" / "images" / "smaller").rglob("*.png"))) >= 1


def record_tokens(folder: Any) -> list[int]:
    with folder.journal() as journal:
        return [record.usage.prompt_tokens for record in journal.records()]


@pytest.mark.parametrize("scale", ["pixel", "pixel_resized"])
def test_boxes_in_pixels_and_smaller_images_exclude_one_another(tmp_path: Path, scale: str) -> None:
    path = tmp_path / "boxes.yaml"
    path.write_text(
        f"""
schema_version: 1
extends: defects-demo
id: in-pixels
version: 1
boxes:
  keys: [box_2d]
  references: {{order: xyxy, scale: norm1000}}
  answers: {{order: xyxy, scale: {scale}}}
"""
    )
    settings = settings_of("http://127.0.0.1:9/v1", tmp_path / "runs", images=ImageSending(max_pixels=512))
    with pytest.raises(BadInputError, match="reads boxes in pixels"):
        run_benchmark(find_benchmark(str(path)), settings, Registry.load())
