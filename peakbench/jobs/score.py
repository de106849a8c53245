"""Scoring a run again and again: from the journal and the data to `scores.parquet` and `results.json`; no requests."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from peakbench.benchmarks.benchmark import Benchmark, cache_folder, draw_samples
from peakbench.benchmarks.file import BenchmarkFile
from peakbench.benchmarks.loaders import DataPlace
from peakbench.benchmarks.sample import Sample, data_digest
from peakbench.canonical import digest
from peakbench.errors import BadInputError
from peakbench.jobs.facts import SCORING_PACKAGES, package_versions
from peakbench.metrics.answers import prefetcher, preparer
from peakbench.metrics.metric import Answer, Metric, RepeatMetric, Timings
from peakbench.metrics.performance import performance_of
from peakbench.metrics.registry import Registry
from peakbench.runs.folder import RunFolder, utc_now
from peakbench.runs.journal import Journal, require_own_header
from peakbench.runs.manifest import RunManifest
from peakbench.runs.records import Response
from peakbench.runs.results import MetricResult, Results
from peakbench.runs.scores import ScoreRow, ScoresWriter, read_scores
from peakbench.statistics.summary import summarise

_SAMPLES_AT_ONCE = 1024


def score_run(folder: RunFolder, registry: Registry, samples: Sequence[Sample] | None = None) -> Results:
    """Score a finished run: write its `scores.parquet` and `results.json`.

    Args:
        folder: The run; the caller holds its lock.
        registry: The metrics.
        samples: The run's samples when they are at hand; read from the data otherwise, and checked by digest.

    Raises:
        BadInputError: If the run is unfinished, or the data is gone or no longer the same.
    """
    manifest = folder.read_manifest()
    benchmark = Benchmark(BenchmarkFile.model_validate(manifest.benchmark), Path(manifest.benchmark_path))
    if samples is None:
        samples = read_samples(folder, manifest, benchmark)
    identity = manifest.identity
    metrics = metrics_of(benchmark.file, registry)
    with folder.journal() as journal:
        require_own_header(folder.journal_path, journal.header, manifest.identity_digest)
        missing = sum((s.id, repeat) not in journal for s in samples for repeat in range(identity.repeats))
        if missing:
            raise BadInputError(
                f"{folder.path} is unfinished: {missing} of {len(samples) * identity.repeats} are not answered",
                mend="go on with the command that began it, and --resume",
            )
        if manifest.finished is None:  # the process was killed between the last answer and saying so
            manifest = manifest.model_copy(update={"finished": utc_now()})
            folder.write_manifest(manifest)
        signatures = {name: metric.signature for name, metric in metrics.items()}
        counts = _Counts()
        with ScoresWriter(folder.scores_path, {"peakbench.run_id": manifest.run_id}) as writer:
            for some in _chunks(_answers(samples, journal, registry, benchmark, identity.repeats)):
                for metric in metrics.values():
                    metric.prefetch([answer for _, answers in some for answer in answers])
                for sample, answers in some:
                    counts.add(answers)
                    writer.write(_rows(sample, answers, metrics))
        results = summarise(read_scores(folder.scores_path), metrics, len(samples), seed=identity.seed)
        performance = None
        if identity.kind == "run":
            timings = _timings(journal)
            performance = performance_of(timings, [session.max_concurrency for session in manifest.sessions])
            results |= _timing_results(timings, registry)
    comparable = {
        "benchmark": identity.benchmark,
        "data": identity.data,
        "prompt": identity.prompt,
        "sample_set": f"{len(samples)} samples" + (f", drawn with seed {identity.seed}" if identity.limit else ""),
        "metrics": signatures_digest(metrics),
    }
    servers = [session.server.model_dump(mode="json") for session in manifest.sessions]
    fingerprint = {  # of the ways in which it was asked, not of how often it was broken off
        "identity": manifest.identity_digest,
        "servers": sorted({digest(server) for server in servers}),
        "concurrency": sorted({session.max_concurrency for session in manifest.sessions}),
        "hardware": manifest.hardware,
        "metrics": signatures,
    }
    whole = Results(
        kind=identity.kind,
        benchmark=identity.benchmark,
        model=identity.model,
        run_id=manifest.run_id,
        n=len(samples),
        repeats=identity.repeats,
        n_failed=counts.failed,
        n_unparsed=counts.unparsed,
        n_truncated=counts.truncated,
        rank_by=benchmark.file.ranked_by,
        comparable=comparable,
        fingerprint=digest(fingerprint),
        metrics=results,
        performance=performance,
        scored_with=package_versions(SCORING_PACKAGES),
    )
    folder.write_results(whole)
    return whole


def metrics_of(file: BenchmarkFile, registry: Registry) -> dict[str, Metric]:
    """The metrics that a benchmark is scored by, in the registry's order.

    Raises:
        BadInputError: If the benchmark names one that is not there, or is ranked by one that is not scored.
    """
    metrics = registry.metrics(file.task, file.schema_of_fields, file.metrics)
    if file.ranked_by is not None and file.ranked_by not in metrics:
        close = difflib.get_close_matches(file.ranked_by, metrics, n=1)
        hint = f"did you mean `{close[0]}`?" if close else f"rank by one of: {', '.join(metrics)}"
        raise BadInputError(f"{file.name} is ranked by `{file.ranked_by}`, which is no metric of its task", mend=hint)
    return metrics


def signatures_digest(metrics: Mapping[str, Metric]) -> str:
    """Digest of the metrics' signatures: results that share a table have the same."""
    return digest({name: metric.signature for name, metric in metrics.items()})


@dataclass(slots=True)
class _Counts:
    """Samples with at least one failed, unparsed or truncated answer."""

    failed: int = 0
    unparsed: int = 0
    truncated: int = 0

    def add(self, answers: Sequence[Answer]) -> None:
        self.failed += any(answer.failed for answer in answers)
        self.unparsed += any(not answer.failed and not answer.parsed for answer in answers)
        self.truncated += any(isinstance(answer.record, Response) and answer.record.truncated for answer in answers)


def read_samples(folder: RunFolder, manifest: RunManifest, benchmark: Benchmark) -> list[Sample]:
    """Read a run's samples again, and make sure that they are the ones that were asked about."""
    source, data = benchmark.file.data, Path(manifest.data.path)
    place: DataPlace = data
    if source.hub is not None or (source.make is not None and not data.exists()):
        place = benchmark.data_place(cache_folder())  # read, or rendered, again, on this machine too
    elif not data.exists():
        raise BadInputError(
            f"{folder.path}: its data is no longer at {data}",
            mend="put it back there; scoring compares answers with the references in it",
        )
    samples, _ = benchmark.samples(place, cache_folder(), skip_bad=manifest.data.n_skipped > 0)
    samples = draw_samples(samples, manifest.identity.limit, manifest.identity.seed)
    found = data_digest([sample.digest for sample in samples])
    if found != manifest.data.digest:
        raise BadInputError(
            f"{folder.path}: the data at {manifest.data.path} is not what was asked about "
            f"(digest {found[:12]} there, {manifest.data.digest[:12]} in run.json)",
            mend="bring the data back to what it was, or run again",
        )
    return samples


def _answers(
    samples: Sequence[Sample], journal: Journal, registry: Registry, benchmark: Benchmark, repeats: int
) -> Iterator[tuple[Sample, list[Answer]]]:
    prepare = preparer(benchmark.file, registry)
    prefetch = prefetcher(benchmark.file, registry)
    for start in range(0, len(samples), _SAMPLES_AT_ONCE):
        some = samples[start : start + _SAMPLES_AT_ONCE]
        prefetch([(sample, journal[sample.id, repeat]) for sample in some for repeat in range(repeats)])
        for sample in some:
            yield sample, [prepare(sample, journal[sample.id, repeat]) for repeat in range(repeats)]


def _chunks(answers: Iterator[tuple[Sample, list[Answer]]]) -> Iterator[list[tuple[Sample, list[Answer]]]]:
    """So many samples as a model may see at once, with their answers."""
    while some := list(islice(answers, _SAMPLES_AT_ONCE)):
        yield some


def _rows(sample: Sample, answers: Sequence[Answer], metrics: Mapping[str, Metric]) -> Iterator[ScoreRow]:
    """The scores of the repeats of a sample; what compares them with each other stands under the first."""
    for name, metric in metrics.items():
        if isinstance(metric, RepeatMetric):
            scored = [metric.score_repeats(answers)]
        else:
            scored = [metric.score(answer) for answer in answers]
        for repeat, scores in enumerate(scored):
            for one in scores:
                yield ScoreRow(sample.id, repeat, sample.cluster, name, one.slice, one.value, one.reason, one.stats)


def _timings(journal: Journal) -> Timings:
    """The timing of every settled record."""
    import numpy as np

    def number(value: float | None) -> float:
        return float("nan") if value is None else float(value)

    rows = []
    for record in journal.records():
        usage = record.usage if isinstance(record, Response) else None
        rows.append(
            (
                record.timing.started_at,
                record.timing.e2el_ms,
                number(record.timing.ttft_ms),
                isinstance(record, Response),
                record.session,
                number(usage.prompt_tokens if usage else None),
                number(usage.completion_tokens if usage else None),
            )
        )
    columns = list(zip(*rows, strict=True))
    return Timings(
        started_at=np.array(columns[0], dtype=np.float64),
        e2el_ms=np.array(columns[1], dtype=np.float64),
        ttft_ms=np.array(columns[2], dtype=np.float64),
        answered=np.array(columns[3], dtype=np.bool_),
        session=np.array(columns[4], dtype=np.int64),
        prompt_tokens=np.array(columns[5], dtype=np.float64),
        completion_tokens=np.array(columns[6], dtype=np.float64),
    )


def _timing_results(timings: Timings, registry: Registry) -> dict[str, MetricResult]:
    """Throughput and latency as metrics; they have no value a sample, so no interval and no slices."""
    results = {}
    n = len(timings.started_at)
    answered = int(timings.answered.sum())
    for name, metric in registry.timing_metrics().items():
        definition = metric.definition
        value = metric.from_timings(timings)
        results[name] = MetricResult(
            value=value,
            ci=None,
            n=n,
            n_defined=answered if value is not None else 0,
            undefined={} if value is not None else {definition.undefined: n},
            direction=definition.direction,
            unit=definition.unit,
            signature=metric.signature,
            interval="none",
        )
    return results
