"""The house: imports go one way, content is where the registry looks, and starting is light."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from peakbench.content import content_root

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "peakbench"
# A folder may import what it names here, and itself; modules at the package's top may be imported by all.
ALLOWED = {
    "benchmarks": set(),
    "runs": {"benchmarks"},
    "metrics": {"runs", "benchmarks"},
    "rewards": {"metrics", "benchmarks"},
    "statistics": {"metrics", "runs"},
    "leaderboards": {"statistics", "metrics", "runs"},
    "runners": {"runs", "benchmarks"},
    "mock": {"benchmarks"},
    "jobs": {"leaderboards", "statistics", "metrics", "runners", "runs", "mock", "benchmarks"},
    "cli": {"jobs", "leaderboards", "metrics", "runners", "runs", "mock", "benchmarks"},
}
TOP = {path.stem for path in PACKAGE.glob("*.py")}
HEAVY = ("torch", "pandas", "matplotlib", "openai", "transformers", "pyarrow", "scipy", "nltk", "sacrebleu")


def imported_folders(path: Path) -> set[str]:
    """Folders of the package that a module imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
    parts = [name.split(".") for name in names if name.startswith("peakbench.")]
    return {part[1] for part in parts if part[1] not in TOP}


@pytest.mark.parametrize("folder", sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()))
def test_imports_go_one_way(folder: str) -> None:
    wrong = {
        str(path.relative_to(ROOT)): others
        for path in (PACKAGE / folder).rglob("*.py")
        if (others := imported_folders(path) - ALLOWED[folder] - {folder})
    }
    assert wrong == {}


def test_no_code_lies_outside_the_package_the_tests_and_perf() -> None:
    tracked = subprocess.run(["git", "-C", ROOT, "ls-files", "*.py"], capture_output=True, text=True, check=False)
    if tracked.returncode != 0:
        pytest.skip("not a git checkout")
    outside = [path for path in tracked.stdout.split() if path.split("/")[0] not in ("peakbench", "tests", "perf")]
    assert outside == []


def test_the_folders_of_metrics_are_the_ids_of_the_registry() -> None:
    registry = json.loads((content_root() / "peakbench_metrics.json").read_text())
    ids = {metric["id"] for key in ("metrics", "composites") for metric in registry[key]} | set(registry["components"])
    assert {path.name for path in (content_root() / "metrics").iterdir() if path.is_dir()} == ids


@pytest.mark.parametrize("words", [["-c", "import peakbench"], ["-m", "peakbench", "--help"]])
def test_starting_loads_nothing_heavy(words: list[str]) -> None:
    done = subprocess.run([sys.executable, "-X", "importtime", *words], capture_output=True, text=True, check=True)
    loaded = {line.rsplit("|", 1)[1].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert "peakbench" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_the_names_of_the_workplace_are_nowhere() -> None:
    """The project speaks of itself alone; shared test data is reached through one variable."""
    tracked = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True, check=False)
    if tracked.returncode != 0:
        pytest.skip("not a git checkout")
    words = ("/wor" + "k/", "/ro" + "ot/", "../sha" + "red")
    for name in filter(None, tracked.stdout.split("\0")):
        path = ROOT / name
        if name.startswith(".ci/") or not path.is_file() or path.suffix in (".png", ".jpg"):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        assert not [word for word in words if word in text], name
