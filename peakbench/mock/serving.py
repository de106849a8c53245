"""Running a mock server from code that is not asynchronous: for the length of a block, or until a signal comes."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

from peakbench.mock.answers import MockModel
from peakbench.mock.canned import start_canned
from peakbench.mock.listening import cannot_listen, reachable
from peakbench.mock.server import MockServer
from peakbench.mock.settings import MockServerSettings


@dataclass(frozen=True, slots=True)
class RunningMockServer:
    """A mock server that runs in a thread of its own.

    Attributes:
        base_url: Such as `http://127.0.0.1:40123/v1`.
        server: For its counters; nothing on it may be called from other threads.
    """

    base_url: str
    server: MockServer
    _stop: Callable[[], None]

    def stop(self) -> None:
        """Stop the server and wait until it has ended. Twice does no harm."""
        self._stop()


@contextmanager
def run_in_thread(
    models: Sequence[MockModel], settings: MockServerSettings | None = None
) -> Iterator[RunningMockServer]:
    """Run a mock server in a thread for the length of the block.

    Raises:
        BadInputError: If two models have the same name.
        InfrastructureError: If the address cannot be listened on.
    """
    server = MockServer(models, settings)
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        stopping = asyncio.Event()
        async with server:
            started.set_result((asyncio.get_running_loop(), stopping))
            await stopping.wait()

    def work() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            if started.done():
                raise
            # The caller waits for the start; there the error is raised.
            started.set_exception(error)

    thread = threading.Thread(target=work, name="peakbench-mock-server", daemon=True)
    thread.start()
    try:
        loop, stopping = started.result()
    except BaseException:
        thread.join()
        raise

    def stop() -> None:
        if thread.is_alive() and not loop.is_closed():
            loop.call_soon_threadsafe(stopping.set)
        thread.join()

    try:
        yield RunningMockServer(server.base_url, server, stop)
    finally:
        stop()


def serve_forever(models: Sequence[MockModel], settings: MockServerSettings, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM comes, then stop cleanly. To be called from the main thread.

    Args:
        models: What is served.
        settings: How the server behaves.
        on_ready: Called with the base URL as soon as the server listens.

    Raises:
        BadInputError: If two models have the same name.
        InfrastructureError: If the address cannot be listened on.
    """
    server = MockServer(models, settings)

    async def serve() -> None:
        with _stop_asked() as stopping:
            async with server:
                on_ready(server.base_url)
                await stopping.wait()

    asyncio.run(serve())


def serve_canned(host: str, port: int, latency_s: float, on_ready: Callable[[str], None]) -> None:
    """Serve one answer to everything until SIGINT or SIGTERM comes. To be called from the main thread.

    Args:
        host: Address to listen at.
        port: 0 takes a free one.
        latency_s: Seconds before each answer.
        on_ready: Called with the base URL as soon as the server listens.

    Raises:
        InfrastructureError: If the address cannot be listened on.
    """

    async def serve() -> None:
        with _stop_asked() as stopping:
            try:
                server = await start_canned(host, port, latency_s)
            except (OSError, UnicodeError) as error:
                raise cannot_listen(host, port, error) from error
            async with server:
                found = server.sockets[0].getsockname()
                on_ready(f"http://{reachable(found[0])}:{found[1]}/v1")
                await stopping.wait()
                server.close()

    try:
        import uvloop
    except ImportError:
        asyncio.run(serve())
    else:
        uvloop.run(serve())


@contextmanager
def _stop_asked() -> Iterator[asyncio.Event]:
    """An event of the running loop that SIGINT and SIGTERM set."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    try:
        yield stopping
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
