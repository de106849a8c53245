"""Looking at a server from beside it: counters, GPUs, ports."""

import os
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakbench.errors import InfrastructureError
from peakbench.runners.serving import observed, ports

PAGE = """# HELP vllm:prompt_tokens_total Number of prefill tokens processed.
# TYPE vllm:prompt_tokens_total counter
vllm:prompt_tokens_total{engine="0",model_name="a b } c"} 96.0
vllm:prompt_tokens_total{engine="1",model_name="m"} 4.0 1700000000
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running 3.0
# TYPE vllm:request_success counter
vllm:request_success_total{finished_reason="stop"} 2.0
vllm:request_success_created{finished_reason="stop"} 1.7e+09
# TYPE vllm:e2e histogram
vllm:e2e_bucket{le="+Inf"} 7.0
vllm:e2e_count 7.0
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 5.0
# TYPE broken counter
broken
broken nan
broken words
"""


def test_counters_are_summed_over_labels_and_nothing_else_is_taken() -> None:
    assert observed.parse_counters(PAGE) == {"vllm:prompt_tokens_total": 100.0, "vllm:request_success_total": 2.0}


@given(st.text())
def test_any_page_can_be_read(page: str) -> None:
    observed.parse_counters(f"# TYPE a counter\n{page}")


def test_only_counters_that_rose_are_told() -> None:
    assert observed.counted({"a": 1.0, "b": 2.0}, {"a": 4.0, "b": 2.0, "c": 1.0}) == {"a": 3.0, "c": 1.0}
    assert observed.counted(None, {"a": 1.0}) is None
    assert observed.counted({"a": 1.0}, None) is None


def test_nothing_answers_at_a_closed_port() -> None:
    assert observed.status("127.0.0.1", ports.free_port("127.0.0.1"), "/health") is None


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"])
def test_a_page_that_comes_byte_by_byte_is_not_waited_for(begin: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observed, "_DEADLINE_S", 0.3)
    gone = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def trickle() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.sendall(begin)
                for _ in range(1000):
                    if gone.wait(0.02):
                        break
                    connection.sendall(b"x")

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            assert observed.status("127.0.0.1", server.getsockname()[1], "/health") is None
        finally:
            gone.set()
            thread.join()


@pytest.mark.parametrize(
    ("says", "found"),
    [
        ("NVIDIA H200, 570.1\\nNVIDIA H200, 570.1\\n", (["NVIDIA H200", "NVIDIA H200"], "570.1")),
        ("No devices were found\\n", None),
    ],
)
def test_gpus_are_what_nvidia_smi_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, found: tuple[list[str], str] | None
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\nprintf '{says}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert observed.gpus() == found


def test_without_gpus_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert observed.gpus() is None
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nexit 9\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    assert observed.gpus() is None


def test_a_port_in_use_is_told_with_its_holder() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not ports.is_free("127.0.0.1", port)
        assert [one.pid for one in ports.listeners(port)] == [os.getpid()]
        with pytest.raises(InfrastructureError, match=f"port {port} is in use .*process {os.getpid()}"):
            ports.require_free("127.0.0.1", port)
        assert ports.wait_until_released("127.0.0.1", port, 20), "another process has it"
    assert ports.wait_until_released("127.0.0.1", port, 20)
    assert ports.listeners(port) == []
    ports.require_free("127.0.0.1", port)
