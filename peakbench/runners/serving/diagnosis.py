"""Why a server did not start, or ended: what its log says at the end, and the causes that are well known."""

import re
from dataclasses import dataclass
from pathlib import Path

from peakbench.terminal import printable

LOG_MARK = "  | "
"""Begins each line of a log that is shown within a message."""
LINES = 20
_LINE_CHARS = 300
_READ_BYTES = 256 * 1024
_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")


@dataclass(frozen=True, slots=True)
class Cause:
    """A well-known reason.

    Attributes:
        told: One clear line.
        mend: What to do about it.
    """

    told: str
    mend: str


_EXCEPTION = re.compile(r"(?:^|\] )(?P<what>(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception): \S.*)")
"""The last line of a traceback, also where a logger writes its own prefix before it."""
_PASSED_ON = re.compile(r"root cause", re.IGNORECASE)
"""How vLLM's front end says that another process of it failed: the exception of that one says why."""
PORT_IN_USE = "the port was taken by another process in the meantime"
_CAUSES: tuple[tuple[str, str, str], ...] = (
    (
        r"address already in use|Errno 98|EADDRINUSE|port \d+ is (?:already )?in use|couldn't bind",
        PORT_IN_USE,
        "end that process, or leave `port` out: a free one is taken",
    ),
    (
        r"(?:unrecognized arguments|[Nn]o such option|(?:unknown|unexpected|invalid) argument|unrecognized option):? *"
        r"(?P<what>.+)",
        "the server does not know this flag: {what}",
        "mend the flags in `serve`; the server's own --help lists them",
    ),
    (
        r"(?P<what>argument [^\n]*: (?:invalid|expected)[^\n]*)",
        "the server refuses a flag: {what}",
        "mend the flags in `serve`; the server's own --help lists them",
    ),
    (
        r"CUDA out of memory|torch\.(?:cuda\.)?OutOfMemoryError|HIP out of memory|Free memory on device|"
        r"No available memory for the cache blocks|less than desired GPU memory utilization",
        "the GPU has too little free memory",
        "end what else runs on it (nvidia-smi), or set a lower `max_model_len` or `gpu_memory_utilization`, "
        "a `quantization`, or a higher `tensor_parallel_size`",
    ),
    (
        r"Cannot allocate memory|DefaultCPUAllocator|\bMemoryError\b|std::bad_alloc",
        "the machine has too little free memory",
        "end what else runs on it, or serve a smaller model",
    ),
    (
        r"[Mm]odel architectures? (?P<what>\[[^\]]*\])[^\n]*(?:not supported|failed to be inspected)|"
        r"does not recognize this architecture|has no vLLM implementation|unknown model architecture",
        "the server does not support the architecture of this model {what}",
        "take a newer version of the server, or another server (`serve.command`)",
    ),
    (
        r"Cannot access gated repo|GatedRepoError|Access to model .* is restricted",
        "the model is gated on the Hub, and there is no access to it",
        "accept its terms on its page, and put a token into the environment (HF_TOKEN)",
    ),
    (
        r"Repository Not Found|RepositoryNotFoundError|is not a local folder and is not a valid model identifier|"
        r"not a valid model identifier|Invalid repository ID|RevisionNotFoundError|Incorrect path_or_model_id",
        "there is no such model, or no such revision of it",
        "check the model's path or Hub id (`serve.model`, `hub_id`, --model) and its revision",
    ),
    (
        r"Cannot find any model weights|no file named [^\n]*\.safetensors",
        "the model's folder holds no weights",
        "fetch the model whole, or give the folder that holds its .safetensors files",
    ),
    (
        r"SafetensorError: (?P<what>[^\n]+)",
        "a file of the model's weights is damaged: {what}",
        "fetch it again, or copy it again; its size and checksum tell whether it is whole",
    ),
    (
        r"does not appear to have a file named config\.json|failed to (?:load|open) (?:the )?(?:model|GGUF)|"
        r"config\.json. is not|No such file or directory: .*config\.json",
        "the model's folder is not one of a model that the server can load",
        "check the model's path (`serve.model`, --model): it holds config.json and the weights",
    ),
    (
        r"LocalEntryNotFoundError|offline mode is enabled|We couldn't connect to|cannot find the requested files in",
        "the model is not on this machine, and the Hub cannot be reached",
        "fetch it where there is a network (hf download MODEL), or give its folder",
    ),
    (
        r"(?P<what>[Mm]ax[_ ]model[_ ]len[^\n]*(?:greater|larger)[^\n]*|"
        r"max(?:imum)? (?:model |sequence )?len[^\n]*larger than the maximum number of tokens[^\n]*)",
        "the context is too long: {what}",
        "set a lower `max_model_len`",
    ),
    (
        r"No module named (?P<what>\S+)",
        "the server's environment lacks a module: {what}",
        "install it beside the server",
    ),
)


def log_lines(path: Path, start: int, count: int = LINES) -> list[str]:
    """The last lines of a log from a byte on: printable, without colours, each cut to a length that can be read."""
    return [line if len(line) <= _LINE_CHARS else f"{line[:_LINE_CHARS]}…" for line in log_text(path, start)][-count:]


def log_text(path: Path, start: int) -> list[str]:
    """The lines at the end of a log that are not empty; of a line that was written over, what one would see."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(start, size - _READ_BYTES))
            text = file.read(_READ_BYTES).decode(errors="replace")
    except OSError:
        return []
    lines = [_ESCAPE.sub("", line).rstrip("\r").rpartition("\r")[2].expandtabs(4) for line in text.split("\n")]
    return [printable(line.rstrip()) for line in lines if line.strip()]


def known_cause(lines: list[str], status: int | None) -> Cause | None:
    """The well-known cause that a log tells; None for one that is not.

    Args:
        lines: Of the log.
        status: The server's exit status, negative for a signal; None while it runs.
    """
    text = "\n".join(lines)
    for pattern, told, mend in _CAUSES:
        found = re.search(pattern, text)
        if found:
            what = (found.groupdict().get("what") or "").strip()
            return Cause(told.format(what=what[:_LINE_CHARS]).strip(), mend)
    if status == -9:
        return Cause(
            "the server was killed: the machine had too little memory, or somebody did it",
            "see what else runs on the machine; `dmesg` tells whether memory ran out",
        )
    return None


def last_exception(lines: list[str]) -> str | None:
    """What the last exception in a log says, one that says more than to look at another; None where there is none.

    Args:
        lines: Of the log.
    """
    for line in reversed(lines):
        found = _EXCEPTION.search(line)
        if found and not _PASSED_ON.search(line):
            return found["what"][:_LINE_CHARS]
    return None
