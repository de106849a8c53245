"""What a client that knows nothing of HTTP libraries sees of each fault: the bytes, and how the connection ends."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from mock_requests import chat

from peakbench.mock.answers import ConstantModel, answer_text
from peakbench.mock.faults import Fault, FaultKind, Faults
from peakbench.mock.listening import Listener
from peakbench.mock.server import MockServer
from peakbench.mock.settings import MockServerSettings

N = 16
"""Requests that are hit with a fault, so that each of its forms is seen."""
NULLS = answer_text({})


@dataclass(frozen=True)
class Seen:
    """What came back: the head's first line, its headers, the body as it was framed, and how it ended."""

    status: int
    headers: dict[str, str]
    body: bytes
    reset: bool

    @property
    def whole(self) -> bool:
        """Whether the framing came to its end."""
        if "content-length" in self.headers:
            return len(self.body) == int(self.headers["content-length"])
        return self.body.endswith(b"0\r\n\r\n")

    @property
    def content(self) -> bytes:
        """The body, out of its chunks."""
        if "content-length" in self.headers:
            return self.body
        content, rest = b"", self.body
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            content, rest = content + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
        return content

    @property
    def events(self) -> list[bytes]:
        return [event.removeprefix(b"data: ") for event in self.content.split(b"\n\n")]


async def connect(url: str, body: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a request on a connection of its own."""
    port = int(url.removesuffix("/v1").rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    writer.write(head % len(body) + body)
    return reader, writer


async def raw(url: str, body: bytes) -> Seen:
    """Send a request, and read until the server closes the connection."""
    reader, writer = await connect(url, body)
    received, reset = b"", False
    try:
        while part := await reader.read(65_536):
            received += part
    except ConnectionResetError:
        reset = True
    finally:
        writer.transport.abort()
    top, _, rest = received.partition(b"\r\n\r\n")
    lines = top.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    return Seen(int(lines[0].split()[1]) if top else 0, headers, rest, reset)


def hit(kind: FaultKind, *, stream: bool = False, **other: Any) -> list[Seen]:
    """Sixteen requests, each hit once."""
    settings = MockServerSettings(faults=Faults({kind: 1.0}, hold_s=0.3, **other), shutdown_s=0.1)

    async def whole() -> list[Seen]:
        bodies = [json.dumps(chat(seed=seed, stream=stream)).encode() for seed in range(N)]
        async with MockServer([ConstantModel()], settings) as server:
            seen = await asyncio.gather(*(raw(server.base_url, body) for body in bodies))
            assert server.faults_given == {kind: N}
            assert server.requests_served == 0
            return seen

    return asyncio.run(whole())


def is_answer(seen: Seen) -> bool:
    """Whether a body is JSON that holds the answer."""
    try:
        said: object = json.loads(seen.content)["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError):
        return False
    return said == NULLS


def test_a_stalled_answer_begins_and_is_closed_after_a_while() -> None:
    seen = hit(FaultKind.STALL)
    assert {(one.status, one.whole) for one in seen} == {(200, False)}
    assert {len(one.body) == 0 for one in seen} == {True, False}  # headers alone, and the first half


def test_a_dribbled_answer_never_comes_to_its_end() -> None:
    for one in hit(FaultKind.SLOW_LORIS):
        assert (one.status, one.whole) == (200, False)
        assert 0 < len(one.body) < 10  # a byte each tenth of a second, for 0.3 s


def test_a_truncated_answer_lacks_bytes_or_the_last_chunk() -> None:
    seen = hit(FaultKind.TRUNCATED)
    assert {(one.status, one.whole, one.reset) for one in seen} == {(200, False, False)}
    assert {"content-length" in one.headers for one in seen} == {True, False}
    assert not any(is_answer(one) for one in seen)


def test_an_invalid_body_says_that_it_is_json_and_is_none() -> None:
    seen = hit(FaultKind.INVALID_BODY)
    assert {(one.status, one.whole, one.headers["content-type"]) for one in seen} == {(200, True, "application/json")}
    for one in seen:
        with pytest.raises(json.JSONDecodeError):
            json.loads(one.content)
    assert len({one.content[:5] for one in seen}) == 3


def test_a_broken_envelope_is_json_and_no_completion() -> None:
    seen = hit(FaultKind.BROKEN_ENVELOPE)
    assert {(one.status, one.whole) for one in seen} == {(200, True)}
    forms = {json.dumps(json.loads(one.content).get("choices")) for one in seen}
    assert len(forms) == 4  # none, an empty list, content that is a number, a message that is null
    assert any("error" in json.loads(one.content) for one in seen)
    assert not any(is_answer(one) for one in seen)


@pytest.mark.parametrize(
    ("kind", "statuses", "content_type"),
    [
        (FaultKind.GATEWAY, {502, 503, 504, 520}, "text/html; charset=utf-8"),
        (FaultKind.WRONG_CONTENT_TYPE, {200}, "text/html; charset=utf-8"),
        (FaultKind.REDIRECT, {302, 303, 307}, "text/html; charset=utf-8"),
        (FaultKind.MOVED, {301, 308}, "text/html; charset=utf-8"),
        (FaultKind.QUOTA, {429}, "application/json"),
        (FaultKind.PAYMENT_REQUIRED, {402}, "application/json"),
        (FaultKind.FORBIDDEN, {403}, "application/json"),
    ],
)
def test_statuses_and_types_are_those_of_real_servers(kind: FaultKind, statuses: set[int], content_type: str) -> None:
    seen = hit(kind)
    assert {one.status for one in seen} == statuses
    assert {one.headers["content-type"] for one in seen} == {content_type}
    assert all(one.whole for one in seen)
    assert all(("location" in one.headers) == (300 <= one.status < 400) for one in seen)
    for one in seen:
        if content_type.startswith("text"):
            assert one.content.startswith(b"<html>")
        else:
            wanted = "insufficient_quota" if kind is FaultKind.QUOTA else one.status
            assert json.loads(one.content)["error"]["code"] == wanted


def test_a_stream_stalls_between_two_events() -> None:
    seen = hit(FaultKind.STALL, stream=True)
    assert {(one.status, one.whole, one.headers["content-type"]) for one in seen} == {(200, False, "text/event-stream")}
    assert {len(one.content) == 0 for one in seen} == {True, False}
    for one in seen:
        *events, rest = one.events
        assert rest == b""
        assert b"[DONE]" not in events
        assert all("choices" in json.loads(event) for event in events)


def test_a_stream_is_cut_inside_an_event_or_lacks_its_end() -> None:
    seen = hit(FaultKind.TRUNCATED, stream=True)
    assert {one.whole for one in seen} == {True, False}
    for one in seen:
        assert b"[DONE]" not in one.content
        assert b'"finish_reason": "stop"' not in one.content
        assert (one.events[-1] == b"") == one.whole
    assert {one.content == b"" for one in seen} == {True, False}


def test_an_error_comes_in_the_middle_of_a_stream() -> None:
    seen = hit(FaultKind.BROKEN_ENVELOPE, stream=True)
    errors = [["error" in json.loads(event) for event in one.events[:-2]] for one in seen]
    assert {one.events[-2] for one in seen} == {b"[DONE]"}
    assert any(len(found) > 1 and found[-1] and not found[0] for found in errors)  # after half of the answer
    assert any(found == [True] for found in errors)  # in the place of the answer
    assert any(not any(found) for found in errors)  # content that is a number
    assert all(sum(found) <= 1 for found in errors)


def test_a_stream_has_an_event_that_is_no_json_in_its_middle() -> None:
    def parses(event: bytes) -> bool:
        try:
            json.loads(event)
        except ValueError:
            return False
        return True

    seen = hit(FaultKind.INVALID_BODY, stream=True)
    assert {one.whole for one in seen} == {True}
    broken = [[event for event in one.events[:-2] if not parses(event)] for one in seen]
    assert {len(found) for found in broken} == {1}
    assert {found[0].startswith(b"{") for found in broken} == {True, False}  # JSON cut short, and a proxy's words


def test_the_second_attempt_of_a_request_is_drawn_anew_and_the_same_on_every_server() -> None:
    faults = Faults({FaultKind.BROKEN_ENVELOPE: 0.5, FaultKind.STALL: 0.5}, max_per_request=9)
    draws: Callable[[], list[Fault | None]] = lambda: [faults.draw("digest", attempt) for attempt in range(1, 10)]  # noqa: E731
    assert draws() == draws()
    assert len(set(draws())) == 9


def test_a_client_that_leaves_a_stalled_answer_is_not_held() -> None:
    settings = MockServerSettings(faults=Faults({FaultKind.STALL: 1.0}, hold_s=600))

    async def leave() -> None:
        async with MockServer([ConstantModel()], settings) as server:
            reader, writer = await connect(server.base_url, json.dumps(chat()).encode())
            assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
            writer.transport.abort()
            async with asyncio.timeout(60):
                while server._in_flight:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)

    asyncio.run(leave())


def test_a_server_that_dies_resets_every_connection_listens_to_nobody_and_returns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = MockServerSettings(die_after=3, die_for_s=0.1)
    returns = Listener._return

    async def die() -> None:
        seen_dead = asyncio.Event()

        async def return_when_seen(listener: Listener, seconds: float) -> None:
            await seen_dead.wait()
            await returns(listener, seconds)

        monkeypatch.setattr(Listener, "_return", return_when_seen)
        async with MockServer([ConstantModel()], settings) as server:
            port = int(server.base_url.removesuffix("/v1").rpartition(":")[2])
            idle, writer = await asyncio.open_connection("127.0.0.1", port)
            for death in (1, 2):
                bodies = [json.dumps(chat(seed=seed)).encode() for seed in range(3)]
                seen = [await raw(server.base_url, body) for body in bodies]
                assert [one.status for one in seen] == [200, 200, 0]
                assert seen[2].reset
                assert server.deaths == death
                with pytest.raises(ConnectionRefusedError):
                    await asyncio.open_connection("127.0.0.1", port)
                seen_dead.set()
                async with asyncio.timeout(60):
                    while True:
                        try:
                            _, again = await asyncio.open_connection("127.0.0.1", port)
                        except ConnectionRefusedError:
                            await asyncio.sleep(0.02)
                        else:
                            again.close()
                            break
                seen_dead.clear()
            with pytest.raises(ConnectionResetError):
                await idle.read()
            writer.transport.abort()

    asyncio.run(die())


def test_a_dead_server_can_be_stopped() -> None:
    settings = MockServerSettings(die_after=1, die_for_s=600)

    async def stop() -> None:
        async with asyncio.timeout(60), MockServer([ConstantModel()], settings) as server:
            assert (await raw(server.base_url, json.dumps(chat()).encode())).reset

    asyncio.run(stop())
