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

from peakbench.mock.canned import CANNED_MODEL, CannedProtocol


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
        assert server.wait(10) == 0
