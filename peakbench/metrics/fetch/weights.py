"""The digest of a model's weights, which decides whether they are the ones that a metric is pinned to.

Half a gigabyte takes a second to read, so a digest is remembered in the cache folder, together with the size and the
time of the file that it is of: a file that was changed since is read again.
"""

import hashlib
import json
from pathlib import Path

from peakbench.canonical import digest
from peakbench.errors import InfrastructureError
from peakbench.files import write_atomically

WEIGHTS_FILE = "model.safetensors"


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
