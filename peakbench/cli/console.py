"""What commands print: results on stdout, everything else on stderr; JSON when asked for."""

import json
import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from peakbench.errors import PeakBenchError
from peakbench.terminal import printable


def output_console() -> Console:
    """For results."""
    return Console(highlight=False)


def error_console() -> Console:
    """For progress, notes and errors."""
    return Console(stderr=True, highlight=False)


def print_error(error: PeakBenchError) -> None:
    """Print an error and its mend; what a server or a file said is shown as text, never as markup."""
    console = error_console()
    console.print(Text.assemble(("error: ", "bold red"), printable(error.message)), soft_wrap=True)
    for line in printable(error.mend).splitlines():
        console.print(Text.assemble(("  → ", "bold"), line), soft_wrap=True)


def print_json(value: Any) -> None:
    """Print one JSON value on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=True, indent=2) + "\n")


def say(line: str) -> None:
    """Print a line for the person, on stderr."""
    error_console().print(Text(printable(line)), soft_wrap=True)
