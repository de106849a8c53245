"""A small trained model, served by the real vLLM on this machine's CPU; and what a test needs around it."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from garment_photos import SERVE_ENVIRONMENT, STRUCTURED_OUTPUTS, checkpoint_folder

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("tiny-garment", "tiny-garment-held")
READY_S = 400
STOP_S = 60


def serve_command() -> Path:
    """`vllm` of the serving environment; without one, the test is skipped."""
    folder = Path(os.environ.get("PEAKBENCH_SERVE_VENV", ROOT / ".venv-serve"))
    program = folder / "bin" / "vllm"
    if not program.is_file():
        pytest.skip(f"no vLLM in {folder.name}: `make serve-env` makes one; PEAKBENCH_SERVE_VENV names another folder")
    return program


def trained_model() -> Path:
    """The folder of a small trained model; without one, the test is skipped."""
    if "PEAKBENCH_SHARED" not in os.environ:
        pytest.skip("PEAKBENCH_SHARED names no folder of shared data")
    folder = checkpoint_folder("final")
    if not (folder / "config.json").is_file():
        pytest.skip("the shared data holds no trained model")
    return folder


@contextmanager
def served(program: Path, model: Path, log: Path, media: Path) -> Iterator[str]:
    """Serve a model under both names; gives the server's URL, and ends every process of it afterwards.

    Args:
        program: `vllm`.
        model: The model's folder.
        log: Where the server's log is written to.
        media: The folder whose files the server may read when a request names their place.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(program), "serve", str(model), "--host", "127.0.0.1", "--port", str(port), "--served-model-name", *NAMES,
        "--max-model-len", "2048", "--max-num-seqs", "16", "--enforce-eager",
        "--limit-mm-per-prompt", '{"image": 4, "video": 0}',
        "--structured-outputs-config", json.dumps(STRUCTURED_OUTPUTS),
        "--allowed-local-media-path", str(media),
    ]  # fmt: skip
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            env={**os.environ, **SERVE_ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as server,
    ):
        try:
            url = f"http://127.0.0.1:{port}"
            _await(f"{url}/health", server, log)
            yield url
        finally:
            _end(server)


def _await(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        assert server.poll() is None, _ending(log)
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise AssertionError(f"vLLM is not ready after {READY_S} s\n{_ending(log)}")


def _ending(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-30:])


def _end(server: "subprocess.Popen[bytes]") -> None:
    """Ask the server to end, and make sure that it and its children have."""
    deadline = time.monotonic() + STOP_S
    if server.poll() is None:
        server.terminate()
    while (left := members(server.pid)) and time.monotonic() < deadline:
        server.poll()  # a child that ended and was not waited for would count
        time.sleep(0.1)
    for process in left:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    server.wait(timeout=STOP_S)


def members(session: int) -> list[int]:
    """The processes of a session that have not ended."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = status.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        if int(words[3]) == session and words[0] != "Z":
            found.append(int(status.parent.name))
    return found
