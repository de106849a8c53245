"""A server that lists no models: one request tells whether it has the one that is asked."""

import json
import subprocess
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from small_servers import QuietHandler, serving

Tiny = Callable[..., Path]
Command = Callable[..., subprocess.CompletedProcess[str]]


class LazyServer(ThreadingHTTPServer):
    """Lists no models, answers under the name `here`, and breaks at any other, as `transformers serve` does.

    Attributes:
        listed: What its list of models holds.
        asked: The bodies of all requests.
        statuses: Of the answers to come; when there are none left, it is as the name tells.
    """

    listed: list[dict[str, Any]]
    asked: list[dict[str, Any]]
    statuses: list[int]


class _Handler(QuietHandler):
    server: LazyServer

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            self.answer(200, {"object": "list", "data": self.server.listed})
        else:
            self.answer(404, {"detail": "Not Found"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        status = self.server.statuses.pop(0) if self.server.statuses else 200 if body["model"] == "here" else 500
        message = {"role": "assistant", "content": '{"type": null}'}
        answer = {"choices": [{"index": 0, "finish_reason": "stop", "message": message}]}
        self.answer(status, answer if status == 200 else {"detail": "Internal Server Error"})


@pytest.fixture
def lazy() -> Iterator[LazyServer]:
    with serving(LazyServer(("127.0.0.1", 0), _Handler)) as running:
        running.listed, running.asked, running.statuses = [], [], []
        yield running


def url_of(server: LazyServer) -> str:
    return f"http://127.0.0.1:{server.server_port}/v1"


@pytest.mark.parametrize(("status", "kind"), [(500, "server_error"), (400, "bad_request")])
def test_a_model_that_such_a_server_cannot_load_stops_the_run_at_once(
    lazy: LazyServer, tiny: Tiny, peakbench: Command, status: int, kind: str
) -> None:
    lazy.statuses = [status] * 100
    done = peakbench("run", tiny(), "--model", "elsewhere", "--base-url", url_of(lazy))
    assert done.returncode == 5, done.stderr
    assert "lists no models, and a first request for `elsewhere` failed" in done.stderr
    assert kind in done.stderr
    assert len(lazy.asked) == 1


def test_a_model_that_it_has_is_asked_with_one_request_more_without_images_and_for_one_token(
    lazy: LazyServer, tiny: Tiny, peakbench: Command
) -> None:
    benchmark = tiny(6, 'generation: {max_tokens: 40, stop: ["###"]}\n')
    done = peakbench("run", benchmark, "--model", "here", "--base-url", url_of(lazy))
    assert done.returncode == 0, done.stderr
    first, *others = lazy.asked
    assert len(others) == 6
    assert (first["max_tokens"], first["stop"]) == (1, ["###"])
    assert [part["type"] for part in first["messages"][0]["content"]] == ["text"]
    assert {body["max_tokens"] for body in others} == {40}


def test_a_server_that_lists_its_model_is_asked_nothing_more(lazy: LazyServer, tiny: Tiny, peakbench: Command) -> None:
    lazy.listed = [{"id": "here"}]
    done = peakbench("run", tiny(), "--model", "here", "--base-url", url_of(lazy))
    assert done.returncode == 0, done.stderr
    assert len(lazy.asked) == 6


def test_a_server_that_asks_to_wait_is_left_to_the_run(lazy: LazyServer, tiny: Tiny, peakbench: Command) -> None:
    lazy.statuses = [429]
    done = peakbench("run", tiny(), "--model", "here", "--base-url", url_of(lazy))
    assert done.returncode == 0, done.stderr
    assert len(lazy.asked) == 7
