"""The form of a part: data that a metric needs, and that is put in place once, before anything is scored.

Nothing is fetched while scoring. A metric asks `Part.find`, and says with `Part.command` what is lacking; a person
runs the command once. Parts lie in the cache folder, each in a folder of its own, whole and verified or not at all.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from peakbench.errors import InfrastructureError
from peakbench.files import sync_folder

_ABANDONED_S = 86_400.0
"""No copy and no unpacking takes a day: a partial folder that old is of a process that was killed."""

Say = Callable[[str], None]
"""Prints a line for the person who waits."""


class Part(Protocol):
    """What `peakbench metrics fetch` can put in place."""

    @property
    def name(self) -> str:
        """What it is called on the command line."""

    @property
    def title(self) -> str:
        """What it is, in a few words."""

    @property
    def n_bytes(self) -> int:
        """How much is stored, about."""

    @property
    def command(self) -> str:
        """The command that fetches it."""

    def find(self, cache: Path) -> Path | None:
        """The folder that holds it, verified; None when it is not there or not what it should be."""

    def fetch(self, cache: Path, source: Path | None, say: Say) -> Path:
        """Put it in place, unless it is there.

        Args:
            cache: The cache folder; it is made when missing.
            source: A folder or an archive to take it from, `--from` on the command line; found by itself when None.
            say: Told what is being done.

        Returns:
            The folder that holds it.

        Raises:
            PeakBenchError: If it cannot be had or is not what it should be, or the disk refuses; nothing half is left.
        """


def require_space(part: Part, cache: Path, needed: int) -> None:
    """Refuse to begin what the disk cannot hold.

    Args:
        part: What is fetched.
        cache: The cache folder; it need not be there.
        needed: Bytes.

    Raises:
        InfrastructureError: If fewer are free.
    """
    there = cache
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free
    if free < needed:
        raise InfrastructureError(
            f"{cache} has {free / 1e6:.0f} MB free; fetching {part.name} needs {needed / 1e6:.0f} MB",
            mend=f"free some space, or name another cache folder: PEAKBENCH_CACHE=/some/folder {part.command}",
        )


@contextmanager
def downloads_folder(part: Part, cache: Path) -> Iterator[Path]:
    """The folder of a part's downloads, for one process at a time; what an earlier one left is in it.

    Raises:
        InfrastructureError: If the disk refuses.
    """
    from filelock import FileLock

    downloads = cache / "downloads" / part.name
    try:
        downloads.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(downloads.with_suffix(".lock")):
            downloads.mkdir(exist_ok=True)
            yield downloads
    except OSError as error:
        raise InfrastructureError(
            f"cannot write {downloads}: {error.strerror or error}",
            mend=f"name a cache folder that can be written: PEAKBENCH_CACHE=/some/folder {part.command}",
        ) from error


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder to fill beside `target`, which takes its place when the block ends well; else nothing is left of it.

    What stands in its place, and was found wanting, is replaced.

    Raises:
        InfrastructureError: If the disk refuses.
    """
    partial: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _forget_abandoned(target)
        partial = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
        yield partial
        partial.chmod(0o755)  # mkdtemp's is for one user alone; a cache may be shared
        if target.is_dir():
            shutil.rmtree(target)
        partial.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise InfrastructureError(
            f"cannot write {target}: {error.strerror or error}",
            mend="free some space or have the permissions changed, or name another cache folder: "
            "PEAKBENCH_CACHE=/some/folder",
        ) from error
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)


def _forget_abandoned(target: Path) -> None:
    """Remove what processes that were killed left beside `target`, which may be half a gigabyte each time."""
    for left in target.parent.glob(f".{target.name}.*.partial"):
        with suppress(OSError):  # another process may be quicker
            if time.time() - left.stat().st_mtime > _ABANDONED_S:
                shutil.rmtree(left)
