"""Floors as runs: answered by a trivial system instead of a server, then scored like any model."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from peakbench.benchmarks.benchmark import Benchmark
from peakbench.benchmarks.file import FloorName
from peakbench.benchmarks.floors import FLOOR_NOTES, floor_answers
from peakbench.benchmarks.sample import Samples
from peakbench.files import make_folder
from peakbench.jobs.facts import ASKING_PACKAGES, code_revision, hardware, package_versions
from peakbench.jobs.majority import majority_source, run_majority
from peakbench.jobs.score import metrics_of, score_run, signatures_digest
from peakbench.metrics.registry import Registry
from peakbench.runs.folder import RunFolder, folder_name, hold_lock, runs_under, utc_now
from peakbench.runs.manifest import DataFacts, Identity, ModelFacts, RunManifest
from peakbench.runs.records import Response, Timing, Usage

_WAIT_S = 600.0
"""How long to wait for another process that makes or scores the same floor."""


def floor_model(name: FloorName) -> str:
    """A floor's name where models have theirs."""
    return f"floor/{name}"


def ensure_floors(
    root: Path,
    benchmark: Benchmark,
    data: DataFacts,
    samples: Callable[[], Samples],
    registry: Registry,
    identity: Identity,
) -> list[RunFolder]:
    """Make the floors of a run under `root`, those that are not there yet, over the same samples.

    Args:
        root: Root of the run folders.
        benchmark: The run's benchmark.
        data: What the run says of its data.
        samples: Gives the run's samples; called only when a floor is missing.
        registry: The metrics.
        identity: The run's.

    Returns:
        The run folders of all floors of the benchmark, in the benchmark file's order.
    """
    file = benchmark.file
    expected = signatures_digest(metrics_of(file, registry, identity.training))
    samples_once = cache(samples)
    folders = []
    for name in file.all_floors:
        own = _identity(name, benchmark, identity)
        place = root / folder_name(own.model) / folder_name(own.benchmark)
        folder = _existing(place, own)
        if folder is None or not _scored_with(folder, expected):
            with hold_lock(make_folder(place), _WAIT_S):  # several runs may end, and want their floors, at once
                folder = _existing(place, own)
                if folder is None:
                    folder = _make(root, benchmark, data, samples_once(), own, name, registry)
                elif not _scored_with(folder, expected):
                    with folder.lock(_WAIT_S):
                        score_run(folder, registry)
        folders.append(folder)
    return folders


def _identity(name: FloorName, benchmark: Benchmark, run: Identity) -> Identity:
    """A floor's identity: that of the run, but for what no floor depends on: how a model is asked, and how it is read.

    So all runs over the same samples share one, whatever their response format, images, added keys or variant.
    """
    of_floor = {"kind": "floor", "model": floor_model(name), "revision": None, "repeats": 1, "variant": None}
    return run.model_copy(update=of_floor | {"generation": {}, "fields": benchmark.fields_digest})


def _existing(place: Path, identity: Identity) -> RunFolder | None:
    """The newest such floor that was made to its end."""
    for folder in reversed(runs_under(place)):
        if folder.results_path.is_file() and folder.read_manifest().identity == identity:
            return folder
    return None


def _scored_with(folder: RunFolder, metrics_digest: str) -> bool:
    return folder.read_results().comparable["metrics"] == metrics_digest


def _make(
    root: Path,
    benchmark: Benchmark,
    data: DataFacts,
    samples: Samples,
    identity: Identity,
    name: FloorName,
    registry: Registry,
) -> RunFolder:
    file = benchmark.file
    majority, note = None, FLOOR_NOTES[name]
    if name == "majority_value":
        majority = run_majority(file, data, samples, registry.null_values)
        note += f", {majority_source(data.training)}"
    folder = RunFolder.create(root, identity)
    manifest = RunManifest(
        run_id=folder.path.name,
        identity=identity,
        identity_digest=identity.digest,
        benchmark=benchmark.resolved(),
        benchmark_path=str(benchmark.path),
        data=data,
        model=ModelFacts(name=identity.model, title=name, note=note),
        created=utc_now(),
        hardware=hardware(),
        packages=package_versions(ASKING_PACKAGES),
        registry=registry.digest,
        code_revision=code_revision(),
        note=note,
    )
    with folder.lock():
        folder.write_manifest(manifest)
        folder.write_samples(samples, manifest)
        writer = folder.journal_writer(manifest)
        try:
            answers = floor_answers(file, name, samples, identity.seed, majority)
            for sample, text in zip(samples, answers, strict=True):
                writer.append(
                    Response(
                        sample_id=sample.id,
                        repeat=0,
                        text=text,
                        reasoning=None,
                        finish_reason="stop",
                        usage=Usage(),
                        timing=Timing(started_at=0.0, e2el_ms=0.0),
                        sample_digest=sample.digest,
                    )
                )
            writer.sync()
        finally:
            writer.close()
        score_run(folder, registry, samples=samples)
    return folder
