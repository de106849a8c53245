"""A server as a tree of processes: whatever it does and whatever happens, nothing of it is left."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from serving_parts import EVIL, TOKEN, await_true, evil_command, processes_with, servers_with

from peakbench.errors import InfrastructureError
from peakbench.runners.serving.ports import free_port, is_free, listeners
from peakbench.runners.serving.process import MARK, ServerProcess

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="managed serving is for Linux")


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(TOKEN, made := uuid4().hex)
    return made


def begin(folder: Path, token: str, *words: str, stop_timeout_s: float = 20) -> tuple[ServerProcess, int]:
    port = free_port("127.0.0.1")
    line = [word.replace("{port}", str(port)).replace("{name}", "evil") for word in evil_command(token, *words)]
    return ServerProcess(line, dict(os.environ), folder / "log", stop_timeout_s), port


def test_a_server_that_ends_when_asked_is_not_killed(tmp_path: Path, token: str) -> None:
    process, port = begin(tmp_path, token)
    await_true(lambda: listeners(port))
    assert process.status() is None
    assert servers_with(token) == {process.pid}
    assert process.stop() == set()
    assert process.status() == -signal.SIGTERM
    assert not processes_with(token)
    assert is_free("127.0.0.1", port)
    assert process.stop() == set()


def test_children_that_fled_and_are_deaf_are_killed_with_a_deaf_server(tmp_path: Path, token: str) -> None:
    process, port = begin(tmp_path, token, "--ignore-term", "--escaping-children", stop_timeout_s=0.3)
    await_true(lambda: listeners(port) and len(servers_with(token)) == 3)
    assert process.family() == servers_with(token)
    assert process.stop() == set()
    assert not processes_with(token)
    assert process.status() == -signal.SIGKILL


def test_children_of_a_server_that_ended_by_itself_are_ended(tmp_path: Path, token: str) -> None:
    process, _ = begin(tmp_path, token, "--escaping-children", "--says", "goodbye", stop_timeout_s=0.3)
    await_true(lambda: process.status() is not None)
    assert process.status() == 1
    assert process.stop() == set()
    assert not processes_with(token)
    assert "goodbye" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_launcher_that_is_killed_leaves_nothing(tmp_path: Path, token: str, number: signal.Signals) -> None:
    process, port = begin(tmp_path, token, stop_timeout_s=0.5)
    await_true(lambda: listeners(port))
    os.kill(process._launcher.pid, number)
    await_true(lambda: process.status() is not None and not servers_with(token))
    assert process.stop() == set()
    assert not processes_with(token)


def test_what_is_left_of_a_killed_launcher_is_found_by_session_and_mark(tmp_path: Path, token: str) -> None:
    """The orphans that wiped their environment are out of reach then; those that kept it are not."""
    process, port = begin(tmp_path, token, "--ignore-term")
    await_true(lambda: listeners(port))
    line = [word.replace("{port}", "0") for word in evil_command(token, "--child")]
    marked = {**os.environ, MARK: process._mark}
    with subprocess.Popen(line, start_new_session=True, env=marked) as orphan:
        await_true(lambda: orphan.pid in servers_with(token))
        os.kill(process._launcher.pid, signal.SIGKILL)
        assert process.stop() == set()
        assert orphan.wait(60) == -signal.SIGKILL
    assert not processes_with(token)


def test_a_killed_parent_takes_the_whole_tree_along(tmp_path: Path, token: str) -> None:
    program = (
        "import os, sys, time; from pathlib import Path\n"
        "from peakbench.runners.serving.process import ServerProcess\n"
        "ServerProcess(sys.argv[2:], dict(os.environ), Path(sys.argv[1]), 0.3); print('begun', flush=True)\n"
        "time.sleep(600)"
    )
    line = [word.replace("{port}", str(free_port("127.0.0.1"))) for word in evil_command(token)]
    words = [sys.executable, "-c", program, str(tmp_path / "log"), *line, "--ignore-term", "--escaping-children"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as parent:
        try:
            assert parent.stdout is not None
            assert parent.stdout.readline() == b"begun\n"
            await_true(lambda: len(servers_with(token) - {parent.pid}) == 3)
        finally:
            parent.kill()
    await_true(lambda: not processes_with(token))


def test_a_launcher_cannot_be_told_from_its_command_line_so_that_a_kill_by_name_spares_it(
    tmp_path: Path, token: str
) -> None:
    """`pkill -9 -f peakbench` kills PeakBench at once; a launcher that it killed, too, would leave vLLM's engine."""
    process, port = begin(tmp_path, token, "--ignore-term", "--escaping-children", stop_timeout_s=0.3)
    await_true(lambda: listeners(port) and len(servers_with(token)) == 3)
    folder = Path(f"/proc/{process._launcher.pid}")
    line = (folder / "cmdline").read_bytes().rstrip(b"\0").decode()
    try:
        assert line == f"server-launcher of process {os.getpid()}"
        assert (folder / "comm").read_text() == "server-launcher\n"
        os.kill(process.pid, signal.SIGKILL)  # its name matched; those of its children did not
    finally:
        assert process.stop() == set()
    assert not processes_with(token)


def test_the_server_is_apart_from_the_terminal(tmp_path: Path, token: str) -> None:
    process, _ = begin(tmp_path, token)
    try:
        assert os.getsid(process.pid) == os.getpgid(process.pid) == process.pid
        assert str(Path(f"/proc/{process.pid}/fd/0").readlink()) == "/dev/null"
    finally:
        process.stop()


@pytest.mark.parametrize(
    ("word", "said"), [("no-such-command-at-all", "No such file"), (str(EVIL), "Permission denied")]
)
def test_what_cannot_be_started_is_told(tmp_path: Path, word: str, said: str) -> None:
    with pytest.raises(InfrastructureError, match=said):
        # A folder of the PATH that may not be read would be the one told of.
        ServerProcess([word], {**os.environ, "PATH": os.defpath}, tmp_path / "log", 1)


def test_a_log_that_cannot_be_written_is_told(tmp_path: Path, token: str) -> None:
    with pytest.raises(InfrastructureError, match="cannot write"):
        begin(tmp_path / "nowhere", token)


def test_a_ctrl_c_while_stopping_has_it_killed_at_once(tmp_path: Path, token: str) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from peakbench.runners.serving.process import ServerProcess\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "server = ServerProcess(sys.argv[2:], dict(os.environ), Path(sys.argv[1]), 500)\n"
        "print('begun', flush=True)\n"
        "input()\n"
        "try:\n    server.stop()\nexcept KeyboardInterrupt:\n    print('interrupted', server.status(), flush=True)"
    )
    port = free_port("127.0.0.1")
    line = [word.replace("{port}", str(port)) for word in evil_command(token, "--ignore-term")]
    words = [sys.executable, "-c", program, str(tmp_path / "log"), *line]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as parent:
        assert parent.stdin is not None and parent.stdout is not None
        assert parent.stdout.readline() == b"begun\n"
        await_true(lambda: listeners(port))
        parent.stdin.write(b"\n")
        await_true(lambda: "deaf" in (tmp_path / "log").read_text())
        parent.send_signal(signal.SIGINT)
        assert parent.stdout.readline() == b"interrupted -9\n"
        assert parent.wait(300) == 0
        assert not processes_with(token)
