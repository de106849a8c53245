"""The `peakbench` command: every module parses one command, calls a job and prints what came of it."""

from peakbench.cli.entry import main

__all__ = ["main"]
