"""Writing files so that a reader never sees half of one, and saying plainly when a disk refuses."""

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from peakbench.errors import InfrastructureError

TEMPORARY = "TMPDIR=/another/folder"
"""How a person names another folder for temporary files."""
_MENDS = {
    errno.ENOSPC: "free some space, or write elsewhere with {elsewhere}",
    errno.EDQUOT: "free some of the quota, or write elsewhere with {elsewhere}",
    errno.EACCES: "write to a folder of your own with {elsewhere}, or have the folder's permissions changed",
    errno.EPERM: "write to a folder of your own with {elsewhere}, or have the folder's permissions changed",
    errno.EROFS: "write to another file system with {elsewhere}",
    errno.ENOTDIR: "a part of the path is a file; name another folder with {elsewhere}",
    errno.EEXIST: "a file stands where a folder is needed; name another folder with {elsewhere}",
}


def disk_error(path: Path, error: OSError, elsewhere: str = "--output") -> InfrastructureError:
    """Turn an operating system's refusal into a message with its mend.

    Args:
        path: What was to be written.
        error: The refusal.
        elsewhere: How a person names another place for it.
    """
    reason = error.strerror or str(error)
    mend = _MENDS.get(error.errno or 0, "check the disk and the path, or write elsewhere with {elsewhere}")
    return InfrastructureError(f"cannot write {path}: {reason}", mend=mend.format(elsewhere=elsewhere))


@contextmanager
def disk_errors(path: Path, elsewhere: str = "--output") -> Iterator[None]:
    """Raise every `OSError` of the block as an `InfrastructureError` about `path`; see `disk_error`."""
    try:
        yield
    except OSError as error:
        raise disk_error(path, error, elsewhere) from error


@contextmanager
def temporary_files() -> Iterator[None]:
    """Raise every `OSError` of the block as an `InfrastructureError` about the folder for temporary files."""
    try:
        yield
    except OSError as error:  # there may be no such folder at all, so the module is not asked for it again
        folder = Path(tempfile.tempdir or os.environ.get("TMPDIR", "/tmp"))
        raise disk_error(folder, error, TEMPORARY) from error


def make_folder(path: Path) -> Path:
    """Make a folder and its parents, unless it is there.

    Raises:
        InfrastructureError: If the disk refuses.
    """
    with disk_errors(path):
        path.mkdir(parents=True, exist_ok=True)
    return path


def write_atomically(path: Path, content: bytes | str) -> None:
    """Replace a file whole: written beside it, synced, renamed. Never leaves half a file, or a stray one.

    Raises:
        InfrastructureError: If the disk refuses; the old file is untouched.
    """
    _write_atomically(path, [content.encode() if isinstance(content, str) else content])


def write_lines_atomically(path: Path, lines: Iterable[str]) -> None:
    """Like `write_atomically`, of lines that need not be in memory at once; each gets a newline.

    Raises:
        InfrastructureError: If the disk refuses; the old file is untouched.
    """
    _write_atomically(path, (f"{line}\n".encode() for line in lines))


def _write_atomically(path: Path, parts: Iterable[bytes]) -> None:
    with disk_errors(path):
        partial = path.with_name(f".{path.name}.{uuid4().hex}.partial")
        try:
            with partial.open("xb") as file:
                file.writelines(parts)
            put_in_place(partial, path)
        finally:
            partial.unlink(missing_ok=True)


def put_in_place(partial: Path, path: Path) -> None:
    """Give a file that was written under another name its own, so that not even a power cut leaves half of it.

    Raises:
        OSError: If the disk refuses.
    """
    _sync(partial)
    partial.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names of a folder's new files reach the disk; some network file systems cannot, and are let be.

    Raises:
        OSError: If the disk refuses.
    """
    try:
        _sync(folder)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
