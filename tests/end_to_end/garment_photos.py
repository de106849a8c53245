"""The 200 photos of the shared data as benchmarks, and the sweep of a small model's checkpoints over them.

The checkpoints and the photos are no part of the repository; the sweep that its board of checkpoints comes from is laid
out by `PEAKBENCH_SHARED=… python tests/end_to_end/garment_photos.py FOLDER`.
"""

import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

FIELDS = ("type", "color", "pattern", "neckline", "sleeve_length", "closure", "brand", "size", "defect_type")
PROMPT = (
    f"Look at the garment and answer with one JSON object with the keys {', '.join(FIELDS)}. "
    "Use null where a value does not apply or cannot be seen."
)
CHECKPOINTS = {
    "step0": "none: random weights",
    "early": "20 steps",
    "mid": "100 steps",
    "final": "751 steps",
}
"""Folder of each checkpoint to its training, in the order of training."""
SERVE_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
}
"""What vLLM needs on a CPU that others use, too."""
STRUCTURED_OUTPUTS = {"backend": "guidance", "disable_any_whitespace": True}
"""How vLLM holds answers to a schema; its other backend lets control characters through."""


def shared() -> Path:
    """The folder of shared data.

    Raises:
        KeyError: If the environment names none.
    """
    return Path(os.environ["PEAKBENCH_SHARED"])


def checkpoint_folder(name: str) -> Path:
    """The folder of a checkpoint of the model."""
    return shared() / "models" / "tiny-garment-vlm" / name


def bounded(fields: Iterable[str]) -> dict[str, Any]:
    """An answer schema whose strings end: nothing but its length ends one that a weak model goes on with."""
    return {
        "type": "object",
        "properties": {field: {"type": ["string", "null"], "maxLength": 24} for field in fields},
        "required": list(fields),
        "additionalProperties": False,
    }


def copy_photos(folder: Path) -> None:
    """Put the photos into a folder of benchmarks."""
    shutil.copytree(shared() / "data" / "garments-real" / "images", folder / "images")


def write_benchmark(folder: Path, name: str, keys: dict[str, Any], images_before: int = 0) -> Path:
    """Write a benchmark of the photos, beside them.

    Args:
        folder: Where they are.
        name: The id, and what its files are called.
        keys: Of the benchmark file, beside those that all have.
        images_before: How many photos of other samples stand before a sample's own.

    Returns:
        The benchmark file.
    """
    attributes = shared() / "data" / "garments-real" / "attributes.jsonl"
    rows = [json.loads(line) for line in attributes.read_text().splitlines()]
    fields = keys.get("fields", FIELDS)
    with (folder / f"{name}.jsonl").open("w") as file:
        for number, row in enumerate(rows):
            images = [rows[number - back]["image"] for back in range(images_before, -1, -1)]
            reference = {key: value for key, value in json.loads(row["ground_truth"]).items() if key in fields}
            file.write(json.dumps(row | {"image": images, "ground_truth": reference}) + "\n")
    benchmark = keys | {
        "schema_version": 1,
        "id": name,
        "version": 1,
        "prompt": PROMPT,
        "data": {"path": f"{name}.jsonl"},
        "columns": {"reference": "ground_truth", "cluster": "annotator"},
        "generation": {"max_tokens": 160},
    }
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps(benchmark, indent=2) + "\n")
    return path


def write_checkpoint_sweep(folder: Path, checkpoints: Sequence[str] = tuple(CHECKPOINTS)) -> Path:
    """Lay out the sweep of the checkpoints: benchmark, photos, models and run file, in one folder.

    Args:
        folder: A new one.
        checkpoints: Which of them.

    Returns:
        The run file. It names the models' folders relative to itself.
    """
    copy_photos(folder)
    nine = {"extends": "garments-demo", "response_schema": bounded(FIELDS)}
    benchmark = write_benchmark(folder, "garment-photos", nine)
    for name in checkpoints:
        shutil.copytree(checkpoint_folder(name), folder / "models" / name)
    sweep = {
        "schema_version": 1,
        "benchmarks": [benchmark.name],
        "serve": {
            "max_model_len": 2048,
            "limit_mm_per_prompt": {"image": 1, "video": 0},
            "extra": {"enforce_eager": True, "max_num_seqs": 16, "structured_outputs_config": STRUCTURED_OUTPUTS},
            "env": SERVE_ENVIRONMENT,
        },
        "overrides": [{}, {"name": "json_schema", "response_format": "json_schema"}],
        "models": [
            {
                "name": f"tiny-garment-{name}",
                "path": f"models/{name}",
                "architecture": "Qwen3-VL, tiny",
                "training": CHECKPOINTS[name],
                "note": "a checkpoint of a test model, to be compared with the others of it and with nothing else",
            }
            for name in checkpoints
        ],
    }
    path = folder / "sweep.yaml"
    path.write_text(json.dumps(sweep, indent=2) + "\n")
    return path


if __name__ == "__main__":
    write_checkpoint_sweep(Path(sys.argv[1]))
