"""What the tests of serving share: servers that misbehave, and a look for what is left of them."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

EVIL = Path(__file__).with_name("evil_server.py")
TOKEN = "TOKEN_OF_TEST"
"""Variable of the environment that a launcher inherits; its command line says nothing of its server."""


def evil_command(token: str, *words: str) -> list[str]:
    """The words of `serve.command` for a server that misbehaves as the words say."""
    line = [sys.executable, "-I", "-S", str(EVIL), "--port", "{port}", "--name", "{name}", "--tag", token]
    return [*line, *words]


def servers_with(token: str) -> set[int]:
    """Those of `processes_with` that are no launcher."""
    return {pid for pid in processes_with(token) if not _is_launcher(pid)}


def processes_with(token: str) -> set[int]:
    """Living processes of whose command line a word is one, and launchers in whose environment it is.

    They are looked for without the product's code.
    """
    found = set()
    for pid in (int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()):
        variable = f"{TOKEN}={token}".encode()
        if token.encode() in _words(pid) or (_is_launcher(pid) and variable in _words(pid, "environ")):
            found.add(pid)
    return found


def _is_launcher(pid: int) -> bool:
    return b"server-launcher of process" in _words(pid)[0]


def _words(pid: int, file: str = "cmdline") -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/{file}").read_bytes().split(b"\0")
    except OSError:
        return [b""]


def await_true(what: Callable[[], object], limit_s: float = 300.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.02)
