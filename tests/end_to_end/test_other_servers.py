"""llama.cpp and `transformers serve`, started by PeakBench, from data to scores; and the same model through vLLM.

What the mock server cannot show: what other servers than vLLM take, hold and refuse.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import command
from served_model import ROOT, serve_command, served, trained_model

from peakbench.runners.serving import llama_cpp
from peakbench.runs.folder import RunFolder, find_runs
from peakbench.runs.records import Failure, FailureKind, Response

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="managed serving is for Linux"),
]
N_PHOTOS = 40
SHOTS = """\
Text: A red cotton t-shirt, size M.
JSON: {"color": "red", "size": "M"}
Text: Blue jeans in size XL.
JSON: {"color": "blue", "size": "XL"}
Text: {{ text }}
JSON:"""
ADVERTS = {
    "A green hoodie, size L.": ("green", "L"),
    "Black dress, size S.": ("black", "S"),
    "White shirt in XXL.": ("white", "XXL"),
    "A yellow skirt, size M.": ("yellow", "M"),
    "Brown coat, size S.": ("brown", "S"),
    "Pink socks in size XL.": ("pink", "XL"),
}


def llama_environment() -> Path:
    """The folder of an environment with llama.cpp and a small text model; without one, the test is skipped."""
    folder = Path(os.environ.get("PEAKBENCH_LLAMA_VENV", ROOT / ".venv-llama"))
    if not (folder / "gemma.gguf").is_file():
        pytest.skip(f"no llama.cpp in {folder.name}: `make llama-env`; PEAKBENCH_LLAMA_VENV names another folder")
    return folder


def peakbench(folder: Path, *words: object) -> "subprocess.CompletedProcess[str]":
    line = command(*words)
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=600, check=False)


def the_run(folder: Path) -> RunFolder:
    (found,) = (run for run in find_runs([folder]) if run.read_manifest().identity.kind == "run")
    return found


def records(run: RunFolder) -> dict[str, Response | Failure]:
    with run.journal() as journal:
        return {record.sample_id: record for record in journal.records()}


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps({"schema_version": 1, **content}))  # YAML's grammar holds JSON's
    return path


@pytest.fixture
def adverts(tmp_path: Path) -> Path:
    """A benchmark of texts, with examples in the prompt; and a run file that serves a small text model for it."""
    rows = [
        {"id": f"a{number}", "text": text, "reference": dict(zip(("color", "size"), values, strict=True))}
        for number, (text, values) in enumerate(ADVERTS.items())
    ]
    (tmp_path / "adverts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    letters = {"type": "string", "maxLength": 12, "pattern": "^[a-zA-Z]+$"}
    benchmark = {
        "id": "adverts",
        "version": 1,
        "task": "extraction",
        "data": {"path": "adverts.jsonl"},
        "columns": {"image": None, "reference": "reference"},
        "prompt": {"template": SHOTS},
        "generation": {"max_tokens": 48},
        "fields": {"color": {"type": "categorical"}, "size": {"type": "size"}},
        "rank_by": "structured_match",
        "response_schema": {
            "type": "object",
            "properties": {"color": letters, "size": letters},
            "required": ["color", "size"],
            "additionalProperties": False,
        },
    }
    return write(tmp_path / "adverts.yaml", benchmark)


def llama_sweep(benchmark: Path, environment: Path, **settings: object) -> Path:
    serving = [str(environment / "bin" / "python"), "-I", llama_cpp.__file__, "--model", "{model}"]
    words = [*serving, "--alias", "{name}", "--host", "{host}", "--port", "{port}"]
    content = {
        "benchmarks": [benchmark.name],
        "settings": settings,
        "serve": {"model": str(environment / "gemma.gguf"), "command": words},
        "models": [{"name": "gemma-3-270m"}],
    }
    return write(benchmark.with_name("llama.yaml"), content)


def test_a_text_model_on_llama_cpp_fills_fields_under_a_schema(adverts: Path) -> None:
    sweep = llama_sweep(adverts, llama_environment(), response_format="json_schema")
    done = peakbench(adverts.parent, "sweep", sweep, "--serve", "-o", "runs")
    assert done.returncode == 0, done.stderr
    run = the_run(adverts.parent / "runs")
    results, (session,) = run.read_results(), run.read_manifest().sessions
    assert (results.n, results.n_failed, results.n_unparsed) == (len(ADVERTS), 0, 0)
    assert results.metrics["schema_valid_rate"].value == 1.0
    match = results.metrics["structured_match"].value
    assert match is not None
    assert match >= 0.5  # it copies words, most of them the right ones
    assert session.server.owned_by == "llamacpp"
    assert session.served is not None
    assert (run.path / "server.log").read_text().count("listening on")
    for record in records(run).values():
        assert isinstance(record, Response)
        assert record.usage.prompt_tokens
        assert record.usage.completion_tokens


def test_llama_cpp_streams_and_tells_logprobs_and_what_it_does_not_know_is_told(adverts: Path) -> None:
    environment = llama_environment()
    sweep = llama_sweep(adverts, environment, logprobs=3, response_format="json_schema")
    done = peakbench(adverts.parent, "sweep", sweep, "--serve", "--stream", "-o", "runs")
    assert done.returncode == 0, done.stderr
    run = the_run(adverts.parent / "runs")
    for record in records(run).values():
        assert isinstance(record, Response)
        assert record.timing.ttft_ms is not None
        assert record.logprobs is not None
        assert record.usage.completion_tokens
    sweep = llama_sweep(adverts, environment, response_format="structured_outputs")
    done = peakbench(adverts.parent, "sweep", sweep, "--serve", "-o", "ignored")
    assert done.returncode == 5
    assert "does not constrain answers under --response-format structured_outputs" in done.stderr


def test_images_to_a_text_model_on_llama_cpp_fail_at_once_and_are_not_asked_again(tmp_path: Path) -> None:
    benchmark = write(tmp_path / "seen.yaml", {"extends": "garments-demo", "id": "seen", "version": 1})
    sweep = llama_sweep(benchmark, llama_environment(), limit=4)
    done = peakbench(tmp_path, "sweep", sweep, "--serve", "-o", "runs")
    assert done.returncode != 0
    found = records(the_run(tmp_path / "runs"))
    assert len(found) == 4
    for record in found.values():
        assert isinstance(record, Failure)
        assert (record.kind, record.status, record.timing.attempts) == (FailureKind.BAD_REQUEST, 500, 1)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Some of the real photos, with the prompt that the small model knows."""
    source = Path(os.environ["PEAKBENCH_SHARED"]) / "data" / "garments-real"
    rows = (source / "attributes.jsonl").read_text().splitlines()[:N_PHOTOS]
    (tmp_path / "images").mkdir()
    for row in rows:
        shutil.copy(source / json.loads(row)["image"], tmp_path / "images")
    (tmp_path / "photos.jsonl").write_text("".join(row + "\n" for row in rows))
    content = {
        "extends": "garments-demo",
        "id": "photos",
        "version": 1,
        "data": {"path": "photos.jsonl"},
        "columns": {"reference": "ground_truth", "cluster": "annotator"},
        "prompt": "Look at the garment and answer with one JSON object with the keys type, color, pattern, neckline, "
        "sleeve_length, closure, brand, size, defect_type. Use null where a value does not apply or cannot be seen.",
        "generation": {"max_tokens": 160},
    }
    return write(tmp_path / "photos.yaml", content)


def test_a_model_says_through_transformers_serve_what_it_says_through_vllm(photos: Path, tmp_path: Path) -> None:
    model, vllm = trained_model(), serve_command()
    if not (program := vllm.with_name("transformers")).is_file():
        pytest.skip("no `transformers` command in the serving environment: `make serve-env` makes one")
    (tmp_path / "hub").mkdir()
    serve = {
        "command": [str(program), "serve", "{model}", "--host", "{host}", "--port", "{port}"],
        "env": {"HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
    }
    sweep = {"benchmarks": [photos.name], "serve": serve, "models": [{"name": str(model)}]}
    done = peakbench(tmp_path, "sweep", write(tmp_path / "sweep.yaml", sweep), "--serve", "-o", "theirs")
    assert done.returncode == 0, done.stderr
    theirs = the_run(tmp_path / "theirs")
    (session,) = theirs.read_manifest().sessions
    assert not session.server.listed
    with served(vllm, model, tmp_path / "vllm.log", tmp_path) as url:
        line = ("run", photos, "--model", "tiny-garment", "--base-url", url, "-o", "vllm")
        done = peakbench(tmp_path, *line)
        assert done.returncode == 0, done.stderr
    ours = the_run(tmp_path / "vllm")
    for run in (theirs, ours):
        results = run.read_results()
        assert (results.n, results.n_failed, results.n_unparsed) == (N_PHOTOS, 0, 0)
    one, other = records(theirs), records(ours)
    pairs = [(one[sample], other[sample]) for sample in one]
    same = 0
    for left, right in pairs:
        assert isinstance(left, Response)
        assert isinstance(right, Response)
        assert left.usage.prompt_tokens == right.usage.prompt_tokens  # so the photos were made as small
        same += left.text == right.text
    assert same >= N_PHOTOS - 4  # in bfloat16, a word may tip
