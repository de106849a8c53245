"""The edges of the command: Ctrl-C while Python still loads it, and what an internal error tells."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

START = """
import os, signal, sys

class Finder:
    def find_spec(self, name, *_):
        if name == {module!r}:
            {happens}

sys.meta_path.insert(0, Finder())
sys.argv = ["peakbench", "benchmarks", "list"]
from peakbench.cli import main
main()
"""


def start(module: str, happens: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, in which something happens when a module is imported."""
    line = [sys.executable, "-c", START.format(module=module, happens=happens)]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **more})


@pytest.mark.parametrize("module", ["peakbench.cli.entry", "typer", "peakbench.cli.sweep"])
def test_interrupt_while_the_command_is_loaded_ends_in_a_word(module: str) -> None:
    done = start(module, "os.kill(os.getpid(), signal.SIGINT)")
    assert done.stderr == "interrupted\n"
    assert done.returncode in (130, -2), "-2: Python's own way to say that it was SIGINT"


def test_internal_error_and_its_report_hold_no_secret_of_the_environment(tmp_path: Path) -> None:
    raising = "raise RuntimeError('it sent ' + os.environ['OPENAI_API_KEY'])"
    key = "key-0123456789"
    done = start("peakbench.benchmarks.benchmark", raising, OPENAI_API_KEY=key, TMPDIR=str(tmp_path))
    assert done.returncode == 70
    (report,) = tmp_path.glob("peakbench-error-*.txt")
    for told in (done.stderr, report.read_text()):
        assert "it sent [redacted]" in told
        assert key not in told
