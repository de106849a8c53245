"""Real parts for the tests: a small benchmark on disk, the product's own server, the product's own command."""

import contextlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import settings
from PIL import Image

import peakbench as package
from peakbench.benchmarks.benchmark import cache_folder
from peakbench.mock import MockServerSettings, build_models, run_in_thread
from peakbench.mock.serving import RunningMockServer

PROGRAM = str(Path(package.__file__).with_name("__main__.py"))

OUTSIDE = frozenset(
    {
        *("COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "PY_COLORS", "TTY_COMPATIBLE", "TTY_INTERACTIVE"),
        *("GITHUB_ACTIONS", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
        *("HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE"),
    }
)
"""Variables that change what is printed or where requests go; whoever runs the tests may have set them."""

FIELDS = """
fields:
  type: {type: categorical, weight: 2.5}
  color: {type: categorical}
  size: {type: size, weight: 1.5}
"""


def write_benchmark(folder: Path, n: int, extra: str = "") -> Path:
    """Write a benchmark of n tiny pictures; half of the references are null in every field."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rows = []
    for index in range(n):
        colour = (index % 256, (index // 256) % 256, 90)
        Image.new("RGB", (8, 8), colour).save(folder / "images" / f"{index}.png")
        known = {"type": "shirt", "color": "red", "size": "M"} if index % 2 else {"type": None}
        rows.append({"id": f"s{index:04d}", "image": f"images/{index}.png", "reference": known})
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    path = folder / "benchmark.yaml"
    path.write_text(
        "schema_version: 1\nid: tiny\nversion: 1\ntask: extraction\ndata: {path: data.jsonl}\n"
        f"prompt: Answer with one JSON object.\n{FIELDS}{extra}"
    )
    return path


@pytest.fixture
def tiny(tmp_path: Path) -> Callable[..., Path]:
    """Makes a tiny benchmark under the test's folder and gives its file."""
    return lambda n=6, extra="", name="bench": write_benchmark(tmp_path / name, n, extra)


@pytest.fixture(scope="session")
def server() -> Iterator[RunningMockServer]:
    """The product's server with the model that answers null, without faults."""
    with run_in_thread(build_models(["constant-null"]), MockServerSettings()) as running:
        yield running


def pytest_configure(config: pytest.Config) -> None:
    """Tests neither read nor fill the person's cache, from the first import on; only weights are shared with it."""
    settings.register_profile("peakbench", deadline=None)  # how fast a machine is just now is nothing to test
    settings.load_profile("peakbench")
    for name in [name for name in os.environ if name.upper() in OUTSIDE]:
        del os.environ[name]
    os.environ["COLUMNS"] = "80"  # else tables are as wide as the terminal that pytest was started in
    os.environ.setdefault("PEAKBENCH_TEST_WEIGHTS", str(cache_folder()))  # workers inherit the folder below
    own = tempfile.mkdtemp(prefix="peakbench-tests-")
    os.environ["PEAKBENCH_CACHE"] = own
    config.add_cleanup(lambda: shutil.rmtree(own, ignore_errors=True))


@pytest.fixture(scope="session", autouse=True)
def _no_key() -> Iterator[None]:
    """No test asks a real server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("OPENAI_API_KEY", raising=False)
        yield


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small random sentence encoder."""
    pytest.importorskip("sentence_transformers", reason="the extra `semantic` is not installed")
    from tiny_models import make_encoder

    return make_encoder(tmp_path_factory.mktemp("models") / "tiny-encoder")


@pytest.fixture(scope="session")
def tiny_inference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small random model of natural-language inference."""
    pytest.importorskip("transformers", reason="the extra `semantic` is not installed")
    from tiny_models import make_inference

    return make_inference(tmp_path_factory.mktemp("models") / "tiny-inference")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every way out of this process fails loudly."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("something reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def peakbench(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the product's command in the test's folder, from `main` to the exit code, in this process.

    It sees its own words, folder, environment and streams. To start an interpreter and import what a command needs
    takes twenty times as long as the command; where the process is the point, a test takes `peakbench_process`.
    """

    def run(*words: object, cwd: Path = tmp_path, **environment: str) -> subprocess.CompletedProcess[str]:
        return run_in_this_process(command(*words), cwd, environment)

    return run


@pytest.fixture
def peakbench_process(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the product's command in the test's folder, as a process of its own."""

    def run(
        *words: object, cwd: Path = tmp_path, timeout: float = 600, prefix: tuple[str, ...] = (), **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*prefix, *command(*words)],
            cwd=cwd,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


def run_in_this_process(line: list[str], cwd: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What a process of that command line would say and end with; afterwards this one is as it was before."""
    from peakbench.cli import main

    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)]
    handler = signal.getsignal(signal.SIGTERM)
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(streams[0]),
        contextlib.redirect_stderr(streams[1]),
    ):
        patch.setattr(sys, "argv", [PROGRAM, *line[3:]])
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            main()
            code: object = 0
        except SystemExit as end:
            code = end.code or 0
        finally:
            signal.signal(signal.SIGTERM, handler)
    assert isinstance(code, int), code
    out, err = (stream.buffer.getvalue().decode() for stream in streams)
    return subprocess.CompletedProcess(line, code, out, err)


def command(*words: object) -> list[str]:
    """The product's command line, run by this interpreter."""
    return [sys.executable, "-m", "peakbench", *map(str, words)]
