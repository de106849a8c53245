"""A streamed answer: put together from its events, timed token by token, and never taken for whole when it is not.

An answer is whole when the server has said why it ended (`finish_reason`). What breaks off before that is a typed
failure, however much text has come: a shortened answer would be scored as if the model had written it.

Times are those of `vllm bench serve`, with one difference. Time to first token is that of the first chunk with text,
of the answer or of the reasoning; vLLM counts the chunk that names the role alone, which some servers send before they
have begun. From there on every chunk that holds text, empty or not, ends an inter-token latency: servers send an empty
text for a token that is half a character or ends the answer. The answer ends with its last choice, before the usage.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterable, Callable
from contextlib import suppress
from typing import Any

import msgspec

from peakbench.runners.events import EventReader
from peakbench.runners.reading import (
    MAX_ANSWER_BYTES,
    BrokenAnswerError,
    OversizeError,
    StallClock,
    content_text,
    require_sound,
    text_or_none,
    token_logprobs,
    usage_of,
)
from peakbench.runs.records import FailureKind, Request, Response, Timing

EVENT_STREAM = "text/event-stream"
_DRAIN_S = 0.25
"""How long the end of the body is waited for after the end of the answer, so that the connection can be used again."""
_ITL_DIGITS = 2
"""Inter-token latencies are kept to a hundredth of a millisecond: some five bytes a token."""


class _Delta(msgspec.Struct):
    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: Any = None
    logprobs: Any = None
    error: Any = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: Any = None
    id: Any = None
    system_fingerprint: Any = None
    error: Any = None
    message: Any = None


_chunk_of: Callable[[bytes], _Chunk] = msgspec.json.Decoder(_Chunk).decode


def _decode(payload: bytes) -> _Chunk:
    """Read an event.

    Raises:
        ValueError: If it is no JSON, or no part of a completion.
    """
    try:
        return _chunk_of(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError):  # stricter than Python: lone surrogates, NaN, 1e999
        return msgspec.convert(json.loads(payload), _Chunk)


class AnswerStream:
    """The answer to a streamed request, in the making.

    Attributes:
        begun: Whether text has come.
        done: Whether the server has said that nothing more comes.

    Args:
        request: What was asked.
        started_at: When, in seconds since 1970 (UTC).
        clock: The same by `time.perf_counter`.
        request_id: That of the response's header; one in the answer goes before it.
    """

    def __init__(self, request: Request, started_at: float, clock: float, request_id: str | None = None) -> None:
        self.begun = False
        self.done = False
        self._request = request
        self._started_at = started_at
        self._clock = clock
        self._events = EventReader()
        self._n_bytes = 0
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._first = clock
        self._latest = clock
        self._ended = clock
        self._gaps: list[float] = []
        self._finished = False
        self._finish_reason: str | None = None
        self._usage: Any = None
        self._logprobs: list[Any] = []
        self._header_id = request_id
        self._request_id: str | None = None
        self._system_fingerprint: str | None = None

    def feed(self, content: bytes, now: float) -> None:
        """Take the next bytes of the body.

        Args:
            content: However they were cut.
            now: When they came, by `time.perf_counter`.

        Raises:
            BrokenAnswerError: If an event is an error, or no part of a completion.
            OversizeError: If more came than anybody would read.
        """
        self._n_bytes += len(content)
        if self._n_bytes > MAX_ANSWER_BYTES:
            raise OversizeError
        for payload in self._events.feed(content):
            self._take(payload, now)

    def finish(self, now: float) -> None:
        """Say that the body has ended; arguments and errors are those of `feed`."""
        for payload in self._events.finish():
            try:
                if not payload.startswith(b"[DONE]"):
                    _decode(payload)
            except (ValueError, RecursionError) as error:  # the event was cut in two
                raise BrokenAnswerError(FailureKind.CONNECTION, _BROKE_OFF) from error
            self._take(payload, now)

    def response(self) -> Response:
        """The whole answer.

        Raises:
            BrokenAnswerError: If it is not whole.
        """
        if not self._finished and self.done:
            raise BrokenAnswerError(FailureKind.INVALID_RESPONSE, "the stream ended without a finish reason")
        if not self._finished:
            raise BrokenAnswerError(FailureKind.CONNECTION, _BROKE_OFF)
        request = self._request
        given = self._logprobs if request.generation.logprobs is not None else []
        return Response(
            sample_id=request.sample_id,
            repeat=request.repeat,
            text=_joined(self._text),
            reasoning=_joined(self._reasoning) if self._reasoning else None,
            finish_reason=self._finish_reason,
            usage=usage_of(self._usage),
            timing=Timing(
                self._started_at,
                (self._ended - self._clock) * 1000,
                ttft_ms=(self._first - self._clock) * 1000 if self.begun else None,
                itl_ms=tuple(round(gap * 1000, _ITL_DIGITS) for gap in self._gaps) if self.begun else None,
            ),
            request_id=self._request_id or self._header_id,
            system_fingerprint=self._system_fingerprint,
            logprobs=token_logprobs({"content": given}) if given else None,
        )

    def _take(self, payload: bytes, now: float) -> None:
        if self.done or not payload.strip():  # an event without a payload keeps the connection awake, no more
            return
        if payload.startswith(b"[DONE]"):
            self.done = True
            return
        try:
            chunk = _decode(payload)
            alone = {"message": chunk.message} if chunk.choices is None and chunk.message else None
            require_sound(None, chunk.error, alone)
            if chunk.usage is not None:
                self._usage = chunk.usage
            self._request_id = self._request_id or text_or_none(chunk.id)
            self._system_fingerprint = self._system_fingerprint or text_or_none(chunk.system_fingerprint)
            if chunk.choices:
                self._choose(chunk.choices[0], now)
        except (ValueError, TypeError, RecursionError) as error:
            raise BrokenAnswerError(FailureKind.INVALID_RESPONSE, f"no chat completion: {error}") from error

    def _choose(self, choice: _Choice, now: float) -> None:
        """Take what a chunk says; only one choice was asked for."""
        require_sound(choice.finish_reason, choice.error)
        self._ended = now
        if choice.finish_reason:
            self._finished = True
            self._finish_reason = text_or_none(choice.finish_reason)
        if isinstance(choice.logprobs, dict) and isinstance(choice.logprobs.get("content"), list):
            self._logprobs.extend(choice.logprobs["content"])
        if choice.delta is None:
            return
        content = choice.delta.content
        text = None if content is None else content_text(content)
        reasoning = text_or_none(choice.delta.reasoning_content or choice.delta.reasoning)
        if text:
            self._text.append(text)
        if reasoning:
            self._reasoning.append(reasoning)
        if self.begun:
            if text is not None or reasoning is not None:
                self._gaps.append(now - self._latest)
                self._latest = now
        elif text or reasoning:
            self.begun = True
            self._first = self._latest = now


_BROKE_OFF = "the stream broke off before the answer was whole"


def _joined(parts: list[str]) -> str:
    """The text; halves of one character that came in two chunks are one character again."""
    text = "".join(parts)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return text


async def read_stream(
    chunks: AsyncIterable[bytes], answer: AnswerStream, stall_timeout_s: float, broken: tuple[type[Exception], ...]
) -> Response:
    """Read a body to its end, and make a response of it.

    Args:
        chunks: The body's bytes, as they come.
        answer: Takes them.
        stall_timeout_s: Longest pause once text has come, in seconds; before that a server may have requests waiting.
        broken: What reading raises when the connection breaks; after the answer's end that does no harm.

    Raises:
        BrokenAnswerError: If the answer is not whole.
        OversizeError: If more came than anybody would read.
        StalledError: If the server began to answer and then fell silent.
    """
    async with StallClock(stall_timeout_s) as clock:
        async for chunk in chunks:
            answer.feed(chunk, time.perf_counter())
            if answer.done:
                break
            if answer.begun:
                clock.restart()
        else:
            answer.finish(time.perf_counter())
    if answer.done:
        with suppress(TimeoutError, OversizeError, *broken):
            async with asyncio.timeout(_DRAIN_S):
                async for _ in chunks:
                    pass
    return answer.response()
