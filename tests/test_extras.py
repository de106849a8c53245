"""The extras: people install several of them into one environment."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
@pytest.mark.parametrize("python", ["3.11", "3.13"])
def test_every_extra_resolves_together_with_every_other(python: str) -> None:
    """Versions are found by metadata alone; vLLM and its CUDA packages are some gigabytes."""
    pytest.importorskip("uv", reason="the extra `dev` is not installed whole: uv resolves without downloading wheels")
    line = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-annotate", "--no-header", "--no-cache"]
    where = ["--python-version", python, "--python-platform", "x86_64-manylinux_2_28"]
    done = subprocess.run(
        [*line, *where, "--all-extras", ROOT / "pyproject.toml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = {each.partition("==")[0] for each in done.stdout.split()}
    assert {"vllm", "torch", "transformers", "sentence-transformers", "trl", "pandas"} <= found
