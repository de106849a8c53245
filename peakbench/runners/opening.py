"""Opening a transport by name, and the event loop it runs in."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from peakbench.runners.endpoint import Endpoint
from peakbench.runners.transport import Transport, TransportName

T = TypeVar("T")


def open_transport(name: TransportName, endpoint: Endpoint, max_concurrency: int) -> Transport:
    """Make a transport; call it where an event loop runs.

    Args:
        name: `http` or `openai`.
        endpoint: Where to.
        max_concurrency: Requests that will be in flight at once.
    """
    if name == "openai":
        from peakbench.runners.openai_transport import OpenAITransport

        return OpenAITransport(endpoint)
    from peakbench.runners.http_transport import HttpTransport

    return HttpTransport(endpoint, max_concurrency)


def run_loop(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, on uvloop where that is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)
