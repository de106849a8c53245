"""A session of asking: what is missing of a run is asked, and `run.json` notes when, where and how."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from peakbench.benchmarks.benchmark import Benchmark, cache_folder
from peakbench.errors import InfrastructureError
from peakbench.jobs.resuming import MissingRequests
from peakbench.jobs.settings import RunSettings
from peakbench.jobs.watching import Watching
from peakbench.runners.asking import AskingState, ask
from peakbench.runners.constraint import request_extra, require_constraint
from peakbench.runners.endpoint import Endpoint
from peakbench.runners.images import require_readable_files
from peakbench.runners.interrupts import interrupts
from peakbench.runners.opening import open_transport, run_loop
from peakbench.runners.pool import Pool
from peakbench.runners.probing import Probed, differences, probe_all
from peakbench.runners.serving.observed import counted
from peakbench.runners.serving.server import while_served
from peakbench.runners.transport import Transport
from peakbench.runners.unlisted import require_model
from peakbench.runners.warmup import warm_up
from peakbench.runs.folder import RunFolder, utc_now
from peakbench.runs.manifest import ConcurrencyCourse, EndpointUse, RunManifest, ServerFacts, Session
from peakbench.runs.records import Generation, Request


def reach_servers(settings: RunSettings, watching: Watching) -> tuple[RunSettings, tuple[Probed, ...]]:
    """Start the server if that is for us to do, and ask each endpoint what it serves; see `probe_all`.

    Those that do not answer are told, and are not asked.

    Returns:
        The settings with the endpoints that are asked, and what they say of themselves.
    """
    if settings.server is not None:
        settings.server.start(watching.say)
        settings = replace(settings, endpoint=settings.server.endpoint(settings.endpoint), more_endpoints=())
    probed = asyncio.run(probe_all(settings.endpoints, settings.model.name))
    for each in probed:
        if each.error is not None:
            watching.say(f"{each.error.message}; going on without it")
    for line in differences(probed):
        watching.say(f"warning: {line}")
    return settings, probed


def first_reached(servers: Sequence[Probed]) -> tuple[Endpoint, ServerFacts]:
    """The first endpoint that answered, and what it says of itself; there is one, else none would have been reached."""
    return next((each.endpoint, each.facts) for each in servers if each.facts is not None)


def begin_session(folder: RunFolder, settings: RunSettings, servers: Sequence[Probed]) -> RunManifest:
    """Note in `run.json` that asking begins; what was scored before no longer holds."""
    first, facts = first_reached(servers)
    uses = [EndpointUse(base_url=each.endpoint.base_url, server=each.facts) for each in servers]
    session = Session(
        started=utc_now(),
        base_url=first.base_url,
        endpoints=uses if len(uses) > 1 else [],
        headers=[name for name, _ in settings.endpoint.headers],
        transport=settings.transport,
        images_as=settings.images.form,
        stream=settings.stream,
        max_concurrency=settings.asking.max_concurrency,
        adaptive=settings.asking.adaptive,
        timeout_s=settings.asking.timeout_s,
        stall_timeout_s=settings.stall_timeout_s,
        max_retries=settings.asking.max_retries,
        warmup=settings.asking.warmup,
        server=facts,
        served=settings.server and settings.server.facts(settings.server.keep_log(folder.path)),
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
        session = manifest.sessions[-1]
        noted: dict[str, Any] = {"warmup": 0}
        counted_before = settings.server.counters() if settings.server else None

        async def asking() -> None:
            up = {each.base_url: each.server for each in session.endpoints if each.server is not None}
            up = up or {session.base_url: session.server}
            transports = [
                (
                    endpoint.base_url,
                    open_transport(
                        settings.transport,
                        endpoint,
                        settings.asking.max_concurrency,
                        stream=settings.stream,
                        stall_timeout_s=settings.stall_timeout_s,
                    ),
                )
                for endpoint in settings.endpoints
                if endpoint.base_url in up
            ]
            pool = Pool(transports, watching.say) if session.endpoints else None
            transport = pool or transports[0][1]
            try:
                with interrupts(asyncio.Event(), at_once=True):  # what is asked here is not kept
                    first, _ = next(_requests(benchmark, todo, settings))
                    for url, each in transports:
                        await _check_endpoint(each, up[url], url if pool else "", first, settings)
                    noted["warmup"] = await _warm_up(
                        transport, _requests(benchmark, todo, settings), settings, watching
                    )
                if pool:
                    pool.forget_counts()
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
                if pool:
                    noted["endpoints"] = _uses(session, pool)
                await transport.close()

        complete = False
        try:
            run_loop(while_served(settings.server, asking()) if settings.server else asking())
            complete = True
        finally:
            now = utc_now()
            noted |= {"ended": now, "duration_s": state.duration_s, "course": _course(state)}
            if settings.server and session.served:
                counters = counted(counted_before, settings.server.counters())
                noted["served"] = session.served.model_copy(update={"counters": counters})
            ended = session.model_copy(update=noted)
            folder.write_manifest(
                manifest.model_copy(
                    update={
                        "sessions": [*manifest.sessions[:-1], ended],
                        "finished": now if complete else None,
                    }
                )
            )
    finally:
        writer.close()


async def _check_endpoint(
    transport: Transport, facts: ServerFacts, url: str, first: Request, settings: RunSettings
) -> None:
    """Make sure that an endpoint has the model, reads files and constrains answers; its URL is told of several."""
    try:
        await require_model(transport, facts, first, settings.asking.timeout_s)
        await require_readable_files(transport, first, settings.asking)
        await require_constraint(transport, first, settings.response_format, settings.extra_body, settings.asking)
    except InfrastructureError as error:
        raise InfrastructureError(f"{url}: {error.message}" if url else error.message, mend=error.mend) from error


async def _warm_up(
    transport: Transport, requests: Iterator[tuple[Request, str]], settings: RunSettings, watching: Watching
) -> int:
    """Warm up as far as the person asked for it; gives the number of requests sent."""
    first = (request for request, _ in islice(requests, settings.asking.warmup))
    sent, failed = await warm_up(first, transport, settings.asking)
    if sent:
        told = ", ".join(f"{count} × {kind}" for kind, count in failed.items())
        watching.say(f"warmed up with {sent} requests" + (f"; failed: {told}" if told else ""))
    return sent


def _uses(session: Session, pool: Pool) -> list[EndpointUse]:
    """What each endpoint of a session did; nothing of those that were not asked."""
    members = {member.url: member for member in pool.members}
    return [
        use.model_copy(update={"answered": one.answered, "failed": one.failed, "left_out": one.left_out})
        if (one := members.get(use.base_url))
        else use
        for use in session.endpoints
    ]


def _course(state: AskingState) -> ConcurrencyCourse | None:
    law = state.pace.law if state.pace else None
    if law is None:
        return None
    return ConcurrencyCourse(start=law.start, highest=law.highest, final=law.limit, cuts=law.cuts)


def _requests(benchmark: Benchmark, todo: MissingRequests, settings: RunSettings) -> Iterator[tuple[Request, str]]:
    generation = benchmark.file.generation
    extra = request_extra(settings.response_format, benchmark.file.answer_schema, settings.extra_body)
    how = Generation(
        generation.max_tokens,
        generation.temperature,
        tuple(generation.stop),
        extra=extra,
        logprobs=settings.logprobs,
    )
    sending = replace(settings.images, folder=(settings.cache or cache_folder()) / "images" / "smaller")
    for sample, repeat in todo:
        request = Request(
            sample_id=sample.id,
            repeat=repeat,
            model=settings.model.name,
            prompt=sample.prompt,
            system=benchmark.file.system,
            images=sample.images,
            generation=how,
            sending=sending,
        )
        yield request, sample.digest
