"""A project of one's own: the commands that are printed end with a board, and no folder of a person's is touched."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import jsonschema
import pytest
from conftest import command

from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.errors import BadInputError
from peakbench.jobs.init import init
from peakbench.jobs.schemas import schemas
from peakbench.strict import read_yaml

Run = Callable[..., subprocess.CompletedProcess[str]]

BIN = Path(sys.executable).parent
WITH_PROGRAM = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
WITHOUT_PROGRAM = {"PATH": "/usr/bin:/bin"}
SHAPE = {
    ".gitignore",
    "README.md",
    "benchmarks/garments/benchmark.yaml",
    "benchmarks/garments/data.jsonl",
    "runners/first.yaml",
    *(f"benchmarks/garments/images/garment-1-{index:06d}.jpg" for index in range(24)),
}


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


def printed_commands(text: str) -> tuple[str, str]:
    """The indented lines are what a person copies."""
    serve, ask = (line.strip() for line in text.splitlines() if line.startswith("  "))
    return serve, ask


@contextmanager
def served(words: str, folder: Path) -> Iterator[str]:
    """Runs the printed server on a free port, and gives its URL."""
    assert words.count("--port 8000") == 1
    free = shlex.split(words.replace("--port 8000", "--port 0"))
    with subprocess.Popen(
        [*free, "--json"], cwd=folder, env={**os.environ, **WITH_PROGRAM}, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            told = ""
            for line in server.stdout:
                told += line
                if line == "}\n":
                    break
            yield json.loads(told)["base_url"]
        finally:
            server.terminate()


def test_the_two_printed_commands_end_with_a_board(peakbench_process: Run, tmp_path: Path) -> None:
    done = peakbench_process("init", "my project", **WITH_PROGRAM)
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "my project") == SHAPE
    serve, ask = printed_commands(done.stdout)
    readme = (tmp_path / "my project" / "README.md").read_text()
    here = ask.removeprefix("cd 'my project' && ")
    assert f"\n{serve}\n{here}\n" in readme
    run_file = tmp_path / "my project" / "runners" / "first.yaml"
    with served(serve, tmp_path) as url:
        text = run_file.read_text()
        assert text.count("base_url: http://127.0.0.1:8000/v1 ") == 1
        run_file.write_text(text.replace("http://127.0.0.1:8000/v1", url))
        swept = subprocess.run(
            ask,
            shell=True,
            cwd=tmp_path,
            env={**os.environ, **WITH_PROGRAM},
            capture_output=True,
            text=True,
            check=False,
        )
    assert swept.returncode == 0, swept.stderr
    assert "garments-made@1, n = 24" in swept.stdout
    assert "nearest-20 leads" in swept.stdout
    for name in ("constant-null", "majority_value", "never_json", "oracle"):
        assert name in swept.stdout
    assert (tmp_path / "my project" / "runs" / "nearest-20" / "garments-made@1").is_dir()


def test_without_the_program_on_the_path_the_commands_run_from_any_folder(
    peakbench_process: Run, tmp_path: Path
) -> None:
    by_module = peakbench_process("init", "one", "--json", **WITHOUT_PROGRAM)
    env = {**os.environ, **WITHOUT_PROGRAM}
    relative = os.path.relpath(BIN / "peakbench", tmp_path)
    by_path = subprocess.run(
        [relative, "init", "two", "--json"], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    for done in (by_module, by_path):
        assert done.returncode == 0, done.stderr
        for line in json.loads(done.stdout)["commands"]:
            helped = subprocess.run(
                f"{line} --help", shell=True, cwd=tmp_path, env=env, capture_output=True, check=False
            )
            assert helped.returncode == 0, helped.stderr


def test_what_is_written_keeps_to_its_schemas_and_is_told_in_json(peakbench: Run, tmp_path: Path) -> None:
    done = peakbench("init", "mine", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    told = json.loads(done.stdout)
    assert set(told) == {"directory", "benchmark", "run_file", "readme", "commands"}
    assert (tmp_path / told["readme"]).is_file()
    benchmark, run_file = read_yaml(tmp_path / told["benchmark"]), read_yaml(tmp_path / told["run_file"])
    jsonschema.Draft202012Validator(schemas()["benchmark.schema.json"]).validate(benchmark)
    jsonschema.Draft202012Validator(schemas()["sweep.schema.json"]).validate(run_file)
    (named,) = run_file["benchmarks"]
    found = find_benchmark(str((tmp_path / told["run_file"]).parent / named))
    assert found.path == (tmp_path / told["benchmark"]).resolve()


def test_a_folder_that_holds_something_is_refused_and_the_mend_works(peakbench: Run, tmp_path: Path) -> None:
    (tmp_path / "my work").mkdir()
    (tmp_path / "my work" / "notes.txt").write_text("mine")
    done = peakbench("init", "my work")
    assert done.returncode == 2
    assert "my work is not empty: it holds notes.txt" in done.stderr
    assert files(tmp_path) == {"my work/notes.txt"}
    mend = shlex.split(done.stderr.partition("peakbench init ")[2])
    assert peakbench("init", *mend).returncode == 0
    assert (tmp_path / "my work" / "notes.txt").read_text() == "mine"
    assert peakbench("init", *mend).returncode == 2


def test_what_is_no_folder_is_refused(peakbench: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("file", "link"):
        done = peakbench("init", name)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{name} is no folder" in done.stderr
    assert (tmp_path / "file").read_text() == "mine"


def test_a_disk_that_refuses_is_told_with_words_that_init_knows(peakbench: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    done = peakbench("init", "file/below")
    assert done.returncode == 5
    assert "→ see to what the disk says, or name another folder: peakbench init FOLDER" in done.stderr
    assert "--output" not in done.stderr


def test_an_empty_folder_is_filled_and_stays_the_same_folder(peakbench: Run, tmp_path: Path) -> None:
    """A shell that stands in it goes on standing in it, so the printed command needs no `cd`."""
    folder = tmp_path / "-empty"
    folder.mkdir()
    before = folder.stat().st_ino
    _, ask = printed_commands(peakbench("init", ".", cwd=folder, **WITH_PROGRAM).stdout)
    assert ask == "peakbench sweep first -o runs"
    assert files(folder) == SHAPE
    assert folder.stat().st_ino == before


def test_a_name_that_begins_like_an_option_is_gone_to(peakbench: Run, tmp_path: Path) -> None:
    _, ask = printed_commands(peakbench("init", "--", "-mine", **WITH_PROGRAM).stdout)
    assert subprocess.run(f"{ask} --help", shell=True, cwd=tmp_path, env={**os.environ, **WITH_PROGRAM}).returncode == 0


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("after", [1, 24])
def test_an_interruption_leaves_nothing(tmp_path: Path, there: bool, after: int) -> None:
    folder = tmp_path / "above" / "mine"
    if there:
        folder.mkdir(parents=True)

    def interrupt(done: int) -> None:
        if done == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        init(folder, interrupt)
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*"))
    assert left == (["above", "above/mine"] if there else [])


@pytest.mark.parametrize("there", [False, True])
def test_what_somebody_puts_there_meanwhile_is_kept(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "mine"
    if there:
        folder.mkdir()

    def meanwhile(done: int) -> None:
        if done == 24:
            folder.mkdir(exist_ok=True)
            (folder / "README.md").write_text("somebody's")

    with pytest.raises(BadInputError, match=r"not empty: it holds README\.md"):
        init(folder, meanwhile)
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))] == ["mine", "mine/README.md"]
    assert (folder / "README.md").read_text() == "somebody's"


def stopped_in_the_middle(tmp_path: Path, number: signal.Signals, *, there: bool) -> tuple[Path, int]:
    """The folder of an `init` that a signal met while it was rendering, and how that ended."""
    for attempt in range(10):  # a process may have finished before it is caught
        folder = tmp_path / f"attempt {attempt}" / "mine"
        (folder if there else folder.parent).mkdir(parents=True)
        partial = folder if there else folder.parent
        with subprocess.Popen(
            command("init", folder),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
        ) as process:
            while process.poll() is None and not list(partial.glob(".*/benchmarks/garments/images/*.jpg")):
                time.sleep(0.001)
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            caught = process.poll() is None and not (folder / "README.md").exists()
            process.send_signal(number)
            process.send_signal(signal.SIGCONT)
            code = process.wait(timeout=300)
        if caught:
            return folder, code
    raise AssertionError("init was too fast to be caught")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    folder, code = stopped_in_the_middle(tmp_path, number, there=False)
    assert code == 130
    assert list(folder.parent.iterdir()) == []


def test_a_kill_leaves_no_half_project_and_stands_in_nobodys_way(peakbench: Run, tmp_path: Path) -> None:
    folder, _ = stopped_in_the_middle(tmp_path, signal.SIGKILL, there=False)
    assert not folder.exists()
    assert peakbench("init", folder).returncode == 0
    assert files(folder) == SHAPE


def test_what_a_kill_left_in_an_empty_folder_is_named_with_the_command_that_removes_it(
    peakbench: Run, tmp_path: Path
) -> None:
    folder, _ = stopped_in_the_middle(tmp_path, signal.SIGKILL, there=True)
    done = peakbench("init", folder)
    assert done.returncode == 2
    removal = done.stderr.partition("remove what was left: ")[2]
    subprocess.run(removal, shell=True, check=True)
    assert peakbench("init", folder).returncode == 0
    assert files(folder) == SHAPE
