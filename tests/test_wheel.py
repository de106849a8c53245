"""The wheel: installed into an empty environment and started in an empty folder, it is whole."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT], check=True
    )
    (path,) = folder.glob("peakbench-*.whl")
    return path


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_its_content_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"peakbench", next(top for top in tops if top.endswith(".dist-info"))}
    for needed in (
        "peakbench/py.typed",
        "peakbench/_content/peakbench_metrics.json",
        "peakbench/_content/metrics/weighted_score/card.md",
        "peakbench/_content/runners/demo.yaml",
        "peakbench/benchmarks/builtin/garments-demo.yaml",
    ):
        assert needed in names


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_installed_wheel_runs_the_demo_from_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", wheel],
        check=True,
        env=environment,
    )
    empty = tmp_path / "empty"
    empty.mkdir()
    program = tmp_path / "env" / "bin" / "peakbench"
    done = subprocess.run([program, "demo"], cwd=empty, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (empty / "peakbench-demo" / "leaderboard" / "garments-demo@1" / "board.png").stat().st_size > 10_000
    verified = subprocess.run(
        [program, "metrics", "verify"], cwd=empty, env=environment, capture_output=True, check=False
    )
    assert verified.returncode == 0, verified.stdout
    assert subprocess.run([python, "-c", "import torch"], capture_output=True, check=False).returncode != 0
