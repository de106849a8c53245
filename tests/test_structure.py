"""The house: imports go one way, content is where the registry looks, and starting is light."""

import ast
import json
import subprocess
import sys
from graphlib import TopologicalSorter
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


def module_name(path: Path) -> str:
    """`peakbench.runs.journal`, or the package for its `__init__`."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported_modules(path: Path, *, for_types: bool = True) -> set[str]:
    """Modules of the package that a module imports, anywhere in it; those for types alone only when asked for."""
    names: set[str] = set()
    left: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while left:
        node = left.pop()
        if isinstance(node, ast.ImportFrom):
            assert node.module is not None and node.level == 0, f"{path} imports by dots"
            within = [f"{node.module}.{alias.name}" for alias in node.names]
            names.update(name if name in MODULES else node.module for name in within)
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not for_types:
            continue
        left.extend(ast.iter_child_nodes(node))
    return names & MODULES.keys()


def imported_folders(path: Path) -> set[str]:
    """Folders of the package that a module imports."""
    parts = [name.split(".") for name in imported_modules(path)]
    return {part[1] for part in parts if len(part) > 1 and part[1] not in TOP}


@pytest.mark.parametrize("folder", sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()))
def test_imports_go_one_way(folder: str) -> None:
    wrong = {
        str(path.relative_to(ROOT)): others
        for path in (PACKAGE / folder).rglob("*.py")
        if (others := imported_folders(path) - ALLOWED[folder] - {folder})
    }
    assert wrong == {}


def test_what_all_may_import_imports_no_folder() -> None:
    faces = {"__init__.py", "__main__.py"}  # they hand on what the folders hold
    wrong = {path.name: found for path in PACKAGE.glob("*.py") if (found := imported_folders(path))}
    assert wrong.keys() <= faces


def test_no_module_needs_itself() -> None:
    """Imports within functions count, those for types alone do not: they are not there when the code runs."""
    needs = {name: imported_modules(path, for_types=False) - {name} for name, path in MODULES.items()}
    list(TopologicalSorter(needs).static_order())  # raises CycleError, which names the modules of a circle


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
