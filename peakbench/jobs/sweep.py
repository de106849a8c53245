"""Many models, one after the other, on many benchmarks; one that fails does not stop the others."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from peakbench.benchmarks.benchmark import Benchmark, find_benchmark
from peakbench.content import content_root
from peakbench.errors import BadInputError, ExitCode, InterruptedRunError, PeakBenchError
from peakbench.jobs.overrides import FileSettings, ModelSettings, Override, applied, told_apart
from peakbench.jobs.run import RunOutcome, run_benchmark
from peakbench.jobs.serving import open_server, plan_of
from peakbench.jobs.settings import RunSettings
from peakbench.jobs.watching import Watching
from peakbench.metrics.registry import Registry
from peakbench.runners.endpoint import endpoints_at
from peakbench.runners.serving.plan import ServePlan
from peakbench.runners.serving.section import ServeSection, combined
from peakbench.runners.serving.source import read_lora
from peakbench.runs.manifest import ModelFacts
from peakbench.strict import StrictModel, read_yaml, validation_message


class SweepModel(ModelFacts):
    """A model of a sweep: its facts, and where and how it is asked when that is not as the sweep says."""

    base_url: str | None = None
    base_urls: Annotated[list[str], Field(min_length=1)] | None = None
    """Several endpoints that serve it, in the place of `base_url`; requests are spread over all."""
    benchmarks: list[str] | None = None
    """Of the sweep's benchmarks, those that it is asked; all when not given."""
    serve: ServeSection | None = None
    """How its server is started with `--serve`: what differs from the sweep's `serve`."""
    lora: str | None = None
    """`base:adapter@revision` of an adapter that is served under `name`: Hub ids or absolute folders; the revision is
    the adapter's."""
    settings: ModelSettings = ModelSettings()
    """How it is asked."""
    overrides: list[Override] | None = None
    """Ways in which it is asked, one after the other; those of the file when not given."""

    @field_validator("overrides")
    @classmethod
    def _distinct(cls, overrides: list[Override] | None) -> list[Override] | None:
        return overrides and told_apart(overrides)

    @model_validator(mode="after")
    def _what_can_be_given(self) -> "SweepModel":
        if self.base_url is not None and self.base_urls is not None:
            raise ValueError("`base_url` and `base_urls` exclude one another; give one of them")
        for name in ("sources", "parameter_count"):
            if name in self.model_fields_set:
                raise ValueError(f"`{name}` is found out, not given; take it out")
        if self.lora is None:
            return self
        read_lora(self.lora)  # refused here, where the file is read
        for name in ("base", "adapter", "revision"):
            if getattr(self, name) is not None:
                raise ValueError(f"`lora` says the {name}; take `{name}` out")
        return self

    @property
    def facts(self) -> ModelFacts:
        """The facts alone."""
        facts = ModelFacts(**{name: getattr(self, name) for name in ModelFacts.model_fields})
        if self.lora is None:
            return facts
        told = read_lora(self.lora)
        return facts.model_copy(update={"base": told.base, "adapter": told.adapter, "revision": told.adapter_revision})


class SweepFile(StrictModel):
    """A run file: which models are asked which benchmarks."""

    schema_version: Literal[1]
    benchmarks: Annotated[list[str], Field(min_length=1)]
    """Names of built-in benchmarks, or paths relative to this file."""
    base_url: str | None = None
    """Where models are asked that name no URL of their own."""
    serve: ServeSection | None = None
    """How servers are started with `--serve`."""
    settings: FileSettings = FileSettings()
    """How models are asked; what the command line says goes before."""
    overrides: list[Override] = []
    """Ways in which every model is asked, one after the other, each a run of its own; `{}` is the way without any."""
    models: Annotated[list[SweepModel], Field(min_length=1)]

    @field_validator("benchmarks")
    @classmethod
    def _once_each(cls, benchmarks: list[str]) -> list[str]:
        for name in benchmarks:
            if benchmarks.count(name) > 1:
                raise ValueError(f"`{name}` is given twice; drop one (settings.repeats asks each sample again)")
        return benchmarks

    @field_validator("overrides")
    @classmethod
    def _distinct(cls, overrides: list[Override]) -> list[Override]:
        return told_apart(overrides)

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
class Combination:
    """One run of a sweep: a model on a benchmark in one of the ways in which it is asked.

    Attributes:
        name: The benchmark, as the file names it.
        benchmark: The benchmark.
        settings: Of the run.
        server: The server that is started for it; None for a model whose server is not ours.
    """

    name: str
    benchmark: Benchmark
    settings: RunSettings
    server: ServePlan | None = None

    @property
    def title(self) -> str:
        """The served name, with what tells the run from others of the model."""
        model, variant = self.settings.model.name, self.settings.variant
        return f"{model} [{variant}]" if variant else model


@dataclass(frozen=True, slots=True)
class SweepOutcome:
    """What came of one model on one benchmark.

    Attributes:
        model: The served name.
        variant: What tells the run from others of the model; None where there is but one.
        benchmark: As the sweep names it.
        benchmark_name: Its `id@version`.
        run: The run, when it ended well.
        error: Why it did not.
        seconds: How long it took, scoring included.
    """

    model: str
    variant: str | None
    benchmark: str
    benchmark_name: str
    run: RunOutcome | None
    error: PeakBenchError | None
    seconds: float

    @property
    def title(self) -> str:
        """The served name, with what tells the run from others of the model."""
        return f"{self.model} [{self.variant}]" if self.variant else self.model

    @property
    def state(self) -> Literal["finished", "kept", "failed"]:
        """`kept` is a finished run of before, of which nothing was asked again."""
        if self.run is None:
            return "failed"
        return "finished" if self.run.n_asked else "kept"


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


def combinations(
    file: SweepFile,
    path: Path,
    settings: RunSettings,
    taken: Collection[str] = (),
    vllm: str | None = None,
) -> list[Combination]:
    """Every run of a sweep, in the order of asking: benchmark by benchmark; model by model where servers are started.

    Args:
        file: The run file.
        path: Where it lies; benchmark paths and folders of models are relative to it.
        settings: For every run; the model is replaced, and what the file says otherwise.
        taken: Names of what the command line says, which goes before the file.
        vllm: Start the server of each model that names no URL of its own, with this command of vLLM; None: they run.

    Raises:
        BadInputError: If a benchmark, a URL, a folder or a server's command of the file cannot be used.
    """
    found = []
    for name in file.benchmarks:
        local = path.parent / name
        found.append((name, find_benchmark(str(local) if local.is_file() else name)))
    own = [replace(_at_own_endpoints(settings, model), model=_facts(model, path)) for model in file.models]
    servers = [
        plan_of(one.model, combined(file.serve, model.serve), vllm, settings)
        if vllm is not None and model.base_url is None and model.base_urls is None
        else None
        for model, one in zip(file.models, own, strict=True)
    ]
    models = list(zip(file.models, own, servers, strict=True))
    pairs = product(found, models) if vllm is None else ((each, model) for model in models for each in found)
    made = []
    for (name, benchmark), (model, its_settings, server) in pairs:
        if model.benchmarks is not None and name not in model.benchmarks:
            continue
        overrides = file.overrides if model.overrides is None else model.overrides
        ways: dict[str | None, Override] = {}
        for override in overrides or [Override()]:  # those that the command line makes equal are asked once
            ways.setdefault(override.variant(taken), override)
        for variant, override in ways.items():
            layers = [file.settings, model.settings, override]
            made.append(Combination(name, benchmark, applied(its_settings, layers, taken, variant), server))
            benchmark.read_with(made[-1].settings.model.boxes)
    return made


def sweep(runs: Sequence[Combination], registry: Registry, watch: Callable[[str], Watching]) -> list[SweepOutcome]:
    """Make every run of a sweep; one that fails does not stop the others.

    Args:
        runs: What `combinations` gives; runs of one served model stand in a row.
        registry: The metrics.
        watch: Gives the watching of one run, by its title.

    Raises:
        InterruptedRunError: If the person stopped it.
    """
    outcomes = []
    for plan, group in groupby(runs, key=lambda one: one.server):
        same = list(group)
        with open_server(plan, same[0].settings) as server:
            outcomes += [_outcome(one, replace(one.settings, server=server), registry, watch) for one in same]
    return outcomes


def _outcome(
    one: Combination, settings: RunSettings, registry: Registry, watch: Callable[[str], Watching]
) -> SweepOutcome:
    began = time.monotonic()
    run, failed = None, None
    watching = watch(one.title)
    try:
        run = run_benchmark(one.benchmark, settings, registry, watching)
    except InterruptedRunError:
        raise
    except PeakBenchError as error:
        if error.exit_code is ExitCode.INTERNAL:
            raise
        failed = error
        watching.say(f"{one.title} on {one.name} failed: {error.message.splitlines()[0]}; it is told whole at the end")
    seconds = time.monotonic() - began
    return SweepOutcome(settings.model.name, settings.variant, one.name, one.benchmark.name, run, failed, seconds)


def _facts(model: SweepModel, path: Path) -> ModelFacts:
    """A model's facts, with the folder of its files, which is relative to the run file."""
    facts = model.facts
    if facts.path is None:
        return facts
    folder = (path.parent / Path(facts.path).expanduser()).resolve()
    if not folder.is_dir():
        raise BadInputError(
            f"{path}: `{model.name}`: there is no folder {folder}",
            mend="mend its `path`, or take it out: it is read for facts only",
        )
    return facts.model_copy(update={"path": str(folder)})


def _at_own_endpoints(settings: RunSettings, model: SweepModel) -> RunSettings:
    """A model is asked at its own URLs, else at the sweep's."""
    own = model.base_urls or ([model.base_url] if model.base_url else [])
    if not own:
        return settings
    endpoint, *more_endpoints = endpoints_at(own, settings.endpoint)
    return replace(settings, endpoint=endpoint, more_endpoints=tuple(more_endpoints))
