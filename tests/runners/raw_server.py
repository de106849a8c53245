"""A server of raw bytes: what no HTTP library would send, and how its connections end."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

Answer = bytes | Callable[[socket.socket], None]
"""The bytes of an answer, or what is done with the connection in its place."""


class RawServer:
    """Answers one request after the other from a list; the last answer is given again and again.

    Attributes:
        answers: What is still to be answered.
        keeps: Whether a connection stays open after an answer.
        case: Stands in every request that is meant; one without it came late, from a client that has given up, and
            gets no answer.
        n_requests: Requests that came whole.
        n_ending: Connections that end with the answer that was given, and that the client still holds.
    """

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.keeps = False
        self.case = ""
        self.n_requests = 0
        self.n_ending = 0
        self._counting = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}/v1"

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self._connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def stop_accepting(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def end(self) -> None:
        """End the connections; none is accepted any more."""
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while (body := read_request(connection)) is not None:
                if self.case.encode() not in body:
                    return
                self.n_requests += 1
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if not isinstance(answer, bytes):
                    answer(connection)
                    return
                if not self.keeps:
                    self._end_with(connection, answer)
                    return
                connection.sendall(answer)

    def _end_with(self, connection: socket.socket, answer: bytes) -> None:
        with self._counting:
            self.n_ending += 1
        try:
            connection.sendall(answer)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):
                pass
        finally:
            with self._counting:
                self.n_ending -= 1


def read_request(connection: socket.socket) -> bytes | None:
    """The body of one request, empty where it has none; None when the client has gone."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(65_536)
        if not part:
            return None
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = sum(int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:"))
    while len(body) < length:
        body += connection.recv(65_536)
    return body


@contextmanager
def raw_server() -> Iterator[RawServer]:
    server = RawServer()
    thread = threading.Thread(target=server.accept)
    thread.start()
    try:
        yield server
    finally:
        server.stop_accepting()
        thread.join()
        server.end()


def completion(content: str = '"x"', **changes: Any) -> bytes:
    """The body of a completion whose content is that JSON, with other keys than the usual."""
    body = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "@"}}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
        **changes,
    }
    return json.dumps(body).replace('"@"', content).encode()


def message(**keys: Any) -> bytes:
    """The body of a completion with that message."""
    return completion(choices=[{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **keys}}])


def http(
    body: bytes = b"",
    status: str = "200 OK",
    content_type: str | None = "application/json",
    headers: str = "",
    length: object = None,
    version: str = "HTTP/1.1",
) -> bytes:
    """An answer; its length is the body's unless told otherwise, and left out when it is `no`."""
    head = f"{version} {status}\r\n"
    if content_type is not None:
        head += f"Content-Type: {content_type}\r\n"
    if length != "no":
        head += f"Content-Length: {len(body) if length is None else length}\r\n"
    return f"{head}{headers}\r\n".encode("latin-1") + body


def chunked(*parts: bytes, trailer: bytes = b"", last: bytes = b"0\r\n\r\n") -> bytes:
    """An answer in chunks."""
    framed = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return http(length="no", headers="Transfer-Encoding: chunked\r\n") + framed + last[:-2] + trailer + last[-2:]
