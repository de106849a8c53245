"""Opening a transport by name, and the event loop it runs in."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from peakbench.runners.endpoint import Endpoint
from peakbench.runners.transport import STALL_TIMEOUT_S, Transport, TransportName

T = TypeVar("T")


def open_transport(
    name: TransportName,
    endpoint: Endpoint,
    max_concurrency: int,
    *,
    stream: bool = False,
    stall_timeout_s: float = STALL_TIMEOUT_S,
) -> Transport:
    """Make a transport; call it where an event loop runs.

    Args:
        name: `http` or `openai`.
        endpoint: Where to.
        max_concurrency: Requests that will be in flight at once.
        stream: Whether answers are asked for as streams.
        stall_timeout_s: Longest silence of a server that has begun to answer, and of one that is connected to.
    """
    if name == "openai":
        from peakbench.runners.openai_transport import OpenAITransport

        return OpenAITransport(endpoint, stream=stream, stall_timeout_s=stall_timeout_s)
    from peakbench.runners.http_transport import HttpTransport

    return HttpTransport(endpoint, max_concurrency, stream=stream, stall_timeout_s=stall_timeout_s)


def run_loop(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, on uvloop where that is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)
