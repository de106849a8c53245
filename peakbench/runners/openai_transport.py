"""The transport on the `openai` client: one chat completion a request, never retried here.

It is also the reference for any other transport: what it sends and how it reads an answer is the contract.
"""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import openai

from peakbench.runners.endpoint import Endpoint
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
from peakbench.runs.records import Failure, FailureKind, Record, Request, Response, Timing, Usage


class OpenAITransport:
    """Sends requests with `openai.AsyncOpenAI`.

    Args:
        endpoint: Where to.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        # No redirect is followed: it would lose the request's body, or take the key and the pictures elsewhere.
        http_client = openai.DefaultAsyncHttpxClient(follow_redirects=False, event_hooks={"response": [_limit]})
        self._client = openai.AsyncOpenAI(
            base_url=endpoint.base_url,
            api_key=endpoint.api_key,
            max_retries=0,
            http_client=http_client,
            default_headers=dict(endpoint.headers),
        )

    async def send(self, request: Request, timeout_s: float) -> Record:
        """Send one request once; see `Transport.send`."""
        await prepare_images(request)
        messages = chat_messages(request)
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
                message=redacted(str(error), *self._endpoint.secrets),
                status=status,
                timing=Timing(started_at, (time.perf_counter() - clock) * 1000),
                retry_after_s=wait_s,
            )

        try:
            completion = await self._client.chat.completions.create(**options, timeout=timeout_s)
        except openai.APITimeoutError:
            return failure(FailureKind.TIMEOUT, f"no answer within {timeout_s:.0f} s")
        except openai.APIStatusError as error:
            status = error.status_code
            return failure(kind_of_status(status), _server_words(error), status, retry_after_s(error.response.headers))
        except openai.APIResponseValidationError as error:
            return failure(FailureKind.INVALID_RESPONSE, error)
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            return failure(FailureKind.CONNECTION, str(cause) or type(cause).__name__)
        except _OversizeError as error:
            return failure(FailureKind.INVALID_RESPONSE, error)
        except (ValueError, RecursionError, openai.OpenAIError) as error:  # a body that is no JSON, or no completion
            return failure(FailureKind.INVALID_RESPONSE, f"{type(error).__name__}: {error}")
        e2el_ms = (time.perf_counter() - clock) * 1000
        try:
            return _response(request, completion, Timing(started_at, e2el_ms))
        except (AttributeError, LookupError, TypeError) as error:
            return failure(FailureKind.INVALID_RESPONSE, _answered_error(completion) or f"no chat completion: {error}")

    async def alive(self) -> bool:
        """Whether the server answers at all."""
        try:
            await self._client.models.list(timeout=10)
        except openai.APIConnectionError:
            return False
        except (openai.OpenAIError, ValueError, RecursionError, _OversizeError):
            return True
        return True

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()


class _OversizeError(Exception):
    """A server sends more than anybody would read."""


async def _limit(response: Any) -> None:
    """Have reading a response end where it is too long, unpacked, whatever the server says of its length."""
    read = response.aiter_bytes

    async def limited(chunk_size: int | None = None) -> AsyncIterator[bytes]:
        total = 0
        async for chunk in read(chunk_size):
            total += len(chunk)
            if total > MAX_ANSWER_BYTES:
                raise _OversizeError(f"the answer is longer than {MAX_ANSWER_BYTES:,} bytes")
            yield chunk

    response.aiter_bytes = limited


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
    return error_words(error.body) or str(error)


def _answered_error(completion: Any) -> str:
    """What a server says that answers 200 with an error in the body."""
    words = error_words(getattr(completion, "error", None))
    return f"the answer is an error: {words}" if words else ""


def _response(request: Request, completion: Any, timing: Timing) -> Response:
    """Read a completion; an AttributeError, LookupError or TypeError means that it is none."""
    choice = completion.choices[0]
    message = choice.message
    text = message.content
    reasoning = getattr(message, "reasoning_content", None) or getattr(message, "reasoning", None)
    if text is not None and not isinstance(text, str):
        raise TypeError(f"content is a {type(text).__name__}")
    usage = completion.usage
    details = getattr(usage, "completion_tokens_details", None)
    return Response(
        sample_id=request.sample_id,
        repeat=request.repeat,
        text=text or "",
        reasoning=text_or_none(reasoning),
        finish_reason=text_or_none(choice.finish_reason),
        usage=Usage(
            prompt_tokens=count_or_none(getattr(usage, "prompt_tokens", None)),
            completion_tokens=count_or_none(getattr(usage, "completion_tokens", None)),
            reasoning_tokens=count_or_none(getattr(details, "reasoning_tokens", None)),
        ),
        timing=timing,
        request_id=text_or_none(completion.id),
        system_fingerprint=text_or_none(getattr(completion, "system_fingerprint", None)),
    )
