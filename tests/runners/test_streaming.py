"""Streamed answers: the same text as whole ones, timed, and never taken for whole when they are not."""

import asyncio
import json
import socket
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from http.server import ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from small_servers import QuietHandler, serving

from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.mock import MockServerSettings, build_models, run_in_thread
from peakbench.mock.answers import CutModel, MockAnswer, ProseModel
from peakbench.runners import streaming as streaming_module
from peakbench.runners.endpoint import Endpoint
from peakbench.runners.opening import open_transport
from peakbench.runners.reading import MAX_ANSWER_BYTES, BrokenAnswerError, OversizeError
from peakbench.runners.streaming import AnswerStream
from peakbench.runners.transport import TransportName
from peakbench.runs.records import Failure, FailureKind, Generation, Record, Request, Response, Timing, TokenLogprob

TRANSPORTS: tuple[TransportName, ...] = ("http", "openai")


def asked(**generation: Any) -> Request:
    return Request("s", 0, "m", "What is it?", "", (), Generation(**generation))


def chunk(*, finish: object = None, **delta: Any) -> bytes:
    """An event of a completion."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return event({"id": "c1", "object": "chat.completion.chunk", "system_fingerprint": "f", "choices": [choice]})


def event(value: object) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


ROLE = chunk(role="assistant", content="")
STOP = chunk(finish="stop")
COUNTS = {"prompt_tokens": 5, "completion_tokens": 7, "completion_tokens_details": {"reasoning_tokens": 3}}
USAGE = event({"id": "c1", "choices": [], "usage": COUNTS})
DONE = b"data: [DONE]\n\n"
WHOLE = [ROLE, chunk(content='{"a":'), chunk(content=" 1}"), STOP, USAGE, DONE]


def put_together(*pieces: bytes, at: Sequence[float] = (), **generation: Any) -> Response:
    """The answer of a stream whose pieces came at these times, in seconds; all at once when not given."""
    stream = AnswerStream(asked(**generation), 0.0, 0.0)
    for i, piece in enumerate(pieces):
        stream.feed(piece, at[i] if at else 0.0)
    stream.finish(at[-1] if at else 0.0)
    return stream.response()


def test_an_answer_is_put_together_from_its_chunks() -> None:
    answer = put_together(*WHOLE)
    assert (answer.text, answer.reasoning, answer.finish_reason) == ('{"a": 1}', None, "stop")
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.reasoning_tokens) == (5, 7, 3)
    assert (answer.request_id, answer.system_fingerprint) == ("c1", "f")


@settings(max_examples=50)
@given(st.lists(st.integers(0, 1200), max_size=12))
def test_it_does_not_matter_how_the_bytes_are_cut(cuts: list[int]) -> None:
    stream = b"\xef\xbb\xbf: hello\n\n" + b"".join(
        [ROLE, chunk(content="größe 中"), chunk(content="😀"), STOP, USAGE, DONE]
    )
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[start:end] for start, end in pairwise(places)]
    assert put_together(*pieces) == put_together(stream)
    assert put_together(*pieces).text == "größe 中😀"


def test_times_are_those_of_the_chunks_with_text() -> None:
    pieces = [
        ROLE,
        chunk(reasoning="so"),
        chunk(content="a"),
        chunk(content=""),
        chunk(tool_calls=[]),
        STOP,
        USAGE,
        DONE,
    ]
    timing = put_together(*pieces, at=[0.1, 0.25, 0.3, 0.36, 0.4, 0.5, 0.7, 0.9]).timing
    assert timing.ttft_ms == pytest.approx(250)  # not that of the role
    assert timing.itl_ms == pytest.approx((50, 60))  # an empty text is a token, a call of a tool is none
    assert timing.e2el_ms == pytest.approx(500)  # the end of the answer, not of what is told behind it


def test_an_empty_answer_has_no_first_token() -> None:
    answer = put_together(ROLE, STOP, DONE)
    assert answer.text == ""
    assert (answer.timing.ttft_ms, answer.timing.itl_ms) == (None, None)


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_is_kept_apart_under_both_names(name: str) -> None:
    answer = put_together(chunk(content=None, **{name: "so "}), chunk(**{name: "it is"}), chunk(content="a"), STOP)
    assert (answer.text, answer.reasoning) == ("a", "so it is")


def test_usage_may_come_with_every_chunk_or_never() -> None:
    each = json.loads(chunk(content="a")[6:]) | {"usage": {"completion_tokens": 1}}
    assert put_together(event(each), STOP, USAGE).usage.completion_tokens == 7
    assert put_together(event(each), STOP).usage.completion_tokens == 1
    assert put_together(chunk(content="a"), STOP, DONE).usage.completion_tokens is None


def test_halves_of_a_character_in_two_chunks_become_one_again() -> None:
    halves = [chunk(content="X").replace(b"X", half) for half in (rb"a\ud83d", rb"\ude00b \ud83d")]
    assert put_together(*halves, STOP).text == "a😀b \ud83d"


@pytest.mark.parametrize("odd", [b": ping\n\n", b"data: \n\n", b"event: ping\ndata: {}\n\n", event({"choices": []})])
def test_what_only_keeps_the_connection_awake_is_passed_over(odd: bytes) -> None:
    pieces = [odd, *(piece for each in WHOLE[:-1] for piece in (each, odd)), DONE, odd]
    assert put_together(*pieces) == put_together(*WHOLE)


@pytest.mark.parametrize(
    ("pieces", "kind"),
    [
        ([], FailureKind.CONNECTION),
        ([ROLE, chunk(content="a")], FailureKind.CONNECTION),
        ([ROLE, chunk(content="a"), USAGE], FailureKind.CONNECTION),
        ([ROLE, chunk(content="a"), DONE], FailureKind.INVALID_RESPONSE),
        ([ROLE, chunk(content="a", finish=""), DONE], FailureKind.INVALID_RESPONSE),
        ([DONE], FailureKind.INVALID_RESPONSE),
        ([ROLE, chunk(content="a"), STOP[:-20]], FailureKind.CONNECTION),
        ([ROLE, chunk(content="a"), STOP, USAGE[:-20]], FailureKind.CONNECTION),
        ([ROLE, chunk(content=["a"]), STOP, DONE], FailureKind.INVALID_RESPONSE),
        ([b"data: {broken\n\n", *WHOLE], FailureKind.INVALID_RESPONSE),
        ([b"data: \xff\n\n", *WHOLE], FailureKind.INVALID_RESPONSE),
        ([b"data: 7\n\n", *WHOLE], FailureKind.INVALID_RESPONSE),
        ([b"data: " + b"[" * 100_000 + b"\n\n", *WHOLE], FailureKind.INVALID_RESPONSE),
        ([event({"choices": {"a": 1}}), *WHOLE], FailureKind.INVALID_RESPONSE),
        ([ROLE, event({"error": {"message": "out of memory", "code": 500}}), DONE], FailureKind.INVALID_RESPONSE),
        ([*WHOLE[:3], event({"error": "out of memory"}), *WHOLE[3:]], FailureKind.INVALID_RESPONSE),
        ([ROLE, event({"object": "error", "message": "out of memory"}), DONE], FailureKind.INVALID_RESPONSE),
        ([ROLE, event({"error": {"message": "out of memory"}}).strip()], FailureKind.INVALID_RESPONSE),
        ([ROLE, event({"choices": [{"delta": {}, "error": "out of memory"}]}), STOP], FailureKind.INVALID_RESPONSE),
        ([ROLE, chunk(content="a"), chunk(finish="abort"), DONE], FailureKind.INVALID_RESPONSE),
        ([ROLE, chunk(content="a", finish="error"), DONE], FailureKind.INVALID_RESPONSE),
    ],
)
def test_what_is_not_whole_is_a_typed_failure(pieces: list[bytes], kind: FailureKind) -> None:
    with pytest.raises(BrokenAnswerError) as caught:
        put_together(*pieces)
    assert caught.value.kind is kind
    if any(b"out of memory" in piece for piece in pieces):
        assert "out of memory" in str(caught.value)


def test_the_end_of_an_answer_needs_no_done() -> None:
    assert put_together(*WHOLE[:-1]) == put_together(*WHOLE)
    assert put_together(*WHOLE[:-1], DONE.strip()) == put_together(*WHOLE)


def test_a_stream_without_end_is_cut_off() -> None:
    stream = AnswerStream(asked(), 0.0, 0.0)
    with pytest.raises(OversizeError):
        for _ in range(MAX_ANSWER_BYTES // 2**20 + 1):
            stream.feed(b":" + b"x" * 2**20 + b"\n", 0.0)


# Over HTTP, by both transports.


class Scripted(ThreadingHTTPServer):
    """A server that sends pieces of a body with pauses between them, and may then hang up without its end.

    Attributes:
        pieces: Bytes to send, seconds to wait.
        ends: Whether the body ends in order.
        received: The requests' bodies.
    """

    daemon_threads = True
    pieces: Sequence[bytes | float] = ()
    ends = True
    status = 200
    content_type = "text/event-stream; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    received: list[dict[str, Any]]


class _Handler(QuietHandler):
    server: Scripted
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.server.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        for name, value in (("Content-Type", self.server.content_type), *self.server.headers):
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        try:
            for piece in self.server.pieces:
                if isinstance(piece, float):
                    time.sleep(piece)
                else:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            if self.server.ends:
                self.wfile.write(b"0\r\n\r\n")
        except OSError:  # the client has had enough
            pass
        self.close_connection = not self.server.ends


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    with serving(Scripted(("127.0.0.1", 0), _Handler)) as running:
        running.received = []
        yield running


def sent_by_each(
    server: Scripted,
    request: Request,
    names: Sequence[TransportName] = TRANSPORTS,
    *,
    stream: bool = True,
    stall_timeout_s: float = 60.0,
) -> list[Record]:
    """What comes of the same request, sent by several transports at once."""

    async def all_at_once() -> list[Record]:
        endpoint = Endpoint(f"http://127.0.0.1:{server.server_port}/v1")
        opened = [open_transport(name, endpoint, 2, stream=stream, stall_timeout_s=stall_timeout_s) for name in names]
        try:
            return list(await asyncio.gather(*(transport.send(request, 30) for transport in opened)))
        finally:
            for transport in opened:
                await transport.close()

    return asyncio.run(all_at_once())


def sent(name: TransportName, server: Scripted, request: Request, **how: Any) -> Record:
    (record,) = sent_by_each(server, request, [name], **how)
    return record


def comparable(record: Record) -> Record:
    return replace(record, timing=Timing(0.0, 0.0))


ODD_STREAMS = [
    WHOLE,
    WHOLE[:-1],
    WHOLE[:3],
    [*WHOLE[:3], DONE],
    [b"\xef\xbb\xbf", *WHOLE[:-1], b"data: [DONE]"],
    [ROLE, chunk(content="größe".encode().decode()), STOP, DONE, b": more\n\n"],
    [chunk(reasoning_content="so"), chunk(content=None), STOP, DONE],
    [chunk(content="X").replace(b"X", rb"\ud800"), STOP, DONE],
    [ROLE, event({"error": {"message": "no"}}), DONE],
    [b"data: {broken\n\n"],
    [],
]


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize("pieces", ODD_STREAMS)
def test_both_transports_read_the_same_stream(scripted: Scripted, pieces: list[bytes], ends: bool) -> None:
    scripted.pieces, scripted.ends = pieces, ends
    first, second = (comparable(sent(name, scripted, asked())) for name in TRANSPORTS)
    if isinstance(first, Failure) and isinstance(second, Failure):
        first, second = replace(first, message=""), replace(second, message="")
    assert first == second


def test_both_transports_ask_for_the_same_stream(scripted: Scripted) -> None:
    scripted.pieces = WHOLE
    for name in TRANSPORTS:
        sent(name, scripted, asked(logprobs=3))
    first, second = scripted.received
    assert first == second
    assert (first["stream"], first["stream_options"]) == (True, {"include_usage": True})
    assert (first["logprobs"], first["top_logprobs"]) == (True, 3)


@pytest.mark.parametrize("name", TRANSPORTS)
def test_nothing_of_streams_or_log_probabilities_is_asked_for_unasked(scripted: Scripted, name: TransportName) -> None:
    sent(name, scripted, asked(), stream=False)
    assert not {"stream", "stream_options", "logprobs", "top_logprobs"} & set(scripted.received[0])


@pytest.mark.parametrize("name", TRANSPORTS)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (307, FailureKind.INVALID_RESPONSE),
        (400, FailureKind.BAD_REQUEST),
        (401, FailureKind.UNAUTHORIZED),
        (429, FailureKind.RATE_LIMITED),
        (500, FailureKind.SERVER_ERROR),
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream"])
def test_a_refusal_to_stream_is_the_failure_of_its_status(
    scripted: Scripted, name: TransportName, status: int, kind: FailureKind, content_type: str
) -> None:
    scripted.status, scripted.content_type = status, content_type
    scripted.headers = (("Retry-After", "7"), ("Location", "/elsewhere"))
    scripted.pieces = [json.dumps({"error": {"message": "the server's words"}}).encode()]
    record = sent(name, scripted, asked())
    assert isinstance(record, Failure)
    assert (record.kind, record.status, record.retry_after_s) == (kind, status, 7.0)
    assert ("a redirect to /elsewhere" if status < 400 else "the server's words") in record.message
    assert len(scripted.received) == 1


@pytest.mark.parametrize("name", TRANSPORTS)
def test_a_packed_stream_is_unpacked_as_it_comes(scripted: Scripted, name: TransportName) -> None:
    packer = zlib.compressobj(wbits=31)
    scripted.headers = (("Content-Encoding", "gzip"),)
    scripted.pieces = [packer.compress(each) + packer.flush(zlib.Z_SYNC_FLUSH) for each in WHOLE] + [packer.flush()]
    record = sent(name, scripted, asked())
    assert isinstance(record, Response)
    assert record.text == '{"a": 1}'


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue of connections refuses instead of waiting")
@pytest.mark.parametrize("name", TRANSPORTS)
def test_a_server_that_lets_nobody_in_is_a_timeout_that_says_so(name: TransportName) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as others:
        for _ in range(4):
            waiting = others.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())

        async def once() -> Record:
            endpoint = Endpoint(f"http://127.0.0.1:{full.getsockname()[1]}/v1")
            transport = open_transport(name, endpoint, 1, stall_timeout_s=0.3)
            try:
                return await transport.send(asked(), 30)
            finally:
                await transport.close()

        record = asyncio.run(once())
    assert isinstance(record, Failure)
    assert (record.kind, record.message) == (FailureKind.TIMEOUT, "no connection within 0.3 s")


@pytest.mark.parametrize("name", TRANSPORTS)
def test_a_connection_that_breaks_before_the_end_is_a_failure_and_after_it_is_none(
    scripted: Scripted, name: TransportName
) -> None:
    scripted.ends = False
    scripted.pieces = WHOLE[:3]
    record = sent(name, scripted, asked())
    assert isinstance(record, Failure)
    assert record.kind is FailureKind.CONNECTION
    scripted.pieces = WHOLE
    assert isinstance(sent(name, scripted, asked()), Response)


@pytest.mark.parametrize("name", TRANSPORTS)
def test_a_server_that_does_not_stream_is_read_all_the_same(scripted: Scripted, name: TransportName) -> None:
    scripted.content_type = "application/json"
    message = {"role": "assistant", "content": "{}"}
    body = {"id": "c2", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": COUNTS}
    scripted.pieces = [json.dumps(body).encode()]
    record = sent(name, scripted, asked())
    assert isinstance(record, Response)
    assert (record.text, record.request_id, record.usage.completion_tokens) == ("{}", "c2", 7)
    assert (record.timing.ttft_ms, record.timing.itl_ms) == (None, None)


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_that_began_and_stopped_is_a_timeout_that_says_so(scripted: Scripted, stream: bool) -> None:
    if stream:
        scripted.pieces = [*WHOLE[:3], 20.0, *WHOLE[3:]]
    else:
        scripted.content_type = "application/json"
        scripted.pieces = [b'{"choices": ', 20.0, b"[]}"]
    # The limit holds for connecting, too: long enough that a busy machine connects within it.
    for record in sent_by_each(scripted, asked(), stream=stream, stall_timeout_s=1.0):
        assert isinstance(record, Failure)
        assert record.kind is FailureKind.TIMEOUT
        assert record.kind.transient
        assert "began, then nothing came for 1 s" in record.message
        assert record.timing.e2el_ms < 15_000


@pytest.mark.parametrize("stream", [True, False])
def test_a_server_that_has_not_begun_is_waited_for(scripted: Scripted, stream: bool) -> None:
    if stream:
        scripted.pieces = [b": queued\n\n", ROLE, 1.5, b"".join(WHOLE[1:])]
    else:
        scripted.content_type = "application/json"
        scripted.pieces = [1.5, b'{"choices": [{"message": {"content": "x"}}]}']
    for record in sent_by_each(scripted, asked(), stream=stream, stall_timeout_s=1.0):
        assert isinstance(record, Response), record


@pytest.mark.parametrize("name", TRANSPORTS)
def test_a_server_that_leaves_the_body_open_behind_its_end_is_not_waited_for(
    scripted: Scripted, name: TransportName
) -> None:
    scripted.pieces = [*WHOLE, 20.0]
    began = time.monotonic()
    assert isinstance(sent(name, scripted, asked(), stall_timeout_s=15.0), Response)
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("name", TRANSPORTS)
@pytest.mark.parametrize("stream", [True, False])
def test_the_id_of_the_header_stands_in_where_the_body_has_none(
    scripted: Scripted, name: TransportName, stream: bool
) -> None:
    scripted.headers = (("X-Request-Id", "from the header"),)
    if stream:
        scripted.pieces = [piece.replace(b'"id": "c1"', b'"id": null') for piece in WHOLE]
    else:
        scripted.content_type = "application/json"
        scripted.pieces = [b'{"choices": [{"message": {"content": "x"}}]}']
    record = sent(name, scripted, asked(), stream=stream)
    assert isinstance(record, Response)
    assert record.request_id == "from the header"


def entry(token: str, logprob: Any, *top: tuple[str, Any]) -> dict[str, Any]:
    """A token as servers tell its log-probability."""
    one = {"token": token, "logprob": logprob, "bytes": list(token.encode())}
    return {**one, "top_logprobs": [{"token": other, "logprob": its, "bytes": None} for other, its in top]}


TOKENS = [entry("{", -0.5, ("{", -0.5), ("[", -1)), entry("}", -0.25, ("}", -0.25), ("x", float("-inf")))]
KEPT = (
    TokenLogprob("{", -0.5, (("{", -0.5), ("[", -1.0))),
    TokenLogprob("}", -0.25, (("}", -0.25), ("x", None))),
)


@pytest.mark.parametrize("name", TRANSPORTS)
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("tokens", "wanted"),
    [
        (TOKENS, KEPT),
        ([entry("a", 10**400), entry("b", "0"), entry("c", True)], tuple(TokenLogprob(one, None) for one in "abc")),
        ([*TOKENS, "odd"], None),
        ([*TOKENS, {"token": 5, "logprob": 0}], None),
        (None, None),
    ],
)
def test_log_probabilities_are_kept_as_the_server_tells_them(
    scripted: Scripted,
    name: TransportName,
    stream: bool,
    tokens: list[Any] | None,
    wanted: tuple[TokenLogprob, ...] | None,
) -> None:
    if stream:
        chunks = []
        for one in tokens or [None]:
            value = json.loads(chunk(content="x")[6:])
            value["choices"][0]["logprobs"] = None if one is None else {"content": [one]}
            chunks.append(event(value))
        scripted.pieces = [ROLE, *chunks, STOP, DONE]
    else:
        scripted.content_type = "application/json"
        choice = {"message": {"content": "{}"}, "logprobs": tokens and {"content": tokens}, "finish_reason": "stop"}
        scripted.pieces = [json.dumps({"choices": [choice]}).encode()]
    record = sent(name, scripted, asked(logprobs=2), stream=stream)
    assert isinstance(record, Response)
    assert record.logprobs == wanted
    unasked = sent(name, scripted, asked(), stream=stream)
    assert isinstance(unasked, Response)
    assert unasked.logprobs is None


def test_a_connection_serves_one_stream_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of a body is read, so that nobody has to connect again; the `openai` transport keeps no connection."""
    monkeypatch.setattr(streaming_module, "_DRAIN_S", 60)  # however late the end comes
    connections = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
            await reader.readexactly(length)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            for piece in WHOLE:
                writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(0.02)
            writer.write(b"0\r\n\r\n")

    async def several() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        transport = open_transport("http", Endpoint(f"http://127.0.0.1:{port}/v1"), 1, stream=True)
        for _ in range(3):
            assert isinstance(await transport.send(asked(), 30), Response)
        await transport.close()
        server.close()
        for writer in connections:
            writer.close()
        await asyncio.sleep(0.05)

    asyncio.run(several())
    assert len(connections) == 1


@dataclass(frozen=True)
class OddModel:
    """Writes what is hard to cut, and no JSON."""

    name: str = "odd"

    def answer(self, image: Image.Image, prompt: str) -> MockAnswer:
        return MockAnswer(
            'größe 中文 😀👩\u200d👩\u200d👧 \r\n\n data: [DONE]\n\ndata: {"x"}\u2028\x85\x00 <think>…</think>'
        )


@pytest.fixture(scope="module")
def mock() -> Iterator[tuple[str, list[str]]]:
    (nearest, null, empty) = build_models(["nearest-20", "constant-null", "constant-empty"])
    models = [nearest, null, empty, OddModel(), ProseModel("prose", nearest), CutModel("cut", nearest)]
    with run_in_thread(models, MockServerSettings()) as running:
        yield running.base_url, [model.name for model in models]


@pytest.mark.parametrize("max_tokens", [512, 7])
def test_an_answer_is_the_same_streamed_and_whole(
    mock: tuple[str, list[str]], tiny: Callable[..., Path], max_tokens: int
) -> None:
    url, names = mock
    path = tiny(4)
    benchmark = find_benchmark(str(path))
    samples, _ = benchmark.samples(benchmark.data_place(path.parent), path.parent)
    requests = [
        Request(sample.id, 0, name, "What is it?", "", sample.images, Generation(max_tokens))
        for name in names
        for sample in samples
    ]

    async def answers(transport_name: TransportName, stream: bool) -> list[Record]:
        transport = open_transport(transport_name, Endpoint(url), 4, stream=stream)
        try:
            return [await transport.send(request, 60) for request in requests]
        finally:
            await transport.close()

    found = {(name, stream): asyncio.run(answers(name, stream)) for name in TRANSPORTS for stream in (True, False)}
    whole = found["http", False]
    assert all(isinstance(record, Response) for record in whole)
    for records in found.values():
        for record, same in zip(records, whole, strict=True):
            assert isinstance(record, Response)
            assert isinstance(same, Response)
            assert record.text.encode() == same.text.encode()
            assert (record.finish_reason, record.usage, record.reasoning) == (
                same.finish_reason,
                same.usage,
                same.reasoning,
            )
    for record in found["http", True]:
        assert record.timing.itl_ms is not None
        assert isinstance(record, Response)
        assert len(record.timing.itl_ms) == (record.usage.completion_tokens or 0) - 1
