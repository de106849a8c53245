"""A LoRA adapter of a base, in a real vLLM that the run starts: the adapter is what answers, and the run says so."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
from garment_photos import SERVE_ENVIRONMENT, copy_photos, write_benchmark
from safetensors import safe_open
from safetensors.numpy import save_file
from served_model import serve_command, trained_model

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
Run = Callable[..., CompletedProcess[str]]
RANK = 8
TARGETS = ("q_proj", "v_proj")


def write_adapter(base: Path, folder: Path) -> None:
    """Write an adapter of random numbers, large enough for a trained model to forget what it has learnt."""
    random = np.random.default_rng(0)
    tensors = {}
    with safe_open(base / "model.safetensors", framework="numpy") as weights:
        for name in weights.keys():  # noqa: SIM118 - it is no mapping
            if "visual" in name or not name.endswith(tuple(f"{target}.weight" for target in TARGETS)):
                continue
            n_out, n_in = weights.get_slice(name).get_shape()
            module = f"base_model.model.{name.removesuffix('.weight')}"
            tensors[f"{module}.lora_A.weight"] = random.normal(0, 0.3, (RANK, n_in)).astype(np.float32)
            tensors[f"{module}.lora_B.weight"] = random.normal(0, 0.3, (n_out, RANK)).astype(np.float32)
    assert tensors
    folder.mkdir()
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": RANK,
        "lora_alpha": 2 * RANK,
        "target_modules": TARGETS,
        "base_model_name_or_path": str(base),
        "bias": "none",
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))


def test_an_adapter_is_what_answers_and_what_the_run_is_of(peakbench_process: Run, tmp_path: Path) -> None:
    program, base = serve_command(), trained_model()
    write_adapter(base, tmp_path / "forgetful")
    data = tmp_path / "data"
    copy_photos(data)
    benchmark = write_benchmark(data, "photos", {"extends": "garments-demo"})
    options = {"max_model_len": 2048, "limit_mm_per_prompt": {"image": 1, "video": 0}, "extra.enforce_eager": True}
    options |= {f"env.{name}": value for name, value in SERVE_ENVIRONMENT.items()}
    words = [word for key, value in options.items() for word in ("--serve-option", f"{key}={as_text(value)}")]
    done = peakbench_process(
        "run", benchmark, "--model", f"{base}:{tmp_path}/forgetful", "--serve", "--vllm-bin", program, *words,
        "--limit", 16, "-o", tmp_path / "runs",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder,) = (path.parent for path in (tmp_path / "runs" / "forgetful").rglob("run.json"))
    run = json.loads((folder / "run.json").read_text())
    results = json.loads((folder / "results.json").read_text())
    assert (results["n"], results["n_failed"]) == (16, 0)
    assert results["metrics"]["json_parse_rate_strict"]["value"] < 0.5  # the base alone: 1.0
    model = run["model"]
    assert (model["base"], model["adapter"]) == (str(base), f"{tmp_path}/forgetful")
    assert (model["architecture"], model["training"]) == ("Qwen3VLForConditionalGeneration", f"LoRA, r = {RANK}")
    assert run["sessions"][0]["server"]["root"] == f"{tmp_path}/forgetful"


def as_text(value: object) -> str:
    """A value as it is typed."""
    return value if isinstance(value, str) else json.dumps(value)
