"""What a sweep would do, without doing it: nothing is asked, and nothing is written.

What is there already is told by the identity that each run would have. Data that is not on this machine yet is not
fetched and not rendered for this, so for such a benchmark the samples are not compared.
"""

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar
from uuid import uuid4

from peakbench.benchmarks.benchmark import Benchmark, cache_folder, draw
from peakbench.benchmarks.kept import KeptSamples, keep_samples
from peakbench.benchmarks.sample import data_digest
from peakbench.benchmarks.training import Training, read_training
from peakbench.errors import PeakBenchError
from peakbench.files import temporary_files
from peakbench.jobs.identity import run_identity
from peakbench.jobs.model_facts import complete_facts
from peakbench.jobs.resuming import is_complete, missing_requests, nothing_settled
from peakbench.jobs.run import refuse_remote_images
from peakbench.jobs.score import metrics_of
from peakbench.jobs.settings import RunSettings
from peakbench.jobs.sweep import Combination
from peakbench.metrics.registry import Registry
from peakbench.runners.constraint import request_extra
from peakbench.runners.serving.plan import ServePlan
from peakbench.runs.folder import RunFolder, folder_name, runs_under
from peakbench.runs.manifest import Identity, RunManifest

_Number = TypeVar("_Number", int, float)

Found = Literal["new", "unfinished", "finished"]
Step = Literal["ask", "go on", "keep", "refuse"]
_UNKNOWN = "unknown: no earlier run of the model or its family"


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """What would be done for one combination.

    Attributes:
        model: The served name.
        variant: What tells the run from others of the model.
        benchmark: As the sweep names it.
        base_url: Where it would be asked, in words where that is not known yet.
        found: What is there already of the same identity.
        run: The run that is there.
        step: What the command would do about it; `refuse` where an unfinished run needs `--resume` or `--fresh`, or
            the run cannot be made at all.
        n_requests: Of the whole run; None where the data is not on this machine.
        n_missing: Of these, those that would be asked now; None as before.
        seconds: Estimated; None where nothing is known to estimate from.
        estimate: What the estimate is from, or why there is none.
        n_bytes: Estimated size of what would be written; None as before.
        server: The command that starts its server, without secrets; None for a server that runs.
        problem: Why the run cannot be made; empty when nothing is known against it.
        mend: What to do about that.
    """

    model: str
    variant: str | None
    benchmark: str
    base_url: str
    found: Found
    run: Path | None
    step: Step
    n_requests: int | None
    n_missing: int | None
    seconds: float | None
    estimate: str
    n_bytes: int | None
    server: str | None = None
    problem: str = ""
    mend: str = ""

    @property
    def title(self) -> str:
        """The served name, with what tells the run from others of the model."""
        return f"{self.model} [{self.variant}]" if self.variant else self.model


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """What a sweep would do.

    Attributes:
        runs: In the order of asking.
        output: Root of the run folders.
        n_bytes_free: On the disk that the output is, or would be, on.
    """

    runs: list[PlannedRun]
    output: Path
    n_bytes_free: int

    @property
    def n_missing(self) -> int | None:
        """Requests that would be asked; None when any number is not known."""
        return _sum(run.n_missing for run in self.runs)

    @property
    def seconds(self) -> float | None:
        """Estimated; None when any part is not known."""
        return _sum(run.seconds for run in self.runs)

    @property
    def n_bytes(self) -> int | None:
        """Estimated size of what would be written; None when any part is not known."""
        return _sum(run.n_bytes for run in self.runs)


def plan_sweep(combinations: Sequence[Combination], registry: Registry) -> SweepPlan:
    """Say what a sweep would do.

    Args:
        combinations: Its runs, at least one.
        registry: The metrics.
    """
    output = combinations[0].settings.output
    known = _KnownRuns(output)
    with temporary_files():
        temporary = tempfile.TemporaryDirectory()
    with temporary as scratch:  # pictures that the data holds as bytes are unpacked to be digested
        data = _Data(Path(scratch), registry)
        runs: list[PlannedRun] = []
        started: list[ServePlan] = []
        for one in combinations:
            runs.append(_planned(one, data, known, registry, starts=one.server not in started))
            if one.server is not None and runs[-1].n_missing != 0:
                started.append(one.server)
    return SweepPlan(runs, output, shutil.disk_usage(existing_folder(output)).free)


class _Data:
    """Samples and training splits that are at hand, each read once."""

    def __init__(self, scratch: Path, registry: Registry) -> None:
        self._scratch = scratch
        self._registry = registry
        self._samples: dict[tuple[str, bool], KeptSamples | PeakBenchError | None] = {}
        self._training: dict[tuple[str, bool], Training | None] = {}

    def samples(self, benchmark: Benchmark, settings: RunSettings) -> KeptSamples | None:
        key = (str(benchmark.path), settings.skip_bad)
        if key not in self._samples:
            place = settings.data or benchmark.data_at_hand(settings.cache or cache_folder())
            self._samples[key] = None
            if place is not None:
                items, path = benchmark.each_sample(place, self._scratch), self._scratch / f"{uuid4().hex}.jsonl"
                try:
                    self._samples[key] = keep_samples(items, place, path, skip_bad=settings.skip_bad).samples
                except PeakBenchError as error:  # every run over this data meets it
                    self._samples[key] = error
        found = self._samples[key]
        if isinstance(found, PeakBenchError):
            raise found
        return found

    def drawn(self, samples: KeptSamples, settings: RunSettings) -> KeptSamples:
        """Those that would be asked about."""
        places = draw(len(samples), settings.limit, settings.seed)
        return samples.only(places, self._scratch / f"{uuid4().hex}.jsonl")

    def training(self, benchmark: Benchmark, settings: RunSettings) -> Training | None:
        key = (str(benchmark.path), settings.skip_bad)
        if key not in self._training:
            read = read_training(benchmark, self._registry.null_values, skip_bad=settings.skip_bad)
            self._training[key] = read
        return self._training[key]


def _planned(one: Combination, data: _Data, known: "_KnownRuns", registry: Registry, *, starts: bool) -> PlannedRun:
    """Plan a run; whether it would be the one for which its server is started."""
    settings, benchmark = one.settings, one.benchmark
    planned = PlannedRun(
        model=settings.model.name,
        variant=settings.variant,
        benchmark=one.name,
        base_url=settings.endpoint.base_url if one.server is None else "a server that is started",
        found="new",
        run=None,
        step="refuse",
        n_requests=None,
        n_missing=None,
        seconds=None,
        estimate=_UNKNOWN,
        n_bytes=None,
        server=None if one.server is None else one.server.planned_command(),
    )
    try:
        if one.server is not None:
            one.server.check()
        metrics_of(benchmark.file, registry)
        request_extra(settings.response_format, benchmark.file.answer_schema, settings.extra_body)
        samples = data.samples(benchmark, settings)
        n_samples = _size(benchmark) if samples is None else len(samples)
        if settings.limit is not None and n_samples is not None and settings.limit >= n_samples:
            settings = replace(settings, limit=None)
        hub = benchmark.file.training is not None and benchmark.file.training.hub is not None
        training = None if samples is None or hub else data.training(benchmark, settings)
        drawn = None if samples is None else data.drawn(samples, settings)
        if drawn is not None and benchmark.file.columns.images and not settings.allow_remote_images:
            refuse_remote_images(drawn)
        identity = run_identity(benchmark, "" if drawn is None else data_digest(drawn.digests()), settings, training)
        unknown = {"data", "training"} if samples is None else {"training"} if hub else set()
        found, run, step = known.step(settings, identity, unknown)
        n_drawn = n_samples if settings.limit is None else settings.limit
        total = None if n_drawn is None else n_drawn * settings.repeats
        n_missing = _missing(run, step, drawn, settings, total)
    except PeakBenchError as error:
        return replace(planned, problem=error.message, mend=error.mend)
    earlier, told = known.like(settings, identity)
    seconds = n_bytes = None
    if n_missing == 0:
        seconds, told, n_bytes = 0.0, "nothing is asked", 0
    elif n_missing is not None and earlier is not None:
        seconds, n_bytes = n_missing / earlier.throughput, round(n_missing * earlier.bytes_a_request)
        if one.server is not None and starts and earlier.ready_s is not None:
            seconds += earlier.ready_s
            told += f", and {earlier.ready_s:.0f} s until its server was ready"
    elif n_missing is None:
        told = "unknown: the data is not on this machine yet"
    return replace(
        planned, found=found, run=run.path if run else None, step=step, n_requests=total, n_missing=n_missing,
        seconds=seconds, estimate=told, n_bytes=n_bytes,
    )  # fmt: skip


def _missing(
    run: RunFolder | None, step: Step, samples: KeptSamples | None, settings: RunSettings, total: int | None
) -> int | None:
    """Requests that would be asked now."""
    if step == "refuse":
        return 0
    if run is None:
        return total
    if step == "keep" and not settings.retry_failed:
        return 0
    return None if samples is None else len(missing_requests(run, samples, settings))


def _size(benchmark: Benchmark) -> int | None:
    """How many samples a benchmark has whose data is not there: known where PeakBench renders it."""
    make = benchmark.file.data.make
    return make.n if make else None


@dataclass(frozen=True, slots=True)
class _Speed:
    """How fast an earlier run was.

    Attributes:
        throughput: Answered requests a second.
        bytes_a_request: Of its folder.
        ready_s: Seconds until its server was ready; None for a server that PeakBench did not start.
    """

    throughput: float
    bytes_a_request: float
    ready_s: float | None


class _KnownRuns:
    """The runs in the output folder, read once."""

    def __init__(self, output: Path) -> None:
        self._output = output
        folders = runs_under(output) if output.is_dir() else []
        self._runs = [(run, run.read_manifest()) for run in reversed(folders)]  # the newest first

    def step(
        self, settings: RunSettings, identity: Identity, unknown: set[str]
    ) -> tuple[Found, RunFolder | None, Step]:
        """What is there of a run, and what the command would do, as `earlier_run` decides it.

        Args:
            settings: Of the run.
            identity: Of the run.
            unknown: Keys of the identity that cannot be compared.
        """
        place = self._output / folder_name(identity.model) / folder_name(identity.benchmark)
        same = [
            (run, is_complete(run, manifest))
            for run, manifest in self._runs
            if run.path.parent == place and not set(manifest.identity.differences(identity)) - unknown
        ]
        finished = next((run for run, complete in same if complete), None)
        unfinished = next((run for run, complete in same if not complete), None)
        if settings.keep_finished:
            if finished:
                return "finished", finished, "keep"
            return ("unfinished", unfinished, "go on") if unfinished else ("new", None, "ask")
        if unfinished and not settings.fresh:
            return "unfinished", unfinished, "go on" if nothing_settled(unfinished) else "refuse"
        found: Found = "finished" if finished else "unfinished" if unfinished else "new"
        return found, None, "ask"

    def like(self, settings: RunSettings, identity: Identity) -> tuple[_Speed | None, str]:
        """The speed of the newest run that is most like one that is planned, and which it was."""
        family = complete_facts(settings.model, None, settings.endpoint.base_url).family
        best: tuple[int, _Speed, str] | None = None
        for run, manifest in self._runs:
            if manifest.identity.kind != "run" or manifest.finished is None or not run.results_path.is_file():
                continue
            same_model = manifest.identity.model == identity.model
            same_family = family is not None and manifest.model.family == family
            same_benchmark = manifest.identity.benchmark == identity.benchmark
            merit = 4 * same_model + 2 * (same_model or same_family) + same_benchmark
            if merit < 2 or (best and best[0] >= merit) or (speed := _speed(run, manifest)) is None:
                continue
            who = "the model" if same_model else f"its family, {family}"
            where = "" if same_benchmark else f", on {manifest.identity.benchmark}"
            hard = manifest.sessions[-1].max_concurrency if manifest.sessions else None
            best = merit, speed, f"from {manifest.run_id}: {who}{where}, {speed.throughput:.3g}/s at concurrency {hard}"
        return (best[1], best[2]) if best else (None, _UNKNOWN)


def _speed(run: RunFolder, manifest: RunManifest) -> _Speed | None:
    """From its throughput; where it was too short to have one, from its latencies."""
    performance = run.read_results().performance
    if performance is None:
        return None
    throughput = performance.request_throughput
    if throughput is None and performance.mean_e2el_ms and performance.max_concurrency:
        throughput = performance.max_concurrency[-1] * 1000 / performance.mean_e2el_ms
    if not throughput:
        return None
    size = sum(file.stat().st_size for file in run.path.iterdir() if file.is_file())
    served = manifest.sessions[-1].served if manifest.sessions else None
    return _Speed(
        throughput,
        size / max(1, manifest.data.n * manifest.identity.repeats),
        None if served is None else served.ready_s,
    )


def existing_folder(path: Path) -> Path:
    """The folder itself, or the nearest one above it that is there."""
    whole = path.absolute()
    return next(place for place in (whole, *whole.parents) if place.is_dir())


def _sum(values: Iterable[_Number | None]) -> _Number | None:
    known = list(values)
    return None if None in known else sum(value for value in known if value is not None)
