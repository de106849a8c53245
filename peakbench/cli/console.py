"""What commands print: results on stdout, everything else on stderr; JSON when asked for."""

import json
import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from peakbench.errors import PeakBenchError


def output_console() -> Console:
    """For results."""
    return Console(highlight=False)


def error_console() -> Console:
    """For progress, notes and errors."""
    return Console(stderr=True, highlight=False)


def print_error(error: PeakBenchError) -> None:
    """Print an error and its mend; what a server or a file said is shown as text, never as markup."""
    console = error_console()
    console.print(Text.assemble(("error: ", "bold red"), _safe(error.message)), soft_wrap=True)
    for line in _safe(error.mend).splitlines():
        console.print(Text.assemble(("  → ", "bold"), line), soft_wrap=True)


def print_json(value: Any) -> None:
    """Print one JSON value on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=True, indent=2) + "\n")


def say(line: str) -> None:
    """Print a line for the person, on stderr."""
    error_console().print(Text(_safe(line)), soft_wrap=True)


def _safe(text: str) -> str:
    """Take out control characters, with which hostile text could drive a terminal."""
    return "".join(char if char == "\n" or char.isprintable() else "�" for char in text)
