"""What a `vllm` command is and supports, asked of its own interpreter: vLLM is never imported here.

PeakBench and vLLM live in environments of their own, so this one's packages say nothing of that one's. The interpreter
is the one that the command's script names in its first line.
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from peakbench.errors import InfrastructureError

_MARK = "peakbench-vllm-facts:"
_CODE = f"""
import json
import vllm
from vllm import ModelRegistry
facts = {{"version": vllm.__version__, "architectures": sorted(ModelRegistry.get_supported_archs())}}
print("\\n{_MARK}" + json.dumps(facts), flush=True)
"""
_QUIET = {"HF_HUB_OFFLINE": "1", "VLLM_LOGGING_LEVEL": "ERROR", "VLLM_NO_USAGE_STATS": "1"}
_SHOWN = 300


@dataclass(frozen=True, slots=True)
class VllmFacts:
    """What a command says of itself.

    Attributes:
        command: The script.
        version: Of vLLM.
        architectures: Names of model classes that it has code for.
    """

    command: Path
    version: str
    architectures: frozenset[str]


def find_command(name: str) -> Path | None:
    """The file that a command's name or path means; None when there is none that can be run."""
    found = shutil.which(name)
    return Path(found).absolute() if found else None


def interpreter_of(script: Path) -> list[str] | None:
    """The words that run a Python script: those of its first line; None when it names no Python.

    Installers write a shell's line, and the interpreter in the next, where the path is long or holds a space.
    """
    try:
        with script.open("rb") as file:
            head = file.read(4096).decode("utf-8", errors="replace").splitlines()
    except OSError:
        return None
    if not head or not head[0].startswith("#!"):
        return None
    try:
        words = shlex.split(head[0][2:])
        if words and Path(words[0]).name == "sh" and len(head) > 1:
            words = shlex.split(head[1])[1:2] if head[1].startswith("'''exec' ") else []
    except ValueError:
        return None
    named = words[1:] if words and Path(words[0]).name == "env" else words
    return words if any("python" in Path(word).name for word in named) else None


def ask_command(command: Path, timeout_s: float = 180.0) -> VllmFacts:
    """Ask a `vllm` command's interpreter which vLLM it has, and which architectures that supports.

    Args:
        command: The script.
        timeout_s: How long the interpreter may take; to import vLLM takes some 10 to 60 seconds.

    Raises:
        InfrastructureError: If the script is none of Python's, or its interpreter fails, or takes too long.
    """
    interpreter = interpreter_of(command)
    if interpreter is None:
        raise InfrastructureError(
            f"{command} names no Python interpreter in its first line",
            mend="name the script of vLLM's own environment: --vllm-bin ENVIRONMENT/bin/vllm",
        )
    with tempfile.TemporaryDirectory() as nowhere:  # a folder `vllm` in the working folder would be imported
        try:
            process = subprocess.Popen(
                [*interpreter, "-c", _CODE],
                cwd=nowhere,
                env={**os.environ, **_QUIET},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise InfrastructureError(
                f"{command}: its interpreter {interpreter[0]} cannot be started: {error.strerror}",
                mend="make vLLM's environment again",
            ) from error
        try:
            out, err = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            raise InfrastructureError(
                f"{command}: its interpreter did not say within {timeout_s:g} s what it supports",
                mend="try again when the machine is less busy",
            ) from error
        finally:
            _end(process)
    for line in reversed(out.splitlines()):
        if line.startswith(_MARK):
            facts = json.loads(line.removeprefix(_MARK))
            return VllmFacts(command, facts["version"], frozenset(facts["architectures"]))
    said = next((line for line in reversed(err.splitlines()) if line.strip()), "it said nothing")
    raise InfrastructureError(
        f"{command}: its interpreter cannot import vLLM: {said.strip()[:_SHOWN]}",
        mend=f"see the whole of it: {shlex.join([*interpreter, '-c', 'import vllm'])}",
    )


def _end(process: "subprocess.Popen[str]") -> None:
    """End the interpreter and whatever it started, which share a session of their own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
