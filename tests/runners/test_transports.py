"""Every transport: what it sends, byte for byte, and how it reads whatever comes back."""

import asyncio
import base64
import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from small_servers import QuietHandler, serving

from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.benchmarks.sample import RemoteImage, Sample
from peakbench.errors import BadInputError
from peakbench.runners.endpoint import Endpoint
from peakbench.runners.http_transport import HttpTransport
from peakbench.runners.openai_transport import OpenAITransport
from peakbench.runners.reading import MAX_ANSWER_BYTES, retry_after_s
from peakbench.runners.transport import Transport
from peakbench.runs.records import Failure, FailureKind, Generation, Record, Request, Response, Timing

Send = Callable[..., Record]
MakeTransport = Callable[[Endpoint], Transport]
TRANSPORTS: list[MakeTransport] = [HttpTransport, OpenAITransport]


class Canned(ThreadingHTTPServer):
    """A server that answers every request with the same bytes, and keeps what it was sent."""

    status = 200
    body = b""
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    received: list[tuple[dict[str, str], dict[str, Any]]]


class _Handler(QuietHandler):
    server: Canned

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.received.append((dict(self.headers), json.loads(self.rfile.read(length))))
        self.send_response(self.server.status)
        for name, value in self.server.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)


@pytest.fixture
def canned() -> Iterator[Canned]:
    with serving(Canned(("127.0.0.1", 0), _Handler)) as running:
        running.received = []
        yield running


@pytest.fixture
def sample(tiny: Callable[..., Path]) -> Sample:
    path = tiny(1)
    benchmark = find_benchmark(str(path))
    return benchmark.samples(benchmark.data_place(path.parent), path.parent)[0][0]


@pytest.fixture(params=TRANSPORTS, ids=["http", "openai"])
def send(request: pytest.FixtureRequest) -> Send:
    return partial(send_by, request.param)


def send_by(
    make: MakeTransport,
    server: Canned,
    sample: Sample,
    system: str = "",
    key: str = "EMPTY",
    prompt: str = "What is it?",
) -> Record:
    request = Request(sample.id, 0, "m", prompt, system, sample.images, Generation(77, 0.0, ("END",)))

    async def once() -> Record:
        transport = make(Endpoint(f"http://127.0.0.1:{server.server_port}/v1", key))
        try:
            return await transport.send(request, 60)
        finally:
            await transport.close()

    return asyncio.run(once())


def completion(**message: Any) -> bytes:
    return json.dumps(
        {
            "id": "c1",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "system_fingerprint": "f",
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **message}}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
        }
    ).encode()


def test_it_sends_the_untouched_bytes_of_the_image_before_the_text(send: Send, canned: Canned, sample: Sample) -> None:
    canned.body = completion(content="{}")
    send(canned, sample, system="Be brief.", key="k")
    ((headers, body),) = canned.received
    assert {name.lower(): value for name, value in headers.items()}["authorization"] == "Bearer k"
    assert (body["model"], body["max_tokens"], body["temperature"], body["stop"]) == ("m", 77, 0.0, ["END"])
    system, user = body["messages"]
    assert system == {"role": "system", "content": "Be brief."}
    image, text = user["content"]
    assert text == {"type": "text", "text": "What is it?"}
    head, _, encoded = image["image_url"]["url"].partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(encoded) == sample.files[0].path.read_bytes()


def test_several_images_are_sent_in_order_and_urls_as_they_stand(send: Send, canned: Canned, sample: Sample) -> None:
    canned.body = completion(content="{}")
    (file,) = sample.files
    other = replace(file, mime="image/jpeg")
    remote = RemoteImage('http://example.org/"a".png')
    send(canned, replace(sample, images=(other, remote, file)))
    ((_, body),) = canned.received
    *images, text = body["messages"][0]["content"]
    assert text["type"] == "text"
    encoded = base64.b64encode(file.path.read_bytes()).decode()
    assert [image["image_url"]["url"] for image in images] == [
        f"data:image/jpeg;base64,{encoded}",
        remote.url,
        f"data:image/png;base64,{encoded}",
    ]


def test_it_keeps_everything_that_was_said(send: Send, canned: Canned, sample: Sample) -> None:
    canned.body = completion(content=" {}\n", reasoning_content="so…")
    record = send(canned, sample)
    assert isinstance(record, Response)
    assert (record.text, record.reasoning, record.finish_reason) == (" {}\n", "so…", "stop")
    assert (record.usage.prompt_tokens, record.usage.completion_tokens) == (5, 7)
    assert (record.request_id, record.system_fingerprint) == ("c1", "f")
    assert record.timing.e2el_ms > 0


def test_no_content_is_an_empty_answer_and_not_a_failure(send: Send, canned: Canned, sample: Sample) -> None:
    canned.body = completion(content=None)
    record = send(canned, sample)
    assert isinstance(record, Response)
    assert record.text == ""


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, FailureKind.BAD_REQUEST),
        (401, FailureKind.UNAUTHORIZED),
        (403, FailureKind.UNAUTHORIZED),
        (404, FailureKind.NOT_FOUND),
        (408, FailureKind.SERVER_ERROR),
        (413, FailureKind.BAD_REQUEST),
        (422, FailureKind.BAD_REQUEST),
        (429, FailureKind.RATE_LIMITED),
        (500, FailureKind.SERVER_ERROR),
        (503, FailureKind.SERVER_ERROR),
    ],
)
def test_every_status_is_a_typed_failure(
    send: Send, canned: Canned, sample: Sample, status: int, kind: FailureKind
) -> None:
    canned.status = status
    canned.body = json.dumps({"error": {"message": "the server's words, key-123"}}).encode()
    canned.headers = (("Content-Type", "application/json"), ("Retry-After", "7"))
    record = send(canned, sample, key="key-123")
    assert isinstance(record, Failure)
    assert (record.kind, record.status, record.retry_after_s) == (kind, status, 7.0)
    assert "the server's words" in record.message
    assert "key-123" not in record.message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"{broken",
        b'{"choices": []}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": {"content": 5}}]}',
        b'{"choices": {"a": 1}}',
        b'{"error": {"message": "no"}}',
        b"\xff\xfe",
        b"<html>busy</html>",
        b"[" * 100_000,
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/html"])
def test_a_body_that_is_no_completion_is_a_typed_failure(
    send: Send, canned: Canned, sample: Sample, body: bytes, content_type: str
) -> None:
    canned.body = body
    canned.headers = (("Content-Type", content_type),)
    record = send(canned, sample)
    assert isinstance(record, Failure), record
    assert record.kind is FailureKind.INVALID_RESPONSE


def test_a_server_that_is_not_there_is_a_connection_failure(send: Send, canned: Canned, sample: Sample) -> None:
    class Gone:
        server_port = 1

    record = send(Gone(), sample)
    assert isinstance(record, Failure)
    assert record.kind is FailureKind.CONNECTION


def test_an_image_that_changed_meanwhile_is_not_sent(send: Send, canned: Canned, sample: Sample) -> None:
    sample.files[0].path.write_bytes(b"other bytes")
    with pytest.raises(BadInputError, match="changed while"):
        send(canned, sample)
    assert canned.received == []


@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_an_answer_without_end_is_cut_off_and_typed(
    send: Send, canned: Canned, sample: Sample, encoding: str | None
) -> None:
    body = completion(content="x" * MAX_ANSWER_BYTES)
    canned.body = gzip.compress(body) if encoding else body
    if encoding:
        canned.headers = (*canned.headers, ("Content-Encoding", encoding))
    record = send(canned, sample)
    assert isinstance(record, Failure)
    assert record.kind is FailureKind.INVALID_RESPONSE
    assert "bytes" in record.message or "encoding" in record.message


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, FailureKind.NOT_FOUND),
        (302, FailureKind.INVALID_RESPONSE),
        (303, FailureKind.INVALID_RESPONSE),
        (307, FailureKind.INVALID_RESPONSE),
        (308, FailureKind.NOT_FOUND),
    ],
)
@pytest.mark.parametrize("host", ["127.0.0.1", "me:pass@localhost"])
def test_pictures_and_key_follow_no_redirect_whose_place_is_told_without_secrets(
    send: Send, canned: Canned, sample: Sample, status: int, kind: FailureKind, host: str
) -> None:
    canned.status = status
    canned.headers = (("Location", f"http://{host}:{canned.server_port}/elsewhere?state=5e0f#6e1f"),)
    record = send(canned, sample)
    assert isinstance(record, Failure)
    assert (record.kind, record.status) == (kind, status)
    place = f"http://{host.removeprefix('me:pass@')}:{canned.server_port}/elsewhere"
    assert record.message == f"HTTP {status} in the place of an answer: a redirect to {place}, not followed"
    assert len(canned.received) == 1


def test_a_redirect_to_nowhere_is_one_all_the_same(send: Send, canned: Canned, sample: Sample) -> None:
    canned.status = 302
    record = send(canned, sample)
    assert isinstance(record, Failure)
    assert record.message == "HTTP 302 in the place of an answer: a redirect, not followed"


def test_an_error_that_comes_as_an_answer_is_told_in_the_servers_words(
    send: Send, canned: Canned, sample: Sample
) -> None:
    canned.body = b'{"error": {"message": "the engine is overloaded, key-123", "code": 500}}'
    record = send(canned, sample, key="key-123")
    assert isinstance(record, Failure)
    assert "the engine is overloaded" in record.message
    assert "key-123" not in record.message


@pytest.mark.parametrize("count", [10**400, -1, 1.5, None])
def test_a_count_of_tokens_that_is_none_is_not_kept(send: Send, canned: Canned, sample: Sample, count: object) -> None:
    answer = json.loads(completion(content="{}"))
    answer["usage"]["completion_tokens"] = count
    canned.body = json.dumps(answer).encode()
    record = send(canned, sample)
    assert isinstance(record, Response)
    assert record.usage.completion_tokens is None


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (402, None, FailureKind.QUOTA),
        (429, {"code": "insufficient_quota"}, FailureKind.QUOTA),
        (429, {"type": "insufficient_quota", "code": None}, FailureKind.QUOTA),
        (400, {"code": "billing_hard_limit_reached"}, FailureKind.QUOTA),
        (429, {"code": "rate_limit_exceeded", "type": "requests"}, FailureKind.RATE_LIMITED),
        (429, {"code": ["insufficient_quota"]}, FailureKind.RATE_LIMITED),
        (429, "insufficient_quota", FailureKind.RATE_LIMITED),
        (503, {"code": "insufficient_quota"}, FailureKind.SERVER_ERROR),
    ],
)
def test_a_spent_account_is_told_from_a_rate_limit(
    send: Send, canned: Canned, sample: Sample, status: int, error: object, kind: FailureKind
) -> None:
    canned.status = status
    canned.body = json.dumps({"error": error}).encode()
    record = send(canned, sample)
    assert isinstance(record, Failure)
    assert record.kind is kind
    assert record.kind.fatal == (kind is FailureKind.QUOTA)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("image input is not supported - hint: you may need to provide the mmproj", FailureKind.BAD_REQUEST),
        ("the store of images is not reachable", FailureKind.SERVER_ERROR),
    ],
)
def test_an_image_that_a_model_of_texts_cannot_take_is_told_from_a_server_in_trouble(
    send: Send, canned: Canned, sample: Sample, words: str, kind: FailureKind
) -> None:
    canned.status = 500
    canned.body = json.dumps({"error": {"code": 500, "message": words, "type": "server_error"}}).encode()
    record = send(canned, sample)
    assert isinstance(record, Failure)
    assert record.kind is kind


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("Sun, 06 Nov 1994 08:49:47 GMT", 10),
        ("Sunday, 06-Nov-94 08:49:47 GMT", 10),
        ("Sun Nov  6 08:49:47 1994", 10),
        ("Sun, 06 Nov 1994 08:49:30 GMT", 0),
    ],
)
def test_a_wait_may_be_a_date_by_the_servers_own_clock(value: str, seconds: float) -> None:
    assert retry_after_s({"retry-after": value, "date": "Sun, 06 Nov 1994 08:49:37 GMT"}) == seconds


def test_a_date_to_wait_for_is_read_by_every_transport(send: Send, canned: Canned, sample: Sample) -> None:
    canned.status = 429
    canned.headers = (("Retry-After", "Wed, 21 Oct 2065 07:28:00 GMT"),)
    record = send(canned, sample)
    assert isinstance(record, Failure)
    assert record.retry_after_s is not None
    assert record.retry_after_s > 86_400


@pytest.mark.parametrize("value", ["-5", "nan", "inf", "1e999", "soon", "Wed, 99 Oct 2065 07:28:00 GMT", ""])
def test_a_wait_that_is_none_is_left_to_ours(send: Send, canned: Canned, sample: Sample, value: str) -> None:
    canned.status = 429
    canned.headers = (("Retry-After", value),)
    record = send(canned, sample)
    assert isinstance(record, Failure)
    assert record.retry_after_s is None


@pytest.mark.parametrize("headers", [("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked")])
def test_an_answer_that_breaks_off_is_a_connection_failure(
    send: Send, canned: Canned, sample: Sample, headers: tuple[str, str]
) -> None:
    canned.body = b"no such encoding"
    canned.headers = (*canned.headers, headers)
    record = send(canned, sample)
    assert isinstance(record, Failure)
    assert record.kind is FailureKind.CONNECTION
    assert record.message


WORDS = ["", "plain", 'a "quoted"\n\ttext\\', "größe 中文 😀", "\x00\x1f\u2028", "عربى"]


@pytest.mark.parametrize("words", WORDS)
def test_both_transports_send_the_same_request(canned: Canned, sample: Sample, words: str) -> None:
    canned.body = completion(content="{}")
    for make in TRANSPORTS:
        send_by(make, canned, sample, system=words, key="k", prompt=words)
    (one, first), (other, second) = canned.received
    assert first == second
    for headers in (one, other):
        known = {name.lower(): value for name, value in headers.items()}
        assert (known["authorization"], known["content-type"]) == ("Bearer k", "application/json")


ODD_BODIES = [
    completion(content='{"a": 1}', reasoning="so"),
    completion(content=None, reasoning_content=None, reasoning="then"),
    completion(content="x").replace(b'"x"', rb'"\ud800 lone"'),
    completion(content="x").replace(b'"stop"', b"7"),
    completion(content="x").replace(b'"c1"', b"null"),
    completion(content="x").replace(b'"usage"', b'"other"'),
    completion(content="x").replace(b'"prompt_tokens": 5', b'"prompt_tokens": NaN'),
    completion(content="x").replace(b'"usage": {', b'"usage": {"completion_tokens_details": {"reasoning_tokens": 3}, '),
    completion(content="x").replace(b'"usage": {', b'"usage": {"completion_tokens_details": [], '),
    completion(content=["x"]),
    completion(content="x").decode().encode("utf-16"),
    b'{"choices": [{"message": null}]}',
    b'{"choices": null}',
    b'{"message": "busy"}',
    b'"text"',
    b"17",
]


def comparable(record: Record) -> Record:
    """A record without its timing, and a failure without its words."""
    record = replace(record, timing=Timing(0.0, 0.0))
    return replace(record, message="") if isinstance(record, Failure) else record


@pytest.mark.parametrize("status", [200, 201, 400, 502])
@pytest.mark.parametrize("body", ODD_BODIES)
def test_both_transports_read_the_same(canned: Canned, sample: Sample, body: bytes, status: int) -> None:
    canned.body, canned.status = body, status
    first, second = (comparable(send_by(make, canned, sample)) for make in TRANSPORTS)
    assert first == second


def test_a_key_in_netrc_does_not_stand_in_the_place_of_ours(
    canned: Canned, sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    canned.body = completion(content="{}")
    send_by(HttpTransport, canned, sample, key="ours")
    assert canned.received[0][0]["Authorization"] == "Bearer ours"


def test_the_proxy_of_the_environment_is_asked_unless_the_host_is_excepted(
    canned: Canned, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{canned.server_port}")
    monkeypatch.setenv("no_proxy", "excepted.invalid")
    canned.body = completion(content="{}")
    request = Request(sample.id, 0, "m", "Hello", "", (), Generation())

    async def once(url: str) -> Record:
        transport = HttpTransport(Endpoint(url))
        try:
            return await transport.send(request, 60)
        finally:
            await transport.close()

    assert isinstance(asyncio.run(once("http://somewhere.invalid/v1")), Response)
    record = asyncio.run(once("http://excepted.invalid/v1"))
    assert isinstance(record, Failure)
    assert record.kind is FailureKind.CONNECTION
