"""`benchmarks validate` and `--skip-bad`: everything wrong in one pass, and a run that records what it left out."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from peakbench.mock.serving import RunningMockServer
from peakbench.runs.folder import find_runs

Run = Callable[..., subprocess.CompletedProcess[str]]
Tiny = Callable[..., Path]


@pytest.fixture
def messy(tiny: Tiny, tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A benchmark with three good rows and twenty that are bad, each in its own way; and what is to be said of each."""
    path = tiny(3, extra="columns: {cluster: source}\n")
    images = path.parent / "images"
    shutil.copy(images / "0.png", tmp_path / "outside.png")
    (images / "link.png").symlink_to(tmp_path / "outside.png")
    (images / "text.png").write_text("no image")
    (images / "empty.png").touch()
    (images / "folder.png").mkdir()
    os.mkfifo(images / "pipe.png")
    Image.new("1", (20_000, 6_000)).save(images / "huge.png")
    good: dict[str, Any] = {"image": "images/0.png", "reference": {"type": "shirt"}, "source": "posh"}
    bad: list[tuple[str, dict[str, Any] | str, str]] = [
        ("missing image", good | {"image": "images/9.png"}, "No such file"),
        ("undecodable", good | {"image": "images/text.png"}, "cannot be decoded"),
        ("empty file", good | {"image": "images/empty.png"}, "cannot be decoded"),
        ("too many pixels", good | {"image": "images/huge.png"}, "pixels"),
        ("a folder", good | {"image": "images/folder.png"}, "is no file"),
        ("a pipe", good | {"image": "images/pipe.png"}, "is no file"),
        ("leaves", good | {"image": "../../outside.png"}, "leaves the data's folder"),
        ("link", good | {"image": "images/link.png"}, "leaves the data's folder"),
        ("a url", good | {"image": "ftp://host/a.png"}, "is no http(s) URL"),
        ("broken data url", good | {"image": "data:image/png;base64,%%"}, "base64 is broken"),
        ("no image", good | {"image": None}, "holds no image"),
        ("no column", {"image": "images/0.png", "source": "posh"}, "column `reference` is missing"),
        ("reference no json", good | {"reference": "{broken"}, "is a string that holds no JSON"),
        ("reference a list", good | {"reference": [1]}, "holds no JSON object"),
        ("unknown key", good | {"reference": {"fabric": "wool"}}, "key `fabric`, which the schema does not have"),
        ("wrong value", good | {"reference": {"type": ["a"]}}, "field `type` of the reference is a list"),
        ("bad cluster", good | {"source": [1]}, "column `source` holds"),
        ("s0001", good, "the id was given before, in line 2"),
        ("doubled key", '{"id": "doubled key", "id": "x"}', "the key `id` is given twice"),
        ("no json", "{broken", "no JSON"),
    ]
    rows = [json.loads(line) | {"source": None} for line in (path.parent / "data.jsonl").read_text().splitlines()]
    lines = [json.dumps(row) for row in rows]
    expected = {}
    for name, row, said in bad:
        lines.append(row if isinstance(row, str) else json.dumps({"id": name} | row))
        expected[f"line {len(lines)}"] = said
    (path.parent / "data.jsonl").write_text("\n".join(lines) + "\n")
    return path, expected


def test_twenty_kinds_of_bad_rows_are_named_in_one_pass(peakbench: Run, messy: tuple[Path, dict[str, str]]) -> None:
    path, expected = messy
    assert len(expected) == 20
    done = peakbench("benchmarks", "validate", path)
    assert done.returncode == 2, done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == "3 good samples, 20 bad rows"
    for place, said in expected.items():
        (line,) = [line for line in lines if f"{place}," in line or f"{place}:" in line]
        assert said in line
    report = json.loads(peakbench("benchmarks", "validate", path, "--json").stdout)
    assert (report["n"], report["n_bad"], len(report["findings"])) == (3, 20, 20)
    assert report["findings"][0]["sample"] == "missing image"


def test_a_run_refuses_bad_rows_unless_told_and_then_records_them(
    peakbench: Run, messy: tuple[Path, dict[str, str]], server: RunningMockServer, tmp_path: Path
) -> None:
    path, _ = messy
    words = ("run", path, "-m", "constant-null", "--base-url", server.base_url)
    refused = peakbench(*words)
    assert refused.returncode == 2
    assert "--skip-bad" in refused.stderr
    done = peakbench(*words, "--skip-bad")
    assert done.returncode == 0, done.stderr
    assert "20 bad rows are left out" in done.stderr
    (run,) = find_runs([tmp_path / "runs" / "constant-null"])
    facts = run.read_manifest().data
    assert (facts.n, facts.n_skipped, len(facts.skipped)) == (3, 20, 20)
    assert "images/9.png: No such file" in facts.skipped[0]
    assert peakbench("score", run.path).returncode == 0


def test_good_data_validates(peakbench: Run, tiny: Tiny) -> None:
    done = peakbench("benchmarks", "validate", tiny(5))
    assert (done.returncode, done.stdout) == (0, "5 good samples, 0 bad rows\n")


def test_what_is_in_the_data_is_counted(peakbench: Run, tiny: Tiny) -> None:
    path = tiny(6)
    shown = peakbench("benchmarks", "show", path).stdout
    assert "\n6 samples" in shown
    assert "shirt (3)" in shown
    assert "50.0%" in shown
    assert "8 × 8 (6)" in shown
    assert shown.count("Answer with one JSON object.") == 2  # in the file, and once as it is sent to all
    counted = json.loads(peakbench("benchmarks", "show", path, "--json").stdout)["contents"]
    assert counted["whole"] is True
    assert counted["nulls"] == {"type": 3, "color": 3, "size": 3}
    assert counted["image_sizes"] == {"8x8": 6}


def test_data_is_counted_by_its_first_rows_unless_all_of_it_is_wanted(peakbench: Run, tiny: Tiny) -> None:
    path = tiny(501)
    assert "the first rows only (--data counts all): 500 samples" in peakbench("benchmarks", "show", path).stdout
    assert "\n501 samples" in peakbench("benchmarks", "show", path, "--data").stdout
    shown = peakbench("benchmarks", "show", path, "--no-data")
    assert "samples" not in shown.stdout.replace("in-sample", "")
    assert "the data was not looked at" in shown.stdout


def test_a_benchmark_is_shown_whose_data_cannot_be_read(peakbench: Run, tiny: Tiny, tmp_path: Path) -> None:
    path = tiny(1)
    (path.parent / "data.jsonl").unlink()
    shown = peakbench("benchmarks", "show", path)
    assert shown.returncode == 0
    assert "Answer with one JSON object." in shown.stdout
    assert "the data cannot be read: " in shown.stdout
    assert peakbench("benchmarks", "show", path, "--data").returncode == 2
    empty = str(tmp_path / "cache")
    shown = peakbench("benchmarks", "show", "garments-demo", PEAKBENCH_CACHE=empty)
    assert "--data renders or fetches it" in shown.stdout
    assert "majority floor: from a training split of 2,000 garments of seed 900001" in shown.stdout
    assert json.loads(peakbench("benchmarks", "show", "garments", "--json").stdout)["contents"] is None


def test_rendered_data_is_counted_once_it_is_there(peakbench: Run, tmp_path: Path) -> None:
    path = tmp_path / "few.yaml"
    made = "data: {make: {kind: garments, n: 3, seed: 1}}\n"
    path.write_text(f"schema_version: 1\nextends: garments-demo\nid: few\n{made}")
    cache = {"PEAKBENCH_CACHE": str(tmp_path / "cache")}
    assert "not on this machine yet" in peakbench("benchmarks", "show", path, **cache).stdout
    assert "\n3 samples" in peakbench("benchmarks", "show", path, "--data", **cache).stdout
    assert "\n3 samples" in peakbench("benchmarks", "show", path, **cache).stdout


def test_the_training_split_is_validated_with_the_data(peakbench: Run, tiny: Tiny) -> None:
    path = tiny(5, extra="training: {path: train.jsonl}\n")
    split = path.parent / "train.jsonl"
    split.write_text('{"reference": {"type": "shirt"}}\n')
    done = peakbench("benchmarks", "validate", path)
    assert (done.returncode, done.stdout) == (
        0,
        "5 good samples, 1 references of the training split, 0 bad rows\n",
    )
    split.write_text('{"reference": {"type": "shirt"}}\n{"id": "x", "reference": {"fabric": "wool"}}\n')
    done = peakbench("benchmarks", "validate", path)
    assert done.returncode == 2
    assert "train.jsonl, line 2, sample 'x': the reference has the key `fabric`" in done.stdout
    split.write_text("")
    assert peakbench("benchmarks", "validate", path).returncode == 2


def test_a_text_benchmark_is_asked_and_scored(
    peakbench: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    path = tiny(4)
    path.write_text(
        "schema_version: 1\nid: words\nversion: 1\ntask: text\ndata: {path: data.jsonl}\nprompt: What is it?\n"
        "rank_by: rouge_l\n"
    )
    rows = [
        json.loads(line) | {"reference": "type color"} for line in (path.parent / "data.jsonl").read_text().splitlines()
    ]
    (path.parent / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = peakbench("run", path, "-m", "constant-null", "--base-url", server.base_url, "--json")
    assert done.returncode == 0, done.stderr
    metrics = json.loads(done.stdout)["results"]["metrics"]
    assert 0 < metrics["rouge_l"]["value"] < 1
    board = json.loads(peakbench("leaderboard", "runs", "--json").stdout)[0]
    kinds = {row["title"]: row["metrics"]["rouge_l"]["value"] for row in board["rows"]}
    assert kinds["oracle"] == 1.0


def test_a_grounding_benchmark_is_asked_and_shows_parse_rates_unranked(
    peakbench: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    path = tiny(4)
    path.write_text(
        "schema_version: 1\nid: boxes\nversion: 1\ntask: grounding\ndata: {path: data.jsonl}\nprompt: Find defects.\n"
        "labels: {artifact: []}\nboxes:\n  references: {order: xyxy, scale: norm1000}\n"
        "  answers: {order: xyxy, scale: norm1000}\n"
    )
    item = {"box_2d": [1, 2, 3, 4], "label": "artifact"}
    rows = [json.loads(line) | {"reference": [item]} for line in (path.parent / "data.jsonl").read_text().splitlines()]
    (path.parent / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = peakbench("run", path, "-m", "constant-null", "--base-url", server.base_url, "--json")
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)["results"]
    assert results["rank_by"] is None
    assert results["metrics"]["json_parse_rate_extracted"]["value"] == 0.0  # an object is no list of boxes
    (board,) = json.loads(peakbench("leaderboard", "runs", "--json").stdout)
    rates = {row["title"]: row["metrics"]["json_parse_rate_extracted"]["value"] for row in board["rows"]}
    assert rates["oracle"] == rates["defects_always_empty"] == rates["defects_whole_image"] == 1.0
    assert rates["never_json"] == 0.0
    assert {row["rank"] for row in board["rows"]} == {None}


def test_images_that_are_urls_are_told(peakbench: Run, tiny: Callable[..., Path]) -> None:
    path = tiny(3)
    data = path.parent / "data.jsonl"
    data.write_text(data.read_text().replace("images/1.png", "https://example.org/1.png"))
    done = peakbench("benchmarks", "validate", path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "3 good samples, 0 bad rows",
        "images given as URLs: 1 (run with --allow-remote-images)",
    ]
    shown = peakbench("benchmarks", "show", path, "--data")
    assert "images given as URLs: 1" in shown.stdout
