"""Floors as runs: answered by a trivial system instead of a server, then scored like any model."""

from collections.abc import Callable, Sequence
from pathlib import Path

from peakbench.benchmarks.benchmark import Benchmark
from peakbench.benchmarks.file import FloorName
from peakbench.benchmarks.floors import FLOOR_NOTES, floor_answers
from peakbench.benchmarks.sample import Sample
from peakbench.jobs.facts import ASKING_PACKAGES, code_revision, hardware, package_versions
from peakbench.jobs.score import score_run, signatures_digest
from peakbench.metrics.registry import Registry
from peakbench.runs.folder import RunFolder, find_runs, folder_name, utc_now
from peakbench.runs.manifest import DataFacts, Identity, ModelFacts, RunManifest
from peakbench.runs.records import Response, Timing, Usage


def floor_model(name: FloorName) -> str:
    """A floor's name where models have theirs."""
    return f"floor/{name}"


def ensure_floors(
    root: Path,
    benchmark: Benchmark,
    data: Path,
    samples: Callable[[], Sequence[Sample]],
    registry: Registry,
    identity: Identity,
) -> list[RunFolder]:
    """Make the floors of a run under `root`, those that are not there yet, over the same samples.

    Args:
        root: Root of the run folders.
        benchmark: The run's benchmark.
        data: Where its data lies.
        samples: Gives the run's samples; called only when a floor is missing.
        registry: The metrics.
        identity: The run's.

    Returns:
        The run folders of all floors of the benchmark, in the benchmark file's order.
    """
    file = benchmark.file
    expected = signatures_digest(registry.metrics(file.task, file.schema_of_fields, file.metrics))
    folders = []
    for name in file.floors:
        own = identity.model_copy(update={"kind": "floor", "model": floor_model(name), "revision": None, "repeats": 1})
        folder = _existing(root, own, registry, expected) or _make(
            root, benchmark, data, samples(), own, name, registry
        )
        folders.append(folder)
    return folders


def _existing(root: Path, identity: Identity, registry: Registry, metrics_digest: str) -> RunFolder | None:
    """The newest such floor; scored again when it was scored with other metrics."""
    parent = root / folder_name(identity.model) / folder_name(identity.benchmark)
    if not parent.is_dir() or not any(parent.rglob("results.json")):
        return None
    for folder in reversed(find_runs([parent])):
        if folder.results_path.is_file() and folder.read_manifest().identity == identity:
            if folder.read_results().comparable["metrics"] != metrics_digest:
                with folder.lock():
                    score_run(folder, registry)
            return folder
    return None


def _make(
    root: Path,
    benchmark: Benchmark,
    data: Path,
    samples: Sequence[Sample],
    identity: Identity,
    name: FloorName,
    registry: Registry,
) -> RunFolder:
    folder = RunFolder.create(root, identity)
    now = utc_now()
    manifest = RunManifest(
        run_id=folder.path.name,
        identity=identity,
        identity_digest=identity.digest,
        benchmark=benchmark.resolved(),
        benchmark_path=str(benchmark.path),
        data=DataFacts(path=str(data.resolve()), digest=identity.data, n=len(samples)),
        model=ModelFacts(name=identity.model, title=name, note=FLOOR_NOTES[name]),
        created=now,
        finished=now,
        hardware=hardware(),
        packages=package_versions(ASKING_PACKAGES),
        code_revision=code_revision(),
        note=FLOOR_NOTES[name],
    )
    with folder.lock():
        folder.write_manifest(manifest)
        writer = folder.journal_writer(manifest)
        try:
            for sample, text in zip(samples, floor_answers(name, samples, identity.seed), strict=True):
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
