"""The seam between asking and HTTP: one request in, one response or typed failure out.

A transport makes a single attempt. It never raises for what a server or the network does; it never retries; it knows
nothing of samples, journals or metrics. Concurrency, retries and deadlines are the business of `asking`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, Protocol

from peakbench.runs.records import Record, Request

TransportName = Literal["http", "openai"]
"""`http` is the fast one; `openai` goes through the `openai` client, for endpoints that need its ways."""

STALL_TIMEOUT_S = 60.0
"""How long a server may fall silent once it has begun to answer. Before that it may have a queue, and is waited for."""

STREAM_OPTIONS: Mapping[str, Any] = MappingProxyType({"stream": True, "stream_options": {"include_usage": True}})
"""What a request's body holds to have its answer streamed, and its tokens counted at the end."""


class Transport(Protocol):
    """How a request reaches a model."""

    async def send(self, request: Request, timeout_s: float) -> Record:
        """Send one request once.

        Args:
            request: What to ask.
            timeout_s: Seconds this attempt may take.

        Returns:
            The response, or the typed failure; `timing.attempts` is 1.

        Raises:
            BadInputError: If an image changed since the data was read.
        """

    async def alive(self) -> bool:
        """Whether the server answers at all, whatever it says."""

    async def close(self) -> None:
        """Close all connections."""
