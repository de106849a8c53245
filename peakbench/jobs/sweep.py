"""Many models, one after the other, on many benchmarks; one that fails does not stop the others."""

import re
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from peakbench.benchmarks.benchmark import Benchmark, find_benchmark
from peakbench.content import content_root
from peakbench.errors import BadInputError, ExitCode, InterruptedRunError, PeakBenchError
from peakbench.jobs.overrides import FileSettings, ModelSettings, Override, applied, told_apart
from peakbench.jobs.run import RunOutcome, run_benchmark
from peakbench.jobs.settings import RunSettings
from peakbench.jobs.watching import Watching
from peakbench.metrics.registry import Registry
from peakbench.runners.endpoint import Endpoint, normalise_base_url
from peakbench.runs.manifest import ModelFacts
from peakbench.strict import StrictModel, read_yaml, validation_message

_LORA = re.compile(r"(?P<base>[^:@\s]+):(?P<adapter>[^:@\s]+)(@(?P<revision>[^:@\s]+))?")


class SweepModel(ModelFacts):
    """A model of a sweep: its facts, and where and how it is asked when that is not as the sweep says."""

    base_url: str | None = None
    benchmarks: list[str] | None = None
    """Of the sweep's benchmarks, those that it is asked; all when not given."""
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
        for name in ("sources", "parameter_count"):
            if name in self.model_fields_set:
                raise ValueError(f"`{name}` is found out, not given; take it out")
        if self.lora is None:
            return self
        if not _LORA.fullmatch(self.lora):
            raise ValueError(f"`lora` is written base:adapter or base:adapter@revision, not {self.lora!r}")
        for name in ("base", "adapter", "revision"):
            if getattr(self, name) is not None:
                raise ValueError(f"`lora` says the {name}; take `{name}` out")
        return self

    @property
    def facts(self) -> ModelFacts:
        """The facts alone."""
        facts = ModelFacts(**{name: getattr(self, name) for name in ModelFacts.model_fields})
        told = _LORA.fullmatch(self.lora or "")
        return facts.model_copy(update=told.groupdict()) if told else facts


class SweepFile(StrictModel):
    """A run file: which models are asked which benchmarks."""

    schema_version: Literal[1]
    benchmarks: Annotated[list[str], Field(min_length=1)]
    """Names of built-in benchmarks, or paths relative to this file."""
    base_url: str | None = None
    """Where models are asked that name no URL of their own."""
    settings: FileSettings = FileSettings()
    """How models are asked; what the command line says goes before."""
    overrides: list[Override] = []
    """Ways in which every model is asked, one after the other, each a run of its own; `{}` is the way without any."""
    models: Annotated[list[SweepModel], Field(min_length=1)]

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
    """

    name: str
    benchmark: Benchmark
    settings: RunSettings

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
    benchmarks: Sequence[str] = (),
    taken: Collection[str] = (),
) -> list[Combination]:
    """Every run of a sweep, in the order of asking: benchmark by benchmark, model by model.

    Args:
        file: The run file.
        path: Where it lies; benchmark paths and folders of models are relative to it.
        settings: For every run; the model is replaced, and what the file says otherwise.
        benchmarks: Only these, when given.
        taken: Names of what the command line says, which goes before the file.

    Raises:
        BadInputError: If a benchmark, a URL or a folder of the file cannot be used.
    """
    found = []
    for name in benchmarks or file.benchmarks:
        local = path.parent / name
        found.append((name, find_benchmark(str(local) if local.is_file() else name)))
    made = []
    for (name, benchmark), model in product(found, file.models):
        if model.benchmarks is not None and name not in model.benchmarks:
            continue
        own = replace(settings, model=_facts(model, path), endpoint=_endpoint(model, settings))
        overrides = file.overrides if model.overrides is None else model.overrides
        ways: dict[str | None, Override] = {}
        for override in overrides or [Override()]:  # those that the command line makes equal are asked once
            ways.setdefault(override.variant(taken), override)
        for variant, override in ways.items():
            layers = [file.settings, model.settings, override]
            made.append(Combination(name, benchmark, applied(own, layers, taken, variant)))
            benchmark.read_with(made[-1].settings.model.boxes)
    return made


def sweep(
    file: SweepFile,
    path: Path,
    settings: RunSettings,
    registry: Registry,
    watch: Callable[[str], Watching],
    benchmarks: Sequence[str] = (),
    taken: Collection[str] = (),
) -> list[SweepOutcome]:
    """Make every run of a run file; one that fails does not stop the others.

    Args:
        file: The run file.
        path: Where it lies.
        settings: As for `combinations`.
        registry: The metrics.
        watch: Gives the watching of one run, by its title.
        benchmarks: Only these, when given.
        taken: As for `combinations`.

    Raises:
        BadInputError: If a benchmark, a URL or a folder of the file cannot be used; nothing was asked then.
        InterruptedRunError: If the person stopped it.
    """
    outcomes = []
    for one in combinations(file, path, settings, benchmarks, taken):
        model, variant = one.settings.model.name, one.settings.variant
        began = time.monotonic()
        run, failed = None, None
        try:
            run = run_benchmark(one.benchmark, one.settings, registry, watch(one.title))
        except InterruptedRunError:
            raise
        except PeakBenchError as error:
            if error.exit_code is ExitCode.INTERNAL:
                raise
            failed = error
        outcomes.append(
            SweepOutcome(model, variant, one.name, one.benchmark.name, run, failed, time.monotonic() - began)
        )
    return outcomes


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


def _endpoint(model: SweepModel, settings: RunSettings) -> Endpoint:
    """Where a model is asked: at its own URL, else the sweep's."""
    own = model.base_url
    return replace(settings.endpoint, base_url=normalise_base_url(own)) if own else settings.endpoint
