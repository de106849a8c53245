"""A session of asking: what is missing of a run is asked, and `run.json` notes when, where and how."""

import asyncio
from collections.abc import Iterator

from peakbench.benchmarks.benchmark import Benchmark
from peakbench.jobs.resuming import MissingRequests
from peakbench.jobs.settings import RunSettings
from peakbench.jobs.watching import Watching
from peakbench.runners.asking import AskingState, ask
from peakbench.runners.constraint import request_extra, require_constraint
from peakbench.runners.endpoint import probe
from peakbench.runners.opening import open_transport, run_loop
from peakbench.runs.folder import RunFolder, utc_now
from peakbench.runs.manifest import RunManifest, ServerFacts, Session
from peakbench.runs.records import Generation, Request


def probe_server(settings: RunSettings) -> ServerFacts:
    """Ask the endpoint what it serves; see `probe`."""
    return asyncio.run(probe(settings.endpoint, settings.model.name))


def begin_session(folder: RunFolder, settings: RunSettings, server: ServerFacts) -> RunManifest:
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


def ask_missing(
    folder: RunFolder,
    manifest: RunManifest,
    benchmark: Benchmark,
    todo: MissingRequests,
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


def _requests(benchmark: Benchmark, todo: MissingRequests, settings: RunSettings) -> Iterator[tuple[Request, str]]:
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
