"""`peakbench doctor`: what is missing is named with what mends it, and 5 means that a run would stop."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from peakbench.jobs.doctor import EXTRAS
from peakbench.mock.serving import RunningMockServer

Run = Callable[..., subprocess.CompletedProcess[str]]
Tiny = Callable[..., Path]
PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def run_file(folder: Path, text: str) -> Path:
    (folder / "sweep.yaml").write_text(f"schema_version: 1\n{text}\n")
    return folder / "sweep.yaml"


def looked_at(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    return {f"{check['area']} {check['name']}": check for check in json.loads(done.stdout)["checks"]}


def test_the_extras_are_those_of_the_project() -> None:
    known = tomllib.loads(PROJECT.read_text())["project"]["optional-dependencies"]
    for extra, packages, _ in EXTRAS:
        assert {re.split(r"[<>=]", package)[0] for package in known[extra]} == set(packages)


def test_without_a_run_file_nothing_is_needed_that_is_not_there(
    peakbench: Run, tmp_path: Path, no_network: None
) -> None:
    done = peakbench("doctor", "--vllm-bin", "no-such-command")
    assert done.returncode == 0, done.stderr
    assert "missing  vllm no-such-command" in done.stdout
    assert "missing  weights wordnet" in done.stdout
    assert "→ peakbench metrics fetch wordnet" in done.stdout
    assert done.stdout.splitlines()[-1] == "nothing is missing that a run stops without"
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_that_can_begin_is_good_and_one_that_cannot_is_told_why(
    peakbench: Run, tiny: Tiny, server: RunningMockServer, tmp_path: Path
) -> None:
    rest = f"benchmarks: [{tiny()}, garments-demo]\nbase_url: {server.base_url}"
    good = peakbench(
        "doctor", "--vllm-bin", "none", "--sweep", run_file(tmp_path, f"{rest}\nmodels: [{{name: constant-null}}]")
    )
    assert good.returncode == 0, good.stdout
    assert f"good     endpoints {server.base_url}: constant-null: serves it (version" in good.stdout
    (tmp_path / "bench" / "data.jsonl").unlink()
    path = run_file(tmp_path, f"{rest}\nmodels: [{{name: gone}}]")
    bad = peakbench("doctor", "--vllm-bin", "none", "--sweep", path)
    assert bad.returncode == 5
    assert "MISSING  endpoints" in bad.stdout
    assert "does not serve `gone`" in bad.stdout
    assert "its data is not at" in bad.stdout
    assert bad.stdout.splitlines()[-1].startswith("a run stops without: ")


def test_servers_that_are_to_be_started_need_vllm_and_weights_but_no_endpoint(
    peakbench: Run, tiny: Tiny, tmp_path: Path, no_network: None
) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "config.json").write_text('{"architectures": ["NobodyKnowsThis"]}')
    (tmp_path / "weights" / "model.gguf").touch()
    (tmp_path / "empty").mkdir()
    path = run_file(
        tmp_path,
        f"benchmarks: [{tiny()}]\nmodels: [{{name: a, path: weights}}, {{name: b, hub_id: org/b}}, {{name: c}}, "
        "{name: d, lora: 'org/base:/no/lora@v1'}, {name: org/e}, {name: f, path: empty}]",
    )
    done = peakbench("doctor", "--serve", "--sweep", path, "--vllm-bin", "none", "--json")
    assert done.returncode == 5
    checks = looked_at(done)
    assert not any(name.startswith("endpoints") for name in checks)
    told = {name: (check["state"], check["needed"]) for name, check in checks.items() if name[:4] in ("vllm", "mode")}
    assert told == {
        "vllm none": ("missing", True),
        "models a: weights": ("good", True),
        "models b: weights": ("unknown", True),
        "models c: weights": ("missing", True),
        "models d: adapter": ("missing", True),
        "models d: base": ("unknown", True),
        "models org/e: weights": ("unknown", True),
        "models f: weights": ("missing", True),
    }


def test_only_what_the_models_servers_need_is_needed(
    peakbench: Run, tiny: Tiny, tmp_path: Path, server: RunningMockServer
) -> None:
    serve = "serve: {command: 'no-such-server --model {model} --port {port}'}"
    models = f"models: [{{name: 'gemma3:4b'}}, {{name: constant-null, base_url: '{server.base_url}'}}]"
    path = run_file(tmp_path, f"benchmarks: [{tiny()}]\n{serve}\n{models}")
    done = peakbench("doctor", "--serve", "--sweep", path, "--vllm-bin", "none", "--json")
    assert done.returncode == 5
    checks = looked_at(done)
    assert not checks["vllm none"]["needed"]
    assert not checks["models gemma3:4b: weights"]["needed"]
    assert checks[f"endpoints {server.base_url}: constant-null"]["state"] == "good"
    assert [name for name, check in checks.items() if check["needed"] and check["state"] == "missing"] == [
        "models gemma3:4b: server"
    ]
    path.write_text(path.read_text().replace("no-such-server", "sh"))
    assert peakbench("doctor", "--serve", "--sweep", path, "--vllm-bin", "none").returncode == 0


def test_an_architecture_that_vllm_does_not_know_is_told(
    peakbench: Run, tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "packages" / "vllm.py"
    package.parent.mkdir()
    package.write_text(
        "__version__ = '1'\nclass ModelRegistry:\n    @staticmethod\n"
        "    def get_supported_archs():\n        return ['Known']\n"
    )
    command = tmp_path / "vllm"
    command.write_text(f"#!{sys.executable}\n")
    command.chmod(0o755)
    for name in ("Known", "Unknown"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps({"architectures": [name]}))
        (tmp_path / name / "model.bin").touch()
    path = run_file(tmp_path, f"benchmarks: [{tiny()}]\nmodels: [{{name: a, path: Known}}, {{name: b, path: Unknown}}]")
    done = peakbench(
        "doctor", "--serve", "--sweep", path, "--vllm-bin", command, "--json", PYTHONPATH=str(package.parent)
    )
    checks = looked_at(done)
    assert done.returncode == 0, done.stdout
    assert checks["models a: architecture"]["state"] == "good"
    assert checks["models b: architecture"]["state"] == "missing"
    assert "--model-impl transformers" in checks["models b: architecture"]["mend"]
