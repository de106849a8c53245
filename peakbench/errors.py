"""What can go wrong, each with its exit code and the thing to do about it.

Every error a person may see is a `PeakBenchError`: one message that says what and where, and a `mend` that says what
to type or change. The command line prints both and exits with `exit_code`; anything else that escapes is a bug in
PeakBench and exits with 70.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the `peakbench` command, the same for every command."""

    GOOD = 0
    REGRESSION = 1
    BAD_INPUT = 2
    """A word on the command line, a file or a row of data that cannot be used."""
    TOO_MANY_FAILURES = 3
    INCONCLUSIVE = 4
    INFRASTRUCTURE = 5
    """A server, the network or a disk that did not do its part."""
    NOT_COMPARABLE = 6
    VERIFICATION_FAILED = 7
    INTERNAL = 70
    INTERRUPTED = 130
    READER_GONE = 141
    """Whoever read the output went away, as `head` does; what was not done by then is not done."""


class PeakBenchError(Exception):
    """An error that is shown to a person.

    Args:
        message: What went wrong and where, in one or a few lines; no secrets.
        mend: What to type or change so that it works; empty when there is nothing to be done.
    """

    exit_code: ExitCode = ExitCode.INTERNAL

    def __init__(self, message: str, *, mend: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.mend = mend


class BadInputError(PeakBenchError):
    """An option, a file or a row of data cannot be used (exit code 2)."""

    exit_code = ExitCode.BAD_INPUT


class TooManyFailuresError(PeakBenchError):
    """More requests failed than `--max-error-rate` allows (exit code 3)."""

    exit_code = ExitCode.TOO_MANY_FAILURES


class InfrastructureError(PeakBenchError):
    """A server, the network or a disk did not do its part (exit code 5)."""

    exit_code = ExitCode.INFRASTRUCTURE


class NotComparableError(PeakBenchError):
    """Results that do not belong in one table (exit code 6)."""

    exit_code = ExitCode.NOT_COMPARABLE


class VerificationError(PeakBenchError):
    """A metric does not reproduce its golden values (exit code 7)."""

    exit_code = ExitCode.VERIFICATION_FAILED


class OutOfRangeError(PeakBenchError):
    """A metric gave a value outside its declared range: a bug in the metric, so the run stops (exit code 70)."""


class MetricError(PeakBenchError):
    """The code of a metric raised an error, so the run stops; the report file says where (exit code 70)."""


class InterruptedRunError(PeakBenchError):
    """The person pressed Ctrl-C; everything asked so far is kept (exit code 130)."""

    exit_code = ExitCode.INTERRUPTED
