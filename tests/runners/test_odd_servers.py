"""What servers and proxies do that no specification foresees: answered or typed, alike by every transport, in time."""

import asyncio
import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from raw_server import Answer, RawServer, chunked, completion, http, message, raw_server, read_request

from peakbench.runners.endpoint import Endpoint
from peakbench.runners.http_transport import HttpTransport
from peakbench.runners.openai_transport import OpenAITransport
from peakbench.runners.transport import Transport
from peakbench.runs.records import Failure, FailureKind, Generation, Record, Request, Response, Timing

C = completion()
PAGE = b"<html>\r\n<head><title>502 Bad\n Gateway</title></head><body><hr>nginx</body></html>"
ZIPPED = gzip.compress(C)
DEEP = b"[" * 100_000 + b"]" * 100_000
NESTED = b"[" * 900 + b"]" * 900
GZIP = "Content-Encoding: gzip\r\n"
CONNECTION, INVALID = FailureKind.CONNECTION, FailureKind.INVALID_RESPONSE


def with_key(name: str, raw: bytes) -> bytes:
    """A completion with one more key."""
    return C[:-1] + f', "{name}": '.encode() + raw + b"}"


def tokens(raw: bytes) -> bytes:
    """A completion with that count of tokens."""
    return C.replace(b'"completion_tokens": 7', b'"completion_tokens": ' + raw)


def finished(reason: object, **choice: object) -> bytes:
    """A completion that ended for that reason, in the middle of a word."""
    return completion(choices=[{"index": 0, "finish_reason": reason, "message": {"content": "hal"}, **choice}])


def many_headers(n: int, width: int = 1) -> str:
    return "".join(f"X-{position}: {'y' * width}\r\n" for position in range(n))


ANSWERED: dict[str, tuple[bytes, str]] = {
    "HTTP/1.0, ended by closing": (http(C, length="no", version="HTTP/1.0"), "x"),
    "HTTP/1.0 with a length": (http(C, version="HTTP/1.0"), "x"),
    "HTTP/1.1 without a length": (http(C, length="no"), "x"),
    "100 Continue first": (b"HTTP/1.1 100 Continue\r\n\r\n" + http(C), "x"),
    "103 Early Hints first": (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + http(C), "x"),
    "a flood of 100 Continue": (b"HTTP/1.1 100 Continue\r\n\r\n" * 3000 + http(C), "x"),
    "no reason": (http(C, "200"), "x"),
    "bare line feeds": (http(C).replace(b"\r\n", b"\n"), "x"),
    "201": (http(C, "201 Created"), "x"),
    "206": (http(C, "206 Partial Content", headers="Content-Range: bytes 0-10/11\r\n"), "x"),
    "chunks of a byte": (chunked(*(C[place : place + 1] for place in range(len(C)))), "x"),
    "trailers": (chunked(C[:30], C[30:], trailer=b"X-Checksum: 1\r\n"), "x"),
    "gzip": (http(ZIPPED, headers=GZIP), "x"),
    "identity": (http(C, headers="Content-Encoding: identity\r\n"), "x"),
    "90 headers": (http(C, headers=many_headers(90)), "x"),
    "a header of 20 kB": (http(C, headers=many_headers(1, 20_000)), "x"),
    "a folded header": (http(C, headers="X: a\r\n b\r\n"), "x"),
    "a header in Latin-1": (http(C, headers="X: \xe9\xff\r\n"), "x"),
    "text/plain": (http(C, content_type="text/plain"), "x"),
    "text/html": (http(C, content_type="text/html"), "x"),
    "no content type": (http(C, content_type=None), "x"),
    "a content type that is none": (http(C, content_type=";;;"), "x"),
    "an unknown charset": (http(C, content_type="application/json; charset=none"), "x"),
    "a byte order mark": (http(b"\xef\xbb\xbf" + C), "x"),
    "UTF-16": (http(C.decode().encode("utf-16"), content_type="application/json; charset=utf-16"), "x"),
    "UTF-32": (http(C.decode().encode("utf-32")), "x"),
    "NaN beside": (http(with_key("z", b"NaN")), "x"),
    "1e999 beside": (http(with_key("z", b"1e999")), "x"),
    "an integer of 400 digits beside": (http(with_key("z", b"9" * 400)), "x"),
    "900 lists beside": (http(with_key("z", NESTED)), "x"),
    "900 lists in the usage": (http(C.replace(b'"usage": {', b'"usage": {"z": ' + NESTED + b", ")), "x"),
    "a key twice": (http(C.replace(b'"content": "x"', b'"content": "no", "content": "x"')), "x"),
    "white space before": (http(b" " * 10_000_000 + C), "x"),
    "white space after": (http(C + b"\n" * 10_000_000), "x"),
    "NUL as an escape": (http(completion(r'"a\u0000b"')), "a\0b"),
    "a lone surrogate": (http(completion(r'"\ud800"')), "\ud800"),
    "a pair of surrogates": (http(completion(r'"\ud83d\ude00"')), "😀"),
    "1e999 tokens": (http(tokens(b"1e999")), "x"),
    "-7 tokens": (http(tokens(b"-7")), "x"),
    "7.0 tokens": (http(tokens(b"7.0")), "x"),
    "no usage": (http(completion(usage=None)), "x"),
    "usage is a list": (http(completion(usage=[1])), "x"),
    "another model": (http(completion(model="other")), "x"),
    "two choices": (http(completion(choices=[{"message": {"content": "x"}}, {"message": {"content": "y"}}])), "x"),
    "no error": (http(with_key("error", b"null")), "x"),
    "no content": (http(message()), ""),
    "a tool call": (http(message(content=None, tool_calls=[{"id": "1", "function": {"name": "f"}}])), ""),
    "a refusal": (http(message(content=None, refusal="I cannot")), ""),
    "a content filter": (http(finished("content_filter")), "hal"),
    "no finish reason": (http(finished(None)), "hal"),
    "a finish reason that is none": (http(finished(["error"])), "hal"),
    "content in parts": (http(message(content=[{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])), "ab"),
}

FAILED: dict[str, tuple[bytes, FailureKind, int | None]] = {
    **{
        f"{status} with a page": (http(PAGE, status, "text/html"), kind, int(status[:3]))
        for status, kind in {
            "502 Bad Gateway": FailureKind.SERVER_ERROR,
            "503 Service Temporarily Unavailable": FailureKind.SERVER_ERROR,
            "504 Gateway Time-out": FailureKind.SERVER_ERROR,
            "520 ": FailureKind.SERVER_ERROR,
            "524 ": FailureKind.SERVER_ERROR,
            "529 ": FailureKind.SERVER_ERROR,
            "431 Request Header Fields Too Large": FailureKind.BAD_REQUEST,
            "403 Forbidden": FailureKind.UNAUTHORIZED,
        }.items()
    },
    "a status of 600": (http(C, "600 x"), FailureKind.SERVER_ERROR, 600),
    "304": (http(b"", "304 Not Modified", length="no"), INVALID, 304),
    "101": (http(b"", "101 Switching Protocols", headers="Upgrade: websocket\r\n", length="no"), CONNECTION, None),
    "204": (http(b"", "204 No Content", length="no"), INVALID, None),
    "202 of a queue": (http(b'{"id": "job"}', "202 Accepted"), INVALID, None),
    "200 and nothing": (http(b""), INVALID, None),
    "nothing at all": (b"", CONNECTION, None),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-T", CONNECTION, None),
    "a head alone": (http(C)[: -len(C)], CONNECTION, None),
    "another protocol": (b"SSH-2.0-OpenSSH_9\r\n", CONNECTION, None),
    "HTTP/0.9": (C, CONNECTION, None),
    "a TLS alert": (b"\x15\x03\x01\x00\x02\x02\x50", CONNECTION, None),
    "a status that is no number": (http(C, "abc OK"), CONNECTION, None),
    "a header without a colon": (http(C, headers="nonsense\r\n"), CONNECTION, None),
    "a header of a megabyte": (http(C, headers=many_headers(1, 1_000_000)), CONNECTION, None),
    "too long a length": (http(C, length=len(C) + 10), CONNECTION, None),
    "a length of -1": (http(C, length=-1), CONNECTION, None),
    "a length that is no number": (http(C, length="abc"), CONNECTION, None),
    "two lengths": (http(C, headers="Content-Length: 3\r\n"), CONNECTION, None),
    "no last chunk": (chunked(C, last=b""), CONNECTION, None),
    "a chunk cut": (chunked(C)[:-30], CONNECTION, None),
    "a chunk of no size": (chunked(last=b"zz\r\n\r\n"), CONNECTION, None),
    "damaged gzip": (http(ZIPPED[:20] + b"zzzzzzz" + ZIPPED[27:], headers=GZIP), CONNECTION, None),
    "gzip of another checksum": (http(ZIPPED[:-8] + b"\0" * 8, headers=GZIP), CONNECTION, None),
    "gzip cut": (http(ZIPPED[:-20], headers=GZIP), INVALID, None),
    "gzip of nothing": (http(b"", headers=GZIP), INVALID, None),
    "500 cut": (http(b"zz", "500 x", length=50), CONNECTION, None),
    "Latin-1": (http(completion('"é"').decode().encode("latin-1")), INVALID, None),
    "raw NUL": (http(completion('"a\0b"')), INVALID, None),
    "NUL after": (http(C + b"\0"), INVALID, None),
    "two answers in one": (http(C + C), INVALID, None),
    "half of the JSON": (http(C[: len(C) // 2]), INVALID, None),
    "100,000 lists": (http(with_key("z", DEEP)), INVALID, None),
    "100,000 lists for content": (http(completion(DEEP.decode())), INVALID, None),
    "a count of tokens of 5,000 digits": (http(tokens(b"9" * 5000)), INVALID, None),
    "content is NaN": (http(completion("NaN")), INVALID, None),
    "content is an object": (http(message(content={"a": 1})), INVALID, None),
    "content is no part": (http(message(content=[])), INVALID, None),
    "content has a part without text": (http(message(content=[{"type": "text", "text": 5}])), INVALID, None),
    "content has a part of thoughts": (
        http(message(content=[{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "x"}])),
        INVALID,
        None,
    ),
    "no choice": (http(completion(choices=[])), INVALID, None),
    "choices are null": (http(completion(choices=None)), INVALID, None),
    "a choice is null": (http(completion(choices=[None])), INVALID, None),
    "choices are an object": (http(completion(choices={"0": {"message": {"content": "x"}}})), INVALID, None),
    "the answer of another route": (http(completion(choices=[{"index": 0, "text": "x"}])), INVALID, None),
    "choices twice": (http(with_key("choices", b"[]")), INVALID, None),
    "an error beside choices": (http(with_key("error", b'{"message": "the engine died"}')), INVALID, None),
    "an error in the choice": (
        http(finished("stop", error={"code": 502, "message": "the engine died"})),
        INVALID,
        None,
    ),
    "finished by an error": (http(finished("error")), INVALID, None),
    "finished by an abort": (http(finished("abort")), INVALID, None),
    "an error of FastAPI": (http(b'{"detail": "Not Found"}'), INVALID, None),
    "an error of old vLLM": (http(b'{"object": "error", "message": "the engine died", "code": 500}'), INVALID, None),
    "a page": (http(PAGE, content_type="text/html"), INVALID, None),
    "a page that says it is JSON": (http(PAGE), INVALID, None),
    "a stream that nobody asked for": (
        http(b"data: " + C + b"\n\ndata: [DONE]\n\n", content_type="text/event-stream"),
        INVALID,
        None,
    ),
}

DIFFERENT: dict[str, tuple[bytes, FailureKind | str, FailureKind | str]] = {
    "Brotli that is none": (http(C, headers="Content-Encoding: br\r\n"), CONNECTION, "x"),
    "gzip twice": (http(gzip.compress(ZIPPED), headers="Content-Encoding: gzip, gzip\r\n"), INVALID, "x"),
    "too short a length": (http(C, length=len(C) - 10), CONNECTION, INVALID),
    "bytes after the end": (http(C + b"junk", length=len(C)), CONNECTION, "x"),
    "a body after 204": (http(C, "204 No Content"), CONNECTION, INVALID),
    "a length twice": (http(C, headers=f"Content-Length: {len(C)}\r\n"), CONNECTION, "x"),
    "200 headers": (http(C, headers=many_headers(200)), CONNECTION, "x"),
    "an integer of 5,000 digits beside": (http(with_key("z", b"9" * 5000)), "x", INVALID),
}
"""Where the transports part: a failure that is tried again on one side, and never two different answers."""


TRANSPORTS: dict[str, Callable[[Endpoint], Transport]] = {"http": HttpTransport, "openai": OpenAITransport}


class Asking:
    """Both transports in an event loop of their own, so that a case costs a request and no client."""

    def __init__(self, runner: asyncio.Runner, server: RawServer, transports: dict[str, Transport]) -> None:
        self._runner = runner
        self._server = server
        self._transports = transports

    def both(self) -> list[Record]:
        """What comes of the same request, sent by each."""
        return [self.once("http"), self.once("openai")]

    def once(self, name: str, timeout_s: float = 20, extra: str = "") -> Record:
        request = Request("s", 0, "m", self._server.case, "", (), Generation(extra=extra))

        async def in_time() -> Record:
            async with asyncio.timeout(timeout_s + 20):  # a transport keeps its time itself
                record = await self._transports[name].send(request, timeout_s)
                # So that the next case meets no connection about to be closed; its end is told by another thread.
                while self._server.n_ending:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
                return record

        return self._runner.run(in_time())

    def wait(self, event: threading.Event) -> None:
        """Let the connections hear what comes until the event, and a little longer."""

        async def listen() -> None:
            assert await asyncio.to_thread(event.wait, 60)
            await asyncio.sleep(0.1)

        self._runner.run(listen())


@pytest.fixture(scope="module")
def running() -> Iterator[RawServer]:
    with raw_server() as server:
        yield server


@pytest.fixture(scope="module")
def asking(running: RawServer) -> Iterator[Asking]:
    async def opened() -> dict[str, Transport]:
        endpoint = Endpoint(running.base_url)
        return {name: made(endpoint) for name, made in TRANSPORTS.items()}

    with asyncio.Runner() as runner:
        transports = runner.run(opened())
        yield Asking(runner, running, transports)
        for transport in transports.values():
            runner.run(transport.close())


@pytest.fixture
def raw(running: RawServer) -> RawServer:
    running.case = f"What is it? ({uuid4().hex})"
    running.answers, running.keeps, running.n_requests = [], False, 0
    return running


def comparable(record: Record) -> Record:
    """A record without its timing, and a failure without its words."""
    record = replace(record, timing=Timing(0.0, 0.0))
    return replace(record, message="") if isinstance(record, Failure) else record


each = pytest.mark.parametrize("name", TRANSPORTS)


@pytest.mark.parametrize("case", ANSWERED)
def test_an_odd_answer_is_read_alike_by_both(asking: Asking, raw: RawServer, case: str) -> None:
    content, text = ANSWERED[case]
    raw.answers = [content]
    first, second = asking.both()
    assert comparable(first) == comparable(second)
    assert isinstance(first, Response), first
    assert first.text == text


@pytest.mark.parametrize("case", FAILED)
def test_what_is_no_answer_is_typed_alike_by_both(asking: Asking, raw: RawServer, case: str) -> None:
    content, kind, status = FAILED[case]
    raw.answers = [content]
    first, second = asking.both()
    assert comparable(first) == comparable(second)
    assert isinstance(first, Failure), first
    assert isinstance(second, Failure), second
    assert (first.kind, first.status) == (kind, status)
    assert first.message
    assert second.message


@pytest.mark.parametrize("case", DIFFERENT)
def test_where_the_transports_part_neither_makes_an_answer_of_a_failure(
    asking: Asking, raw: RawServer, case: str
) -> None:
    content, *wanted = DIFFERENT[case]
    raw.answers = [content]
    seen = [record.text if isinstance(record, Response) else record.kind for record in asking.both()]
    assert seen == wanted


def test_a_count_of_tokens_in_quotes_is_taken_by_the_client_alone(asking: Asking, raw: RawServer) -> None:
    raw.answers = [http(tokens(b'"7"'))]
    counts = [record.usage.completion_tokens for record in asking.both() if isinstance(record, Response)]
    assert counts == [None, 7]


@each
@pytest.mark.parametrize(
    "content",
    [
        http(C, length=len(C) - 10),
        http(C + b"junk", length=len(C)),
        http(C, "204 No Content"),
        chunked(C) + b"0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + http(C) + b"HTTP/1.1 100 Continue\r\n\r\n",
        http(C, "500 x", length=3),
    ],
    ids=["short", "junk", "204", "chunk", "continue", "short error"],
)
def test_what_is_left_of_one_answer_never_becomes_the_next(
    asking: Asking, raw: RawServer, name: str, content: bytes
) -> None:
    raw.answers, raw.keeps = [content, http(completion('"second"'))], True
    asking.once(name)
    second = asking.once(name)
    assert isinstance(second, Failure) or second.text == "second"


@each
def test_of_two_answers_to_one_request_the_second_is_nobodys(asking: Asking, raw: RawServer, name: str) -> None:
    raw.answers = [http(completion('"first"')) + http(completion('"stale"')), http(completion('"second"'))]
    raw.keeps = True
    asking.once(name)
    second = asking.once(name)
    assert isinstance(second, Failure) or second.text == "second"


@each
def test_a_server_that_repeats_what_it_was_sent_repeats_no_secret(asking: Asking, raw: RawServer, name: str) -> None:
    said = b'{"error": {"message": "bad: s-3-c-r-3-t, sk-0123456789abcdef0123, http://h/a?v=1&sig=5e0f"}}'
    raw.answers = [http(said, "400 Bad Request")]
    schema = '"response_format": {"properties": {"key": {"type": "bad:"}}}'
    record = asking.once(name, extra=f'{{"tools": [{{"api_key": "s-3-c-r-3-t"}}], {schema}}}')
    assert isinstance(record, Failure)
    assert "bad: [redacted], [redacted], http://h/a?v=1&sig=[redacted]" in record.message


@each
def test_a_second_answer_that_comes_when_nothing_is_asked_is_nobodys(asking: Asking, raw: RawServer, name: str) -> None:
    read, sent = threading.Event(), threading.Event()

    def twice(connection: socket.socket) -> None:
        connection.sendall(http(completion('"first"')))
        assert read.wait(60)
        connection.sendall(http(completion('"stale"')))
        sent.set()
        while read_request(connection) is not None:
            connection.sendall(http(completion('"late"')))

    raw.answers, raw.keeps = [twice, http(completion('"second"'))], True
    first = asking.once(name)
    read.set()
    assert isinstance(first, Response)
    asking.wait(sent)
    second = asking.once(name)
    assert isinstance(second, Response)
    assert (first.text, second.text) == ("first", "second")


@each
def test_a_kept_connection_that_is_closed_in_the_place_of_an_answer_is_a_failure_that_passes(
    asking: Asking, raw: RawServer, name: str
) -> None:
    raw.answers, raw.keeps = [http(C), lambda connection: None, http(completion('"third"'))], True
    first, second, third = (asking.once(name) for _ in range(3))
    assert isinstance(first, Response)
    assert isinstance(second, Failure)
    assert (second.kind, second.kind.transient) == (CONNECTION, True)
    assert isinstance(third, Response)
    assert third.text == "third"
    assert raw.n_requests == 3  # nothing was sent again behind the back of the one who counts


def silent_after(content: bytes) -> Answer:
    """Sends that, and then nothing until the client goes."""

    def act(connection: socket.socket) -> None:
        connection.sendall(content)
        while connection.recv(65_536):
            pass

    return act


def endless(content: bytes, before: bytes = b"") -> Answer:
    """Sends that again and again until the client goes."""

    def act(connection: socket.socket) -> None:
        connection.sendall(before)
        while True:
            connection.sendall(content)
            time.sleep(0.01)

    return act


HELD: dict[str, Answer] = {
    "no byte": silent_after(b""),
    "half a head": silent_after(http(C)[:20]),
    "a head alone": silent_after(http(C)[: -len(C)]),
    "half a body": silent_after(http(C)[:-50]),
    "a whole body in chunks without an end": silent_after(chunked(C, last=b"")),
    "a byte of the head at a time": endless(b"X", b"HTTP/1.1 200 OK\r\n"),
    "white space at a time": endless(b"1\r\n \r\n", chunked(last=b"")),
    "100 Continue for ever": endless(b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@each
@pytest.mark.parametrize("case", HELD)
def test_an_answer_that_never_ends_is_a_timeout_in_time(asking: Asking, raw: RawServer, name: str, case: str) -> None:
    raw.answers = [HELD[case]]
    record = asking.once(name, timeout_s=0.2)
    assert isinstance(record, Failure), record
    assert record.kind is FailureKind.TIMEOUT


@each
def test_a_server_that_dribbles_for_ever_is_not_waited_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("http_transport", "openai_transport"):
        monkeypatch.setattr(f"peakbench.runners.{module}._ALIVE_TIMEOUT_S", 0.2)

    async def alive(url: str) -> bool:
        transport = TRANSPORTS[name](Endpoint(url))
        try:
            async with asyncio.timeout(60):
                return await transport.alive()
        finally:
            await transport.close()

    with raw_server() as server:
        server.answers = [HELD["a byte of the head at a time"]]
        assert asyncio.run(alive(server.base_url)) is False


@each
def test_a_page_is_told_by_its_title(asking: Asking, raw: RawServer, name: str) -> None:
    raw.answers = [http(PAGE, "502 Bad Gateway", "text/html")]
    record = asking.once(name)
    assert isinstance(record, Failure)
    assert record.message == "502 Bad Gateway (a page, not the API)"
