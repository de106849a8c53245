"""A server that speaks just enough of the API, and misbehaves as it is told. Run by its path; it starts in no time."""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--name", default="evil")
    parser.add_argument("--tag", required=True, help="by which a test finds every process of this server")
    parser.add_argument("--never-ready", action="store_true")
    parser.add_argument("--slow-start", type=float, default=0.0)
    parser.add_argument("--says", default="", help="written to stderr, then it ends with 1")
    parser.add_argument("--die-after", type=int, default=0, help="answers")
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--ignore-term", action="store_true")
    parser.add_argument("--escaping-children", action="store_true", help="in sessions of their own, orphaned, deaf")
    parser.add_argument("--dump-environment", default="")
    parser.add_argument("--child", action="store_true")
    given = parser.parse_args()
    if given.ignore_term or given.child:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: os.write(2, b"I am deaf\n"))
    if given.child:
        time.sleep(600)
    if given.dump_environment:
        with open(given.dump_environment, "w", encoding="utf-8") as file:  # noqa: PTH123
            json.dump(dict(os.environ), file)
    if given.escaping_children:
        escape(given.tag)
    if given.says:
        sys.stderr.write(given.says + "\n")
        sys.exit(1)
    time.sleep(given.slow_start)
    serve(given)


def escape(tag: str) -> None:
    """Begin a child in a session of its own, with nothing in its environment, and a grandchild that is an orphan."""
    line = [sys.executable, "-I", "-S", __file__, "--port", "0", "--tag", tag, "--child"]
    subprocess.Popen(line, start_new_session=True, env={})
    between = "import subprocess, sys; subprocess.Popen(sys.argv[1:], start_new_session=True, env={})"
    subprocess.run([sys.executable, "-I", "-S", "-c", between, *line], check=True)


def serve(given: argparse.Namespace) -> None:
    answered = 0
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/health":
                self.reply(503 if given.never_ready else 200, {})
            elif self.path == "/version":
                self.reply(200, {"version": "6.6.6"})
            elif self.path == "/v1/models":
                self.reply(200, {"object": "list", "data": [{"id": given.name, "object": "model"}]})
            elif self.path == "/metrics":
                text = f'# TYPE evil:answers_total counter\nevil:answers_total{{model="x"}} {answered}\n'
                self.reply(200, text)
            else:
                self.reply(404, {})

        def do_POST(self) -> None:
            nonlocal answered
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(given.latency)
            with lock:
                answered += 1
                if given.die_after and answered > given.die_after:
                    sys.stderr.write("RuntimeError: CUDA out of memory. Tried to allocate 6.66 GiB\n")
                    sys.stderr.flush()
                    os._exit(66)
            message = {"role": "assistant", "content": '{"type": null, "color": null, "size": null}'}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            self.reply(200, {"id": "x", "object": "chat.completion", "choices": [choice]})

        def reply(self, status: int, body: Any) -> None:
            content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Type", "text/plain" if isinstance(body, str) else "application/json")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *words: Any) -> None:
            pass

    ThreadingHTTPServer(("127.0.0.1", given.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
