"""What every transport makes of what a server says: statuses as kinds of failure, waits, and words without the key."""

from collections.abc import Mapping
from typing import Any

from peakbench.runs.records import FailureKind

MAX_ANSWER_BYTES = 32 * 2**20
"""Longest body that is read, unpacked."""
_MESSAGE_CHARS = 500
_RETRYABLE_STATUS = frozenset({408, 409, 425})


def kind_of_status(status: int) -> FailureKind:
    """What an HTTP status other than 2xx means for the request."""
    if status == 429:
        return FailureKind.RATE_LIMITED
    if status >= 500 or status in _RETRYABLE_STATUS:
        return FailureKind.SERVER_ERROR
    if status in (401, 403):
        return FailureKind.UNAUTHORIZED
    if status == 404 or status < 400:  # redirects lead to another path, which is for a person to name
        return FailureKind.NOT_FOUND
    return FailureKind.BAD_REQUEST


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds the server asked to wait; the header's date form is left to the ordinary wait."""
    try:
        seconds = float(headers.get("retry-after-ms", "")) / 1000
    except ValueError:
        try:
            seconds = float(headers.get("retry-after", ""))
        except ValueError:
            return None
    return seconds if 0 <= seconds < float("inf") else None


def redacted(text: str, *secrets: str) -> str:
    """A message, shortened and without the key and its like, whoever put them there."""
    clean = text
    for secret in secrets:
        if secret and secret != "EMPTY":
            clean = clean.replace(secret, "[redacted]")
    return clean if len(clean) <= _MESSAGE_CHARS else clean[:_MESSAGE_CHARS] + "…"


def text_or_none(value: Any) -> str | None:
    """Servers put anything into a field; only a string is one."""
    return value if isinstance(value, str) else None


def count_or_none(value: Any) -> int | None:
    """A count of tokens; None for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def error_words(error: Any) -> str:
    """What the `error` of a body says: its message, or itself; empty when it says nothing."""
    message = error.get("message") if isinstance(error, dict) else error
    return message if isinstance(message, str) else ""
