"""Where the command begins and ends: errors become one clear message and an exit code, never a traceback."""

import os
import signal
import sys
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from peakbench import __version__
from peakbench.cli.console import error_console, print_error
from peakbench.errors import BadInputError, ExitCode, PeakBenchError
from peakbench.redaction import hide, secret_values


def run_command() -> None:
    """Run the command line and exit with its code."""
    from peakbench.cli.app import app

    signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        _require_text(sys.argv[1:])
        app()
    except PeakBenchError as error:
        if error.exit_code is ExitCode.INTERNAL:
            error.mend = f"{error.mend}\nthe traceback is in {_report(error)}".lstrip()
        print_error(error)
        sys.exit(error.exit_code)
    except SystemExit as end:
        if end.code == ExitCode.INTERRUPTED:  # typer made it of a KeyboardInterrupt
            error_console().print("interrupted")
        if isinstance(end.__context__, BrokenPipeError):  # typer made a 1 of it, which stands for a regression
            sys.exit(ExitCode.READER_GONE)
        raise
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.READER_GONE)
    except Exception as error:  # noqa: BLE001  # the last resort: a bug is reported, not shown
        report = _report(error)
        words = hide(str(error), secret_values(os.environ))
        print_error(
            PeakBenchError(
                f"internal error: {type(error).__name__}: {words}",
                mend=f"this is a bug in PeakBench; please report it with the file {report}",
            )
        )
        sys.exit(ExitCode.INTERNAL)


def _require_text(words: list[str]) -> None:
    """Refuse bytes that are no text: what is typed is kept in JSON and sent to servers, which know nothing else."""
    for number, word in enumerate(words, start=1):
        try:
            word.encode()
        except UnicodeEncodeError as error:
            raise BadInputError(
                f"word {number} of the command is no UTF-8: {word!r}", mend="give it as text"
            ) from error


def _as_interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    """Let SIGTERM, which is how schedulers stop a job, end it in the same order as Ctrl-C."""
    raise KeyboardInterrupt


def _report(error: BaseException) -> Path | str:
    """Write the traceback to a file, for a bug report; no arguments, no environment, and no secret of it."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    secrets = secret_values(os.environ)
    told = [hide(line, secrets) for line in traceback.format_exception(error)]
    lines = [f"PeakBench {__version__}, Python {sys.version}\n", *told]
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix=f"peakbench-error-{stamp}-", suffix=".txt", delete=False, encoding="utf-8", errors="replace"
        ) as file:
            file.writelines(lines)
            return Path(file.name)
    except OSError:
        return "that could not be written"
