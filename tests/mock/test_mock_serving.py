import os
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

from peakbench.mock import ConstantModel, MockServerSettings, run_in_thread, serve_forever

ROOT = Path(__file__).parents[2]

SERVE = """
from peakbench.mock import MockServerSettings, build_models, serve_forever
serve_forever(build_models(["constant-null"]), MockServerSettings(), lambda url: print(url, flush=True))
print("ended", flush=True)
"""

IMPORT = """
import sys
import peakbench.mock
heavy = {"aiohttp", "matplotlib", "numpy", "openai", "pandas", "PIL", "pyarrow", "scipy"}
print(sorted(heavy & set(sys.modules)))
"""


def python(code: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_cleanly(number: signal.Signals) -> None:
    with python(SERVE) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        with urllib.request.urlopen(f"{url}/models", timeout=300) as response:
            assert response.status == 200
        server.send_signal(number)
        output, errors = server.communicate(timeout=300)
    assert (output, errors, server.returncode) == ("ended\n", "", 0)


def test_importing_the_package_loads_nothing_heavy() -> None:
    with python(IMPORT) as process:
        output, errors = process.communicate(timeout=300)
    assert (output, errors) == ("[]\n", "")


def test_an_error_while_getting_ready_stops_the_server() -> None:
    def refuse(url: str) -> None:
        raise ValueError(url)

    with pytest.raises(ValueError, match="http://127"):
        serve_forever([ConstantModel()], MockServerSettings(), refuse)


def test_no_thread_is_left_when_the_block_ends() -> None:
    before = set(threading.enumerate())
    with run_in_thread([ConstantModel()]) as server:
        assert set(threading.enumerate()) - before
        server.stop()
        server.stop()
    assert not set(threading.enumerate()) - before  # one of another test may have ended meanwhile


def test_an_error_in_the_block_stops_the_server_and_is_raised() -> None:
    before = set(threading.enumerate())
    with pytest.raises(KeyError), run_in_thread([ConstantModel()]):
        raise KeyError
    assert not set(threading.enumerate()) - before


def test_a_wildcard_host_is_reachable_under_its_url() -> None:
    with run_in_thread([ConstantModel()], MockServerSettings(host="0.0.0.0")) as server:
        assert server.base_url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{server.base_url}/models", timeout=300) as response:
            assert response.status == 200
