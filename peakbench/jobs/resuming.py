"""Going on: which run a command means, what is still missing in it, and the words that say how to go on."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from peakbench.benchmarks.kept import KeptSamples
from peakbench.benchmarks.sample import Sample
from peakbench.errors import BadInputError, PeakBenchError
from peakbench.jobs.settings import RunSettings
from peakbench.runs.folder import RunFolder, folder_name, runs_under
from peakbench.runs.manifest import Identity, RunManifest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def earlier_run(settings: RunSettings, identity: Identity) -> RunFolder | None:
    """The run to go on with, or to keep; None when a new one begins.

    Raises:
        BadInputError: If there is an unfinished run and the person did not say what to do with it, or the run to go
            on with has another identity.
    """
    parent = settings.output / folder_name(identity.model) / folder_name(identity.benchmark)
    found = [] if settings.fresh else runs_under(parent)
    if not found:
        if settings.resume:
            raise BadInputError(
                f"no run of {identity.model} on {identity.benchmark} in {settings.output} to go on with",
                mend=f"start one: {settings.command}",
            )
        return None
    runs = [(run, run.read_manifest()) for run in reversed(found)]
    unfinished = [(run, manifest) for run, manifest in runs if not is_complete(run, manifest)]
    same = [run for run, manifest in unfinished if not manifest.identity.differences(identity)]
    finished = [
        run for run, manifest in runs if is_complete(run, manifest) and not manifest.identity.differences(identity)
    ]
    if settings.keep_finished:
        return next(iter(finished + same), None)
    if not settings.resume:
        if same and nothing_settled(same[0]):  # it broke off before the first answer; there is nothing to decide
            return same[0]
        if same:
            raise BadInputError(
                f"{same[0].path} is an unfinished run of the same",
                mend=f"go on with it:   {settings.command} --resume\nbegin a new one: {settings.command} --fresh",
            )
        return None
    if same:
        return same[0]
    if settings.retry_failed and finished:
        return finished[0]
    run, manifest = (unfinished or runs)[0]
    differences = manifest.identity.differences(identity)
    if not differences:
        raise BadInputError(
            f"{run.path} is finished; there is nothing to go on with",
            mend=f"ask its failed samples again: {settings.command} --resume --retry-failed\n"
            f"begin a new one:              {settings.command} --fresh",
        )
    named = "\n".join(f"  {key}: {old!r} there, {new!r} now" for key, (old, new) in differences.items())
    raise BadInputError(
        f"{run.path} cannot be gone on with, for it differs in\n{named}",
        mend=f"give the options of that run, or begin a new one: {settings.command} --fresh",
    )


def nothing_settled(run: RunFolder) -> bool:
    """Whether a run broke off before its first answer."""
    if not run.journal_path.exists():
        return True
    with run.journal() as journal:
        return len(journal) == 0


def is_complete(run: RunFolder, manifest: RunManifest) -> bool:
    """Whether everything was asked and scored; a process may have been killed between the two."""
    return manifest.finished is not None and run.results_path.is_file()


@dataclass(frozen=True, slots=True)
class MissingRequests:
    """The samples and repeats that are not settled yet: first all samples once, then again.

    Attributes:
        samples: All of the run.
        missing: Shape `(repeats, samples)`: whether it is to be asked.
    """

    samples: KeptSamples
    missing: "NDArray[np.bool_]"

    def __len__(self) -> int:
        return int(self.missing.sum())

    def __iter__(self) -> Iterator[tuple[Sample, int]]:
        for repeat, wanted in enumerate(self.missing):
            if wanted.any():
                for sample in self.samples.where(wanted):
                    yield sample, repeat


def missing_requests(folder: RunFolder, samples: KeptSamples, settings: RunSettings) -> MissingRequests:
    """What is not settled yet in a run over these samples."""
    import numpy as np

    missing = np.ones((settings.repeats, len(samples)), dtype=np.bool_)
    if folder.journal_path.exists():  # a process may have been killed before it began one
        with folder.journal() as journal:
            settled = folder.settled(journal, folder.read_manifest())
            missing = settled.offsets < 0
            if settings.retry_failed:
                missing |= settled.failed
    return MissingRequests(samples, missing)


def with_way_on(error: PeakBenchError, settings: RunSettings, folder: RunFolder) -> PeakBenchError:
    """The same error, with the command that goes on from here."""
    way_on = f"go on with: {settings.command} --resume" if settings.command else ""
    mend = "\n".join(part for part in (error.mend, way_on) if part)
    return type(error)(f"{error.message}\nthe run is {folder.path}", mend=mend)
