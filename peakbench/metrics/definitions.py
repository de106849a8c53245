"""The format of `peakbench_metrics.json`: what every metric is, for this program and for any other that reads it.

The file is the definition; the classes named in it compute. What a metric is worth for a failed request or an answer
without JSON, between which bounds its values lie and which way is better stand here, not in code.
"""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from peakbench.canonical import digest
from peakbench.metrics.extraction import ExtractionLimits
from peakbench.strict import StrictModel

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Version = Annotated[int, Field(ge=1)]
Kind = Literal["json", "text", "defects", "timing"]
"""What a metric is defined for: JSON objects, texts, lists of defects, or the timing of a run."""
RelativePath = Annotated[str, Field(min_length=1)]
"""Path relative to the registry's file; it may not leave the file's folder."""
Bound = Annotated[float, Field(allow_inf_nan=False)]
Parameter = str | int | Bound | bool
Weight = Annotated[float, Field(gt=0, le=1)]
Implementation = Annotated[
    str, Field(pattern=r"^(?:[A-Za-z_][\w.]*:[A-Za-z_]\w*|\./[^:]+\.py:[A-Za-z_]\w*|entry-point:[\w.-]+)$")
]
"""`module:Class`; `./folder/file.py:Class`, relative to the file; or `entry-point:NAME`, of an installed package."""
Measured = Literal["measured"]
"""The metric looks at such responses itself: its formula says what they are worth."""

_SUM_TOLERANCE = 1e-9


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
    """Every knob, with its value; part of the signature."""
    adjustable: list[str] = []
    """The parameters that the code reads from here, so that a file that extends this one may change them."""
    implementation: Implementation
    """The class that computes it. Any but PeakBench's own and installed entry points needs `--allow-code`."""
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


class Penalty(StrictModel):
    """What lowers a composite: a factor, made of the value c of another metric."""

    metric: Identifier
    """Gives c, in 0..1. The factor is 1 where c is undefined, or the metric is lacking or not in the registry."""
    component: Identifier
    """Holds the parameters `threshold` and `offset`: the factor is `offset - c` where c > threshold, else 1."""


class CompositeDefinition(MetricDefinition):
    """A weighted sum of other metrics' values for the same answer."""

    family: Literal["composite"]
    level: Literal["sample"]
    weights: Annotated[dict[Kind, Annotated[dict[Identifier, Weight], Field(min_length=1)]], Field(min_length=1)]
    """What it applies to, to metric, to weight; the weights of each sum to 1. A metric that the registry does not have
    makes the composite undefined: weights are never shared out anew."""
    short_circuit: Bound | None = None
    """Value of an answer equal to its reference in the equality form; null where such an answer is nothing special."""
    penalty: Penalty | None = None

    @model_validator(mode="after")
    def _weights_sum_to_one(self) -> "CompositeDefinition":
        what = f"composite `{self.id}`"
        if sorted(self.weights) != sorted(self.applies_to):
            raise ValueError(f"{what}: it applies to {self.applies_to}, but has weights for {list(self.weights)}")
        if self.is_timing:
            raise ValueError(f"{what}: the timing of a run has no weights")
        for kind, weights in self.weights.items():
            total = math.fsum(weights.values())
            if abs(total - 1) > _SUM_TOLERANCE:
                raise ValueError(f"{what}: the weights of `{kind}` sum to {total:g}, not to 1")
        low, high = self.bounds
        if self.short_circuit is not None and not low <= self.short_circuit <= high:
            raise ValueError(f"{what}: short_circuit {self.short_circuit} is outside the range [{low}, {high}]")
        if self.short_circuit is not None and "defects" in self.weights:
            raise ValueError(f"{what}: short_circuit is for fields and texts, not for lists of defects")
        for name, value in (("on_unparsed", self.on_unparsed), ("on_failed", self.on_failed)):
            if value == "measured":
                raise ValueError(f"{what}: {name} is a value or null, for there is nothing to measure")
        return self

    def require_fitting(self, metrics: Mapping[str, MetricDefinition], components: "Mapping[str, Component]") -> None:
        """Make sure that the metrics and the component that it names can be put together.

        Raises:
            ValueError: If one is for something else, points the other way, or could carry the sum out of the range.
        """
        for kind, weights in self.weights.items():
            known = {name: metrics[name] for name in weights if name in metrics}
            for name, part in known.items():
                if isinstance(part, CompositeDefinition) or part.level != "sample" or kind not in part.applies_to:
                    raise ValueError(f"composite `{self.id}`: `{name}` gives no value a sample of `{kind}`")
                if part.direction != self.direction or part.unit != self.unit:
                    raise ValueError(f"composite `{self.id}`: `{name}` has another unit or direction")
            if len(known) == len(weights):
                self._require_range(weights, known)
        if self.penalty is not None:
            self._require_penalty(metrics, components)

    def _require_range(self, weights: Mapping[str, float], metrics: Mapping[str, MetricDefinition]) -> None:
        low, high = self.bounds
        least = math.fsum(weight * metrics[name].bounds[0] for name, weight in weights.items())
        most = math.fsum(weight * metrics[name].bounds[1] for name, weight in weights.items())
        if least < low - _SUM_TOLERANCE or most > high + _SUM_TOLERANCE:
            raise ValueError(
                f"composite `{self.id}`: the range [{low:g}, {high:g}] does not hold the sums of its metrics, "
                f"which lie in [{least:g}, {most:g}]"
            )

    def _require_penalty(self, metrics: Mapping[str, MetricDefinition], components: "Mapping[str, Component]") -> None:
        assert self.penalty is not None
        what = f"composite `{self.id}`: penalty"
        named = components.get(self.penalty.component)
        if named is None:
            raise ValueError(f"{what}: unknown component `{self.penalty.component}`")
        threshold, offset = named.parameters.get("threshold"), named.parameters.get("offset")
        if not isinstance(threshold, int | float) or not isinstance(offset, int | float):
            raise ValueError(f"{what}: component `{self.penalty.component}` lacks the numbers `threshold` and `offset`")
        if not (0 <= threshold <= 1 and offset - 1 >= 0 and offset - threshold <= 1):
            raise ValueError(f"{what}: a factor `{offset:g} - c` for c in {threshold:g}..1 leaves 0..1")
        part = metrics.get(self.penalty.metric)
        if part is not None and (part.bounds != (0.0, 1.0) or isinstance(part, CompositeDefinition)):
            raise ValueError(f"{what}: `{self.penalty.metric}` is no metric with the range 0..1")
        if self.bounds[0] > 0:
            raise ValueError(f"{what}: a factor may carry a value below the range")


class Component(StrictModel):
    """A part that several metrics build on, with golden values of its own."""

    version: Version
    title: str
    parameters: dict[str, Parameter] = {}
    adjustable: list[str] = []
    """As for a metric."""
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
    composites: list[CompositeDefinition] = []
    """Weighted sums of metrics."""

    @model_validator(mode="after")
    def _names_are_known(self) -> "RegistryFile":
        ids = [definition.id for definition in self.definitions]
        for name, count in Counter([*ids, *self.components]).items():
            if count > 1:
                raise ValueError(f"metric `{name}` is there twice")
        floors = {floor.id for floor in self.floors}
        for metric in self.definitions:
            for kind, names, known in (
                ("floor", metric.floors, floors),
                ("component", metric.components, set(self.components)),
            ):
                for name in names:
                    if name not in known:
                        raise ValueError(f"metric `{metric.id}`: unknown {kind} `{name}`")
        entries = [(f"metric `{one.id}`", one.parameters, one.adjustable) for one in self.definitions]
        entries += [(f"component `{name}`", one.parameters, one.adjustable) for name, one in self.components.items()]
        for what, parameters, adjustable in entries:
            for name in adjustable:
                if name not in parameters:
                    raise ValueError(f"{what}: adjustable `{name}` is no parameter")
        by_id = {definition.id: definition for definition in self.definitions}
        for composite in self.composites:
            composite.require_fitting(by_id, self.components)
        return self

    @property
    def definitions(self) -> tuple[MetricDefinition, ...]:
        """Every metric: those of `metrics`, then the composites."""
        return (*self.metrics, *self.composites)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of everything the file says."""
        return digest(self.model_dump(mode="json"))


class EntryChange(BaseModel):
    """A metric or composite in a file that extends another: new, changed in the keys that are given, or removed."""

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)

    id: Identifier
    remove: bool = False
    """Leave the entry of this id out; nothing else is given then."""


class RegistryExtension(StrictModel):
    """A file that extends another registry file: it says only what is new or different."""

    schema_version: Literal[1]
    extends: Annotated[str, Field(min_length=1)]
    """`canonical` for the file that comes with PeakBench, or the path of a file, relative to this one."""
    conventions: dict[str, str] = {}
    null_values: list[str] | None = None
    """In the place of those of the other file, where given."""
    json_extraction: dict[str, Any] = {}
    comparators: dict[str, str] = {}
    components: dict[Identifier, dict[str, Any]] = {}
    floors: list[FloorDefinition] = []
    metrics: list[EntryChange] = []
    composites: list[EntryChange] = []


def registry_json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `peakbench_metrics.json`."""
    return RegistryFile.model_json_schema()
