"""The run folder: `runs/{org__model}/{benchmark}/{utc}-{digest8}/` and the files in it.

    run.json            everything needed to repeat and to trust the run
    responses.jsonl     the journal, append-only: the source of truth
    scores.parquet      a row a sample × repeat × metric × slice
    results.json        results with intervals, counts, signatures; performance

One process at a time writes to a run folder; a second one is refused.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from pydantic import ValidationError

from peakbench.errors import BadInputError
from peakbench.files import disk_errors, make_folder, write_atomically
from peakbench.runs.journal import Journal, JournalHeader, JournalWriter
from peakbench.runs.manifest import Identity, RunManifest
from peakbench.runs.results import Results
from peakbench.strict import StrictModel, validation_message

_Model = TypeVar("_Model", bound=StrictModel)


def utc_now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def folder_name(name: str) -> str:
    """A model's or benchmark's name as a folder's: `/` becomes `__`, other unsafe characters are percent-encoded."""
    safe = quote(name.replace("/", "__"), safe="@+=,")
    return "%2E" + safe[1:] if safe.startswith(".") else safe


class RunFolder:
    """One run on disk.

    Attributes:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest_path = path / "run.json"
        self.journal_path = path / "responses.jsonl"
        self.scores_path = path / "scores.parquet"
        self.results_path = path / "results.json"

    @classmethod
    def create(cls, root: Path, identity: Identity) -> "RunFolder":
        """Make a new, empty run folder under `root`.

        Raises:
            InfrastructureError: If the disk refuses.
        """
        parent = make_folder(root / folder_name(identity.model) / folder_name(identity.benchmark))
        stem = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{identity.digest[:8]}"
        for number in range(1, 10_000):
            path = parent / (stem if number == 1 else f"{stem}-{number}")
            with disk_errors(path):
                try:
                    path.mkdir()
                except FileExistsError:
                    continue
            return cls(path)
        raise BadInputError(f"{parent} holds thousands of runs of this second", mend="write elsewhere with --output")

    def read_manifest(self) -> RunManifest:
        """Read `run.json`.

        Raises:
            BadInputError: If it is missing or of another format.
        """
        return _read(self.manifest_path, RunManifest)

    def write_manifest(self, manifest: RunManifest) -> None:
        """Replace `run.json`."""
        write_atomically(self.manifest_path, manifest.model_dump_json(indent=2) + "\n")

    def read_results(self) -> Results:
        """Read `results.json`.

        Raises:
            BadInputError: If it is missing or of another format.
        """
        return _read(self.results_path, Results)

    def write_results(self, results: Results) -> None:
        """Replace `results.json`."""
        write_atomically(self.results_path, results.model_dump_json(indent=2) + "\n")

    def journal(self) -> Journal:
        """Open the journal for reading."""
        return Journal(self.journal_path)

    def journal_writer(self, manifest: RunManifest) -> JournalWriter:
        """Open the journal for writing; hold the lock."""
        return JournalWriter(self.journal_path, JournalHeader(manifest.run_id, manifest.identity_digest))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder's lock: no other process may write meanwhile. It ends with the process, however that ends.

        Raises:
            BadInputError: If another process holds it.
        """
        from filelock import FileLock, Timeout

        lock = FileLock(self.path / ".lock")
        with disk_errors(self.path):
            try:
                lock.acquire(blocking=False)
            except Timeout as error:
                raise BadInputError(
                    f"{self.path} is being written by another process",
                    mend="wait for it to end, or start a run of its own with --fresh",
                ) from error
        try:
            for stray in self.path.glob(".*.partial"):  # left by a process that was killed while writing
                stray.unlink(missing_ok=True)
            yield
        finally:
            lock.release()


def _read(path: Path, model: type[_Model]) -> _Model:
    try:
        return model.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadInputError(
            f"{path}: {error.strerror}", mend="name a run folder, or a folder that holds some"
        ) from error
    except ValidationError as error:
        raise BadInputError(
            validation_message(path, error), mend="the file was written by another version of PeakBench; run it again"
        ) from error


def find_runs(places: Sequence[Path]) -> list[RunFolder]:
    """Every run folder in the places given, which are run folders or folders that hold some; oldest first.

    Raises:
        BadInputError: If a place is not there, or none holds a run.
    """
    found: dict[Path, RunFolder] = {}
    for place in places:
        if not place.is_dir():
            raise BadInputError(f"{place} is no folder", mend="name run folders, or a folder that holds some")
        for manifest in [place / "run.json"] if (place / "run.json").is_file() else place.rglob("run.json"):
            found[manifest.parent.resolve()] = RunFolder(manifest.parent)
    if not found:
        raise BadInputError(
            f"no run in {', '.join(str(place) for place in places)}",
            mend="make one with `peakbench run`, or see `peakbench demo`",
        )
    return sorted(found.values(), key=lambda run: (run.path.name, str(run.path)))
