"""The transport on aiohttp: one chat completion a request, at a fraction of a client's cost, never retried here.

What costs is avoided: the body is put together from pieces that were encoded once, images go as base64 of the file's
own bytes straight into it, and of the answer only what is kept is decoded. What it sends and how it reads an answer is
the contract of `openai_transport`; tests hold the two equal.
"""

import json
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import aiohttp
import msgspec
from aiohttp.payload import BytesPayload

from peakbench.benchmarks.sample import ImageFile
from peakbench.runners.endpoint import Endpoint, environment_proxy
from peakbench.runners.images import image_url, prepare_images
from peakbench.runners.reading import (
    MAX_ANSWER_BYTES,
    count_or_none,
    error_words,
    kind_of_status,
    redacted,
    retry_after_s,
    text_or_none,
)
from peakbench.runs.records import Failure, FailureKind, Generation, Record, Request, Response, Timing, Usage

_ALIVE_TIMEOUT_S = 10.0
_TEMPLATES_KEPT = 64
_LONGEST_WORDS = 1000


class HttpTransport:
    """Sends requests with aiohttp.

    It has to be made where an event loop runs, and closed.

    Args:
        endpoint: Where to.
        max_connections: Connections at once; that of the requests in flight is enough.
    """

    def __init__(self, endpoint: Endpoint, max_connections: int = 100) -> None:
        self._endpoint = endpoint
        self._url = f"{endpoint.base_url}/chat/completions"
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=max_connections, ttl_dns_cache=300),
            headers={
                "Authorization": f"Bearer {endpoint.api_key}",
                "Content-Type": "application/json",
                **dict(endpoint.headers),
            },
            proxy=environment_proxy(endpoint.base_url),
        )

    async def send(self, request: Request, timeout_s: float) -> Record:
        """Send one request once; see `Transport.send`."""
        await prepare_images(request)
        body = _Body(chat_body(request))
        started_at, clock = time.time(), time.perf_counter()

        def timing() -> Timing:
            return Timing(started_at, (time.perf_counter() - clock) * 1000)

        def failure(kind: FailureKind, message: str, status: int | None = None, wait_s: float | None = None) -> Failure:
            return Failure(
                sample_id=request.sample_id,
                repeat=request.repeat,
                kind=kind,
                message=redacted(message, *self._endpoint.secrets),
                status=status,
                timing=timing(),
                retry_after_s=wait_s,
            )

        try:
            # No redirect is followed: it would lose the request's body, or take the key and the pictures elsewhere.
            async with self._session.post(
                self._url, data=body, allow_redirects=False, timeout=aiohttp.ClientTimeout(total=timeout_s)
            ) as response:
                content = await _read(response)
        except TimeoutError:
            return failure(FailureKind.TIMEOUT, f"no answer within {timeout_s:.0f} s")
        except _OversizeError as error:
            return failure(FailureKind.INVALID_RESPONSE, str(error))
        except (aiohttp.ClientError, OSError) as error:
            return failure(FailureKind.CONNECTION, str(error) or type(error).__name__)
        if not 200 <= response.status < 300:
            words = _refusal(response, content)
            return failure(kind_of_status(response.status), words, response.status, retry_after_s(response.headers))
        done = timing()
        if not _is_json(response.content_type):
            return failure(FailureKind.INVALID_RESPONSE, f"the answer is {response.content_type}, not JSON")
        try:
            return _response(request, _decode(content), done)
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            said = _error_in(content)
            words = f"the answer is an error: {said}" if said else f"no chat completion: {error}"
            return failure(FailureKind.INVALID_RESPONSE, words)

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


class _OversizeError(Exception):
    """A server sends more than anybody would read."""


class _Body(BytesPayload):
    """Bytes of any length; the library warns of long ones, which pictures make unavoidable."""

    def __init__(self, content: bytes) -> None:
        super().__init__(b"", content_type="application/json")
        self._value = content
        self._size = len(content)


def chat_body(request: Request) -> bytes:
    """The body of a request.

    Raises:
        BadInputError: If an image changed since the data was read.
    """
    head, tail = _template(request.model, request.system, request.generation)
    parts = [head]
    for image in request.images:
        url = image_url(image, request.sending)
        # Our own URLs hold nothing that JSON would escape, and are long; those of the data may hold anything.
        quoted = b'"' + url + b'"' if isinstance(image, ImageFile) else _json(url.decode("ascii"))
        parts += [b'{"type":"image_url","image_url":{"url":', quoted, b"}},"]
    parts += [b'{"type":"text","text":', _json(request.prompt), tail]
    return b"".join(parts)


@lru_cache(_TEMPLATES_KEPT)
def _template(model: str, system: str, generation: Generation) -> tuple[bytes, bytes]:
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
    if generation.extra:
        options |= json.loads(generation.extra)
    return head, b"}]}]," + _json(options)[1:]


def _json(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:  # a lone surrogate, which JSON can say with an escape
        return json.dumps(value).encode()


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body, unpacked, up to what anybody would read."""
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > MAX_ANSWER_BYTES:
            response.close()
            raise _OversizeError(f"the answer is longer than {MAX_ANSWER_BYTES:,} bytes")
    return bytes(content)


def _is_json(content_type: str) -> bool:
    return content_type == "application/json" or content_type.endswith("+json")


class _Message(msgspec.Struct):
    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: Any = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: Any = None
    id: Any = None
    system_fingerprint: Any = None


_completion_of: Callable[[bytes], _Completion] = msgspec.json.Decoder(_Completion).decode


def _decode(content: bytes) -> _Completion:
    """Read a body.

    Raises:
        ValueError: If it is no JSON, or no completion.
    """
    try:
        return _completion_of(content)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError):  # it is strict where Python is not: lone surrogates, NaN, UTF-16
        return msgspec.convert(json.loads(content), _Completion)


def _error_in(content: bytes) -> str:
    """What the JSON of a body says is wrong; empty when it says nothing."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    return (error_words(body.get("error")) or error_words(body)) if isinstance(body, dict) else ""


def _refusal(response: aiohttp.ClientResponse, content: bytes) -> str:
    """What came with a status other than 2xx: the server's words, or the status."""
    text = content[:_LONGEST_WORDS].decode("utf-8", errors="replace").strip()
    return _error_in(content) or text or f"HTTP {response.status} {response.reason or ''}".rstrip()


def _response(request: Request, completion: _Completion, timing: Timing) -> Response:
    """Make a response of a completion.

    Raises:
        LookupError: If it has no choice.
        TypeError: If its content is no text.
    """
    choice = completion.choices[0]
    message = choice.message
    text = message.content
    if text is not None and not isinstance(text, str):
        raise TypeError(f"content is a {type(text).__name__}")
    usage = completion.usage if isinstance(completion.usage, dict) else {}
    details = usage.get("completion_tokens_details")
    return Response(
        sample_id=request.sample_id,
        repeat=request.repeat,
        text=text or "",
        reasoning=text_or_none(message.reasoning_content or message.reasoning),
        finish_reason=text_or_none(choice.finish_reason),
        usage=Usage(
            prompt_tokens=count_or_none(usage.get("prompt_tokens")),
            completion_tokens=count_or_none(usage.get("completion_tokens")),
            reasoning_tokens=count_or_none(details.get("reasoning_tokens") if isinstance(details, dict) else None),
        ),
        timing=timing,
        request_id=text_or_none(completion.id),
        system_fingerprint=text_or_none(completion.system_fingerprint),
    )
