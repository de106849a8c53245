"""What is seen of a server from beside it: is it healthy, what it has counted, and the GPUs it may use."""

import http.client
import shutil
import socket
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress

_TIMEOUT_S = 2.0
_DEADLINE_S = 5.0
_GPU_TIMEOUT_S = 15.0
_MAX_BYTES = 8 * 2**20
_MAX_HEALTH_BYTES = 2**16
_MOST_COUNTERS = 64


def status(host: str, port: int, path: str) -> int | None:
    """The HTTP status of a page; None when nothing answers."""
    answer = _get(host, port, path, _MAX_HEALTH_BYTES)
    return answer and answer[0]


def _get(host: str, port: int, path: str, n_bytes: int) -> tuple[int, str] | None:
    """Status and beginning of a page; None when it is not there in time, however slowly it comes.

    No proxy is asked: the server is on this machine.
    """
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    late = threading.Event()

    def cut() -> None:
        late.set()
        with suppress(OSError, AttributeError):  # it may not be connected yet, or no longer
            connection.sock.shutdown(socket.SHUT_RDWR)

    deadline = threading.Timer(_DEADLINE_S, cut)  # the socket's own timeout is of each byte
    deadline.daemon = True
    deadline.start()
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read(n_bytes).decode(errors="replace")
        return None if late.is_set() else (answer.status, text)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        deadline.cancel()
        connection.close()


def counters(host: str, port: int) -> dict[str, float] | None:
    """What the server has counted so far, by its `/metrics`; None when it has none."""
    answer = _get(host, port, "/metrics", _MAX_BYTES)
    return parse_counters(answer[1]) if answer and answer[0] == 200 else None


def parse_counters(text: str) -> dict[str, float]:
    """The counters of a page in Prometheus' text format: name to value, summed over labels.

    Gauges and histograms are left out, as are the counters of the Python process.
    """
    kinds: dict[str, str] = {}
    found: dict[str, float] = {}
    for line in text.splitlines():
        words = line.split()
        if line.startswith("# TYPE ") and len(words) >= 4:
            kinds[words[2]] = words[3]
        if line.startswith("#") or not words:
            continue
        name = words[0].partition("{")[0]
        kind = kinds.get(name, kinds.get(name.removesuffix("_total")))
        if kind != "counter" or name.startswith(("python_", "process_")) or name.endswith("_created"):
            continue
        try:
            value = float(line.rpartition("}")[2].split()[0] if "}" in line else words[1])
        except (ValueError, IndexError):
            continue
        if value == value and abs(value) != float("inf"):
            found[name] = found.get(name, 0.0) + value
    return found


def counted(before: Mapping[str, float] | None, after: Mapping[str, float] | None) -> dict[str, float] | None:
    """What was counted between two looks: the counters that rose; None when there was nothing to look at."""
    if before is None or after is None:
        return None
    rose = {name: value - before.get(name, 0.0) for name, value in after.items()}
    return dict(sorted((name, value) for name, value in rose.items() if value > 0)[:_MOST_COUNTERS])


def gpus() -> tuple[list[str], str] | None:
    """Names of the GPUs of this machine and their driver's version, as `nvidia-smi` tells; None when it does not."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, "--query-gpu=name,driver_version", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=_GPU_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    rows = [[cell.strip() for cell in line.rsplit(",", 1)] for line in done.stdout.splitlines() if "," in line]
    return ([name for name, _ in rows], rows[0][1]) if rows else None
