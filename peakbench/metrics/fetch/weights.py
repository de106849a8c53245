"""Digests of a model's files, which decide whether they are the ones that a metric is pinned to.

Weights are known by their bytes; the small files beside them (tokenizer, pooling, architecture), without which the same
weights give other numbers, by what they say. Half a gigabyte takes a second to read, so the digest of weights is
remembered in the cache folder, together with the size and the time of the file that it is of: a file that was changed
since is read again.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from peakbench.canonical import digest
from peakbench.errors import InfrastructureError
from peakbench.files import write_atomically

WEIGHTS_FILE = "model.safetensors"
_PROVENANCE = frozenset({"_name_or_path", "name_or_path", "transformers_version", "__version__"})
"""Keys of settings that say who wrote them, and change no number."""


def weights_digest(folder: Path, cache: Path | None) -> str | None:
    """SHA-256 (hex) of the weights in a model's folder; None where there are none that can be read.

    Args:
        folder: Holds `model.safetensors`.
        cache: Where digests are remembered; None to read the file every time.
    """
    file = (folder / WEIGHTS_FILE).absolute()
    try:
        stat = file.stat()
    except OSError:
        return None
    known = {"file": str(file), "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    note = None if cache is None else cache / "digests" / f"{digest(known)[:32]}.json"
    if note is not None and (remembered := _remembered(note, known)) is not None:
        return remembered
    try:
        with file.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return None
    if note is not None:
        _remember(note, known | {"sha256": found})
    return found


def settings_digest(file: Path) -> str | None:
    """SHA-256 (hex) of what a small file of a model's folder says, however it is laid out; None when it says nothing.

    Args:
        file: JSON, of which the top-level keys that name a version or an origin do not count; or text, whose line ends
            may be those of any system.
    """
    try:
        content = file.read_bytes()
        if file.suffix != ".json":
            return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()
        value: Any = json.loads(content)
        if isinstance(value, dict):
            value = {key: each for key, each in value.items() if key not in _PROVENANCE}
        return digest(value)
    except (OSError, ValueError, RecursionError):
        return None


def _remembered(note: Path, known: dict[str, object]) -> str | None:
    try:
        said = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(said, dict) or not isinstance(said.get("sha256"), str):
        return None
    return said["sha256"] if {name: said.get(name) for name in known} == known else None


def _remember(note: Path, said: dict[str, object]) -> None:
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(note, json.dumps(said))
    except (OSError, InfrastructureError):
        return  # a cache that cannot be written costs a second a time, no more
