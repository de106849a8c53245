"""The `peakbench` command: every module parses one command, calls a job and prints what came of it."""

import sys

__all__ = ["main"]

_INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit with its code.

    Nothing is imported before, so that a Ctrl-C while the command is still being loaded is an interruption like any
    other.
    """
    try:
        from peakbench.cli.entry import run_command

        run_command()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(_INTERRUPTED)
