"""Runs and sweeps whose servers PeakBench starts: what is kept, what is told, and that no process is left behind."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from conftest import command
from serving_parts import TOKEN, await_true, evil_command, processes_with, servers_with

from peakbench.mock.serving import RunningMockServer
from peakbench.runs.folder import RunFolder, find_runs

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="managed serving is for Linux")

Tiny = Callable[..., Path]
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(TOKEN, made := uuid4().hex)
    return made


def served(token: str, *words: str, **options: object) -> list[str]:
    """The words of `peakbench run` that have a server started that misbehaves so."""
    given = [
        f"command={shlex.join(evil_command(token, *words))}",
        *(f"{key}={value}" for key, value in options.items()),
    ]
    return ["--model", "evil", "--serve", *(word for option in given for word in ("--serve-option", option))]


def runs_of(root: Path, model: str = "evil") -> list[RunFolder]:
    return find_runs([root / "runs" / model])


def test_a_run_has_its_server_and_leaves_its_log_and_facts(
    tiny: Tiny, peakbench: Command, tmp_path: Path, token: str
) -> None:
    done = peakbench("run", tiny(), *served(token), HTTP_PROXY="http://127.0.0.1:9")
    assert done.returncode == 0, done.stderr
    assert not processes_with(token)
    (run,) = runs_of(tmp_path)
    (session,) = run.read_manifest().sessions
    assert session.server.version == "6.6.6"
    assert session.served is not None
    assert session.served.counters == {"evil:answers_total": 6.0}
    assert token in session.served.command
    assert session.served.log == "server.log"
    assert "PeakBench starts" in (run.path / "server.log").read_text()
    assert not (tmp_path / "runs" / "servers").exists()
    first = run.read_results().fingerprint

    done = peakbench("run", tiny(), *served(token))
    assert done.returncode == 0, done.stderr
    done = peakbench("run", tiny(), *served(token, "--latency", "0.001"))
    assert done.returncode == 0, done.stderr
    _, same, other = (run.read_results().fingerprint for run in runs_of(tmp_path))
    assert first == same, "another port is no other way of asking"
    assert first != other, "another flag is"


def test_a_server_that_dies_in_the_middle_loses_nothing_and_the_run_goes_on(
    tiny: Tiny, peakbench: Command, tmp_path: Path, token: str
) -> None:
    words = ["run", tiny(12), *served(token, "--die-after", "5"), "-j", 2]
    done = peakbench(*words)
    kept = []
    while done.returncode != 0:
        assert done.returncode == 5, done.stderr
        assert "error: the GPU has too little free memory" in done.stderr
        assert "ended with exit status 66 in the middle of the run" in done.stderr
        assert "  | RuntimeError: CUDA out of memory" in done.stderr
        assert "--resume" in done.stderr
        log = done.stderr.partition("its whole log is ")[2].splitlines()[0]
        assert (tmp_path / log).is_file(), "the place that is told is where it stays"
        assert not processes_with(token)
        (run,) = runs_of(tmp_path)
        with run.journal() as journal:
            kept.append(len(journal))
        assert len(kept) < 6
        done = peakbench(*words, "--resume")
    (run,) = runs_of(tmp_path)
    assert kept == sorted(kept) and 0 < kept[0] <= 5
    assert run.read_results().n_failed == 0
    sessions = run.read_manifest().sessions
    assert [session.served and session.served.log for session in sessions] == [
        "server.log" if number == 1 else f"server-{number}.log" for number in range(1, len(sessions) + 1)
    ]
    assert all((run.path / f"server{part}.log").is_file() for part in ("", "-2", "-3"))


def test_a_server_that_cannot_start_begins_no_run(tiny: Tiny, peakbench: Command, tmp_path: Path, token: str) -> None:
    done = peakbench("run", tiny(), *served(token, "--says", "ValueError: Model architectures ['X'] are not supported"))
    assert done.returncode == 5
    assert "error: the server does not support the architecture of this model ['X']" in done.stderr
    (log,) = (tmp_path / "runs" / "servers").iterdir()
    assert f"its whole log is runs/servers/{log.name}" in done.stderr
    assert not list(tmp_path.rglob("run.json"))
    assert not processes_with(token)


def test_no_server_is_started_for_bad_data(tiny: Tiny, peakbench: Command, tmp_path: Path, token: str) -> None:
    path = tiny()
    (path.parent / "data.jsonl").write_text("{}\n")
    done = peakbench("run", path, *served(token))
    assert done.returncode == 2
    assert not (tmp_path / "runs").exists()


def test_a_served_name_that_the_server_does_not_know_is_told(tiny: Tiny, peakbench: Command, token: str) -> None:
    words = served(token)
    words[4:] = [word.replace("--name '{name}'", "--name other") for word in words[4:]]
    done = peakbench("run", tiny(), *words)
    assert done.returncode == 5
    assert "does not serve `evil`; it serves other" in done.stderr
    assert not processes_with(token)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model", "m", "--serve", "--base-url", "http://x"], "exclude one another"),
        (["--model", "m", "--serve-option", "port=1"], "are for --serve"),
        (["--model", "m", "--served-model-name", "x"], "are for --serve"),
        (["--model", "m", "--serve", "--serve-option", "port"], "KEY=VALUE"),
        (["--model", "m", "--serve", "--serve-option", "prot=1"], "did you mean `port`"),
        (["--model", "m", "--serve", "--serve-option", "model=x"], "--model says"),
        (["--model", "m", "--serve", "--serve-option", "env=[", "--serve-option", "env.a=1"], "YAML"),
        (["--model", "m", "--serve", "--serve-option", "env=x", "--serve-option", "env.a=1"], "given whole"),
        (["--model", "m", "--serve", "--vllm-bin", "/no/such/vllm"], "no command `/no/such/vllm`"),
        (["--model", "./no-such-folder", "--serve"], "no model at ./no-such-folder"),
        (["--model", "a/b@v1", "--revision", "v2", "--serve"], "another revision"),
    ],
)
def test_options_that_cannot_work_are_refused(tiny: Tiny, peakbench: Command, words: list[str], said: str) -> None:
    done = peakbench("run", tiny(), *words)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr


def test_secrets_of_a_servers_environment_are_in_no_command_that_is_told(
    tiny: Tiny, peakbench: Command, token: str
) -> None:
    words = served(token, "--says", "bad", **{"env.MY_TOKEN": "swordfish", "env.COLOUR": "green"})
    for given in (words, [*words, "--serve-option=env.OTHER_KEY=swordfish"]):
        done = peakbench("run", tiny(), *given)
        assert done.returncode == 5
        assert "swordfish" not in done.stderr + done.stdout


def sweep_file(folder: Path, benchmarks: list[Path], whole: dict[str, Any], models: list[dict[str, Any]]) -> Path:
    path = folder / "sweep.yaml"
    content = {"schema_version": 1, "benchmarks": list(map(str, benchmarks)), "serve": whole, "models": models}
    path.write_text(json.dumps(content))
    return path


def test_a_sweep_serves_its_models_one_after_the_other(
    tiny: Tiny, peakbench: Command, tmp_path: Path, token: str, server: RunningMockServer
) -> None:
    benchmarks = [tiny(name="one"), tiny(name="two", extra="rank_by: field_f1\n")]
    benchmarks[1].write_text(benchmarks[1].read_text().replace("id: tiny", "id: tiny-two"))
    broken = evil_command(token, "--says", "server: error: unrecognized arguments: --foo")
    models: list[dict[str, Any]] = [
        {"name": "first"},
        {"name": "broken", "serve": {"command": broken}},
        {"name": "constant-null", "base_url": server.base_url},
        {"name": "last", "benchmarks": [str(benchmarks[0])]},
    ]
    path = sweep_file(tmp_path, benchmarks, {"command": evil_command(token)}, models)
    assert "exclude one another" in peakbench("sweep", path, "--serve", "--base-url", server.base_url).stderr
    done = peakbench("sweep", path, "--serve")
    assert done.returncode == 5
    assert not processes_with(token)
    assert done.stderr.count("`first` is ready") == done.stderr.count("`last` is ready") == 1
    assert done.stderr.index("`first` is ready") < done.stderr.index("`last` is ready")
    assert done.stderr.count("unrecognized arguments: --foo") == 2, "its cause and its log, once"
    assert "`broken` was not tried again" in done.stderr
    notice = "failed: the server does not know this flag: --foo; it is told whole at the end"
    assert done.stderr.index(notice) < done.stderr.index("`last` is ready"), "told when it happens"
    assert done.stderr.rstrip().endswith(f"go on with: peakbench sweep {path} --serve --resume")
    assert [len(runs_of(tmp_path, name)) for name in ("first", "constant-null", "last")] == [2, 2, 1]
    told = [
        line.split()[:3] for line in done.stdout.splitlines() if line.endswith(tuple("0123456789")) and "@1 " in line
    ]
    states = [(model, benchmark, state) for model, benchmark, state in told if state in ("finished", "failed")]
    assert states == [
        *(("first", "tiny@1", "finished"), ("first", "tiny-two@1", "finished")),
        *(("broken", "tiny@1", "failed"), ("broken", "tiny-two@1", "failed")),
        *(("constant-null", "tiny@1", "finished"), ("constant-null", "tiny-two@1", "finished")),
        ("last", "tiny@1", "finished"),
    ]
    assert "broken on tiny@1 failed: the server does not know this flag: --foo; the server of" in done.stdout
    assert "  | " not in done.stdout, "the lines of the log are told once"
    (one, two) = runs_of(tmp_path, "first")
    assert (one.path / "server.log").samefile(two.path / "server.log")
    facts = [run.read_manifest().sessions[0].served for run in (one, two)]
    assert [fact and fact.counters for fact in facts] == [{"evil:answers_total": 6.0}] * 2
    assert runs_of(tmp_path, "constant-null")[0].read_manifest().sessions[0].served is None

    done = peakbench("sweep", path, "--serve", "--resume")
    assert "is ready" not in done.stderr, "what is finished needs no server"
    assert done.returncode == 5
    assert "unrecognized arguments" in done.stderr


@pytest.mark.parametrize(
    ("whole", "model", "said"),
    [
        ({"command": "no-such-server {port}"}, {"name": "m"}, "no command `no-such-server`"),
        ({"comand": "x"}, {"name": "m"}, "did you mean `command`"),
        (
            {"command": "sh {port}"},
            {"name": "m", "serve": {"max_model_len": 5}},
            "`m`: serve: `max_model_len` is of vLLM",
        ),
        ({"command": "sh {port}"}, {"name": "m", "serve": {"model": "/no/such"}}, "no model at /no/such"),
    ],
)
def test_what_is_wrong_with_the_last_server_is_told_before_the_first_starts(
    tiny: Tiny, peakbench: Command, tmp_path: Path, whole: dict[str, Any], model: dict[str, Any], said: str
) -> None:
    path = sweep_file(tmp_path, [tiny()], whole, [{"name": "fine", "base_url": "http://127.0.0.1:9"}, model])
    done = peakbench("sweep", path, "--serve")
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_says_what_would_be_started_and_how_long_it_takes(
    tiny: Tiny, peakbench: Command, tmp_path: Path, token: str
) -> None:
    models: list[dict[str, Any]] = [{"name": "m"}, {"name": "gone", "serve": {"model": "/no/such/{port}"}}]
    path = sweep_file(tmp_path, [tiny()], {"command": evil_command(token)}, models)
    planned = peakbench("sweep", path, "--serve", "--dry-run")
    assert planned.returncode == 5, "one of its servers cannot be started"
    assert f"starts {shlex.join(evil_command(token))}".replace("{port}", "PORT").replace("{name}", "m").replace(
        "'", ""
    ) in (planned.stdout.replace("'", ""))
    assert "gone on " in planned.stdout and "cannot be made: `gone`: no model at /no/such" in planned.stdout
    assert "check the path" in planned.stdout
    path = sweep_file(tmp_path, [tiny()], {"command": evil_command(token)}, models[:1])
    assert peakbench("sweep", path, "--serve").returncode == 0
    assert "s until its server was ready" in peakbench("sweep", path, "--serve", "--dry-run").stdout
    kept = peakbench("sweep", path, "--serve", "--dry-run", "--resume").stdout
    assert "finished, and kept" in kept and "starts" not in kept
    assert not processes_with(token)


STAGES = {
    "starting": ["--slow-start", "600"],
    "waiting": ["--never-ready", "--escaping-children", "--ignore-term"],
    "asking": ["--latency", "0.2", "--escaping-children"],
    "stopping": ["--ignore-term", "--escaping-children"],
}


def at_stage(stage: str, root: Path, token: str) -> bool:
    found = servers_with(token)
    if stage == "starting":
        return bool(found)
    if stage == "waiting":
        return len(found) == 3
    journals = list(root.glob("runs/evil/*/*/responses.jsonl"))
    if stage == "asking":
        return bool(journals) and journals[0].read_bytes().count(b"\n") > 2
    return bool(list(root.glob("runs/evil/*/*/results.json")))


def kill_at(stage: str, number: signal.Signals, path: Path, root: Path, token: str) -> None:
    # A run that stops its server has to be met before its patience with it ends.
    long = 1 if stage != "stopping" else 5 if number == signal.SIGKILL else 600
    words = ["run", path, *served(token, *STAGES[stage], stop_timeout=long), "-j", 1]
    with subprocess.Popen(command(*words), cwd=root, stderr=subprocess.PIPE, env=dict(os.environ)) as process:
        await_true(lambda: at_stage(stage, root, token) or process.poll() is not None)
        assert process.poll() is None
        process.send_signal(number)
        assert process.stderr is not None
        told = process.stderr.read().decode()
        process.wait(300)
    await_true(lambda: not processes_with(token))
    assert process.returncode == (-9 if number == signal.SIGKILL else 130), told
    assert "Traceback" not in told


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_that_is_killed_while_asking_leaves_no_process(
    tiny: Tiny, tmp_path: Path, token: str, number: signal.Signals
) -> None:
    kill_at("asking", number, tiny(200), tmp_path, token)
    (run,) = runs_of(tmp_path)
    assert (run.path / "server.log").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("stage", ["starting", "waiting", "stopping"])
def test_a_run_that_is_killed_at_any_other_stage_leaves_no_process(
    tiny: Tiny, tmp_path: Path, token: str, stage: str, number: signal.Signals
) -> None:
    kill_at(stage, number, tiny(), tmp_path, token)


@pytest.mark.slow
def test_the_products_own_server_can_be_served(tiny: Tiny, peakbench: Command, tmp_path: Path) -> None:
    line = command("mock-server", "--model", "{name}", "--port", "{port}", "--host", "{host}")
    done = peakbench(
        *("run", tiny(), "--model", "constant-null", "--serve", "--serve-option", f"command={shlex.join(line)}")
    )
    assert done.returncode == 0, done.stderr
    (run,) = runs_of(tmp_path, "constant-null")
    assert "serving constant-null" in (run.path / "server.log").read_text()
