"""What every transport makes of what a server says: statuses as kinds of failure, waits, and words without the key."""

import asyncio
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

from peakbench.redaction import hide, hide_in_urls, secrets_in
from peakbench.runs.records import FailureKind, Request, Response, TokenLogprob, Usage

MAX_ANSWER_BYTES = 32 * 2**20
"""Longest body that is read, unpacked."""
_MESSAGE_CHARS = 500
_SCHEMAS = frozenset({"response_format", "structured_outputs"})
"""Keys of a request under which names are those of fields, and none of secrets."""
_BROKEN_OFF = ("error", "abort")
"""Finish reasons of an answer that the server did not bring to its end."""
_TITLE = re.compile(r"<title[^>]*>([^<]{1,200})", re.IGNORECASE)
_RETRYABLE_STATUS = frozenset({408, 409, 425})


class OversizeError(Exception):
    """A server sends more than anybody would read."""

    def __init__(self) -> None:
        super().__init__(f"the answer is longer than {MAX_ANSWER_BYTES:,} bytes")


class BrokenAnswerError(Exception):
    """What came is no whole answer.

    Attributes:
        kind: What kind of failure that is.
    """

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class StalledError(Exception):
    """A server began to answer and then fell silent."""


class StallClock:
    """A deadline that every part of an answer puts off; it does not run before the first.

    Args:
        limit_s: Longest pause, in seconds.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._timeout = asyncio.timeout(None)
        self._now = asyncio.get_running_loop().time

    def restart(self) -> None:
        """Begin to count again."""
        self._timeout.reschedule(self._now() + self._limit_s)

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the count.

        Raises:
            StalledError: If the pause was too long.
        """
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError as late:
            raise StalledError(f"the answer began, then nothing came for {self._limit_s:g} s") from late


_ACCOUNT_SPENT = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
"""OpenAI's words, which others took over; no wait helps, though the status is often that of a rate limit."""
_MOVED_FOR_GOOD = (301, 308)
_NO_IMAGES = "image input is not supported"
"""llama.cpp's words for an image sent to a model of texts; no wait helps, though the status is 500."""


def kind_of_status(status: int, error: Any = None) -> FailureKind:
    """What an HTTP status other than 2xx means for the request.

    Args:
        status: The status.
        error: The `error` of the body, whatever it is; its `code` and `type` tell a spent account from a rate limit,
            its words tell an image that the model cannot take from a server in trouble.
    """
    if status == 402 or (status < 500 and _says_spent(error)):
        return FailureKind.QUOTA
    if status == 429:
        return FailureKind.RATE_LIMITED
    if status >= 500 and _NO_IMAGES in error_words(error):
        return FailureKind.BAD_REQUEST
    if status >= 500 or status in _RETRYABLE_STATUS:
        return FailureKind.SERVER_ERROR
    if status in (401, 403):
        return FailureKind.UNAUTHORIZED
    if status == 404 or status in _MOVED_FOR_GOOD:  # where to is for a person to name
        return FailureKind.NOT_FOUND
    if status < 400:  # for now: to a page to sign in, or one that asks for patience
        return FailureKind.INVALID_RESPONSE
    return FailureKind.BAD_REQUEST


def _says_spent(error: Any) -> bool:
    return isinstance(error, dict) and any(
        isinstance(error.get(key), str) and error[key] in _ACCOUNT_SPENT for key in ("code", "type")
    )


def redirect_words(status: int, headers: Mapping[str, str]) -> str | None:
    """What a redirect says, without the query of its URL, in which sign-in pages keep secrets; None for another status.

    No transport follows one: it would lose the request's body, or take the key and the pictures elsewhere.
    """
    if not 300 <= status < 400:
        return None
    place = re.split(r"[?#]", headers.get("location", ""), maxsplit=1)[0]
    place = re.sub(r"//[^/]*@", "//", place)
    return f"HTTP {status} in the place of an answer: a redirect{f' to {place}' if place else ''}, not followed"


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds the server asked to wait; None when it did not, or not in a form that can be read."""
    try:
        seconds = float(headers.get("retry-after-ms", "")) / 1000
    except ValueError:
        value = headers.get("retry-after", "")
        try:
            seconds = float(value)
        except ValueError:
            return _seconds_until(value, headers.get("date", ""))
    return seconds if 0 <= seconds < float("inf") else None


def _seconds_until(date: str, server_date: str) -> float | None:
    """Seconds until an HTTP date, by the server's own clock where it tells the time; 0 when it is past."""
    until = _http_date(date)
    if until is None:
        return None
    return max(0.0, (until - (_http_date(server_date) or datetime.now(UTC))).total_seconds())


def _http_date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):  # what the standard library raises depends on how wrong it is
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)  # `-0000` is read as no zone, and means UTC


def redacted(text: str, request: Request, secrets: Sequence[str]) -> str:
    """A message, shortened and without secrets, whoever put them there.

    Args:
        text: The message.
        request: What it answers; servers repeat what they were sent.
        secrets: The key and its like.
    """
    added = json.loads(request.generation.extra or "{}")
    given = secrets_in({key: value for key, value in added.items() if key not in _SCHEMAS})
    clean = hide_in_urls(hide(text, (*secrets, *given)))
    return clean if len(clean) <= _MESSAGE_CHARS else clean[:_MESSAGE_CHARS] + "…"


def without_credentials(response: Response, credentials: Sequence[str]) -> Response:
    """The same response, where a server repeats the key in it without the key."""
    if not credentials:
        return response
    texts: dict[str, str | None] = {
        name: getattr(response, name)
        for name in ("text", "reasoning", "finish_reason", "request_id", "system_fingerprint")
    }
    repeated = {name: text for name, text in texts.items() if text and any(one in text for one in credentials)}
    if not repeated:
        return response
    clean: dict[str, Any] = {name: hide(text, credentials) for name, text in repeated.items()}
    return replace(response, **clean, logprobs=None)  # its tokens would spell the key


def text_or_none(value: Any) -> str | None:
    """Servers put anything into a field; only a string is one."""
    return value if isinstance(value, str) else None


def count_or_none(value: Any) -> int | None:
    """A count of tokens; None for what is none."""
    if isinstance(value, float) and value.is_integer():  # as servers write it whose JSON has one kind of number
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def number_or_none(value: Any) -> float | None:
    """A finite number; None for what is none, as servers write an infinity in many ways."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def error_words(error: Any) -> str:
    """What the `error` of a body says: its message, or itself; empty when it says nothing."""
    message = error.get("message") if isinstance(error, dict) else error
    return message if isinstance(message, str) else ""


def page_words(text: str) -> str:
    """What a page of a proxy says: its title; anything else is left as it is."""
    title = _TITLE.search(text) if text.lstrip()[:1] == "<" else None
    return f"{' '.join(title.group(1).split())} (a page, not the API)" if title else text


def content_text(content: Any) -> str:
    """The text of a message's `content`: a string, nothing, or a list of parts that are all text.

    Raises:
        TypeError: If it is anything else.
    """
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if isinstance(content, list):
        texts = [
            part["text"]
            for part in content
            if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)
        ]
        if texts and len(texts) == len(content):
            return "".join(texts)
    raise TypeError(f"content is a {type(content).__name__}")


def require_sound(finish_reason: Any, *errors: Any) -> None:
    """Refuse a completion that came with an error: what it holds is no answer, or a part of one.

    Args:
        finish_reason: Of the choice.
        errors: What stands under `error` in the completion and in the choice, where proxies put it.

    Raises:
        ValueError: If there is an error, or the answer was broken off.
    """
    for error in filter(None, errors):
        raise ValueError(f"the answer came with an error: {error_words(error) or 'it has no message'}")
    if finish_reason in _BROKEN_OFF:
        raise ValueError(f"the answer broke off: its finish reason is {finish_reason}")


def usage_of(usage: Any) -> Usage:
    """Token counts of the JSON that a server gives as its usage, whatever that is."""
    counts = usage if isinstance(usage, dict) else {}
    details = counts.get("completion_tokens_details")
    return Usage(
        prompt_tokens=count_or_none(counts.get("prompt_tokens")),
        completion_tokens=count_or_none(counts.get("completion_tokens")),
        reasoning_tokens=count_or_none(details.get("reasoning_tokens") if isinstance(details, dict) else None),
    )


def token_logprobs(logprobs: Any) -> tuple[TokenLogprob, ...] | None:
    """The tokens of a choice's `logprobs`; None where the server gave none, or some that cannot be read."""
    entries = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(entries, list):
        return None
    tokens = []
    for entry in entries:
        told = _token(entry)
        if told is None:
            return None
        others = entry.get("top_logprobs")
        top = [_token(other) for other in others] if isinstance(others, list) else []
        tokens.append(TokenLogprob(*told, tuple(other for other in top if other is not None)))
    return tuple(tokens)


def _token(entry: Any) -> tuple[str, float | None] | None:
    """A token and its log-probability; None instead of a number that is none, such as an infinity."""
    if not isinstance(entry, dict) or not isinstance(entry.get("token"), str):
        return None
    return entry["token"], number_or_none(entry.get("logprob"))
