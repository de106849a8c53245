"""What a command costs is what it and everything that it started cost, whoever waits for it."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest
from serving_parts import await_true

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

BURN = "import time\nwhile time.process_time() < 0.3: pass\n"


@pytest.fixture
def process_tree(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "perf"))
    return importlib.import_module("process_tree")


def test_a_process_whose_parent_has_gone_counts_too(process_tree: ModuleType, tmp_path: Path) -> None:
    child = f"import subprocess, sys; subprocess.Popen([sys.executable, '-I', '-S', '-c', {BURN!r}])"
    cost = process_tree.measure([sys.executable, "-I", "-S", "-c", child], cwd=tmp_path)
    assert cost.cpu_s >= 0.3
    assert cost.wall_s >= 0.3
    assert cost.processes >= 1


def test_cpu_time_at_a_moment_lies_between_the_looks_around_it(process_tree: ModuleType) -> None:
    cost = process_tree.Measured(2.0, 2.0, 1.0, 1, ((10.0, 0.0), (11.0, 1.0), (12.0, 2.0)), (), "")
    assert [cost.cpu_at(moment) for moment in (9.0, 10.0, 10.25, 11.0, 11.5, 12.0, 13.0)] == [0, 0, 0.25, 1, 1.5, 2, 2]


def test_memory_until_a_moment_is_the_most_that_was_seen_before(process_tree: ModuleType) -> None:
    cost = process_tree.Measured(2.0, 2.0, 9.0, 1, (), ((10.0, 5.0), (11.0, 7.0), (12.0, 6.0), (13.0, 9.0)), "")
    assert [cost.peak_mb_until(moment) for moment in (9.0, 10.5, 12.0, 13.0)] == [0, 5, 7, 9]


def test_the_timeline_ends_with_what_was_spent_and_never_falls(process_tree: ModuleType, tmp_path: Path) -> None:
    cost = process_tree.measure([sys.executable, "-I", "-S", "-c", BURN], cwd=tmp_path)
    spent = [cpu for _, cpu in cost.timeline]
    assert spent == sorted(spent)
    assert spent[-1] == cost.cpu_s
    assert len(spent) > 2


def test_memory_is_that_of_the_command(process_tree: ModuleType, tmp_path: Path) -> None:
    code = "held = bytearray(150_000_000)"
    assert 150 < process_tree.measure([sys.executable, "-I", "-S", "-c", code], cwd=tmp_path).peak_mb < 300


def test_a_command_that_fails_is_told_with_its_words(process_tree: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)ended with 3.*alas"):
        process_tree.measure([sys.executable, "-c", "print('alas', flush=True); raise SystemExit(3)"], cwd=tmp_path)


@pytest.mark.slow
def test_a_command_that_does_not_end_is_ended_with_what_it_started(process_tree: ModuleType, tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-I', '-S', '-c', 'import time; time.sleep(600)'])\n"
        "open('child', 'w').write(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    with pytest.raises(RuntimeError, match="did not end"):
        process_tree.measure([sys.executable, "-I", "-S", "-c", code], cwd=tmp_path, timeout_s=10)
    state = Path(f"/proc/{(tmp_path / 'child').read_text()}/stat")

    def alive() -> bool:
        try:
            return ") Z " not in state.read_text()
        except (FileNotFoundError, ProcessLookupError):
            return False

    await_true(lambda: not alive())  # it was killed, and dies when its turn comes
