"""Connections that are kept for the next request, and given out only while nothing has come over them unasked.

A server, or a proxy before it, may send a second answer when the first was read long ago. Whoever took that connection
next would read it as the answer to another request.
"""

import aiohttp
from aiohttp.client import ClientTimeout
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.tracing import Trace


class UnaskedConnector(aiohttp.TCPConnector):
    """Closes a kept connection over which something came that nobody had asked for, and takes another."""

    async def connect(self, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout) -> Connection:  # noqa: ASYNC109  # theirs
        """Get a connection: a kept one that is silent, or a new one.

        Raises:
            ClientConnectionError: If not even a new one is silent.
        """
        for _ in range(self.limit + 1):  # so many are kept at most
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            if protocol is None or not protocol.should_close:
                return connection
            connection.close()
        raise aiohttp.ClientConnectionError("the server speaks before it is asked")
