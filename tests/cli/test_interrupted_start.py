"""Ctrl-C before the command has begun: while Python still loads it."""

import subprocess
import sys

import pytest

START = """
import os, signal, sys

class Finder:
    def find_spec(self, name, *_):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
sys.argv = ["peakbench", "benchmarks", "list"]
from peakbench.cli import main
main()
"""


@pytest.mark.parametrize("module", ["peakbench.cli.entry", "typer", "peakbench.cli.sweep", "peakbench.benchmarks.file"])
def test_interrupt_while_the_command_is_loaded_ends_in_a_word(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", START.format(module=module)], capture_output=True, text=True, timeout=60
    )
    assert done.stderr == "interrupted\n"
    assert done.returncode in (130, -2), "-2: Python's own way to say that it was SIGINT"
