"""Scoring a run again and again: from the journal and the data to `scores.parquet` and `results.json`; no requests."""

import difflib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from itertools import islice
from math import nan
from pathlib import Path
from typing import Any

from peakbench.benchmarks.benchmark import Benchmark
from peakbench.benchmarks.file import BenchmarkFile
from peakbench.benchmarks.sample import RemoteImage, Sample, Samples
from peakbench.canonical import digest
from peakbench.errors import BadInputError
from peakbench.jobs.facts import SCORING_PACKAGES, package_versions
from peakbench.jobs.majority import run_majority
from peakbench.jobs.reading import read_samples
from peakbench.metrics.answers import prefetcher, preparer
from peakbench.metrics.grounding.diagnostics import SwappedAxes
from peakbench.metrics.metric import Answer, Metric, RepeatMetric, Timings
from peakbench.metrics.performance import performance_of
from peakbench.metrics.registry import Registry
from peakbench.metrics.signatures import DIGITS
from peakbench.metrics.skill import SkillOverMajority
from peakbench.runs.folder import RunFolder, utc_now
from peakbench.runs.manifest import Identity, RunManifest
from peakbench.runs.records import Record, Response, Usage
from peakbench.runs.results import MetricResult, Results
from peakbench.runs.scores import ScoreColumns, ScoresWriter, groups_of_file
from peakbench.statistics.summary import summarise

_SAMPLES_AT_ONCE = 1024
"""So many samples are got ready at once, for models that embed many texts far faster than one by one."""


def score_run(folder: RunFolder, registry: Registry, samples: Samples | None = None) -> Results:
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
    with read_samples(folder, manifest, benchmark) if samples is None else nullcontext(samples) as given:
        return _score(folder, manifest, benchmark, given, registry)


def _score(
    folder: RunFolder, manifest: RunManifest, benchmark: Benchmark, samples: Samples, registry: Registry
) -> Results:
    identity = manifest.identity
    repeats = identity.repeats
    metrics = metrics_of(benchmark.file, registry, identity.training)
    folder.write_samples(samples, manifest)
    with folder.journal() as journal:
        settled = folder.settled(journal, manifest)
        if settled.n_missing:
            raise BadInputError(
                f"{folder.path} is unfinished: {settled.n_missing} of {len(samples) * repeats} are not answered",
                mend="go on with the command that began it, and --resume",
            )
        if manifest.finished is None:  # the process was killed between the last answer and saying so
            manifest = manifest.model_copy(update={"finished": utc_now()})
            folder.write_manifest(manifest)
        signatures = {name: metric.signature for name, metric in metrics.items()}
        with ScoresWriter(folder.scores_path, {"peakbench.run_id": manifest.run_id}) as writer:
            majority = None
            if benchmark.file.fields:
                majority = run_majority(benchmark.file, manifest.data, samples, registry.null_values)
            read_as = benchmark.read_with(manifest.model.boxes).file
            asked = (
                (sample, [settled.record(place, repeat) for repeat in range(repeats)])
                for place, sample in enumerate(samples)
            )
            counts = score_answers(answers_to(asked, registry, read_as, majority), metrics, writer)
        del settled
        results = summarise(groups_of_file(folder.scores_path), metrics, len(samples), seed=identity.seed)
        performance = None
        if identity.kind == "run":
            measured = {
                number: session.duration_s
                for number, session in enumerate(manifest.sessions)
                if session.duration_s is not None
            }
            timings = replace(_timings(journal.records()), session_s=measured)
            performance = performance_of(timings, [session.max_concurrency for session in manifest.sessions])
            results |= _timing_results(timings, registry)
    comparable = {
        "benchmark": identity.benchmark,
        "data": identity.data,
        "prompt": identity.prompt,
        "sample_set": f"{len(samples)} samples" + (f", drawn with seed {identity.seed}" if identity.limit else ""),
        "metrics": signatures_digest(metrics),
    }
    if identity.training is not None:
        comparable["training"] = identity.training
    servers = [
        server.model_dump(mode="json", exclude={"listed"})  # how the model became known is no way of asking it
        for session in manifest.sessions
        for server in (session.server, *(endpoint.server for endpoint in session.endpoints))
        if server is not None
    ]
    fingerprint = {  # of the ways in which it was asked, not of how often it was broken off
        "identity": manifest.identity_digest,
        "servers": sorted({digest(server) for server in servers}),
        "concurrency": [
            *sorted({session.max_concurrency for session in manifest.sessions if not session.adaptive}),
            *sorted({f"auto:{session.max_concurrency}" for session in manifest.sessions if session.adaptive}),
        ],
        "streamed": sorted({session.stream for session in manifest.sessions}),
        "hardware": manifest.hardware,
        "metrics": signatures,
    }
    served = [session.served for session in manifest.sessions if session.served]
    if served:
        fingerprint["served"] = sorted({digest([one.digest, one.gpus, one.driver]) for one in served})
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
        warnings=[*counts.warnings, *_lacking_logprobs(identity, counts)],
        rank_by=benchmark.file.ranked_by,
        comparable=comparable,
        registry=registry.digest,
        fingerprint=digest(fingerprint),
        metrics=results,
        performance=performance,
        scored_with=package_versions(SCORING_PACKAGES),
    )
    folder.write_results(whole)
    folder.forget_working()
    return whole


def metrics_of(file: BenchmarkFile, registry: Registry, training: str | None = None) -> dict[str, Metric]:
    """The metrics that a benchmark is scored by, in the registry's order.

    Args:
        file: The benchmark.
        registry: The metrics there are.
        training: Digest of the training split that the majority's answer is taken from; None: taken in-sample.

    Raises:
        BadInputError: If the benchmark names one that is not there, or is ranked by one that is not scored.
    """
    metrics = registry.metrics(
        file.task,
        file.schema_of_fields,
        file.metrics,
        answer_schema=file.answer_schema,
        labels=file.labels,
        boxes=file.boxes,
    )
    if file.ranked_by is not None and file.ranked_by not in metrics:
        close = difflib.get_close_matches(file.ranked_by, metrics, n=1)
        hint = f"did you mean `{close[0]}`?" if close else f"rank by one of: {', '.join(metrics)}"
        raise BadInputError(f"{file.name} is ranked by `{file.ranked_by}`, which is no metric of its task", mend=hint)
    if training is None:
        return metrics
    return {
        name: metric.against(f"training@{training[:DIGITS]}") if isinstance(metric, SkillOverMajority) else metric
        for name, metric in metrics.items()
    }


def signatures_digest(metrics: Mapping[str, Metric]) -> str:
    """Digest of the metrics' signatures: results that share a table have the same."""
    return digest({name: metric.signature for name, metric in metrics.items()})


@dataclass(slots=True)
class AnswerCounts:
    """Samples with at least one failed, unparsed or truncated answer; and, of all answers, those with logprobs."""

    failed: int = 0
    unparsed: int = 0
    truncated: int = 0
    remote: int = 0
    answered: int = 0
    with_logprobs: int = 0
    axes: SwappedAxes = field(default_factory=SwappedAxes)

    def add(self, answers: Sequence[Answer]) -> None:
        """Count a sample by the answers to its repeats."""
        self.failed += any(answer.failed for answer in answers)
        self.unparsed += any(not answer.failed and not answer.parsed for answer in answers)
        self.truncated += any(isinstance(answer.record, Response) and answer.record.truncated for answer in answers)
        self.remote += any(isinstance(image, RemoteImage) for image in answers[0].sample.images)
        for answer in answers:
            if answer.boxes is not None:
                self.axes.add(answer.boxes)
            if isinstance(answer.record, Response):
                self.answered += 1
                self.with_logprobs += answer.record.logprobs is not None

    @property
    def warnings(self) -> list[str]:
        """What to look at before trusting the numbers."""
        axes = [self.axes.warning] if self.axes.warning else []
        if not self.remote:
            return axes
        # Their bytes may have been others at another time, and no digest would tell.
        told = f"{self.remote} samples were asked with images given as URLs, whose content is not in the data digest"
        return [*axes, told]


def _lacking_logprobs(identity: Identity, counts: AnswerCounts) -> list[str]:
    """The warning that a server ignored what it was asked for, as some do; empty where it did not."""
    asked = identity.generation.get("logprobs") is not None  # no floor asks for any
    if not asked or not counts.answered or counts.with_logprobs:
        return []
    return ["--logprobs was asked for, but no answer came with log-probabilities: the server ignores it"]


def answers_to(
    asked: Iterable[tuple[Sample, Sequence[Record]]],
    registry: Registry,
    file: BenchmarkFile,
    majority: Mapping[str, Any] | None = None,
) -> Iterator[tuple[Sample, list[Answer]]]:
    """Each sample with the prepared answers to its repeats, in the order given.

    Args:
        asked: Each sample with the records of its repeats.
        registry: The metrics' limits and comparisons.
        file: The benchmark.
        majority: What fields are measured against, for a benchmark that has some.
    """
    prepare = preparer(file, registry, majority)
    prefetch = prefetcher(file, registry)
    rest = iter(asked)
    while some := list(islice(rest, _SAMPLES_AT_ONCE)):
        prefetch([(sample, record) for sample, records in some for record in records])
        for sample, records in some:
            yield sample, [prepare(sample, record) for record in records]


def score_answers(
    answered: Iterable[tuple[Sample, Sequence[Answer]]],
    metrics: Mapping[str, Metric],
    into: ScoreColumns | ScoresWriter,
) -> AnswerCounts:
    """Score answers by every metric; what compares the repeats of a sample stands under the first of them.

    Args:
        answered: Each sample with the answers to its repeats.
        metrics: Id to metric.
        into: Takes the scores.

    Returns:
        How many samples failed, were unparsed or were truncated.
    """
    counts = AnswerCounts()
    rest = iter(answered)
    while some := list(islice(rest, _SAMPLES_AT_ONCE)):
        for metric in metrics.values():
            metric.prefetch([answer for _, answers in some for answer in answers])
        for sample, answers in some:
            counts.add(answers)
            for name, metric in metrics.items():
                if isinstance(metric, RepeatMetric):
                    into.add(sample.id, 0, sample.cluster, name, metric.score_repeats(answers))
                    continue
                for repeat, answer in enumerate(answers):
                    into.add(sample.id, repeat, sample.cluster, name, metric.score(answer))
    return counts


def _timings(records: Iterable[Record]) -> Timings:
    """The timing of every settled record."""
    import numpy as np

    columns = [array("d") for _ in range(6)]
    answered, sessions, gaps = bytearray(), array("q"), array("d")
    for record in records:
        timing, usage = record.timing, record.usage if isinstance(record, Response) else Usage()
        tokens = (usage.prompt_tokens, usage.completion_tokens, usage.reasoning_tokens)
        numbers = (timing.started_at, timing.e2el_ms, timing.ttft_ms, *tokens)
        for column, number in zip(columns, numbers, strict=True):
            column.append(nan if number is None else number)
        answered.append(isinstance(record, Response))
        sessions.append(record.session)
        gaps.extend(timing.itl_ms or ())
    found = [np.frombuffer(column) for column in columns]
    started_at, e2el_ms, ttft_ms, prompt_tokens, completion_tokens, reasoning_tokens = found
    return Timings(
        started_at=started_at,
        e2el_ms=e2el_ms,
        ttft_ms=ttft_ms,
        answered=np.frombuffer(answered, dtype=np.bool_),
        session=np.frombuffer(sessions, dtype=np.int64),
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        reasoning_tokens=reasoning_tokens,
        itl_ms=np.frombuffer(gaps),
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
