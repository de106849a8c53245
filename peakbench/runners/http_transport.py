"""The transport on aiohttp: one chat completion a request, at a fraction of a client's cost, never retried here.

What costs is avoided: the body is put together from pieces that were encoded once, images go as base64 of the file's
own bytes straight into it, and of the answer only what is kept is decoded. What it sends and how it reads an answer is
the contract of `openai_transport`; tests hold the two equal.
"""

import json
import time
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import aiohttp
import msgspec
from aiohttp.payload import BytesPayload

from peakbench.benchmarks.sample import ImageFile
from peakbench.runners.connecting import UnaskedConnector
from peakbench.runners.endpoint import Endpoint
from peakbench.runners.images import image_url, with_images
from peakbench.runners.reading import (
    MAX_ANSWER_BYTES,
    BrokenAnswerError,
    OversizeError,
    StallClock,
    StalledError,
    content_text,
    error_words,
    kind_of_status,
    page_words,
    redacted,
    redirect_words,
    require_sound,
    retry_after_s,
    text_or_none,
    token_logprobs,
    usage_of,
    without_credentials,
)
from peakbench.runners.streaming import EVENT_STREAM, AnswerStream, read_stream
from peakbench.runners.transport import STALL_TIMEOUT_S, STREAM_OPTIONS
from peakbench.runs.records import Failure, FailureKind, Generation, Record, Request, Response, Timing

_ALIVE_TIMEOUT_S = 10.0
_TEMPLATES_KEPT = 64
_LONGEST_WORDS = 1000
_LONGEST_HEADER = 65_536


class HttpTransport:
    """Sends requests with aiohttp.

    It has to be made where an event loop runs, and closed.

    Args:
        endpoint: Where to.
        max_connections: Connections at once; that of the requests in flight is enough.
        stream: Whether answers are asked for as streams.
        stall_timeout_s: Longest silence of a server that has begun to answer, and of one that is connected to.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        max_connections: int = 100,
        *,
        stream: bool = False,
        stall_timeout_s: float = STALL_TIMEOUT_S,
    ) -> None:
        self._endpoint = endpoint
        self._credentials = endpoint.credentials
        self._stream = stream
        self._stall_timeout_s = stall_timeout_s
        self._url = f"{endpoint.base_url}/chat/completions"
        self._session = aiohttp.ClientSession(
            connector=UnaskedConnector(limit=max_connections, ttl_dns_cache=300),
            headers={
                "Authorization": f"Bearer {endpoint.api_key}",
                "Content-Type": "application/json",
                **dict(endpoint.headers),
            },
            proxy=endpoint.proxy,
            max_field_size=_LONGEST_HEADER,
        )

    async def send(self, request: Request, timeout_s: float) -> Record:
        """Send one request once; see `Transport.send`."""
        body = _Body(await with_images(request, partial(chat_body, request, stream=self._stream)))
        started_at, clock = time.time(), time.perf_counter()

        def timing() -> Timing:
            return Timing(started_at, (time.perf_counter() - clock) * 1000)

        def failure(kind: FailureKind, message: str, status: int | None = None, wait_s: float | None = None) -> Failure:
            return Failure(
                sample_id=request.sample_id,
                repeat=request.repeat,
                kind=kind,
                message=redacted(message, request, self._endpoint.secrets),
                status=status,
                timing=timing(),
                retry_after_s=wait_s,
            )

        limits = aiohttp.ClientTimeout(total=timeout_s, sock_connect=self._stall_timeout_s)
        try:
            # No redirect is followed: it would lose the request's body, or take the key and the pictures elsewhere.
            async with self._session.post(self._url, data=body, allow_redirects=False, timeout=limits) as response:
                ok = 200 <= response.status < 300
                request_id = response.headers.get("X-Request-Id")
                if self._stream and ok and response.content_type == EVENT_STREAM:
                    answer = AnswerStream(request, started_at, clock, request_id)
                    broken = (aiohttp.ClientError, OSError)
                    whole = await read_stream(response.content.iter_any(), answer, self._stall_timeout_s, broken)
                    return without_credentials(whole, self._credentials)
                content = await _read(response, self._stall_timeout_s)
        except StalledError as error:
            return failure(FailureKind.TIMEOUT, str(error))
        except aiohttp.ConnectionTimeoutError:
            return failure(FailureKind.TIMEOUT, f"no connection within {self._stall_timeout_s:g} s")
        except TimeoutError:
            return failure(FailureKind.TIMEOUT, f"no answer within {timeout_s:.0f} s")
        except OversizeError as error:
            return failure(FailureKind.INVALID_RESPONSE, str(error))
        except BrokenAnswerError as error:
            return failure(error.kind, str(error))
        except (aiohttp.ClientError, OSError) as error:
            return failure(FailureKind.CONNECTION, _broken_words(error))
        if response.status < 200:  # it says that an answer follows, and none does
            return failure(FailureKind.CONNECTION, f"HTTP {response.status} in the place of an answer")
        if not ok:
            words = redirect_words(response.status, response.headers) or _refusal(response, content)
            kind = kind_of_status(response.status, _error_of(content))
            return failure(kind, words, response.status, retry_after_s(response.headers))
        try:
            whole = whole_answer(request, response.content_type, content, timing(), request_id)
            return without_credentials(whole, self._credentials)
        except BrokenAnswerError as error:
            return failure(error.kind, str(error))

    async def alive(self) -> bool:
        """Whether the server answers at all."""
        timeout = aiohttp.ClientTimeout(total=_ALIVE_TIMEOUT_S)
        try:
            async with self._session.get(f"{self._endpoint.base_url}/models", allow_redirects=False, timeout=timeout):
                return True
        except (aiohttp.ClientError, OSError):  # a TimeoutError is an OSError
            return False

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()


class _Body(BytesPayload):
    """Bytes of any length; the library warns of long ones, which pictures make unavoidable."""

    def __init__(self, content: bytes) -> None:
        super().__init__(b"", content_type="application/json")
        self._value = content
        self._size = len(content)


def chat_body(request: Request, *, stream: bool = False) -> bytes:
    """The body of a request.

    Args:
        request: What is asked.
        stream: Whether the answer is asked for as a stream.

    Raises:
        BadInputError: If an image changed since the data was read.
    """
    head, tail = _template(request.model, request.system, request.generation, stream)
    parts = [head]
    for image in request.images:
        url = image_url(image, request.sending)
        # Our own URLs hold nothing that JSON would escape, and are long; those of the data may hold anything.
        quoted = b'"' + url + b'"' if isinstance(image, ImageFile) else _json(url.decode("ascii"))
        parts += [b'{"type":"image_url","image_url":{"url":', quoted, b"}},"]
    parts += [b'{"type":"text","text":', _json(request.prompt), tail]
    return b"".join(parts)


@lru_cache(_TEMPLATES_KEPT)
def _template(model: str, system: str, generation: Generation, stream: bool) -> tuple[bytes, bytes]:
    """What stands before the images, and what after the text; the same for every sample of a run."""
    head = b'{"model":' + _json(model) + b',"messages":['
    if system:
        head += b'{"role":"system","content":' + _json(system) + b"},"
    head += b'{"role":"user","content":['
    options: dict[str, Any] = {"max_tokens": generation.max_tokens, "temperature": generation.temperature}
    if generation.stop:
        options["stop"] = list(generation.stop)
    if generation.seed is not None:
        options["seed"] = generation.seed
    if generation.logprobs is not None:
        options |= {"logprobs": True, "top_logprobs": generation.logprobs}
    if stream:
        options |= STREAM_OPTIONS
    if generation.extra:
        options |= json.loads(generation.extra)
    return head, b"}]}]," + _json(options)[1:]


def _json(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:  # a lone surrogate, which JSON can say with an escape
        return json.dumps(value).encode()


async def _read(response: aiohttp.ClientResponse, stall_timeout_s: float) -> bytes:
    """The body, unpacked, up to what anybody would read."""
    content = bytearray()
    async with StallClock(stall_timeout_s) as clock:
        async for chunk in response.content.iter_any():
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                response.close()
                raise OversizeError
            clock.restart()
    return bytes(content)


def whole_answer(
    request: Request, content_type: str, content: bytes, timing: Timing, request_id: str | None
) -> Response:
    """Make a response of the body of an answer that came whole.

    Args:
        request: What was asked.
        content_type: Of the body, without parameters.
        content: The body, unpacked.
        timing: Of the attempt.
        request_id: That of the response's header; one in the body goes before it.

    Raises:
        BrokenAnswerError: If the body is no chat completion.
    """
    try:
        return _response(request, _decode(content), timing, request_id)
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        said = _error_in(content)
        words = f"the answer is an error: {said}" if said else f"no chat completion: {error}"
        if not said and not _is_json(content_type):
            words = f"the answer is {content_type}, not JSON"
        raise BrokenAnswerError(FailureKind.INVALID_RESPONSE, words) from error


def _is_json(content_type: str) -> bool:
    return content_type == "application/json" or content_type.endswith("+json")


class _Message(msgspec.Struct):
    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: Any = None
    logprobs: Any = None
    error: Any = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: Any = None
    id: Any = None
    system_fingerprint: Any = None
    error: Any = None


_completion_of: Callable[[bytes], _Completion] = msgspec.json.Decoder(_Completion).decode


def _decode(content: bytes) -> _Completion:
    """Read a body.

    Raises:
        ValueError: If it is no JSON, or no completion.
    """
    try:
        return _completion_of(content)
    except (msgspec.MsgspecError, UnicodeDecodeError):  # stricter than Python: lone surrogates, NaN, 1e999, UTF-16
        return msgspec.convert(json.loads(content), _Completion)


def _error_of(content: bytes) -> Any:
    """The `error` of a JSON body, or the body itself where it has none; None when it is no JSON."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return body.get("error", body) if isinstance(body, dict) else None


def _error_in(content: bytes) -> str:
    """What the JSON of a body says is wrong; empty when it says nothing."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    return (error_words(body.get("error")) or error_words(body)) if isinstance(body, dict) else ""


def _broken_words(error: Exception) -> str:
    """What went wrong on the way; some errors hold a whole head of an answer in the place of a message."""
    message = getattr(error, "message", None) or str(error)
    return " ".join(message.split()) if isinstance(message, str) and message else type(error).__name__


def _refusal(response: aiohttp.ClientResponse, content: bytes) -> str:
    """What came with a status other than 2xx: the server's words, or the status."""
    text = content[:_LONGEST_WORDS].decode("utf-8", errors="replace").strip()
    return _error_in(content) or page_words(text) or f"HTTP {response.status} {response.reason or ''}".rstrip()


def _response(request: Request, completion: _Completion, timing: Timing, request_id: str | None) -> Response:
    """Make a response of a completion.

    Raises:
        LookupError: If it has no choice.
        TypeError: If its content is no text.
        ValueError: If it came with an error.
    """
    choice = completion.choices[0]
    require_sound(choice.finish_reason, completion.error, choice.error)
    message = choice.message
    return Response(
        sample_id=request.sample_id,
        repeat=request.repeat,
        text=content_text(message.content),
        reasoning=text_or_none(message.reasoning_content or message.reasoning),
        finish_reason=text_or_none(choice.finish_reason),
        usage=usage_of(completion.usage),
        timing=timing,
        request_id=text_or_none(completion.id) or request_id,
        system_fingerprint=text_or_none(completion.system_fingerprint),
        logprobs=token_logprobs(choice.logprobs) if request.generation.logprobs is not None else None,
    )
