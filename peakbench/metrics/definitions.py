"""The format of `peakbench_metrics.json`: what every metric is, for this program and for any other that reads it.

The file is the definition; the classes named in it compute. What a metric is worth for a failed request or an answer
without JSON, between which bounds its values lie and which way is better stand here, not in code.
"""

import json
import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from peakbench.canonical import digest
from peakbench.errors import BadInputError
from peakbench.metrics.extraction import ExtractionLimits
from peakbench.strict import StrictModel, validation_message

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Version = Annotated[int, Field(ge=1)]
Kind = Literal["json", "text", "defects", "timing"]
"""What a metric is defined for: JSON objects, texts, lists of defects, or the timing of a run."""
RelativePath = Annotated[str, Field(min_length=1)]
"""Path relative to the registry's file; it may not leave the file's folder."""
Parameter = str | int | float | bool
Bound = Annotated[float, Field(allow_inf_nan=False)]
Measured = Literal["measured"]
"""The metric looks at such responses itself: its formula says what they are worth."""


class MetricDefinition(StrictModel):
    """One metric: what its number means, and which class computes it."""

    id: Identifier
    """Stable name; never used again for another formula. Thresholds are part of it."""
    version: Version
    """Raised on any change of number; values are comparable only when id and version agree."""
    title: str
    """What a table calls it."""
    family: Literal[
        "structured", "text", "semantic", "composite", "grounding", "reliability", "performance", "reward", "legacy"
    ]
    level: Literal["sample", "dataset"]
    """`sample`: a value a response, then the mean. `dataset`: computed from summed statistics, never an average."""
    applies_to: Annotated[list[Kind], Field(min_length=1)]
    formula: str
    """The normative definition."""
    range: tuple[Bound | None, Bound | None]
    """Closed interval in which every value must lie; null is no bound on that side. Asserted."""
    unit: str
    """`fraction` is 0..1, printed as percent; percent is never stored."""
    direction: Literal["higher", "lower"]
    """Which way is better."""
    undefined: str
    """When the value is null; such samples are left out of the mean and counted."""
    on_unparsed: Bound | Measured | None
    """Value of an answer without JSON; null is undefined."""
    on_failed: Bound | Measured | None
    """Value of a failed request; null is undefined."""
    max_chars: Annotated[int, Field(ge=1)] | None = None
    """Longest text a side that is compared; equality is checked first, a longer one takes `on_unparsed`."""
    parameters: dict[str, Parameter] = {}
    """Every knob, with its pinned value; part of the signature."""
    implementation: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
    """`module:Class`."""
    requires: list[str] = []
    """Optional extras of the installation; without them the metric is undefined with a reason."""
    components: list[Identifier] = []
    """Components that it builds on; their versions and parameters are part of the signature."""
    libraries: list[str] = []
    """Distributions that compute it; their installed versions are part of the signature."""
    statistics: list[str] = []
    """Names of the sufficient statistics of a sample, in order."""
    interval: Literal["t", "wilson", "bootstrap", "none"]
    """Method of the 95 % interval: t for means, Wilson for 0/1 rates, bootstrap for ratios of sums."""
    card: RelativePath
    golden: list[RelativePath] = []
    headline: bool = False
    """Shown as a column by default."""
    floors: list[Identifier] = []
    """Trivial systems whose value must be shown beside it."""

    @model_validator(mode="after")
    def _bounds_in_order(self) -> "MetricDefinition":
        low, high = self.bounds
        if high <= low:
            raise ValueError(f"metric `{self.id}`: range [{low}, {high}] is inverted")
        for name, value in (("on_unparsed", self.on_unparsed), ("on_failed", self.on_failed)):
            if isinstance(value, float) and not low <= value <= high:
                raise ValueError(f"metric `{self.id}`: {name} {value} is outside the range [{low}, {high}]")
        return self

    @property
    def bounds(self) -> tuple[float, float]:
        """The range, infinite where it has no bound."""
        low, high = self.range
        return (-math.inf if low is None else low, math.inf if high is None else high)

    @property
    def is_timing(self) -> bool:
        """Whether it describes the timing of a run instead of answers."""
        return "timing" in self.applies_to


class Component(StrictModel):
    """A part that several metrics build on, with golden values of its own."""

    version: Version
    title: str
    parameters: dict[str, Parameter] = {}
    libraries: list[str] = []
    card: RelativePath
    golden: list[RelativePath] = []


class ExtractionRules(StrictModel):
    """How an answer is found in a response, in words, and how much is looked at."""

    max_chars: Annotated[int, Field(ge=1)]
    """Longest response, in characters; a longer one is oversize and counts as unparsed."""
    max_depth: Annotated[int, Field(ge=1, le=400)]
    """Deepest nesting of lists and objects; a deeper value is refused."""
    repair_max_chars: Annotated[int, Field(ge=0)]
    """Longest text given to the repair."""
    repair_max_brackets: Annotated[int, Field(ge=0)]
    """Most opening brackets in a text given to the repair, whose time grows with the square of their number."""
    order: list[str]
    levels: dict[str, str]
    flags: dict[str, str]
    key_normalisation: str

    @property
    def limits(self) -> ExtractionLimits:
        """How much is looked at."""
        return ExtractionLimits(self.max_chars, self.max_depth, self.repair_max_chars, self.repair_max_brackets)


class FloorDefinition(StrictModel):
    """A trivial system that is scored like a model."""

    id: Identifier
    response: str
    """What it answers."""


class RegistryFile(StrictModel):
    """The whole of `peakbench_metrics.json`."""

    schema_version: Literal[1]
    conventions: dict[str, str] = {}
    """Rules that hold for every metric."""
    null_values: list[str]
    """Words that mean "nothing there"; schemas and fields add theirs."""
    json_extraction: ExtractionRules
    comparators: dict[str, str]
    """Comparator to its definition."""
    components: dict[Identifier, Component]
    floors: list[FloorDefinition]
    metrics: Annotated[list[MetricDefinition], Field(min_length=1)]

    @field_validator("metrics")
    @classmethod
    def _each_id_once(cls, metrics: list[MetricDefinition]) -> list[MetricDefinition]:
        seen: set[str] = set()
        for metric in metrics:
            if metric.id in seen:
                raise ValueError(f"metric `{metric.id}` is there twice")
            seen.add(metric.id)
        return metrics

    @model_validator(mode="after")
    def _names_are_known(self) -> "RegistryFile":
        floors = {floor.id for floor in self.floors}
        for metric in self.metrics:
            for kind, names, known in (
                ("floor", metric.floors, floors),
                ("component", metric.components, set(self.components)),
            ):
                for name in names:
                    if name not in known:
                        raise ValueError(f"metric `{metric.id}`: unknown {kind} `{name}`")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of everything the file says."""
        return digest(self.model_dump(mode="json"))


def read_registry_file(path: Path) -> RegistryFile:
    """Read and validate a registry file; whether the files and classes it names are there is not looked at.

    Raises:
        BadInputError: If it is not there, is no JSON, or breaks the format; the message names metric and key.
    """
    try:
        raw: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror}", mend="check the path") from error
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path} is no JSON: {error}", mend="mend the file at the place named") from error
    try:
        return RegistryFile.model_validate(raw)
    except ValidationError as error:
        raise BadInputError(
            _with_metric_names(validation_message(path, error), raw), mend="mend the entry that is named"
        ) from error


def _with_metric_names(message: str, raw: Any) -> str:
    """Put the ids of metrics in the place of their positions in the list."""
    metrics = raw.get("metrics") if isinstance(raw, dict) else None
    for position, entry in enumerate(metrics if isinstance(metrics, list) else []):
        if isinstance(entry, dict) and isinstance(entry.get("id"), str):
            message = message.replace(f" metrics.{position}.", f" metric `{entry['id']}`: ")
            message = message.replace(f" metrics.{position}:", f" metric `{entry['id']}`:")
    return message


def registry_json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `peakbench_metrics.json`."""
    return RegistryFile.model_json_schema()
