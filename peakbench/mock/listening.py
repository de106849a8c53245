"""Where a mock server listens; and how it goes away for a while, as a server does that crashes and is started again."""

import asyncio
import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

from peakbench.errors import InfrastructureError

if TYPE_CHECKING:
    from aiohttp import web

_TRY_AGAIN_S = 0.1
_TURNS = 3
"""Turns of the event loop until an accepted connection has its protocol."""


class Listener:
    """An application that listens at an address, on one event loop.

    Args:
        application: What is served.
        host: Address to listen on.
        port: 0 takes a free one, and keeps it.
        shutdown_s: How long requests in flight may take after a stop, seconds.
    """

    def __init__(self, application: "web.Application", host: str, port: int, shutdown_s: float) -> None:
        from aiohttp import web

        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=shutdown_s)
        self._host = host
        self._port = port
        self._listening: asyncio.Server | None = None
        self._away: asyncio.Task[None] | None = None

    async def start(self) -> str:
        """Listen; give the URL under which clients find it, without a path.

        Raises:
            InfrastructureError: If the address cannot be listened on, because it is in use or is none of this machine.
        """
        await self._runner.setup()
        try:
            await self._listen()
        except (OSError, UnicodeError) as error:
            await self._runner.cleanup()
            raise cannot_listen(self._host, self._port, error) from error
        assert self._listening is not None
        address = self._listening.sockets[0].getsockname()
        self._port = address[1]
        return f"http://{reachable(address[0])}:{self._port}"

    async def die(self, seconds: float) -> None:
        """Stop listening and reset every connection; after that many seconds, listen again."""
        if self._listening is None:
            return  # it is dead already
        await self._fall_silent()
        assert self._runner.server is not None
        for connection in self._runner.server.connections:
            if connection.transport is not None:
                reset(connection.transport)
        self._away = asyncio.create_task(self._return(seconds))

    async def stop(self) -> None:
        """Stop listening for good, and let requests in flight finish."""
        if self._away is not None:
            self._away.cancel()
            with suppress(asyncio.CancelledError):
                await self._away
        await self._fall_silent()
        await self._runner.cleanup()

    async def _return(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        while self._listening is None:
            try:
                await self._listen()
            except OSError:  # the port was free for a while, and somebody may have borrowed it
                await asyncio.sleep(_TRY_AGAIN_S)

    async def _listen(self) -> None:
        assert self._runner.server is not None
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(self._runner.server, self._host, self._port)

    async def _fall_silent(self) -> None:
        """Accept no further connection. What was accepted becomes one first: closing at once would leave it open."""
        listening, self._listening = self._listening, None
        if listening is None:
            return
        loop = asyncio.get_running_loop()
        for place in listening.sockets:
            loop.remove_reader(place.fileno())
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        listening.close()


def reset(transport: asyncio.BaseTransport) -> None:
    """Close a connection with a TCP reset: unsent data is thrown away and the client sees ECONNRESET."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


def reachable(host: str) -> str:
    """The host for a URL: a wildcard address becomes the loopback one, an IPv6 address gets brackets."""
    if host == "0.0.0.0":
        return "127.0.0.1"
    if host == "::":
        return "[::1]"
    return f"[{host}]" if ":" in host else host


def cannot_listen(host: str, port: int, error: Exception) -> InfrastructureError:
    """The error of an address that is in use, or is none of this machine."""
    return InfrastructureError(
        f"the mock server cannot listen on {host}:{port}: {error}",
        mend="give another --port (0 takes a free one), or an address of this machine as --host",
    )
