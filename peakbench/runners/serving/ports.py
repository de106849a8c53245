"""Ports of this machine: is one free, which one is, and whose server listens there."""

import errno
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from peakbench.errors import InfrastructureError

_LISTENING = "0A"


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that listens at a port.

    Attributes:
        pid: Its process; None when that is another person's, and cannot be seen.
        name: The command of that process, or `another process`.
    """

    pid: int | None
    name: str


def free_port(host: str) -> int:
    """A port that nobody listens at. Somebody else may take it the next moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(host: str, port: int) -> bool:
    """Whether one could listen at a port now."""
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as servers do; else old connections are in the way
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def require_free(host: str, port: int) -> None:
    """Refuse a port that is taken, before anything is started.

    Raises:
        InfrastructureError: Naming the process, where it can be seen.
    """
    if is_free(host, port):
        return
    found = listeners(port)
    whom = ", ".join(sorted({holder(one) for one in found})) or "another process, or it needs rights that are not yours"
    raise InfrastructureError(
        f"port {port} is in use (by {whom})",
        mend="end that process, give another `port`, or leave `port` out: a free one is taken",
    )


def wait_until_released(host: str, port: int, timeout_s: float) -> bool:
    """Wait until one could listen at a port again, or another process does; false when the time is up."""
    deadline = time.monotonic() + timeout_s
    while not is_free(host, port) and not any(one.pid for one in listeners(port)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def holder(listener: Listener) -> str:
    """A listener in words."""
    return listener.name if listener.pid is None else f"{listener.name}, process {listener.pid}"


def listeners(port: int) -> list[Listener]:
    """The sockets that listen at a port, at any address; empty where the kernel does not tell."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            if words[3] == _LISTENING and int(words[1].rpartition(":")[2], 16) == port:
                inodes.add(words[9])
    if not inodes:
        return []
    owners: dict[str, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208  # names alone are wanted
        if not name.isdigit():
            continue
        try:
            handles = list(Path("/proc", name, "fd").iterdir())
        except OSError:
            continue
        for handle in handles:
            try:
                target = str(handle.readlink())
            except OSError:
                continue
            if target.startswith("socket:[") and target[8:-1] in inodes:
                owners.setdefault(target[8:-1], []).append(int(name))
    return [Listener(pid, _command(pid)) for inode in inodes for pid in owners.get(inode, ())] + [
        Listener(None, "another process") for inode in inodes - owners.keys()
    ]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "another process"
