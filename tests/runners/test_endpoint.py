"""Endpoints: one form for every way to write a URL, and facts about what is served."""

import asyncio
import gzip
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import ThreadingHTTPServer

import pytest
from raw_server import http, raw_server
from small_servers import QuietHandler, serving

from peakbench.errors import BadInputError, InfrastructureError
from peakbench.mock.serving import RunningMockServer
from peakbench.runners import endpoint as endpoint_module
from peakbench.runners.endpoint import Endpoint, normalise_base_url, probe


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://host:8000", "http://host:8000/v1"),
        ("http://host:8000/", "http://host:8000/v1"),
        ("http://host:8000/v1", "http://host:8000/v1"),
        ("http://host:8000/v1/", "http://host:8000/v1"),
        ("host:8000", "http://host:8000/v1"),
        ("https://host/openai/v1/chat/completions", "https://host/openai/v1"),
        ("https://host/v1beta", "https://host/v1beta"),
        ("https://host/api/v3", "https://host/api/v3"),
        ("http://[::1]:8000", "http://[::1]:8000/v1"),
    ],
)
def test_every_way_to_write_a_url_becomes_one(given: str, expected: str) -> None:
    assert normalise_base_url(given) == expected
    assert normalise_base_url(expected) == expected


@pytest.mark.parametrize(
    "given", ["", "ftp://host", "http://", "http://a:b@host", "http://host/v1?key=x", "http://host:99999"]
)
def test_what_is_no_url_is_refused(given: str) -> None:
    with pytest.raises(BadInputError):
        normalise_base_url(given)


@pytest.mark.parametrize("url", ["http://me:s3cret@host:x", "ftp://me:s3cret@host", "host:99999?key=s3cret"])
def test_a_url_that_cannot_be_used_is_told_without_its_secrets(url: str) -> None:
    with pytest.raises(BadInputError) as refused:
        normalise_base_url(url)
    assert "s3cret" not in str(refused.value)
    assert "--base-url" in str(refused.value)


def test_the_password_of_a_proxy_is_told_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    with raw_server() as proxy:
        proxy.answers = [http(status="407 Proxy Authentication Required")]
        monkeypatch.setenv("https_proxy", proxy.base_url.replace("//", "//me:s3cret@").removesuffix("/v1"))
        monkeypatch.setenv("no_proxy", "")
        with pytest.raises(InfrastructureError, match="407") as refused:
            asyncio.run(probe(Endpoint("https://example.test/v1"), "m"))
    assert "s3cret" not in str(refused.value)


def test_the_server_tells_what_it_serves(server: RunningMockServer) -> None:
    facts = asyncio.run(probe(Endpoint(server.base_url), "constant-null"))
    assert facts.version
    assert facts.owned_by == "peakbench"
    assert facts.max_model_len


def test_a_key_is_not_shown_by_its_endpoint() -> None:
    assert "secret" not in repr(Endpoint("http://host/v1", "secret"))


class _Server(ThreadingHTTPServer):
    """Answers each path as it is told; a path it was not told about is left without an answer."""

    answers: dict[str, tuple[int, dict[str, str], bytes]]


class _Handler(QuietHandler):
    server: _Server

    def do_GET(self) -> None:
        if self.path not in self.server.answers:
            time.sleep(3)
            return
        status, headers, body = self.server.answers[self.path]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(ConnectionError):
            self.wfile.write(body)


@pytest.fixture
def odd() -> Iterator[tuple[Endpoint, dict[str, tuple[int, dict[str, str], bytes]]]]:
    with serving(_Server(("127.0.0.1", 0), _Handler)) as running:
        running.answers = {"/version": (404, {}, b"")}
        yield Endpoint(f"http://127.0.0.1:{running.server_port}/v1", "the-key"), running.answers


Odd = tuple[Endpoint, dict[str, tuple[int, dict[str, str], bytes]]]
MODELS = b'{"data": [{"id": "m", "owned_by": "o"}]}'


@pytest.mark.parametrize("version", [None, (200, {}, b"\xff"), (500, {}, b""), (200, {}, b"[" * 100_000)])
def test_a_server_whose_version_cannot_be_had_is_asked_all_the_same(
    odd: Odd, monkeypatch: pytest.MonkeyPatch, version: tuple[int, dict[str, str], bytes] | None
) -> None:
    monkeypatch.setattr(endpoint_module, "_VERSION_TIMEOUT_S", 0.5)
    endpoint, answers = odd
    del answers["/version"]
    answers["/v1/models"] = (200, {"Content-Type": "application/json"}, MODELS)
    if version:
        answers["/version"] = version
    assert asyncio.run(probe(endpoint, "m")).version is None


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, {}, b"[" * 100_000), "no OpenAI-compatible API"),
        ((200, {}, b"\xff\xfe"), "no OpenAI-compatible API"),
        ((200, {"Content-Type": "application/json; charset=klingon"}, b"[]"), "no OpenAI-compatible API"),
        ((200, {}, b'{"data": [' + b" " * 20_000_000 + b"]}"), "more than"),
        ((200, {"Content-Encoding": "gzip"}, gzip.compress(b" " * 200_000_000)), "more than"),
        ((200, {"Content-Encoding": "gzip"}, b"no gzip"), "no server answers"),
        ((307, {"Location": "http://elsewhere.example:8001/v1/models"}, b""), "elsewhere.example:8001/v1"),
        ((301, {}, b""), "301"),
        ((200, {"Content-Length": "999"}, b"{}"), "no server answers"),
        ((503, {}, b"<html>starting</html>"), "no server answers"),
    ],
)
def test_a_server_that_misbehaves_is_refused_in_clear_words(
    odd: Odd, answer: tuple[int, dict[str, str], bytes], said: str
) -> None:
    endpoint, answers = odd
    answers["/v1/models"] = answer
    with pytest.raises(InfrastructureError) as told:
        asyncio.run(probe(endpoint, "m"))
    assert said in told.value.message + told.value.mend
    assert "the-key" not in told.value.message + told.value.mend


def test_a_server_without_a_model_list_is_let_pass(odd: Odd) -> None:
    endpoint, answers = odd
    answers["/v1/models"] = (404, {}, b'{"detail": "Not Found"}')
    assert not asyncio.run(probe(endpoint, "m")).listed


def test_a_host_that_is_none_is_told() -> None:
    with pytest.raises((InfrastructureError, BadInputError)):
        asyncio.run(probe(Endpoint(normalise_base_url("http://" + "a" * 70 + ".example")), "m"))


def test_a_server_that_lists_no_model_is_asked_all_the_same(odd: Odd) -> None:
    """`transformers serve` loads any model when it is asked for, and lists only those of a cache."""
    endpoint, answers = odd
    answers["/v1/models"] = (200, {"Content-Type": "application/json"}, b'{"object": "list", "data": []}')
    assert not asyncio.run(probe(endpoint, "m")).listed
