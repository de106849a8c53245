"""The transport on the `openai` client: one chat completion a request, never retried here.

It is also the reference for any other transport: what it sends and how it reads an answer is the contract.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any

import openai

from peakbench.runners.endpoint import Endpoint
from peakbench.runners.http_transport import whole_answer
from peakbench.runners.images import image_url, with_images
from peakbench.runners.reading import (
    MAX_ANSWER_BYTES,
    BrokenAnswerError,
    OversizeError,
    StallClock,
    StalledError,
    content_text,
    count_or_none,
    error_words,
    kind_of_status,
    page_words,
    redacted,
    redirect_words,
    require_sound,
    retry_after_s,
    text_or_none,
    token_logprobs,
    without_credentials,
)
from peakbench.runners.streaming import EVENT_STREAM, AnswerStream, read_stream
from peakbench.runners.transport import STALL_TIMEOUT_S, STREAM_OPTIONS
from peakbench.runs.records import Failure, FailureKind, Record, Request, Response, Timing, TokenLogprob, Usage

_ALIVE_TIMEOUT_S = 10.0
_MAX_CONNECTIONS = 1000
"""As the client has it."""


class OpenAITransport:
    """Sends requests with `openai.AsyncOpenAI`.

    Args:
        endpoint: Where to.
        stream: Whether answers are asked for as streams.
        stall_timeout_s: Longest silence of a server that has begun to answer, and of one that is connected to.
    """

    def __init__(self, endpoint: Endpoint, *, stream: bool = False, stall_timeout_s: float = STALL_TIMEOUT_S) -> None:
        self._endpoint = endpoint
        self._credentials = endpoint.credentials
        self._stream = stream
        self._stall_timeout_s = stall_timeout_s
        # No redirect is followed: it would lose the request's body, or take the key and the pictures elsewhere.
        # No connection is kept: what a server sends after an answer would be read as the answer to the next request.
        http_client = openai.DefaultAsyncHttpxClient(
            follow_redirects=False,
            event_hooks={"response": [self._limit]},
            trust_env=not endpoint.direct,
            limits=_http_library().Limits(max_connections=_MAX_CONNECTIONS, max_keepalive_connections=0),
        )
        self._client = openai.AsyncOpenAI(
            base_url=endpoint.base_url,
            api_key=endpoint.api_key,
            max_retries=0,
            http_client=http_client,
            default_headers=dict(endpoint.headers),
        )

    async def send(self, request: Request, timeout_s: float) -> Record:
        """Send one request once; see `Transport.send`."""
        messages = await with_images(request, partial(chat_messages, request))
        generation = request.generation
        options: dict[str, Any] = {
            "model": request.model,
            "messages": messages,
            "max_tokens": generation.max_tokens,
            "temperature": generation.temperature,
        }
        if generation.stop:
            options["stop"] = list(generation.stop)
        if generation.seed is not None:
            options["seed"] = generation.seed
        if generation.logprobs is not None:
            options |= {"logprobs": True, "top_logprobs": generation.logprobs}
        if self._stream:
            options |= STREAM_OPTIONS
        if generation.extra:
            options["extra_body"] = json.loads(generation.extra)
        started_at, clock = time.time(), time.perf_counter()

        def failure(
            kind: FailureKind, error: object, status: int | None = None, wait_s: float | None = None
        ) -> Failure:
            return Failure(
                sample_id=request.sample_id,
                repeat=request.repeat,
                kind=kind,
                message=redacted(str(error), request, self._endpoint.secrets),
                status=status,
                timing=Timing(started_at, (time.perf_counter() - clock) * 1000),
                retry_after_s=wait_s,
            )

        library = _http_library()
        options["timeout"] = openai.Timeout(timeout_s, connect=min(timeout_s, self._stall_timeout_s))
        try:
            async with asyncio.timeout(timeout_s):  # the client's own starts anew with every byte
                if self._stream:
                    whole = await self._streamed(request, options, started_at, clock)
                    return without_credentials(whole, self._credentials)
                completion = await self._client.chat.completions.create(**options)
        except (TimeoutError, openai.APITimeoutError, library.TimeoutException) as error:
            if isinstance(error.__cause__, library.ConnectTimeout):
                return failure(FailureKind.TIMEOUT, f"no connection within {self._stall_timeout_s:g} s")
            return failure(FailureKind.TIMEOUT, f"no answer within {timeout_s:.0f} s")
        except StalledError as error:
            return failure(FailureKind.TIMEOUT, error)
        except BrokenAnswerError as error:
            return failure(error.kind, error)
        except library.RequestError as error:
            return failure(FailureKind.CONNECTION, str(error) or type(error).__name__)
        except openai.APIStatusError as error:
            status = error.status_code
            kind = kind_of_status(status, error.body)
            words = redirect_words(status, error.response.headers) or _server_words(error)
            return failure(kind, words, status, retry_after_s(error.response.headers))
        except openai.APIResponseValidationError as error:
            return failure(FailureKind.INVALID_RESPONSE, error)
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            return failure(FailureKind.CONNECTION, str(cause) or type(cause).__name__)
        except OversizeError as error:
            return failure(FailureKind.INVALID_RESPONSE, error)
        except (ValueError, RecursionError, openai.OpenAIError) as error:  # a body that is no JSON, or no completion
            return failure(FailureKind.INVALID_RESPONSE, f"{type(error).__name__}: {error}")
        e2el_ms = (time.perf_counter() - clock) * 1000
        try:
            whole = _response(request, completion, Timing(started_at, e2el_ms))
            return without_credentials(whole, self._credentials)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            return failure(FailureKind.INVALID_RESPONSE, _answered_error(completion) or f"no chat completion: {error}")

    async def _streamed(
        self, request: Request, options: Mapping[str, Any], started_at: float, clock: float
    ) -> Response:
        """Ask for a stream and read it; the client's own events would hide when it breaks off."""
        async with self._client.chat.completions.with_streaming_response.create(**options) as response:
            content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            request_id = response.headers.get("x-request-id")
            if content_type != EVENT_STREAM:
                content = await response.read()
                timing = Timing(started_at, (time.perf_counter() - clock) * 1000)
                return whole_answer(request, content_type, content, timing, request_id)
            answer = AnswerStream(request, started_at, clock, request_id)
            return await read_stream(
                response.iter_bytes(), answer, self._stall_timeout_s, (_http_library().RequestError, OSError)
            )

    async def _limit(self, response: Any) -> None:
        """Have reading a response end where it is too long, unpacked, whatever the server says of its length.

        And where it stops; a stream is watched by who reads it.
        """
        read = response.aiter_bytes
        watched = response.headers.get("content-type", "").partition(";")[0].strip().lower() != EVENT_STREAM

        async def limited(chunk_size: int | None = None) -> AsyncIterator[bytes]:
            total = 0
            chunks = read(chunk_size)
            while True:
                async with StallClock(self._stall_timeout_s) as clock:
                    if watched and total:
                        clock.restart()
                    chunk = await anext(chunks, None)
                if chunk is None:
                    return
                total += len(chunk)
                if total > MAX_ANSWER_BYTES:
                    raise OversizeError
                yield chunk

        response.aiter_bytes = limited

    async def alive(self) -> bool:
        """Whether the server answers at all."""
        try:
            async with asyncio.timeout(_ALIVE_TIMEOUT_S):
                await self._client.models.list()
        except (TimeoutError, openai.APIConnectionError):
            return False
        except (openai.OpenAIError, ValueError, RecursionError, OversizeError):
            return True
        return True

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()


def _http_library() -> Any:
    """What the client stands on, for its errors: httpx, or httpx2 from version 3 of the client on."""
    return sys.modules[openai.DefaultAsyncHttpxClient.__mro__[1].__module__.partition(".")[0]]


def chat_messages(request: Request) -> list[dict[str, Any]]:
    """The messages of a request: the system prompt if there is one, then the images and the text."""
    content: list[dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": image_url(image, request.sending).decode("ascii")}}
        for image in request.images
    ]
    content.append({"type": "text", "text": request.prompt})
    system = [{"role": "system", "content": request.system}] if request.system else []
    return [*system, {"role": "user", "content": content}]


def _server_words(error: openai.APIStatusError) -> str:
    return page_words(error_words(error.body) or str(error))


def _answered_error(completion: Any) -> str:
    """What a server says that answers 200 with an error in the body."""
    words = error_words(getattr(completion, "error", None))
    return f"the answer is an error: {words}" if words else ""


def _response(request: Request, completion: Any, timing: Timing) -> Response:
    """Read a completion; an AttributeError, LookupError, TypeError or ValueError means that it is none."""
    if isinstance(completion, str):
        raise TypeError("the answer is no JSON")
    choice = completion.choices[0]
    require_sound(choice.finish_reason, getattr(completion, "error", None), getattr(choice, "error", None))
    message = choice.message
    reasoning = getattr(message, "reasoning_content", None) or getattr(message, "reasoning", None)
    usage = completion.usage
    details = getattr(usage, "completion_tokens_details", None)
    return Response(
        sample_id=request.sample_id,
        repeat=request.repeat,
        text=content_text(message.content),
        reasoning=text_or_none(reasoning),
        finish_reason=text_or_none(choice.finish_reason),
        usage=Usage(
            prompt_tokens=count_or_none(getattr(usage, "prompt_tokens", None)),
            completion_tokens=count_or_none(getattr(usage, "completion_tokens", None)),
            reasoning_tokens=count_or_none(getattr(details, "reasoning_tokens", None)),
        ),
        timing=timing,
        request_id=text_or_none(completion.id) or text_or_none(getattr(completion, "_request_id", None)),
        system_fingerprint=text_or_none(getattr(completion, "system_fingerprint", None)),
        logprobs=_logprobs(choice) if request.generation.logprobs is not None else None,
    )


def _logprobs(choice: Any) -> tuple[TokenLogprob, ...] | None:
    """The client's objects as the JSON that they were made of."""
    return token_logprobs(choice.model_dump(include={"logprobs"}, warnings=False).get("logprobs"))
