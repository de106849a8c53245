"""The server that says the same to everyone: however a request is cut into packets, it gets one answer."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from peakbench.mock.canned import CANNED_MODEL, CannedProtocol, CannedStats


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def abort(self) -> None:
        self.aborted = True


def request(body: bytes) -> bytes:
    return b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4), st.lists(st.integers(1, 200), max_size=30))
def test_every_request_gets_one_answer_however_it_is_cut(bodies: list[bytes], cuts: Sequence[int]) -> None:
    wire, protocol = Wire(), CannedProtocol()
    protocol.connection_made(wire)
    stream = b"".join(map(request, bodies))
    for cut in cuts:
        if stream:
            protocol.data_received(stream[:cut])
        stream = stream[cut:]
    if stream:
        protocol.data_received(stream)
    assert len(wire.written) == len(bodies)
    head, _, body = wire.written[0].partition(b"\r\n\r\n")
    assert b"Content-Length: %d" % len(body) in head
    assert json.loads(body)["choices"][0]["finish_reason"] == "stop"


def test_a_head_without_end_is_hung_up_on() -> None:
    wire, protocol = Wire(), CannedProtocol()
    protocol.connection_made(wire)
    protocol.data_received(b"x" * 70_000)
    assert wire.aborted
    assert wire.written == []


def test_what_was_posted_is_counted_over_all_connections() -> None:
    stats = CannedStats()
    wires = [Wire(), Wire()]
    for wire, body in zip(wires, (b"12345", b"123"), strict=True):
        protocol = CannedProtocol(stats=stats)
        protocol.connection_made(wire)
        protocol.data_received(b"GET /v1/models HTTP/1.1\r\n\r\n" + request(body))
    protocol.data_received(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 9\r\n\r\n12345678")
    protocol = CannedProtocol(stats=stats)
    asked = Wire()
    protocol.connection_made(asked)
    protocol.data_received(b"GET /stats HTTP/1.1\r\n\r\n")
    told = json.loads(asked.written[0].partition(b"\r\n\r\n")[2])
    assert (told["requests"], told["body_bytes"]) == (2, 8)
    assert told["first_s"] <= told["last_s"]


def test_before_the_first_post_there_is_no_time_of_it() -> None:
    wire, protocol = Wire(), CannedProtocol()
    protocol.connection_made(wire)
    protocol.data_received(b"GET /stats HTTP/1.1\r\n\r\n")
    told = json.loads(wire.written[0].partition(b"\r\n\r\n")[2])
    assert told == {"requests": 0, "body_bytes": 0, "first_s": None, "last_s": None}


def test_an_answer_that_has_to_wait_is_no_last_one_yet() -> None:
    async def post() -> list[float | None]:
        stats = CannedStats()
        protocol = CannedProtocol(latency_s=0.05, stats=stats)
        wire = Wire()
        protocol.connection_made(wire)
        protocol.data_received(request(b"1"))
        seen = [stats.last_s]
        for _ in range(500):
            if wire.written:
                break
            await asyncio.sleep(0.01)
        return [*seen, stats.last_s]

    before, after = asyncio.run(post())
    assert before is None
    assert after is not None


def test_the_command_serves_it_until_it_is_told_to_end() -> None:
    command = [sys.executable, "-m", "peakbench", "mock-server", "--canned", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ}) as server:
        assert server.stdout is not None
        said = ""
        while not said.rstrip().endswith("}"):
            said += server.stdout.readline()
        told = json.loads(said)
        assert told["models"] == [CANNED_MODEL]
        server.send_signal(signal.SIGINT)
        assert server.wait(300) == 0
