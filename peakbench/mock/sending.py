"""How the mock server's answers look on the wire: whole, as server-sent events, and as an error in an envelope."""

import asyncio
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from peakbench import __version__
from peakbench.mock.completion import Completion

if TYPE_CHECKING:
    from aiohttp import web

EVENT_HEADERS: Mapping[str, str] = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
DONE = b"data: [DONE]\n\n"


def error_body(status: int, kind: str, message: str, param: str | None = None) -> dict[str, Any]:
    """An error as OpenAI and vLLM send it."""
    return {"error": {"message": message, "type": kind, "param": param, "code": status}}


def envelope(status: int, kind: str, message: str, param: str | None = None) -> "web.Response":
    """The response that holds an error."""
    from aiohttp import web

    return web.json_response(error_body(status, kind, message, param), status=status)


def whole_body(completion: Completion) -> dict[str, Any]:
    """The body of an answer that comes at once."""
    return {
        **_head(completion, "chat.completion"),
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": completion.text},
                "logprobs": None,
                "finish_reason": completion.finish_reason,
            }
        ],
        "usage": completion.usage,
    }


def events(completion: Completion) -> list[bytes]:
    """The answer as server-sent events: the role, an event a token, the finish reason, and the usage if asked for."""
    head = _head(completion, "chat.completion.chunk")

    def chunk(delta: Mapping[str, str], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return event({**head, "choices": [choice]})

    usage = [event({**head, "choices": [], "usage": completion.usage})] if completion.include_usage else []
    return [
        chunk({"role": "assistant", "content": ""}),
        *(chunk({"content": piece}) for piece in completion.pieces),
        chunk({}, completion.finish_reason),
        *usage,
        DONE,
    ]


def event(value: Mapping[str, Any]) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(value).encode() + b"\n\n"


async def send_whole(completion: Completion, pauses: Sequence[float]) -> "web.StreamResponse":
    """Send an answer at once, when all its tokens would have come."""
    from aiohttp import web

    await asyncio.sleep(sum(pauses))
    return web.json_response(whole_body(completion))


async def send_events(request: "web.Request", completion: Completion, pauses: Sequence[float]) -> "web.StreamResponse":
    """Send an answer as server-sent events, as vLLM does.

    Args:
        request: What is answered.
        completion: The answer.
        pauses: Seconds before each token but the first.
    """
    from aiohttp import web

    response = web.StreamResponse(headers=EVENT_HEADERS)
    await response.prepare(request)
    for position, content in enumerate(events(completion)):
        if 1 < position <= len(completion.pieces):  # the role is event 0, and the first token event 1
            await asyncio.sleep(pauses[position - 2])
        await response.write(content)
    await response.write_eof()
    return response


def _head(completion: Completion, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": completion.model,
        "system_fingerprint": f"peakbench-mock-{__version__}",
    }
