"""A server, or a proxy before it, that repeats what it is sent: no secret reaches a file or the screen."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

KEY, COOKIE, TEAM, WORD = "key-0123456789-abcdef", "sid=cookie-987654", "team-abcdef-42", "application/json"
USAGE = {"prompt_tokens": 9, "completion_tokens": 7, "completion_tokens_details": {"reasoning_tokens": 5}}
SECRETS = (KEY, COOKIE)


class Repeating(ThreadingHTTPServer):
    """Repeats the headers of a request wherever an answer has room for words.

    Attributes:
        how: `answers`, `redirects` chats, `redirects all`, or serves `another` model.
    """

    how = "answers"


class _Handler(BaseHTTPRequestHandler):
    server: Repeating

    def log_message(self, *_: object) -> None:
        pass

    def _send(self, status: int, body: dict[str, Any], said: str, kind: str = "application/json") -> None:
        content = json.dumps(body).encode()
        if kind != "application/json":
            content = f"data: {content.decode()}\n\ndata: [DONE]\n\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Request-Id", said)
        self.send_header("Location", f"http://elsewhere.invalid/?{said}")
        self.end_headers()
        self.wfile.write(content)

    @property
    def _said(self) -> str:
        return " ".join(
            f"{name}={self.headers[name]}" for name in ("Authorization", "Cookie", "X-Team", "Accept-Words")
        )

    def do_GET(self) -> None:
        said = self._said
        if self.server.how == "redirects all":
            self._send(302, {}, said)
        elif self.path == "/version":
            self._send(200, {"version": said}, said)
        else:
            name = said if self.server.how == "another" else "m"
            self._send(200, {"data": [{"id": name, "root": said, "parent": said, "owned_by": said}]}, said)

    def do_POST(self) -> None:
        asked, said = json.loads(self.rfile.read(int(self.headers["Content-Length"]))), self._said
        if self.server.how == "redirects":
            self._send(308, {}, said)
            return
        streamed = asked.get("stream", False)
        message = {"role": "assistant", "content": json.dumps({"type": said}), "reasoning_content": said}
        choice = {"index": 0, "delta" if streamed else "message": message, "finish_reason": said}
        if asked.get("logprobs"):
            choice["logprobs"] = {"content": [{"token": said, "logprob": -1.0, "top_logprobs": []}]}
        body = {"id": said, "system_fingerprint": said, "choices": [choice], "usage": USAGE}
        self._send(200, body, said, "text/event-stream" if streamed else "application/json")


@pytest.fixture
def repeating() -> Iterator[Repeating]:
    with Repeating(("127.0.0.1", 0), _Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


Run = Callable[..., CompletedProcess[str]]


def run(peakbench: Run, benchmark: Path, server: Repeating, *more: object) -> CompletedProcess[str]:
    given: list[object] = ["--header", "Cookie: ${PB_COOKIE}", "--header", f"X-Team: {TEAM}"]
    given += ["--header", f"Accept-Words: {WORD}", "--max-retries", 0, *more]
    url = f"http://127.0.0.1:{server.server_port}"
    keys = {"OPENAI_API_KEY": KEY, "PB_COOKIE": COOKIE}
    return peakbench("run", benchmark, "--model", "m", "--base-url", url, *given, **keys)


def everything_written(folder: Path) -> dict[str, str]:
    """What lies in the files of one name, all folders together."""
    written: dict[str, str] = {}
    for path in filter(Path.is_file, folder.rglob("*")):
        written[path.name] = written.get(path.name, "") + path.read_bytes().decode("utf-8", "replace")
    return written


@pytest.mark.parametrize("transport", ["http", "openai"])
@pytest.mark.parametrize("more", [["--logprobs", 0], ["--stream", "--logprobs", 0]], ids=["whole", "streamed"])
def test_key_is_in_no_file_whatever_a_server_answers(
    peakbench: Run, tiny: Callable[..., Path], repeating: Repeating, tmp_path: Path, transport: str, more: list[object]
) -> None:
    done = run(peakbench, tiny(2), repeating, "--transport", transport, *more)
    assert done.returncode == 0, done.stderr
    files = everything_written(tmp_path / "runs")
    for name, text in (files | {"stdout": done.stdout, "stderr": done.stderr}).items():
        assert KEY not in text, name
        assert COOKIE not in text, name
    assert "[redacted]" in files["run.json"], "what the server says of itself"
    assert "[redacted]" in files["responses.jsonl"]
    assert WORD in files["responses.jsonl"], "a header of plain words takes none out of answers"
    assert '"total_reasoning_tokens": 10' in files["results.json"]


@pytest.mark.parametrize("transport", ["http", pytest.param("openai", marks=pytest.mark.slow)])
@pytest.mark.parametrize("how", ["redirects", "redirects all", "another"])
def test_no_message_shows_a_secret_that_a_server_repeats(
    peakbench: Run, tiny: Callable[..., Path], repeating: Repeating, tmp_path: Path, how: str, transport: str
) -> None:
    repeating.how = how
    done = run(peakbench, tiny(2), repeating, "--transport", transport)
    assert done.returncode == 5, done.stderr
    assert ("elsewhere.invalid" if "redirects" in how else "it serves") in done.stderr
    written = "".join(everything_written(tmp_path / "runs").values()) if (tmp_path / "runs").exists() else ""
    assert not [secret for secret in SECRETS if secret in done.stderr + done.stdout + written]
    assert how == "another" or TEAM not in done.stderr, "but a model may be called by such a word"


def test_short_keys_and_plain_headers_take_no_words_out_of_answers(
    peakbench: Run, tiny: Callable[..., Path], repeating: Repeating, tmp_path: Path
) -> None:
    url = f"http://127.0.0.1:{repeating.server_port}"
    words = ["--base-url", url, "--header", f"X-Team: {TEAM}"]
    done = peakbench("run", tiny(2), "--model", "m", *words, OPENAI_API_KEY="not-needed")
    assert done.returncode == 0, done.stderr
    files = everything_written(tmp_path / "runs")
    for name in ("responses.jsonl", "run.json"):
        assert "[redacted]" not in files[name]
        assert "not-needed" in files[name], "it is what the server said"


def test_header_of_a_variable_that_is_not_set_is_refused(
    peakbench: Run, tiny: Callable[..., Path], repeating: Repeating
) -> None:
    done = run(peakbench, tiny(2), repeating, "--header", "X-More: ${PB_NOT_SET}")
    assert done.returncode == 2
    assert "the environment variable PB_NOT_SET is not set" in done.stderr
