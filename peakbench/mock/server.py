"""The mock server: an OpenAI-compatible endpoint that speaks HTTP as vLLM does and hosts PeakBench's own little models.

Routes: `GET /v1/models`, `POST /v1/chat/completions` (whole or as server-sent events), `GET /health`, `GET /version`.
Everything that takes time (reading the request, decoding the image, predicting) happens on threads, so `/health` and
other requests are answered meanwhile.
"""

import asyncio
import hashlib
import json
import socket
import struct
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from peakbench import __version__
from peakbench.errors import BadInputError, InfrastructureError
from peakbench.mock.answers import MockModel
from peakbench.mock.completion import Completion, complete
from peakbench.mock.faults import FaultKind, FaultLedger, unit_draw
from peakbench.mock.refusing import RefusedError
from peakbench.mock.settings import MockServerSettings

if TYPE_CHECKING:
    from aiohttp import web

_Handler = Callable[["web.Request"], Awaitable["web.StreamResponse"]]


class MockServer:
    """An OpenAI-compatible server on one event loop; `async with` starts and stops it.

    Attributes:
        requests_received: Chat requests that came in, faulty and refused ones included.
        requests_served: Chat requests answered to the end with 200.
        most_in_flight: The most chat requests that were in work at one time.
        faults_given: Kind of fault to how often it was given.

    Args:
        models: What is served; no two of one name.
        settings: How it behaves.

    Raises:
        BadInputError: If two models have the same name.
    """

    def __init__(self, models: Sequence[MockModel], settings: MockServerSettings | None = None) -> None:
        self._models = {model.name: model for model in models}
        if len(self._models) < len(models):
            raise BadInputError("two models to serve have the same name", mend="name each model once")
        self._settings = settings or MockServerSettings()
        self._ledger = FaultLedger(self._settings.faults)
        self._created = int(time.time())
        self._runner: web.AppRunner | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._base_url: str | None = None
        self._in_flight = 0
        self.requests_received = 0
        self.requests_served = 0
        self.most_in_flight = 0
        self.faults_given: Counter[FaultKind] = Counter()

    @property
    def base_url(self) -> str:
        """Where clients find it, such as `http://127.0.0.1:8000/v1`; known once it is started."""
        if self._base_url is None:
            raise RuntimeError("the mock server is not started")
        return self._base_url

    async def start(self) -> None:
        """Listen.

        Raises:
            InfrastructureError: If the address cannot be listened on, because it is in use or is none of this machine.
        """
        from aiohttp import web

        host, port = self._settings.host, self._settings.port
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=self._settings.shutdown_s)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except (OSError, UnicodeError) as error:
            await runner.cleanup()
            raise InfrastructureError(
                f"the mock server cannot listen on {host}:{port}: {error}",
                mend="give another --port (0 takes a free one), or an address of this machine as --host",
            ) from error
        self._runner = runner
        self._threads = ThreadPoolExecutor(self._settings.prediction_threads, thread_name_prefix="peakbench-mock")
        address = runner.addresses[0]
        self._base_url = f"http://{reachable(address[0])}:{address[1]}/v1"

    async def stop(self) -> None:
        """Stop listening, let requests in flight finish for `shutdown_s`, and end the threads. Twice does no harm."""
        runner, self._runner = self._runner, None
        threads, self._threads = self._threads, None
        if runner is not None:
            await runner.cleanup()
        if threads is not None:
            await asyncio.to_thread(threads.shutdown, wait=True, cancel_futures=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _application(self) -> "web.Application":
        from aiohttp import web

        # Wrapped here because aiohttp marks its middlewares with an attribute, which a bound method cannot take.
        @web.middleware
        async def errors_in_envelopes(request: web.Request, handler: _Handler) -> web.StreamResponse:
            return await self._errors_in_envelopes(request, handler)

        @web.middleware
        async def only_with_the_key(request: web.Request, handler: _Handler) -> web.StreamResponse:
            return await self._only_with_the_key(request, handler)

        application = web.Application(
            client_max_size=self._settings.max_body_bytes,
            middlewares=[errors_in_envelopes, only_with_the_key],
        )
        application.router.add_get("/health", self._health)
        application.router.add_get("/version", self._version)
        application.router.add_get("/v1/models", self._list_models)
        application.router.add_post("/v1/chat/completions", self._chat)
        return application

    async def _errors_in_envelopes(self, request: "web.Request", handler: _Handler) -> "web.StreamResponse":
        from aiohttp import web

        try:
            return await handler(request)
        except RefusedError as error:
            return _envelope(error.status, error.kind, error.message, error.param)
        except web.HTTPRequestEntityTooLarge:
            limit = self._settings.max_body_bytes
            return _envelope(413, "RequestEntityTooLargeError", f"The request's body is larger than {limit} bytes.")
        except web.HTTPNotFound:
            return _envelope(404, "NotFoundError", f"There is no {request.path} here.")
        except web.HTTPMethodNotAllowed as refused:
            allowed = ", ".join(sorted(refused.allowed_methods))
            response = _envelope(405, "MethodNotAllowedError", f"{request.path} takes {allowed}, not {request.method}.")
            response.headers["Allow"] = allowed
            return response

    async def _only_with_the_key(self, request: "web.Request", handler: _Handler) -> "web.StreamResponse":
        # As in vLLM, the key guards what lies under /v1 alone; health checks need none.
        key = self._settings.api_key
        wanted = f"Bearer {key}"
        if key is not None and request.path.startswith("/v1") and request.headers.get("Authorization") != wanted:
            raise RefusedError(401, "Unauthorized: the API key is missing or wrong.", kind="AuthenticationError")
        return await handler(request)

    async def _health(self, _request: "web.Request") -> "web.StreamResponse":
        from aiohttp import web

        return web.Response()

    async def _version(self, _request: "web.Request") -> "web.StreamResponse":
        from aiohttp import web

        return web.json_response({"version": __version__})

    async def _list_models(self, _request: "web.Request") -> "web.StreamResponse":
        from aiohttp import web

        cards = [
            {
                "id": name,
                "object": "model",
                "created": self._created,
                "owned_by": "peakbench",
                "root": name,
                "parent": None,
                "max_model_len": self._settings.max_model_len,
            }
            for name in self._models
        ]
        return web.json_response({"object": "list", "data": cards})

    async def _chat(self, request: "web.Request") -> "web.StreamResponse":
        from aiohttp import web

        self.requests_received += 1
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            arrived = time.perf_counter()
            body = await request.read()
            fault = self._ledger.next_fault(body)
            if fault is not None:
                self.faults_given[fault] += 1
                return self._fail(request, fault)
            completion = await self._predict(body)
            pauses = self._pauses(body, len(completion.pieces))
            first_token_due = arrived + pauses[0]
            await asyncio.sleep(max(0.0, first_token_due - time.perf_counter()))
            if completion.stream:
                response = await _send_events(request, completion, pauses[1:])
            else:
                response = await _send_whole(completion, pauses[1:])
            self.requests_served += 1
            return response
        except ConnectionError:
            # The client hung up; aiohttp drops what is returned, and counts it as no error of the server.
            return web.Response()
        finally:
            self._in_flight -= 1

    async def _predict(self, body: bytes) -> Completion:
        assert self._threads is not None
        return await asyncio.get_running_loop().run_in_executor(
            self._threads,
            lambda: complete(
                body,
                self._models,
                max_image_pixels=self._settings.max_image_pixels,
                max_model_len=self._settings.max_model_len,
                local_media=self._settings.allowed_local_media_path,
                constrains=self._settings.constrains,
            ),
        )

    def _pauses(self, body: bytes, n_tokens: int) -> list[float]:
        """Seconds to the first token, then from each token to the next."""
        settings = self._settings
        pauses = [settings.ttft_ms / 1000] + [settings.token_ms / 1000] * max(0, n_tokens - 1)
        if settings.latency_jitter == 0:
            return pauses
        body_digest = hashlib.sha256(body).hexdigest()
        return [
            pause
            * (1 + settings.latency_jitter * (2 * unit_draw("latency", settings.latency_seed, body_digest, i) - 1))
            for i, pause in enumerate(pauses)
        ]

    def _fail(self, request: "web.Request", fault: FaultKind) -> "web.StreamResponse":
        from aiohttp import web

        match fault:
            case FaultKind.RATE_LIMIT:
                response = _envelope(429, "RateLimitError", "Too many requests (a fault on purpose).")
                response.headers["Retry-After"] = f"{self._settings.faults.retry_after_s:g}"
                return response
            case FaultKind.SERVER_ERROR:
                return _envelope(500, "InternalServerError", "Internal server error (a fault on purpose).")
            case FaultKind.RESET:
                _reset_connection(request)
                # Nobody is left to read this; aiohttp wants a response all the same.
                return web.Response(status=500)


def _reset_connection(request: "web.Request") -> None:
    """Close the connection with a TCP reset: unsent data is thrown away and the client sees ECONNRESET."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _envelope(status: int, kind: str, message: str, param: str | None = None) -> "web.Response":
    """An error as OpenAI and vLLM send it."""
    from aiohttp import web

    return web.json_response(
        {"error": {"message": message, "type": kind, "param": param, "code": status}}, status=status
    )


async def _send_whole(completion: Completion, pauses: Sequence[float]) -> "web.StreamResponse":
    from aiohttp import web

    await asyncio.sleep(sum(pauses))
    return web.json_response(
        {
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
    )


async def _send_events(request: "web.Request", completion: Completion, pauses: Sequence[float]) -> "web.StreamResponse":
    """One server-sent event a token, as vLLM sends them; the usage in an event of its own when asked for."""
    from aiohttp import web

    head = _head(completion, "chat.completion.chunk")
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
    await response.prepare(request)

    async def send(delta: Mapping[str, str], finish_reason: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        await response.write(_event({**head, "choices": [choice]}))

    await send({"role": "assistant", "content": ""})
    for i, piece in enumerate(completion.pieces):
        if i > 0:
            await asyncio.sleep(pauses[i - 1])
        await send({"content": piece})
    await send({}, completion.finish_reason)
    if completion.include_usage:
        await response.write(_event({**head, "choices": [], "usage": completion.usage}))
    await response.write(b"data: [DONE]\n\n")
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


def _event(chunk: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def reachable(host: str) -> str:
    """The host for a URL: a wildcard address becomes the loopback one, an IPv6 address gets brackets."""
    if host == "0.0.0.0":
        return "127.0.0.1"
    if host == "::":
        return "[::1]"
    return f"[{host}]" if ":" in host else host
