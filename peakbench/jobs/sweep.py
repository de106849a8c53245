"""Many models, one after the other, on many benchmarks; one that fails does not stop the others."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from peakbench.benchmarks.benchmark import Benchmark, find_benchmark
from peakbench.content import content_root
from peakbench.errors import BadInputError, ExitCode, InterruptedRunError, PeakBenchError
from peakbench.jobs.run import RunOutcome, run_benchmark
from peakbench.jobs.serving import open_server, plan_of
from peakbench.jobs.settings import RunSettings
from peakbench.jobs.watching import Watching
from peakbench.metrics.registry import Registry
from peakbench.runners.endpoint import endpoints_at
from peakbench.runners.serving.section import ServeSection, combined
from peakbench.runs.manifest import ModelFacts
from peakbench.strict import StrictModel, read_yaml, validation_message


class SweepModel(ModelFacts):
    """A model of a sweep: its facts, and where it is asked when that is not the sweep's own URL."""

    base_url: str | None = None
    base_urls: Annotated[list[str], Field(min_length=1)] | None = None
    """Several endpoints that serve it, in the place of `base_url`; requests are spread over all."""
    benchmarks: list[str] | None = None
    """Of the sweep's benchmarks, those that it is asked; all when not given."""
    serve: ServeSection | None = None
    """How its server is started with `--serve`: what differs from the sweep's `serve`."""

    @model_validator(mode="after")
    def _one_way_to_say_where(self) -> "SweepModel":
        if self.base_url is not None and self.base_urls is not None:
            raise ValueError("`base_url` and `base_urls` exclude one another; give one of them")
        return self

    @property
    def facts(self) -> ModelFacts:
        """The facts alone."""
        return ModelFacts(**self.model_dump(include=set(ModelFacts.model_fields)))


class SweepFile(StrictModel):
    """A run file: which models are asked which benchmarks."""

    schema_version: Literal[1]
    benchmarks: Annotated[list[str], Field(min_length=1)]
    """Names of built-in benchmarks, or paths relative to this file."""
    base_url: str | None = None
    """Where models are asked that name no URL of their own."""
    serve: ServeSection | None = None
    """How servers are started with `--serve`."""
    models: Annotated[list[SweepModel], Field(min_length=1)]

    @field_validator("models")
    @classmethod
    def _told_apart(cls, models: list[SweepModel]) -> list[SweepModel]:
        seen = set()
        for model in models:
            if (model.name, model.revision) in seen:
                raise ValueError(
                    f"`{model.name}` is given twice; serve the second under another name "
                    "(vLLM: --served-model-name), or give each its revision"
                )
            seen.add((model.name, model.revision))
        return models

    @model_validator(mode="after")
    def _servers_can_be_told(self) -> "SweepFile":
        for model in self.models:
            try:
                combined(self.serve, model.serve)
            except ValueError as error:
                raise ValueError(f"`{model.name}`: {error}") from error
        return self

    @model_validator(mode="after")
    def _known_benchmarks(self) -> "SweepFile":
        for model in self.models:
            for name in model.benchmarks or ():
                if name not in self.benchmarks:
                    raise ValueError(f"`{model.name}` names `{name}`, which is not among the sweep's benchmarks")
        return self


@dataclass(frozen=True, slots=True)
class SweepOutcome:
    """What came of one model on one benchmark.

    Attributes:
        model: The served name.
        benchmark: As the sweep names it.
        run: The run, when it ended well.
        error: Why it did not.
    """

    model: str
    benchmark: str
    run: RunOutcome | None
    error: PeakBenchError | None


def read_sweep(name: str) -> tuple[SweepFile, Path]:
    """Read a run file: a path, or the name of a file in `runners/`, here or in PeakBench.

    Returns:
        The file's content and its path.

    Raises:
        BadInputError: If there is none, or it breaks the format.
    """
    places = [Path(name), Path("runners") / f"{name}.yaml", content_root() / "runners" / f"{name}.yaml"]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        known = sorted(file.stem for file in (content_root() / "runners").glob("*.yaml"))
        raise BadInputError(f"no run file `{name}`", mend=f"give a path, or one of: {', '.join(known)}")
    raw: Any = read_yaml(path)
    try:
        return SweepFile.model_validate(raw), path
    except ValidationError as error:
        raise BadInputError(validation_message(path, error), mend="mend the file") from error


def sweep(
    file: SweepFile,
    path: Path,
    settings: RunSettings,
    registry: Registry,
    watch: Callable[[str], Watching],
    benchmarks: Sequence[str] = (),
    *,
    vllm: str | None = None,
) -> list[SweepOutcome]:
    """Run every model on every benchmark of the file: benchmark by benchmark, or model by model when they are served.

    Args:
        file: The run file.
        path: Where it lies; benchmark paths are relative to it.
        settings: For every run; the model is replaced, and the URL where the model names one.
        registry: The metrics.
        watch: Gives the watching of one model's run.
        benchmarks: Only these, when given.
        vllm: Start the server of each model that names no URL of its own, with this command of vLLM; None: they run.

    Raises:
        BadInputError: If a benchmark, a URL or a server's command of the file cannot be used; nothing was asked then.
        InterruptedRunError: If the person stopped it.
    """
    found = []
    for name in benchmarks or file.benchmarks:
        local = path.parent / name
        found.append((name, find_benchmark(str(local) if local.is_file() else name)))
    each = [(replace(_at_own_endpoints(settings, model), model=model.facts), model.benchmarks) for model in file.models]
    outcomes = []

    def run_each(pairs: Iterable[tuple[tuple[str, Benchmark], tuple[RunSettings, list[str] | None]]]) -> None:
        for (name, benchmark), (own, only) in pairs:
            if only is not None and name not in only:
                continue
            model = own.model.name
            try:
                run = run_benchmark(benchmark, own, registry, watch(model))
                outcomes.append(SweepOutcome(model, name, run, None))
            except InterruptedRunError:
                raise
            except PeakBenchError as error:
                if error.exit_code is ExitCode.INTERNAL:
                    raise
                outcomes.append(SweepOutcome(model, name, None, error))

    if vllm is None:
        run_each(product(found, each))
        return outcomes
    servers = [
        None
        if model.base_url or model.base_urls
        else plan_of(model.facts, combined(file.serve, model.serve), vllm, settings)
        for model in file.models
    ]
    for server, (own, only) in zip(servers, each, strict=True):
        with open_server(server, settings) as managed:
            run_each(product(found, [(replace(own, server=managed), only)]))
    return outcomes


def _at_own_endpoints(settings: RunSettings, model: SweepModel) -> RunSettings:
    """A model is asked at its own URLs, else at the sweep's."""
    own = model.base_urls or ([model.base_url] if model.base_url else [])
    if not own:
        return settings
    endpoint, *more_endpoints = endpoints_at(own, settings.endpoint)
    return replace(settings, endpoint=endpoint, more_endpoints=tuple(more_endpoints))
