import asyncio
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiohttp
import openai
import pytest
from mock_requests import chat, data_url, messages, picture
from PIL.Image import Image

from peakbench import __version__
from peakbench.errors import BadInputError, InfrastructureError
from peakbench.mock.answers import ConstantModel, MockAnswer, answer_text
from peakbench.mock.faults import FaultKind, Faults
from peakbench.mock.server import MockServer
from peakbench.mock.serving import RunningMockServer, run_in_thread
from peakbench.mock.settings import MockServerSettings

NULLS = answer_text({})


class Redness:
    """Says how red the first pixel is: an answer that differs from picture to picture."""

    name = "redness"

    def answer(self, image: Image, prompt: str) -> MockAnswer:
        red, _, _ = image.getpixel((0, 0))  # type: ignore[misc]
        return MockAnswer(f"{red} of 255")


class Slow:
    """Thinks until it is let go on."""

    name = "slow"

    def __init__(self) -> None:
        self.thinks = threading.Event()
        self.goes_on = threading.Event()

    def answer(self, image: Image, prompt: str) -> MockAnswer:
        self.thinks.set()
        assert self.goes_on.wait(60)
        return MockAnswer("done")


@pytest.fixture(scope="module")
def running() -> Iterator[RunningMockServer]:
    with run_in_thread([ConstantModel(), Redness()]) as server:
        yield server


def client(server: RunningMockServer, key: str = "none", retries: int = 0) -> openai.OpenAI:
    return openai.OpenAI(base_url=server.base_url, api_key=key, max_retries=retries)


async def _send(
    server: MockServer | RunningMockServer, path: str, headers: dict[str, str] | None = None, **other: Any
) -> tuple[int, Any, dict[str, str]]:
    method = "POST" if other else "GET"
    root = server.base_url.removesuffix("/v1")
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, root + path, headers=headers, **other) as response,
    ):
        body = await response.read()
        return response.status, json.loads(body) if body else None, dict(response.headers)


def send(server: RunningMockServer, path: str, **other: Any) -> tuple[int, Any, dict[str, str]]:
    return asyncio.run(_send(server, path, **other))


CHAT = "/v1/chat/completions"


def test_models_are_listed_as_vllm_lists_them(running: RunningMockServer) -> None:
    status, listed, _ = send(running, "/v1/models")
    assert status == 200
    assert listed["object"] == "list"
    assert [card["id"] for card in listed["data"]] == ["constant-null", "redness"]
    card = listed["data"][0]
    assert (card["object"], card["owned_by"], card["root"], card["max_model_len"]) == (
        "model",
        "peakbench",
        "constant-null",
        8192,
    )
    assert card["created"] == pytest.approx(time.time(), abs=600)
    with client(running) as openai_client:
        assert [model.id for model in openai_client.models.list()] == ["constant-null", "redness"]


def test_health_and_version_answer(running: RunningMockServer) -> None:
    assert send(running, "/health")[0] == 200
    assert send(running, "/version")[1] == {"version": __version__}


def test_a_chat_is_answered_from_the_pixels(running: RunningMockServer) -> None:
    with client(running) as openai_client:
        for red in (3, 250):
            sent: Any = messages(data_url(picture(red)))
            completion = openai_client.chat.completions.create(model="redness", messages=sent, temperature=0)
            assert completion.choices[0].message.content == f"{red} of 255"
            assert completion.choices[0].finish_reason == "stop"
            assert completion.usage is not None
            assert completion.usage.completion_tokens == 3
            assert completion.usage.total_tokens == completion.usage.prompt_tokens + 3


@pytest.mark.parametrize("limits", [{}, {"max_tokens": 5}, {"stop": ["pattern"]}, {"stop": ["{"]}])
def test_a_stream_says_the_same_as_a_whole_answer(running: RunningMockServer, limits: dict[str, Any]) -> None:
    with client(running) as openai_client:
        whole = openai_client.chat.completions.create(**chat(**limits))
        chunks = list(
            openai_client.chat.completions.create(**chat(**limits), stream=True, stream_options={"include_usage": True})
        )
    *spoken, last = chunks
    assert "".join(chunk.choices[0].delta.content or "" for chunk in spoken) == whole.choices[0].message.content
    reasons = [chunk.choices[0].finish_reason for chunk in spoken]
    assert reasons == [None] * (len(spoken) - 1) + [whole.choices[0].finish_reason]
    assert last.choices == []
    assert last.usage == whole.usage
    assert whole.usage is not None
    # The role first, then a chunk a token, then the finish reason.
    assert len(spoken) == whole.usage.completion_tokens + 2
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_stream_is_server_sent_events_that_end_with_done(running: RunningMockServer) -> None:
    async def raw() -> tuple[str, str]:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{running.base_url}/chat/completions", json=chat(stream=True)) as response,
        ):
            return response.content_type, await response.text()

    content_type, text = asyncio.run(raw())
    assert content_type == "text/event-stream"
    *events, done, nothing = text.split("\n\n")
    assert (done, nothing) == ("data: [DONE]", "")
    assert all(event.startswith("data: {") and "usage" not in event for event in events)


@pytest.mark.parametrize(
    ("path", "other", "status", "kind", "said"),
    [
        (CHAT, {"json": chat("absent")}, 404, "NotFoundError", "constant-null, redness"),
        (CHAT, {"json": chat(temperature=9)}, 400, "BadRequestError", "temperature"),
        (CHAT, {"data": b"{oops"}, 400, "BadRequestError", "no JSON"),
        ("/v1/completions", {"json": {}}, 404, "NotFoundError", "/v1/completions"),
        ("/v1/models", {"json": {}}, 405, "MethodNotAllowedError", "not POST"),
    ],
)
def test_errors_come_in_the_envelope_of_openai(
    running: RunningMockServer, path: str, other: dict[str, Any], status: int, kind: str, said: str
) -> None:
    seen, body, _ = send(running, path, **other)
    assert seen == status
    assert (body["error"]["type"], body["error"]["code"]) == (kind, status)
    assert said in body["error"]["message"]


def test_a_key_guards_what_lies_under_v1_alone() -> None:
    with run_in_thread([ConstantModel()], MockServerSettings(api_key="right")) as server:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "right"}):
            for other in ({}, {"json": chat()}):
                path = CHAT if other else "/v1/models"
                status, body, _ = send(server, path, headers=headers, **other)
                assert status == 401
                assert "right" not in json.dumps(body)
        assert send(server, CHAT, headers={"Authorization": "Bearer right"}, json=chat())[0] == 200
        assert send(server, "/health")[0] == 200
        with client(server, key="wrong") as openai_client, pytest.raises(openai.AuthenticationError):
            openai_client.models.list()
    assert "right" not in repr(MockServerSettings(api_key="right"))


def test_a_body_over_the_limit_gets_413() -> None:
    with run_in_thread([ConstantModel()], MockServerSettings(max_body_bytes=5000)) as server:
        assert send(server, CHAT, data=b" " * 5000)[0] == 400
        status, body, _ = send(server, CHAT, data=b" " * 400_000)
        assert status == 413
        assert "5000 bytes" in body["error"]["message"]


def test_rate_limits_say_when_to_come_back_and_let_a_patient_client_through() -> None:
    faults = Faults({FaultKind.RATE_LIMIT: 1.0}, retry_after_s=0.25, max_per_request=2)
    with run_in_thread([ConstantModel()], MockServerSettings(faults=faults)) as server:
        answers = [send(server, CHAT, json=chat()) for _ in range(3)]
        assert [status for status, _, _ in answers] == [429, 429, 200]
        assert answers[0][2]["Retry-After"] == "0.25"
        assert answers[0][1]["error"]["code"] == 429
        assert (server.server.requests_received, server.server.requests_served) == (3, 1)
        assert server.server.faults_given == {FaultKind.RATE_LIMIT: 2}


def test_a_reset_really_resets_the_connection() -> None:
    faults = Faults({FaultKind.RESET: 1.0}, max_per_request=1)

    async def raw_bytes(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = json.dumps(chat()).encode()
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        try:
            return await reader.read()
        finally:
            writer.transport.abort()

    with run_in_thread([ConstantModel()], MockServerSettings(faults=faults)) as server:
        port = int(server.base_url.removesuffix("/v1").rpartition(":")[2])
        with pytest.raises(ConnectionResetError):
            asyncio.run(raw_bytes(port))
        assert send(server, CHAT, json=chat())[0] == 200
        assert server.server.faults_given == {FaultKind.RESET: 1}


@pytest.mark.parametrize("kind", [FaultKind.RATE_LIMIT, FaultKind.SERVER_ERROR, FaultKind.RESET, FaultKind.GATEWAY])
def test_the_openai_client_gets_through_each_fault_that_it_retries(kind: FaultKind) -> None:
    settings = MockServerSettings(faults=Faults({kind: 1.0}, max_per_request=1))
    with run_in_thread([ConstantModel()], settings) as server, client(server, retries=1) as openai_client:
        completion = openai_client.chat.completions.create(**chat())
        assert completion.choices[0].message.content == NULLS
        assert server.server.faults_given.total() == 1


def test_two_servers_of_one_seed_hit_the_same_requests_alike() -> None:
    settings = MockServerSettings(faults=Faults({FaultKind.RATE_LIMIT: 0.3, FaultKind.SERVER_ERROR: 0.3}, seed=5))
    bodies = [json.dumps(chat(seed=i)).encode() for i in range(12)]

    def statuses(order: list[bytes]) -> dict[bytes, list[int]]:
        with run_in_thread([ConstantModel()], settings) as server:
            return {body: [send(server, CHAT, data=body)[0] for _ in range(3)] for body in order}

    first = statuses(bodies)
    assert first == statuses(bodies[::-1])
    assert {429, 500, 200} == {status for seen in first.values() for status in seen}
    assert all(seen.count(200) >= 1 for seen in first.values())


def test_thirty_two_requests_at_once_each_get_their_own_answer(running: RunningMockServer) -> None:
    def ask(red: int) -> str | None:
        sent: Any = messages(data_url(picture(red)))
        return openai_client.chat.completions.create(model="redness", messages=sent).choices[0].message.content

    with client(running) as openai_client, ThreadPoolExecutor(32) as pool:
        assert list(pool.map(ask, range(32))) == [f"{red} of 255" for red in range(32)]


def test_health_answers_while_a_model_thinks() -> None:
    async def check(server: RunningMockServer) -> str:
        asking = asyncio.create_task(_send(server, CHAT, json=chat("slow")))
        try:
            assert await asyncio.to_thread(slow.thinks.wait, 60)
            assert (await _send(server, "/health"))[0] == 200
            assert not asking.done()
        finally:
            slow.goes_on.set()
        said: str = (await asking)[1]["choices"][0]["message"]["content"]
        return said

    slow = Slow()
    with run_in_thread([slow]) as server:
        assert asyncio.run(check(server)) == "done"


def test_the_first_token_and_each_later_one_take_their_time() -> None:
    async def arrivals(server: RunningMockServer, tokens: int = 5) -> list[float]:
        start = time.perf_counter()
        times: list[float] = []
        async with (
            asyncio.timeout(60),
            aiohttp.ClientSession() as session,
            session.post(f"{server.base_url}/chat/completions", json=chat(stream=True, max_tokens=5)) as response,
        ):
            while len(times) < tokens and (line := await response.content.readline()):
                if line.startswith(b"data: {") and json.loads(line[6:])["choices"][0]["delta"].get("content"):
                    times.append(time.perf_counter() - start)
            response.close()
        return times

    with run_in_thread([ConstantModel()], MockServerSettings(ttft_ms=200, token_ms=50)) as server:
        times = asyncio.run(arrivals(server))
        start = time.perf_counter()
        assert send(server, CHAT, json=chat(max_tokens=5))[0] == 200
        whole_s = time.perf_counter() - start
    assert len(times) == 5
    assert times[0] >= 0.195
    assert times[4] >= 0.39
    assert whole_s >= 0.39
    with run_in_thread([ConstantModel()], MockServerSettings(token_ms=600_000, shutdown_s=0.1)) as server:
        assert len(asyncio.run(arrivals(server, tokens=1))) == 1  # no token waits for the next


def test_jitter_is_seeded_and_stays_within_its_share() -> None:
    def pauses(seed: int, body: bytes = b"x") -> list[float]:
        settings = MockServerSettings(ttft_ms=100, token_ms=10, latency_jitter=0.5, latency_seed=seed)
        return MockServer([], settings)._pauses(body, 50)

    assert pauses(1) == pauses(1)
    assert pauses(1) != pauses(2)
    assert pauses(1) != pauses(1, b"y")
    first, *later = pauses(1)
    assert 0.05 <= first <= 0.15
    assert all(0.005 <= pause <= 0.015 for pause in later)
    assert max(later) - min(later) > 0.003


def test_a_client_that_hangs_up_leaves_the_server_well(caplog: pytest.LogCaptureFixture) -> None:
    async def hang_up(server: RunningMockServer) -> None:
        async with aiohttp.ClientSession() as session:
            response = await session.post(f"{server.base_url}/chat/completions", json=chat(stream=True))
            await response.content.readline()
            response.close()

    with run_in_thread([ConstantModel()], MockServerSettings(token_ms=300)) as server:
        asyncio.run(hang_up(server))
        deadline = time.monotonic() + 60
        while server.server._in_flight and time.monotonic() < deadline:
            time.sleep(0.02)
        assert server.server._in_flight == 0
        assert server.server.requests_served == 0
        assert send(server, "/health")[0] == 200
    assert not caplog.records


def test_a_server_stops_soon_though_a_request_is_in_flight() -> None:
    async def stop_meanwhile() -> None:
        server = MockServer([ConstantModel()], MockServerSettings(ttft_ms=60_000, shutdown_s=0.1))
        await server.start()
        asking = asyncio.create_task(_send(server, CHAT, json=chat()))
        while not server.most_in_flight:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        async with asyncio.timeout(30):  # half of what the request in flight still takes
            await server.stop()
            await server.stop()
        with pytest.raises(aiohttp.ClientError):
            await asking

    asyncio.run(stop_meanwhile())


def test_a_stopped_server_no_longer_listens() -> None:
    with run_in_thread([ConstantModel()]) as server:
        assert send(server, "/health")[0] == 200
        server.stop()
        with pytest.raises(aiohttp.ClientConnectorError):
            send(server, "/health")


def test_a_port_in_use_is_an_infrastructure_error_with_a_mend(running: RunningMockServer) -> None:
    port = int(running.base_url.removesuffix("/v1").rpartition(":")[2])
    with (
        pytest.raises(InfrastructureError, match=str(port)) as refused,
        run_in_thread([ConstantModel()], MockServerSettings(port=port)),
    ):
        pass
    assert "--port" in refused.value.mend


def test_two_models_of_one_name_are_refused() -> None:
    with pytest.raises(BadInputError, match="same name"):
        MockServer([ConstantModel(), ConstantModel()])


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": 70_000},
        {"ttft_ms": -1.0},
        {"token_ms": float("nan")},
        {"latency_jitter": 2.0},
        {"max_body_bytes": 0},
        {"api_key": ""},
    ],
)
def test_settings_out_of_range_are_refused_with_a_mend(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInputError) as refused:
        MockServerSettings(**wrong)
    assert refused.value.mend
