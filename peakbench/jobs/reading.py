"""Which samples a run asks about: read and drawn from the data, or taken up from the run that is gone on with.

Reading checks every row, which takes some 30 µs for a text and far more for a picture. A run of texts that is gone on
with knows the data file by its SHA-256, and has its samples in its folder: it begins to ask within seconds, however
many there are. Where the file's bytes, the benchmark or PeakBench changed, the rows are read and the digest decides.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from peakbench import __version__
from peakbench.benchmarks.benchmark import Benchmark, cache_folder, draw
from peakbench.benchmarks.kept import KeptSamples
from peakbench.benchmarks.loaders import DataPlace, Finding, place_text, told
from peakbench.benchmarks.sample import data_digest
from peakbench.errors import BadInputError
from peakbench.jobs.settings import RunSettings
from peakbench.jobs.watching import Watching
from peakbench.runs.folder import RunFolder, folder_name, runs_under
from peakbench.runs.manifest import DataFacts, RunManifest


@dataclass(frozen=True, slots=True)
class RunSamples:
    """What a run asks about.

    Attributes:
        samples: Those that were drawn.
        limited: Whether they are fewer than there are.
        known: Whether they lie in a run's folder already.
        facts: What `run.json` says of them, but for the training split.
    """

    samples: KeptSamples
    limited: bool
    known: bool
    facts: DataFacts


@contextmanager
def samples_to_ask(
    benchmark: Benchmark, data: DataPlace, cache: Path, settings: RunSettings, watching: Watching
) -> Iterator[RunSamples]:
    """The samples of a run, at hand inside the block.

    Raises:
        BadInputError: If the data, or any row, cannot be used.
    """
    known = _known_samples(benchmark, data, settings) if settings.resume or settings.keep_finished else None
    if known is not None:
        yield known
        return
    with benchmark.reading(data, cache, skip_bad=settings.skip_bad) as read:
        if read.n_bad:
            watching.say("\n".join([f"{read.n_bad} bad rows are left out:", *told(read.findings, read.n_bad)]))
        places = draw(len(read.samples), settings.limit, settings.seed)
        samples = read.samples.only(places, read.samples.path.with_name("drawn.jsonl"))
        facts = _data_facts(benchmark, data, samples, read.findings, read.n_bad)
        yield RunSamples(samples, limited=places is not None, known=False, facts=facts)


def _data_facts(
    benchmark: Benchmark, data: DataPlace, samples: KeptSamples, findings: tuple[Finding, ...], n_bad: int
) -> DataFacts:
    return DataFacts(
        path=place_text(data),
        revision=None if isinstance(data, Path) else data.revision,
        digest=data_digest(samples.digests()),
        n=len(samples),
        n_skipped=n_bad,
        skipped=[str(finding) for finding in findings],
        file_sha256=_file_sha256(benchmark, data),
    )


def _file_sha256(benchmark: Benchmark, data: DataPlace) -> str | None:
    """SHA-256 of all that samples are made of beside the benchmark; None where that is no single file."""
    if benchmark.file.columns.images or not isinstance(data, Path) or not data.is_file():
        return None
    with data.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _known_samples(benchmark: Benchmark, data: DataPlace, settings: RunSettings) -> RunSamples | None:
    """The samples of an unfinished run, if reading the data again is sure to give the same ones."""
    parent = settings.output / folder_name(settings.model.name) / folder_name(benchmark.name)
    sha256: str | None = None
    for folder in reversed(runs_under(parent)):
        if not folder.working_path.is_file():
            continue
        manifest = folder.read_manifest()
        facts, drawn = manifest.data, manifest.identity
        limit = None if drawn.limit is None and (settings.limit or 0) >= facts.n else settings.limit
        if (
            facts.file_sha256 is None
            or manifest.benchmark != benchmark.resolved()
            or manifest.packages.get("peakbench") != __version__
            or facts.path != place_text(data)
            or (facts.n_skipped and not settings.skip_bad)
            or (limit, settings.seed) != (drawn.limit, drawn.seed)
        ):
            continue
        sha256 = sha256 or _file_sha256(benchmark, data)
        if sha256 == facts.file_sha256:
            samples = KeptSamples(folder.working_path, facts.n)
            if not samples.hold(facts.digest):  # cut off, or changed by somebody: the data is read again
                continue
            return RunSamples(samples, limited=limit is not None, known=True, facts=facts)
    return None


@contextmanager
def read_samples(folder: RunFolder, manifest: RunManifest, benchmark: Benchmark) -> Iterator[KeptSamples]:
    """Read a run's samples again, and make sure that they are the ones that were asked about.

    Raises:
        BadInputError: If the data is gone or no longer the same.
    """
    source, data = benchmark.file.data, Path(manifest.data.path)
    place: DataPlace = data
    if source.hub is not None and manifest.data.revision is not None:
        place = source.hub.model_copy(update={"revision": manifest.data.revision})
    elif source.make is not None and not data.exists():
        place = benchmark.data_place(cache_folder())  # rendered again, on this machine too
    elif not data.exists():
        raise BadInputError(
            f"{folder.path}: its data is no longer at {data}",
            mend="put it back there; scoring compares answers with the references in it",
        )
    with benchmark.reading(place, cache_folder(), skip_bad=manifest.data.n_skipped > 0) as read:
        places = draw(len(read.samples), manifest.identity.limit, manifest.identity.seed)
        samples = read.samples.only(places, read.samples.path.with_name("drawn.jsonl"))
        found = data_digest(samples.digests())
        if found != manifest.data.digest:
            raise BadInputError(
                f"{folder.path}: the data at {manifest.data.path} is not what was asked about "
                f"(digest {found[:12]} there, {manifest.data.digest[:12]} in run.json)",
                mend="bring the data back to what it was, or run again",
            )
        yield samples
