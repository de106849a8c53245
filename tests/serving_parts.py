"""What the tests of serving share: servers that misbehave, and a look for what is left of them."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

EVIL = Path(__file__).with_name("evil_server.py")


def evil_command(token: str, *words: str) -> list[str]:
    """The words of `serve.command` for a server that misbehaves as the words say."""
    line = [sys.executable, "-I", "-S", str(EVIL), "--port", "{port}", "--name", "{name}", "--tag", token]
    return [*line, *words]


def servers_with(token: str) -> set[int]:
    """Those of `processes_with` that are no launcher."""
    return {pid for pid in processes_with(token) if b"launcher.py" not in _line(pid)}


def processes_with(token: str) -> set[int]:
    """Living processes, a launcher too, of whose command line a word is one; looked for without the product's code."""
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and token.encode() in _line(int(folder.name)).split(b"\0"):
            found.add(int(folder.name))
    return found


def _line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def await_true(what: Callable[[], object], limit_s: float = 300.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.02)
