"""One model on one benchmark: ask, score, and keep everything in a run folder."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from peakbench.benchmarks.benchmark import Benchmark, cache_folder
from peakbench.benchmarks.loaders import told
from peakbench.benchmarks.sample import RemoteImage, Sample
from peakbench.benchmarks.training import Training, read_training
from peakbench.errors import BadInputError, InterruptedRunError, PeakBenchError
from peakbench.jobs.facts import ASKING_PACKAGES, code_revision, hardware, package_versions
from peakbench.jobs.floors import ensure_floors
from peakbench.jobs.identity import run_identity
from peakbench.jobs.model_facts import complete_facts
from peakbench.jobs.reading import RunSamples, samples_to_ask
from peakbench.jobs.resuming import earlier_run, is_complete, missing_requests, with_way_on
from peakbench.jobs.score import metrics_of, score_run
from peakbench.jobs.session import ask_missing, begin_session, first_reached, reach_servers
from peakbench.jobs.settings import RunSettings
from peakbench.jobs.watching import Watching
from peakbench.metrics.registry import Registry
from peakbench.redaction import hide_in_urls
from peakbench.runners.constraint import request_extra
from peakbench.runs.folder import RunFolder, utc_now
from peakbench.runs.manifest import DataFacts, Identity, RunManifest, TrainingFacts
from peakbench.runs.results import Results


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What came of a run.

    Attributes:
        folder: Where it lies.
        results: Its scores.
        n_asked: Requests that were asked for it now; 0 for a finished run that was kept.
    """

    folder: RunFolder
    results: Results
    n_asked: int = 0


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
    benchmark.read_with(settings.model.boxes)  # nor one that has no boxes, where their order is declared
    request_extra(settings.response_format, benchmark.file.answer_schema, settings.extra_body)
    _require_boxes_of_any_size(benchmark, settings)
    if settings.data is None and benchmark.file.data.make is not None:
        watching.say(f"the data of {benchmark.name} is rendered, unless it is there already")
    cache = settings.cache or cache_folder()
    data = settings.data or benchmark.data_place(cache)
    with samples_to_ask(benchmark, data, cache, settings, watching) as asked:
        if not settings.allow_remote_images and benchmark.file.columns.images:
            refuse_remote_images(asked.samples)
        if not asked.limited:
            settings = replace(settings, limit=None)  # a limit that the data does not reach must not look like one
        return _run(benchmark, asked, settings, registry, watching)


def _run(
    benchmark: Benchmark, asked: RunSamples, settings: RunSettings, registry: Registry, watching: Watching
) -> RunOutcome:
    training = read_training(benchmark, registry.null_values, skip_bad=settings.skip_bad)
    if training is not None and training.n_bad:
        lines = told(training.findings, training.n_bad)
        watching.say("\n".join([f"{training.n_bad} bad rows of the training split are left out:", *lines]))
    identity = run_identity(benchmark, asked.facts.digest, settings, training)
    earlier = earlier_run(settings, identity)
    reached = None if earlier else reach_servers(settings, watching)
    folder = earlier or RunFolder.create(settings.output, identity)
    with folder.lock():
        try:
            if earlier is None:
                facts = asked.facts.model_copy(update={"training": training and _training_facts(training)})
                model = settings.model
                if reached is not None:
                    endpoint, server = first_reached(reached[1])
                    model = complete_facts(model, server, endpoint.base_url)
                known = replace(settings, model=model)
                folder.write_manifest(_new_manifest(folder, benchmark, facts, identity, known, registry))
            samples = asked.samples
            folder.write_samples(samples, folder.read_manifest())
            todo = missing_requests(folder, samples, settings)
            if len(todo):  # else nothing is missing but the scores, and no server is needed for them
                settings, servers = reached or reach_servers(settings, watching)
                watching.say(f"{'going on with' if earlier else 'writing'} {folder.path}")
                if (
                    not asked.known and not settings.allow_remote_images
                ):  # the file holds URLs whole, with their secrets
                    samples = samples.moved_to(folder.working_path)
                    todo = replace(todo, samples=samples)
                ask_missing(folder, begin_session(folder, settings, servers), benchmark, todo, settings, watching)
            # Results come last: where they are, everything is.
            if not (earlier and is_complete(folder, folder.read_manifest())):
                facts = folder.read_manifest().data
                ensure_floors(settings.output, benchmark, facts, lambda: samples, registry, identity)
                score_run(folder, registry, samples=samples)
            results = folder.read_results()
        except PeakBenchError as error:
            raise with_way_on(error, settings, folder) from error
        except KeyboardInterrupt as error:
            interrupted = InterruptedRunError("interrupted; everything answered so far is kept")
            raise with_way_on(interrupted, settings, folder) from error
    return RunOutcome(folder, results, len(todo))


def refuse_remote_images(samples: Iterable[Sample]) -> None:
    """Data may be hostile, and a server fetches from inside its network: a person has to say that it may.

    Raises:
        BadInputError: If an image is a URL.
    """
    for sample in samples:
        for image in sample.images:
            if isinstance(image, RemoteImage):
                raise BadInputError(
                    f"sample {sample.id} (line {sample.line}) gives its image as a URL: {hide_in_urls(image.url)}",
                    mend="download the images, or let the server fetch them: --allow-remote-images",
                )


def _require_boxes_of_any_size(benchmark: Benchmark, settings: RunSettings) -> None:
    """Boxes in pixels are pixels of the image that was sent, which must then be the one that was read.

    Raises:
        BadInputError: If images are made smaller and answers are in pixels.
    """
    boxes = benchmark.file.boxes
    if settings.images.max_pixels is not None and boxes and boxes.answers.scale in ("pixel", "pixel_resized"):
        raise BadInputError(
            f"--max-image-pixels: {benchmark.name} reads boxes in pixels ({boxes.answers.scale}), which would be those "
            "of the smaller image",
            mend="send the images untouched, or declare a scale that does not depend on the size (norm1000, norm1)",
        )


def _training_facts(training: Training) -> TrainingFacts:
    return TrainingFacts(
        path=training.place,
        digest=training.digest,
        n=training.n,
        n_skipped=training.n_bad,
        majority=training.majority,
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
