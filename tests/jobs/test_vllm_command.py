"""What a `vllm` command supports is asked of its own interpreter, whichever way its script names it."""

import os
import stat
import sys
import time
from pathlib import Path

import pytest

from peakbench.errors import InfrastructureError
from peakbench.jobs.vllm_command import ask_command, find_command, interpreter_of

ROOT = Path(__file__).resolve().parents[2]


def script(folder: Path, text: str) -> Path:
    path = folder / "vllm"
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that calls itself vllm, where this interpreter finds it."""
    folder = tmp_path / "packages" / "vllm"
    folder.mkdir(parents=True)
    monkeypatch.setenv("PYTHONPATH", str(folder.parent))
    return folder / "__init__.py"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("#!/opt/env/bin/python3\nimport vllm\n", ["/opt/env/bin/python3"]),
        ("#!/usr/bin/env python3.12\n", ["/usr/bin/env", "python3.12"]),
        ("#!/usr/bin/env -S python3 -u\n", ["/usr/bin/env", "-S", "python3", "-u"]),
        ("#!/bin/sh\n'''exec' \"/a b/bin/python\" \"$0\" \"$@\"\n' '''\n", ["/a b/bin/python"]),
        ("#!/bin/sh\n'''exec' /long/bin/python3 \"$0\" \"$@\"\n' '''\n", ["/long/bin/python3"]),
        ("#!/bin/sh\nexec docker run vllm \"$@\"\n", None),
        ("#!/bin/bash\npython -m vllm\n", None),
        ("#!'\n", None),
        ("\x7fELF", None),
        ("", None),
    ],
)  # fmt: skip
def test_the_interpreter_is_read_from_the_script(tmp_path: Path, text: str, words: list[str] | None) -> None:
    assert interpreter_of(script(tmp_path, text)) == words


def test_the_command_says_what_it_supports_whatever_else_it_prints(tmp_path: Path, package: Path) -> None:
    package.write_text(
        "import atexit\nprint('INFO: loading')\natexit.register(print, 'INFO: bye')\n"
        "__version__ = '9.9'\nclass ModelRegistry:\n    @staticmethod\n"
        "    def get_supported_archs():\n        return {'B', 'A'}\n"
    )
    facts = ask_command(script(tmp_path, f"#!{sys.executable}\n"))
    assert (facts.version, facts.architectures) == ("9.9", frozenset({"A", "B"}))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("raise ImportError('libtorch is not there')", "libtorch is not there"),
        ("import os; os._exit(1)", "said nothing"),
    ],
)
def test_a_vllm_that_cannot_be_imported_says_why(tmp_path: Path, package: Path, content: str, said: str) -> None:
    package.write_text(content)
    with pytest.raises(InfrastructureError, match=said):
        ask_command(script(tmp_path, f"#!{sys.executable}\n"))


@pytest.mark.slow
def test_an_interpreter_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path, package: Path) -> None:
    package.write_text(
        "import subprocess, sys, pathlib\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(child.pid))\nchild.wait()\n"
    )
    command = script(tmp_path, f"#!{sys.executable}\n")
    with pytest.raises(InfrastructureError, match="did not say within"):
        ask_command(command, timeout_s=15)
    child = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and alive(child):
        time.sleep(0.05)
    assert not alive(child)


def alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_what_cannot_be_started_is_told(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="cannot be started"):
        ask_command(script(tmp_path, "#!/nowhere/python3\n"))
    with pytest.raises(InfrastructureError, match="no Python interpreter"):
        ask_command(script(tmp_path, "#!/bin/sh\ntrue\n"))
    assert find_command(str(tmp_path / "nowhere")) is None


@pytest.mark.slow
def test_a_real_vllm_knows_the_architecture_of_the_test_model() -> None:
    folder = Path(os.environ.get("PEAKBENCH_SERVE_VENV", ROOT / ".venv-serve"))
    command = find_command(str(folder / "bin" / "vllm"))
    if command is None:
        pytest.skip(f"no vLLM in {folder.name}; PEAKBENCH_SERVE_VENV names another folder")
    assert "Qwen3VLForConditionalGeneration" in ask_command(command).architectures
