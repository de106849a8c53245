"""One model on one benchmark: ask, score, and keep everything in a run folder."""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from peakbench.benchmarks.benchmark import Benchmark, cache_folder, draw_samples
from peakbench.benchmarks.loaders import DataPlace, Finding, place_text, told
from peakbench.benchmarks.sample import Sample
from peakbench.benchmarks.training import Training, read_training
from peakbench.errors import BadInputError, InterruptedRunError, PeakBenchError
from peakbench.jobs.facts import ASKING_PACKAGES, code_revision, hardware, package_versions
from peakbench.jobs.floors import ensure_floors
from peakbench.jobs.identity import run_identity
from peakbench.jobs.score import metrics_of, score_run
from peakbench.metrics.registry import Registry
from peakbench.runners.asking import AskingSettings, AskingState, ask
from peakbench.runners.constraint import ResponseFormat, request_extra, require_constraint
from peakbench.runners.endpoint import Endpoint, probe
from peakbench.runners.opening import open_transport, run_loop
from peakbench.runners.transport import TransportName
from peakbench.runs.folder import RunFolder, folder_name, runs_under, utc_now
from peakbench.runs.journal import Key, require_own_header
from peakbench.runs.manifest import DataFacts, Identity, ModelFacts, RunManifest, ServerFacts, Session, TrainingFacts
from peakbench.runs.records import Generation, Request
from peakbench.runs.results import Results

_SKIPPED_KEPT = 1000
"""Most bad rows whose fault `run.json` keeps."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How one run is made.

    Attributes:
        model: What is evaluated.
        endpoint: Where it is asked.
        output: Root of the run folders.
        asking: How hard to ask.
        transport: What asks.
        response_format: How the server constrains answers; checked by a request before the first sample.
        extra_body: Keys of every request's body beside PeakBench's own.
        limit: Samples to ask about, drawn with `seed`; None for all.
        seed: For the draw, the floors and the bootstrap.
        repeats: How often each sample is asked.
        resume: Go on with the unfinished run.
        fresh: Begin a new run, whatever is unfinished.
        retry_failed: With `resume` or `keep_finished`: ask the failed ones again.
        keep_finished: Take the finished run when there is one, go on with the unfinished, else begin one.
        command: The command line, for messages that say how to go on; empty when the job cannot be gone on with.
        data: Another data file than the benchmark's; for data rendered somewhere else.
        skip_bad: Leave bad rows out, and record them, instead of refusing the data.
        cache: Where rendered data is kept; None for the person's cache folder.
    """

    model: ModelFacts
    endpoint: Endpoint
    output: Path
    asking: AskingSettings = field(default_factory=AskingSettings)
    transport: TransportName = "http"
    response_format: ResponseFormat = "free"
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    limit: int | None = None
    seed: int = 0
    repeats: int = 1
    resume: bool = False
    fresh: bool = False
    retry_failed: bool = False
    keep_finished: bool = False
    command: str = "peakbench run"
    data: Path | None = None
    skip_bad: bool = False
    cache: Path | None = None


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What came of a run.

    Attributes:
        folder: Where it lies.
        results: Its scores.
    """

    folder: RunFolder
    results: Results


@dataclass(frozen=True, slots=True)
class Watching:
    """How a job tells what it is doing.

    Attributes:
        say: Called with a line for the person.
        show: Called with the state of asking, several times a second.
    """

    say: Callable[[str], None] = lambda _: None
    show: Callable[[AskingState], None] = lambda _: None


def run_benchmark(
    benchmark: Benchmark, settings: RunSettings, registry: Registry, watching: Watching | None = None
) -> RunOutcome:
    """Ask a model about a benchmark's samples, score the answers, and have the floors beside them.

    Raises:
        BadInputError: If the data cannot be used, or an unfinished run stands in the way.
        InfrastructureError: If the server or the disk does not do its part; what was answered is kept.
        InterruptedRunError: If the person stopped it; what was answered is kept.
    """
    watching = watching or Watching()
    metrics_of(benchmark.file, registry)  # a benchmark that cannot be scored is not asked
    request_extra(settings.response_format, benchmark.file.answer_schema, settings.extra_body)
    if settings.data is None and benchmark.file.data.make is not None:
        watching.say(f"the data of {benchmark.name} is rendered, unless it is there already")
    cache = settings.cache or cache_folder()
    data = settings.data or benchmark.data_place(cache)
    samples, skipped = benchmark.samples(data, cache, skip_bad=settings.skip_bad)
    if skipped:
        watching.say("\n".join([f"{len(skipped)} bad rows are left out:", *told(skipped)]))
    if settings.limit is not None and settings.limit >= len(samples):
        settings = replace(settings, limit=None)  # that is no limit, and must not look like one
    samples = draw_samples(samples, settings.limit, settings.seed)
    training = read_training(benchmark, registry.null_values, skip_bad=settings.skip_bad)
    if training is not None and training.n_bad:
        lines = told(training.findings, training.n_bad)
        watching.say("\n".join([f"{training.n_bad} bad rows of the training split are left out:", *lines]))
    identity = run_identity(benchmark, samples, settings, training)
    earlier = _earlier(settings, identity)
    server = None if earlier else _probe(settings)
    folder = earlier or RunFolder.create(settings.output, identity)
    with folder.lock():
        try:
            if earlier is None:
                facts = _data_facts(data, samples, skipped, training, identity)
                folder.write_manifest(_new_manifest(folder, benchmark, facts, identity, settings, registry))
            folder.write_samples(samples, folder.read_manifest())
            todo = _todo(folder, samples, settings)
            if todo:  # else nothing is missing but the scores, and no server is needed for them
                server = server or _probe(settings)
                watching.say(f"{'going on with' if earlier else 'writing'} {folder.path}")
                _ask(folder, _begin_session(folder, settings, server), benchmark, todo, settings, watching)
            # Results come last: where they are, everything is.
            if not (earlier and _complete(folder, folder.read_manifest())):
                facts = folder.read_manifest().data
                ensure_floors(settings.output, benchmark, facts, lambda: samples, registry, identity)
                score_run(folder, registry, samples=samples)
            results = folder.read_results()
        except PeakBenchError as error:
            raise _with_way_on(error, settings, folder) from error
        except KeyboardInterrupt as error:
            interrupted = InterruptedRunError("interrupted; everything answered so far is kept")
            raise _with_way_on(interrupted, settings, folder) from error
    return RunOutcome(folder, results)


def _probe(settings: RunSettings) -> ServerFacts:
    return asyncio.run(probe(settings.endpoint, settings.model.name))


def _earlier(settings: RunSettings, identity: Identity) -> RunFolder | None:
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
    unfinished = [(run, manifest) for run, manifest in runs if not _complete(run, manifest)]
    same = [run for run, manifest in unfinished if not manifest.identity.differences(identity)]
    finished = [
        run for run, manifest in runs if _complete(run, manifest) and not manifest.identity.differences(identity)
    ]
    if settings.keep_finished:
        return next(iter(finished + same), None)
    if not settings.resume:
        if same and _nothing_settled(same[0]):  # it broke off before the first answer; there is nothing to decide
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


def _nothing_settled(run: RunFolder) -> bool:
    if not run.journal_path.exists():
        return True
    with run.journal() as journal:
        return len(journal) == 0


def _complete(run: RunFolder, manifest: RunManifest) -> bool:
    """Whether everything was asked and scored; a process may have been killed between the two."""
    return manifest.finished is not None and run.results_path.is_file()


def _data_facts(
    data: DataPlace,
    samples: Sequence[Sample],
    skipped: Sequence[Finding],
    training: Training | None,
    identity: Identity,
) -> DataFacts:
    return DataFacts(
        path=place_text(data),
        revision=None if isinstance(data, Path) else data.revision,
        digest=identity.data,
        n=len(samples),
        n_skipped=len(skipped),
        skipped=[str(finding) for finding in skipped[:_SKIPPED_KEPT]],
        training=training
        and TrainingFacts(
            path=training.place,
            digest=training.digest,
            n=training.n,
            n_skipped=training.n_bad,
            majority=training.majority,
        ),
    )


def _new_manifest(
    folder: RunFolder,
    benchmark: Benchmark,
    data: DataFacts,
    identity: Identity,
    settings: RunSettings,
    registry: Registry,
) -> RunManifest:
    return RunManifest(
        run_id=folder.path.name,
        identity=identity,
        identity_digest=identity.digest,
        benchmark=benchmark.resolved(),
        benchmark_path=str(benchmark.path),
        data=data,
        model=settings.model,
        created=utc_now(),
        hardware=hardware(),
        packages=package_versions(ASKING_PACKAGES),
        registry=registry.digest,
        code_revision=code_revision(),
    )


def _todo(folder: RunFolder, samples: Sequence[Sample], settings: RunSettings) -> list[tuple[Sample, int]]:
    """The samples and repeats that are not settled yet."""
    settled: set[Key] = set()
    if folder.journal_path.exists():  # a process may have been killed before it began one
        with folder.journal() as journal:
            require_own_header(folder.journal_path, journal.header, folder.read_manifest().identity_digest)
            settled = {key for key in journal if not (settings.retry_failed and journal.failed(key))}
    return [
        (sample, repeat)
        for repeat in range(settings.repeats)
        for sample in samples
        if (sample.id, repeat) not in settled
    ]


def _begin_session(folder: RunFolder, settings: RunSettings, server: ServerFacts) -> RunManifest:
    """Note in `run.json` that asking begins; what was scored before no longer holds."""
    session = Session(
        started=utc_now(),
        base_url=settings.endpoint.base_url,
        headers=[name for name, _ in settings.endpoint.headers],
        transport=settings.transport,
        max_concurrency=settings.asking.max_concurrency,
        timeout_s=settings.asking.timeout_s,
        max_retries=settings.asking.max_retries,
        server=server,
    )
    manifest = folder.read_manifest()
    manifest = manifest.model_copy(update={"sessions": [*manifest.sessions, session], "finished": None})
    folder.forget_scores()
    folder.write_manifest(manifest)
    return manifest


def _ask(
    folder: RunFolder,
    manifest: RunManifest,
    benchmark: Benchmark,
    todo: Sequence[tuple[Sample, int]],
    settings: RunSettings,
    watching: Watching,
) -> None:
    """Ask what is missing, and note the session's end and the run's, however it ends."""
    writer = folder.journal_writer(manifest)
    try:
        if writer.n_cut:
            watching.say(f"cut a torn last line off the journal ({writer.n_cut} bytes); its sample is asked again")
        total = manifest.data.n * settings.repeats
        if len(todo) < total:
            watching.say(f"{total - len(todo)} of {total} are answered; {len(todo)} to ask")
        state = AskingState(total=len(todo))

        async def asking() -> None:
            transport = open_transport(settings.transport, settings.endpoint, settings.asking.max_concurrency)
            try:
                first, _ = next(_requests(benchmark, todo, settings))
                await require_constraint(
                    transport, first, settings.response_format, settings.extra_body, settings.asking.timeout_s
                )
                await ask(
                    _requests(benchmark, todo, settings),
                    transport,
                    writer,
                    settings.asking,
                    state,
                    session=len(manifest.sessions) - 1,
                    show=watching.show,
                )
            finally:
                await transport.close()

        complete = False
        try:
            run_loop(asking())
            complete = True
        finally:
            now = utc_now()
            session = manifest.sessions[-1].model_copy(update={"ended": now})
            folder.write_manifest(
                manifest.model_copy(
                    update={
                        "sessions": [*manifest.sessions[:-1], session],
                        "finished": now if complete else None,
                    }
                )
            )
    finally:
        writer.close()


def _requests(
    benchmark: Benchmark, todo: Sequence[tuple[Sample, int]], settings: RunSettings
) -> Iterator[tuple[Request, str]]:
    generation = benchmark.file.generation
    extra = request_extra(settings.response_format, benchmark.file.answer_schema, settings.extra_body)
    how = Generation(generation.max_tokens, generation.temperature, tuple(generation.stop), extra=extra)
    for sample, repeat in todo:
        request = Request(
            sample_id=sample.id,
            repeat=repeat,
            model=settings.model.name,
            prompt=sample.prompt,
            system=benchmark.file.system,
            images=sample.images,
            generation=how,
        )
        yield request, sample.digest


def _with_way_on(error: PeakBenchError, settings: RunSettings, folder: RunFolder) -> PeakBenchError:
    """The same error, with the command that goes on from here."""
    way_on = f"go on with: {settings.command} --resume" if settings.command else ""
    mend = "\n".join(part for part in (error.mend, way_on) if part)
    return type(error)(f"{error.message}\nthe run is {folder.path}", mend=mend)


def api_key(variable: str) -> str:
    """The API key from the environment; `EMPTY`, as vLLM's users write it, when the variable is not set.

    Raises:
        BadInputError: If it holds characters that no HTTP header may hold.
    """
    key = os.environ.get(variable, "").strip()
    if not key.isascii() or not key.isprintable():
        raise BadInputError(
            f"the environment variable {variable} holds characters that no key may hold", mend="set it again"
        )
    return key or "EMPTY"
