"""The run folder: `runs/{org__model}/{benchmark}/{utc}-{digest8}/` and the files in it.

    run.json            everything needed to repeat and to trust the run
    samples.jsonl       what was asked about: digests, and the size and type of every image
    working.jsonl       the samples with prompt and reference; there until the run is scored
    responses.jsonl     the journal, append-only: the source of truth
    scores.parquet      a row a sample × repeat × metric × slice
    results.json        results with intervals, counts, signatures; performance
    server.log          what the server wrote, when PeakBench started it

One process at a time writes to a run folder; a second one is refused.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from pydantic import ValidationError

from peakbench.benchmarks.sample import Samples
from peakbench.canonical import digest
from peakbench.errors import BadInputError
from peakbench.files import disk_errors, make_folder, write_atomically
from peakbench.runs.journal import Journal, JournalWriter, require_own_header
from peakbench.runs.journal_lines import JournalHeader
from peakbench.runs.manifest import Identity, RunManifest
from peakbench.runs.results import Results
from peakbench.runs.samples import SampleFacts, read_sample_ids, read_samples_file, write_samples
from peakbench.runs.settled import Settled, settled_requests
from peakbench.strict import StrictModel, validation_message

_Model = TypeVar("_Model", bound=StrictModel)
_LONGEST_NAME = 200


def utc_now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def folder_name(name: str) -> str:
    """A model's or benchmark's name as a folder's: `/` becomes `__`, other unsafe characters are percent-encoded.

    A name too long for a file system is cut, and told from others by its digest. Two names may still share a folder
    (`a/b` and `a__b`); runs in it are told apart by the identity in `run.json`, never by where they lie.
    """
    safe = quote(name.replace("/", "__"), safe="@+=,")
    if len(safe) > _LONGEST_NAME:
        safe = f"{safe[:_LONGEST_NAME]}-{digest(name)[:16]}"
    return "%2E" + safe[1:] if safe.startswith(".") else safe


class RunFolder:
    """One run on disk.

    Attributes:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest_path = path / "run.json"
        self.samples_path = path / "samples.jsonl"
        self.working_path = path / "working.jsonl"
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

    def root_of(self, identity: Identity) -> Path:
        """The root that the run lies under; of a run that was taken elsewhere, the folder it lies in."""
        above = self.path.resolve().parent
        if (above.parent.name, above.name) == (folder_name(identity.model), folder_name(identity.benchmark)):
            return above.parent.parent
        return above

    def read_manifest(self) -> RunManifest:
        """Read `run.json`.

        Raises:
            BadInputError: If it is missing or of another format.
        """
        return _read(self.manifest_path, RunManifest)

    def write_manifest(self, manifest: RunManifest) -> None:
        """Replace `run.json`."""
        write_atomically(self.manifest_path, manifest.model_dump_json(indent=2) + "\n")

    def write_samples(self, samples: Samples, manifest: RunManifest) -> None:
        """Write `samples.jsonl`, unless it is there: the samples of a run are the same for ever."""
        if not self.samples_path.is_file():
            write_samples(self.samples_path, manifest.run_id, manifest.data.digest, samples)

    def samples(self) -> Iterator[SampleFacts]:
        """Read `samples.jsonl`, one sample at a time.

        Raises:
            BadInputError: If it is missing or of another format.
        """
        return read_samples_file(self.samples_path)

    def settled(self, journal: Journal, manifest: RunManifest) -> Settled:
        """Where the journal settles each request of the run.

        Raises:
            BadInputError: If the journal is another run's, or settles what this one does not ask.
        """
        require_own_header(self.journal_path, journal.header, manifest.identity_digest)
        ids = partial(read_sample_ids, self.samples_path)
        return settled_requests(journal, ids, manifest.data.n, manifest.identity.repeats)

    def read_results(self) -> Results:
        """Read `results.json`.

        Raises:
            BadInputError: If it is missing or of another format.
        """
        return _read(self.results_path, Results)

    def write_results(self, results: Results) -> None:
        """Replace `results.json`."""
        write_atomically(self.results_path, results.model_dump_json(indent=2) + "\n")

    def forget_scores(self) -> None:
        """Remove what was scored, before answers come that it does not know."""
        with disk_errors(self.path):
            self.results_path.unlink(missing_ok=True)
            self.scores_path.unlink(missing_ok=True)

    def forget_working(self) -> None:
        """Remove the samples that a run works on, when it is done."""
        with disk_errors(self.path):
            self.working_path.unlink(missing_ok=True)

    def journal(self) -> Journal:
        """Open the journal for reading."""
        return Journal(self.journal_path)

    def failure_kinds(self) -> dict[str, int]:
        """How many settled requests failed in each way, the most frequent first."""
        with self.journal() as journal:
            kinds = Counter(str(failure.kind) for failure in journal.failures())
        return dict(kinds.most_common())

    def journal_writer(self, manifest: RunManifest) -> JournalWriter:
        """Open the journal for writing; hold the lock."""
        return JournalWriter(self.journal_path, JournalHeader(manifest.run_id, manifest.identity_digest))

    @contextmanager
    def lock(self, wait_s: float = 0) -> Iterator[None]:
        """Hold the folder's lock: no other process may write meanwhile. It ends with the process, however that ends.

        Args:
            wait_s: How long to wait for another process, seconds.

        Raises:
            BadInputError: If another process holds it.
        """
        with hold_lock(self.path, wait_s):
            for stray in self.path.glob(".*.partial"):  # left by a process that was killed while writing
                stray.unlink(missing_ok=True)
            yield


@contextmanager
def hold_lock(folder: Path, wait_s: float = 0) -> Iterator[None]:
    """Hold the lock of a folder, so that one process at a time writes there.

    Args:
        folder: It gets a file `.lock`, which stays.
        wait_s: How long to wait for another process, seconds.

    Raises:
        BadInputError: If another process holds it.
        InfrastructureError: If the disk refuses.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock")
    with disk_errors(folder):
        try:
            lock.acquire(timeout=wait_s)
        except Timeout as error:
            raise BadInputError(
                f"{folder} is being written by another process",
                mend="wait for it to end, or start a run of its own with --fresh",
            ) from error
    try:
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
        for run in runs_under(place):
            found[run.path.resolve()] = run
    if not found:
        raise BadInputError(
            f"no run in {', '.join(str(place) for place in places)}",
            mend="make one with `peakbench run`, or see `peakbench demo`",
        )
    return sorted(found.values(), key=_age)


def runs_under(place: Path) -> list[RunFolder]:
    """The run folders in a folder, or the folder itself, oldest first; none when it is not there.

    Links are followed, and each folder is looked into once. A run folder holds no other.
    """
    found = []
    seen: set[Path] = set()
    for name, folders, files in os.walk(place, followlinks=True):
        here = Path(name)
        real = here.resolve()
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        if "run.json" in files:
            found.append(RunFolder(here))
            folders.clear()
    return sorted(found, key=_age)


def _age(run: RunFolder) -> tuple[str, str]:
    """Sorts run folders by the time in their names."""
    return run.path.name, str(run.path)
