"""A dry run says what would be asked; it asks nothing and writes nothing."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from peakbench.mock.serving import RunningMockServer
from peakbench.runs.folder import runs_under

Run = Callable[..., subprocess.CompletedProcess[str]]
Tiny = Callable[..., Path]


def run_file(folder: Path, text: str) -> Path:
    (folder / "sweep.yaml").write_text(f"schema_version: 1\n{text}\n")
    return folder / "sweep.yaml"


def files_in(folder: Path) -> set[tuple[str, int]]:
    return {(str(path), path.stat().st_mtime_ns) for path in folder.rglob("*")}


def plan(peakbench: Run, *words: object) -> dict[str, Any]:
    done = peakbench("sweep", *words, "--dry-run", "--json")
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_nothing_is_asked_and_nothing_is_written(peakbench: Run, tiny: Tiny, tmp_path: Path, no_network: None) -> None:
    path = run_file(tmp_path, f"benchmarks: [{tiny()}, garments-demo, garments]\nmodels: [{{name: a}}, {{name: b}}]")
    before, cache = files_in(tmp_path), files_in(Path(os.environ["PEAKBENCH_CACHE"]))
    found = plan(peakbench, path, "--limit", "4")
    assert [run["n_missing"] for run in found["runs"]] == [4, 4, 4, 4, 4, 4]
    whole = plan(peakbench, path, "--repeats", "2")
    assert [run["n_missing"] for run in whole["runs"]] == [12, 12, 400, 400, None, None]  # the last is on the Hub
    assert whole["n_missing"] is None
    assert whole["seconds"] is None
    assert all(run["found"] == "new" and run["step"] == "ask" for run in whole["runs"])
    assert (files_in(tmp_path), files_in(Path(os.environ["PEAKBENCH_CACHE"]))) == (before, cache)
    done = peakbench("sweep", path, "--dry-run")
    assert done.returncode == 0
    text = done.stdout
    assert "a on garments at http://localhost:8000/v1: new; how many requests is not known" in text
    assert "nothing was asked, and nothing was written" in text
    assert "?" not in text


def test_what_is_there_is_found_and_tells_how_long_the_rest_may_take(
    peakbench: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    benchmark, other = tiny(), tiny(9, name="other")
    other.write_text(other.read_text().replace("id: tiny", "id: other"))
    rest = f"base_url: {server.base_url}\nmodels: [{{name: constant-null}}]\noverrides: [{{}}, {{limit: 2}}]"
    one = run_file(tmp_path, f"benchmarks: [{benchmark}]\n{rest}").rename(tmp_path / "one.yaml")
    path = run_file(tmp_path, f"benchmarks: [{benchmark}, {other}]\n{rest}")
    assert peakbench("sweep", one).returncode == 0
    kept = plan(peakbench, path, "--resume")
    assert [(run["found"], run["step"], run["n_missing"]) for run in kept["runs"]] == [
        ("finished", "keep", 0),
        ("finished", "keep", 0),
        ("new", "ask", 9),
        ("new", "ask", 2),
    ]
    assert kept["n_missing"] == 11
    assert kept["seconds"] > 0
    assert kept["n_bytes"] > 0
    assert "on tiny@1" in kept["runs"][2]["estimate"]
    anew = plan(peakbench, path)
    assert [(run["found"], run["step"]) for run in anew["runs"][:2]] == [("finished", "ask"), ("finished", "ask")]
    for run in runs_under(tmp_path / "runs" / "constant-null"):
        lines = run.journal_path.read_text().splitlines(keepends=True)
        run.journal_path.write_text("".join(lines[:-1]))
        manifest = run.read_manifest()
        run.write_manifest(manifest.model_copy(update={"finished": None}))
    broken = plan(peakbench, path, "--resume")
    assert [(run["found"], run["step"], run["n_missing"]) for run in broken["runs"][:2]] == [
        ("unfinished", "go on", 1),
        ("unfinished", "go on", 1),
    ]
    refused = plan(peakbench, path)
    assert [(run["found"], run["step"], run["n_missing"]) for run in refused["runs"][:2]] == [
        ("unfinished", "refuse", 0),
        ("unfinished", "refuse", 0),
    ]
    assert "--resume or --fresh" in peakbench("sweep", path, "--dry-run").stdout
    assert [run["step"] for run in plan(peakbench, path, "--fresh")["runs"]] == ["ask"] * 4


def test_a_run_that_cannot_be_made_is_told_and_the_others_are_planned(
    peakbench: Run, tiny: Tiny, tmp_path: Path
) -> None:
    broken = tiny(name="broken")
    (broken.parent / "data.jsonl").write_text('{"id": "a", "image": "none.png", "reference": {}}\n')
    path = run_file(tmp_path, f"benchmarks: [{broken}, {tiny()}]\nmodels: [{{name: a}}, {{name: b}}]")
    found = plan(peakbench, path)
    assert all("none.png" in run["problem"] for run in found["runs"][:2])
    assert [run["step"] for run in found["runs"]] == ["refuse", "refuse", "ask", "ask"]
    done = peakbench("sweep", path, "--dry-run")
    assert done.returncode == 5
    assert "cannot be made:" in done.stdout


def test_data_that_is_not_there_is_told_of_every_run_with_what_to_do(peakbench: Run) -> None:
    found = plan(peakbench, "sdg")
    assert len(found["runs"]) == 3
    assert {run["step"] for run in found["runs"]} == {"refuse"}
    assert {run["problem"] for run in found["runs"]} == {"the data of sdg@1 is not shipped with PeakBench"}
    assert "`extends: sdg`" in found["runs"][0]["mend"]
    checks = json.loads(peakbench("doctor", "--sweep", "sdg", "--vllm-bin", "none", "--json").stdout)["checks"]
    (told,) = (check for check in checks if check["area"] == "benchmarks")
    assert told["state"] == "missing" and "`extends: sdg`" in told["mend"]


@pytest.mark.parametrize("words", [["--resume", "--fresh"], ["--retry-failed"]])
def test_a_dry_run_refuses_what_the_sweep_would_refuse(
    peakbench: Run, tiny: Tiny, tmp_path: Path, words: list[str]
) -> None:
    path = run_file(tmp_path, f"benchmarks: [{tiny()}]\nmodels: [{{name: a}}]")
    assert peakbench("sweep", path, "--dry-run", *words).returncode == 2
