"""The mock server: an OpenAI-compatible endpoint that speaks HTTP as vLLM does and hosts PeakBench's own little models.

Routes: `GET /v1/models`, `POST /v1/chat/completions` (whole or as server-sent events), `GET /health`, `GET /version`.
Everything that takes time (reading the request, decoding the image, predicting) happens on threads, so `/health` and
other requests are answered meanwhile.
"""

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING, Self

from peakbench import __version__
from peakbench.errors import BadInputError
from peakbench.mock.answers import MockModel
from peakbench.mock.completion import Completion, complete
from peakbench.mock.failing import NEED_AN_ANSWER, send_fault
from peakbench.mock.faults import FaultKind, FaultLedger, unit_draw
from peakbench.mock.listening import Listener
from peakbench.mock.refusing import RefusedError
from peakbench.mock.sending import envelope, send_events, send_whole
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
        deaths: How often the whole server died (`die_after`).

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
        self._listener: Listener | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._base_url: str | None = None
        self._in_flight = 0
        self._since_start = 0
        self.requests_received = 0
        self.requests_served = 0
        self.most_in_flight = 0
        self.faults_given: Counter[FaultKind] = Counter()
        self.deaths = 0

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
        settings = self._settings
        listener = Listener(self._application(), settings.host, settings.port, settings.shutdown_s)
        self._base_url = f"{await listener.start()}/v1"
        self._listener = listener
        self._threads = ThreadPoolExecutor(settings.prediction_threads, thread_name_prefix="peakbench-mock")

    async def stop(self) -> None:
        """Stop listening, let requests in flight finish for `shutdown_s`, and end the threads. Twice does no harm."""
        listener, self._listener = self._listener, None
        threads, self._threads = self._threads, None
        if listener is not None:
            await listener.stop()
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
            return envelope(error.status, error.kind, error.message, error.param)
        except web.HTTPRequestEntityTooLarge:
            limit = self._settings.max_body_bytes
            return envelope(413, "RequestEntityTooLargeError", f"The request's body is larger than {limit} bytes.")
        except web.HTTPNotFound:
            return envelope(404, "NotFoundError", f"There is no {request.path} here.")
        except web.HTTPMethodNotAllowed as refused:
            allowed = ", ".join(sorted(refused.allowed_methods))
            response = envelope(405, "MethodNotAllowedError", f"{request.path} takes {allowed}, not {request.method}.")
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
            if await self._dies():
                return web.Response(status=500)  # nobody is left to read this
            fault = self._ledger.next_fault(body)
            if fault is not None:
                self.faults_given[fault.kind] += 1
                damaged = await self._predict(body) if fault.kind in NEED_AN_ANSWER else None
                return await send_fault(request, fault, self._settings.faults, damaged)
            completion = await self._predict(body)
            pauses = self._pauses(body, len(completion.pieces))
            first_token_due = arrived + pauses[0]
            await asyncio.sleep(max(0.0, first_token_due - time.perf_counter()))
            if completion.stream:
                response = await send_events(request, completion, pauses[1:])
            else:
                response = await send_whole(completion, pauses[1:])
            self.requests_served += 1
            return response
        except ConnectionError:
            # The client hung up; aiohttp drops what is returned, and counts it as no error of the server.
            return web.Response()
        finally:
            self._in_flight -= 1

    async def _dies(self) -> bool:
        """Count a request, and die of it when its time has come. Whether it did."""
        self._since_start += 1
        if self._since_start != self._settings.die_after or self._listener is None:
            return False
        self._since_start = 0
        self.deaths += 1
        await self._listener.die(self._settings.die_for_s)
        return True

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
