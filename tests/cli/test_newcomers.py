"""What a newcomer stumbled over once, and nobody shall again."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from peakbench.mock.serving import RunningMockServer

Run = Callable[..., subprocess.CompletedProcess[str]]
Tiny = Callable[..., Path]


def test_a_url_on_the_command_line_goes_before_the_run_files(
    peakbench: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    sweep = tmp_path / "sweep.yaml"
    head = f"schema_version: 1\nbenchmarks: [{tiny()}]\n"
    sweep.write_text(head + "base_url: http://127.0.0.1:9/v1\nmodels: [{name: constant-null}]\n")
    assert peakbench("sweep", sweep).returncode == 5
    done = peakbench("sweep", sweep, "--base-url", server.base_url)
    assert done.returncode == 0, done.stderr
    assert "next: peakbench leaderboard runs" in done.stdout


def test_a_rank_by_that_is_not_scored_is_refused_before_anything_is_asked(peakbench: Run, tiny: Tiny) -> None:
    done = peakbench("run", tiny(extra="rank_by: wieghted_score\n"), "-m", "m")
    assert done.returncode == 2
    assert "did you mean `weighted_score`?" in done.stderr


def test_a_word_under_two_heads_is_refused(peakbench: Run, tiny: Tiny) -> None:
    path = tiny()
    path.write_text(
        path.read_text().replace("color: {type: categorical}", "color: {type: categorical, synonyms: {a: [X], b: [x]}}")
    )
    done = peakbench("run", path, "-m", "m")
    assert done.returncode == 2
    assert "stands under `a` and under `b`" in done.stderr


def test_a_run_that_broke_off_before_its_first_answer_stands_in_nobodys_way(
    peakbench: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    path = tiny()
    wrong = peakbench("run", path, "-m", "constant-null", "--base-url", f"{server.base_url}/v2")
    assert wrong.returncode == 5
    done = peakbench("run", path, "-m", "constant-null", "--base-url", server.base_url)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "runs" / "constant-null" / "tiny@1").iterdir())) == 1


def test_what_is_undefined_says_why(peakbench: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path) -> None:
    done = peakbench("run", tiny(2), "-m", "constant-null", "--base-url", server.base_url, "--json")
    throughput = json.loads(done.stdout)["results"]["metrics"]["throughput"]
    assert throughput["value"] is None
    assert throughput["undefined"]
    assert "undefined (" in peakbench("score", "runs/constant-null").stdout


def test_the_folder_of_a_benchmark_names_it(peakbench: Run, tiny: Tiny, server: RunningMockServer) -> None:
    done = peakbench("run", tiny().parent, "-m", "constant-null", "--base-url", server.base_url)
    assert done.returncode == 0, done.stderr
    assert "weighted_score" in done.stdout
    assert "← ranks" in done.stdout


def test_help_and_lists_cut_no_words_off(peakbench: Run) -> None:
    helped = peakbench("run", "--help", COLUMNS="80").stdout
    assert "http://localhost:8000/v1" in helped
    assert "…" not in helped
    assert "json_parse_rate_extracted" in peakbench("metrics", "list", COLUMNS="80").stdout


def test_a_file_that_is_no_mapping_is_told_so_in_plain_words(peakbench: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "list.json").write_text("[1]")
    for words in (("benchmarks", "validate", "empty.yaml"), ("metrics", "list", "--metrics", "list.json")):
        done = peakbench(*words)
        assert done.returncode == 2
        assert f"{words[-1]}: a mapping of keys to values is wanted here" in done.stderr
