"""A server that says the same to everyone, as fast as Python can: so that a measurement measures the client.

It speaks just enough HTTP/1.1: it counts the bytes of a request's body without looking at them, and answers any POST
with one chat completion, `GET /stats` with what was posted so far, and any other GET with one model. It is no test of
what a client sends; `MockServer` is.
"""

import asyncio
import json
import re
import time
from dataclasses import asdict, dataclass
from typing import cast

CANNED_MODEL = "canned"
_ANSWER = json.dumps(
    {
        "id": "chatcmpl-canned",
        "object": "chat.completion",
        "created": 1,
        "model": CANNED_MODEL,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": '{"type": "t-shirt", "color": "navy blue", "size": "M"}'},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 400, "completion_tokens": 20, "total_tokens": 420},
    }
).encode()
_MODELS = json.dumps(
    {"object": "list", "data": [{"id": CANNED_MODEL, "object": "model", "created": 1, "owned_by": "peakbench"}]}
).encode()
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LONGEST_HEAD = 65_536


def _http(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


_POSTED, _LISTED = _http(_ANSWER), _http(_MODELS)


@dataclass(slots=True)
class CannedStats:
    """What was posted to a server, over all its connections.

    Attributes:
        requests: Posts whose body came whole.
        body_bytes: Of those bodies, together.
        first_s: When the head of the first post came, on the machine's monotonic clock; None before.
        last_s: When the last answer to a post went out; None before.
    """

    requests: int = 0
    body_bytes: int = 0
    first_s: float | None = None
    last_s: float | None = None


class CannedProtocol(asyncio.Protocol):
    """One connection. Requests of a connection are answered in turn; a client may keep it open.

    Args:
        latency_s: Seconds between the end of a request and its answer.
        stats: Where posts are counted; one of its own if not given.
    """

    def __init__(self, latency_s: float = 0.0, stats: CannedStats | None = None) -> None:
        self._latency_s = latency_s
        self._stats = CannedStats() if stats is None else stats
        self._head = bytearray()
        self._size = 0
        self._missing = 0
        self._answer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to answer on."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one, and does not say so

    def connection_lost(self, _error: Exception | None) -> None:
        """Forget the transport, so that a late answer goes nowhere."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Count bytes until a request is whole, then answer it."""
        if self._missing:
            taken = min(self._missing, len(data))
            self._missing -= taken
            if self._missing:
                return
            self._reply()
            data = data[taken:]
        while data:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                if len(self._head) > _LONGEST_HEAD and self._transport is not None:
                    self._transport.abort()
                return
            length = _LENGTH.search(self._head, 0, end)
            self._size = int(length.group(1)) if length else 0
            self._answer = self._answer_to(self._head)
            rest = bytes(self._head[end + 4 :])
            self._head.clear()
            self._missing = max(0, self._size - len(rest))
            if self._missing:
                return
            self._reply()
            data = rest[self._size :]

    def _answer_to(self, head: bytearray) -> bytes:
        if head.startswith(b"GET /stats "):
            return _http(json.dumps(asdict(self._stats)).encode())
        if head.startswith(b"GET"):
            return _LISTED
        if self._stats.first_s is None:
            self._stats.first_s = time.monotonic()
        return _POSTED

    def _reply(self) -> None:
        if self._answer is _POSTED:
            self._stats.requests += 1
            self._stats.body_bytes += self._size
        if self._latency_s:
            asyncio.get_running_loop().call_later(self._latency_s, self._write, self._answer)
        else:
            self._write(self._answer)

    def _write(self, answer: bytes) -> None:
        if self._transport is None:
            return
        self._transport.write(answer)
        if answer is _POSTED:
            self._stats.last_s = time.monotonic()


async def start_canned(host: str, port: int, latency_s: float = 0.0) -> asyncio.Server:
    """Listen; the server's first socket tells the port. `GET /stats` tells the fields of `CannedStats`.

    Raises:
        OSError: If the address cannot be listened on.
    """
    stats = CannedStats()
    return await asyncio.get_running_loop().create_server(lambda: CannedProtocol(latency_s, stats), host, port)
