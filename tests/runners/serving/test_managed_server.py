"""A managed server: started when it is needed, watched while it gets ready, its end told with the end of its log."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from serving_parts import TOKEN, evil_command, processes_with, servers_with

from peakbench.errors import InfrastructureError
from peakbench.runners.endpoint import Endpoint
from peakbench.runners.serving import ports
from peakbench.runners.serving.plan import ServePlan
from peakbench.runners.serving.section import ServeSection
from peakbench.runners.serving.server import ManagedServer
from peakbench.runners.serving.source import Source

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="managed serving is for Linux")

Made = Callable[..., ManagedServer]


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(TOKEN, made := uuid4().hex)
    return made


@pytest.fixture
def made(tmp_path: Path, token: str) -> Made:
    """Makes the server of a model `evil` that misbehaves as the words say."""

    def make(*words: str, **section: Any) -> ManagedServer:
        given = {"command": evil_command(token, *words), "stop_timeout": 5, **section}
        return ManagedServer(ServePlan("evil", Source("."), ServeSection.model_validate(given)), tmp_path / "servers")

    return make


def quiet(_: str) -> None:
    """Nobody listens."""


def test_a_server_is_started_once_and_leaves_nothing(made: Made, token: str, tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "run").mkdir()
    with made(env={"COLOUR": "green"}) as server:
        assert not processes_with(token), "nothing runs before it is needed"
        server.start(said.append)
        first = servers_with(token)
        server.start(said.append)
        assert servers_with(token) == first
        endpoint = server.endpoint(Endpoint("http://elsewhere/v1", "the-key", headers=(("X-A", "b"),)))
        assert endpoint.base_url.startswith("http://127.0.0.1:")
        assert (endpoint.api_key, endpoint.headers, endpoint.proxy) == ("the-key", (("X-A", "b"),), None)
        assert server.counters() == {"evil:answers_total": 0.0}
        assert server.keep_log(tmp_path / "run") == "server.log"
        facts = server.facts("server.log")
        assert facts.environment == {"COLOUR": "green"}
        assert facts.ready_s > 0
        assert not server.ended()
    assert not processes_with(token)
    assert not (tmp_path / "servers").exists(), "the log has its place in the run"
    assert "PeakBench starts" in (tmp_path / "run" / "server.log").read_text()
    assert "is ready" in said[-1]


def test_a_log_that_no_run_took_stays(made: Made, tmp_path: Path) -> None:
    with made() as server:
        server.start(quiet)
    (log,) = (tmp_path / "servers").iterdir()
    assert "PeakBench starts" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0, "a server may write what it was told, keys too"


def test_further_starts_have_logs_of_their_own(made: Made, tmp_path: Path) -> None:
    names = []
    for _ in range(2):
        with made() as server:
            server.start(quiet)
            names.append(server.keep_log(tmp_path))
    assert names == ["server.log", "server-2.log"]


def test_a_file_system_without_links_keeps_the_log_where_it_is(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    said: list[str] = []
    with made() as server:
        server.start(said.append)
        assert server.keep_log(tmp_path) is None
    assert "the log stays at" in said[-1]
    assert len(list((tmp_path / "servers").iterdir())) == 1


def test_a_server_that_cannot_start_is_told_with_its_cause_and_the_end_of_its_log(made: Made, token: str) -> None:
    with made(
        "--says",
        "line one\n\x1b[31mserver: error: unrecognized arguments: --foo",
        "--escaping-children",
        stop_timeout=0.3,
    ) as server:
        with pytest.raises(InfrastructureError) as failed:
            server.start(quiet)
        assert not processes_with(token), "what it began is gone before the error is told"
        with pytest.raises(InfrastructureError, match="not tried again"):
            server.start(quiet)
    first, second, *rest = failed.value.message.splitlines()
    assert first == "the server does not know this flag: --foo"
    assert "the server of `evil` ended with exit status 1" in second
    assert "  | line one" in rest
    assert "\x1b" not in failed.value.message
    whole = failed.value.message.rpartition("its whole log is ")[2]
    assert "unrecognized arguments" in Path(whole).read_text()
    assert failed.value.mend


def test_secrets_in_a_log_are_not_told(made: Made) -> None:
    with (
        made("--says", "my key is swordfish!", env={"API_KEY": "swordfish!"}) as server,
        pytest.raises(InfrastructureError) as failed,
    ):
        server.start(quiet)
    assert "my key is [redacted]" in failed.value.message


def test_a_server_that_is_never_ready_is_given_up(made: Made, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peakbench.runners.serving.server._TELL_EVERY_S", 0.1)
    said: list[str] = []
    with made("--never-ready", ready_timeout=1.5) as server, pytest.raises(InfrastructureError) as failed:
        server.start(said.append)
    assert "was not ready after 1.5 s: GET /health is answered with 503" in failed.value.message
    assert "ready_timeout" in failed.value.mend
    assert any(line.startswith("waiting for `evil`") for line in said)
    assert not processes_with(token)


def test_a_server_that_has_no_such_page_is_told_so_and_how_to_name_another(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("peakbench.runners.serving.server._TELL_EVERY_S", 0.1)
    said: list[str] = []
    with made(health="/ready", ready_timeout=1.5) as server, pytest.raises(InfrastructureError) as failed:
        server.start(said.append)
    assert any("GET /ready is answered with 404" in line for line in said)
    assert "serve.health" in failed.value.mend


def test_what_an_unknown_end_says_stands_first(made: Made) -> None:
    said = "SomeError: something new\nRuntimeError: see the root cause above"
    with made("--says", said) as server, pytest.raises(InfrastructureError) as failed:
        server.start(quiet)
    assert failed.value.message.splitlines()[0] == "SomeError: something new"


def test_a_command_that_goes_into_the_background_is_told_to_stay(tmp_path: Path, token: str) -> None:
    line = [word.replace("{port}", "0").replace("{name}", "evil") for word in evil_command(token, "--child")]
    begin = "import subprocess, sys; subprocess.Popen(sys.argv[1:], start_new_session=True)"
    section = {"command": [sys.executable, "-I", "-S", "-c", begin, *line, "{port}"], "stop_timeout": 0.3}
    plan = ServePlan("evil", Source("."), ServeSection.model_validate(section))
    with ManagedServer(plan, tmp_path / "servers") as server, pytest.raises(InfrastructureError) as failed:
        server.start(quiet)
    assert "exit status 0" in failed.value.message
    assert "foreground" in failed.value.mend
    assert not processes_with(token)


def test_another_path_can_tell_that_it_is_ready(made: Made) -> None:
    with made("--never-ready", health="/v1/models") as server:
        server.start(quiet)


def test_a_port_in_use_is_told_before_anything_is_started(made: Made, token: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with made(port=port) as server, pytest.raises(InfrastructureError, match=f"port {port} is in use"):
            server.start(quiet)
    assert not processes_with(token)


def test_a_free_port_that_somebody_takes_first_is_given_up_for_another(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look for a free port and the server's own bind, anything may happen."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        free = iter([taken.getsockname()[1], ports.free_port("127.0.0.1")])
        monkeypatch.setattr(ports, "free_port", lambda _: next(free))
        monkeypatch.setattr(ports, "require_free", lambda *_: None)
        said: list[str] = []
        with made() as server:
            server.start(said.append)
            assert any("trying another one" in line for line in said)
            assert not server.ended()


def test_another_server_that_answers_at_the_port_is_not_taken_for_ours(
    made: Made, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours is still loading when the other one, which took its port, says that it is healthy."""
    port = ports.free_port("127.0.0.1")
    other = [word.replace("{port}", str(port)) for word in evil_command(token)]
    with subprocess.Popen(other) as process:
        try:
            while not ports.listeners(port):
                assert process.poll() is None
            monkeypatch.setattr(ports, "require_free", lambda *_: None)
            with made("--slow-start", "300", port=port) as server, pytest.raises(InfrastructureError) as failed:
                server.start(quiet)
            assert f"process {process.pid}" in failed.value.message
        finally:
            process.kill()
    assert not processes_with(token)


def test_a_server_that_ended_is_started_again_when_it_is_needed(made: Made, token: str) -> None:
    with made() as server:
        server.start(quiet)
        (pid,) = servers_with(token)
        os.kill(pid, 9)
        while not server.ended():
            pass
        assert "was ended by signal 9 in the middle of the run" in server.end_error().message
        assert server.counters() is None
        server.start(quiet)
        assert not server.ended()
        assert servers_with(token) and pid not in servers_with(token)


def test_a_server_gets_the_persons_environment_and_its_own(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FROM_THE_PERSON", "1")
    with made("--dump-environment", str(tmp_path / "env.json"), env={"NUMBER": 7, "FROM_THE_FILE": "x"}) as server:
        server.start(quiet)
    seen = json.loads((tmp_path / "env.json").read_text())
    assert (seen["FROM_THE_PERSON"], seen["NUMBER"], seen["FROM_THE_FILE"]) == ("1", "7", "x")


def test_a_command_that_vanished_is_told(tmp_path: Path) -> None:
    plan = ServePlan("x", Source("m"), vllm=str(tmp_path / "vllm"))
    with ManagedServer(plan, tmp_path) as server, pytest.raises(InfrastructureError, match="No such file") as failed:
        server.start(quiet)
    assert "--vllm-bin" in failed.value.mend
