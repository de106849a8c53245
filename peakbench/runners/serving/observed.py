"""What is seen of a server from beside it: is it healthy, what it has counted, and the GPUs it may use."""

import http.client
import shutil
import subprocess
from collections.abc import Mapping

_TIMEOUT_S = 2.0
_GPU_TIMEOUT_S = 15.0
_MAX_BYTES = 8 * 2**20
_MOST_COUNTERS = 64


def get(host: str, port: int, path: str) -> tuple[int, str] | None:
    """Status and text of a page; None when nothing answers. No proxy is asked: the server is on this machine."""
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(_MAX_BYTES).decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def counters(host: str, port: int) -> dict[str, float] | None:
    """What the server has counted so far, by its `/metrics`; None when it has none."""
    answer = get(host, port, "/metrics")
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
