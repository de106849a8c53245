"""What a metric's numbers depend on beside its own entry: the benchmark, components, models, code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peakbench.metrics.semantic.models import EncoderParameters, InferenceParameters, SemanticModels

if TYPE_CHECKING:
    from peakbench.benchmarks.file import BoxConventions
    from peakbench.metrics.comparators import FieldComparer
    from peakbench.metrics.pairs import PairMemory

IN_SAMPLE = "in_sample"
"""The majority's answer was counted over the very references that it is compared with."""


@dataclass(frozen=True, slots=True)
class MetricContext:
    """What the registry knows beside a metric's own entry, and the metric's numbers depend on.

    Attributes:
        null_values: Words that mean "nothing there", beside the schema's.
        components: Component to its version and the digest of its parameters, for the signature.
        libraries: Distributions that compute the components, for the signature.
        labels: For the task `grounding`: label to the words that mean the same.
        boxes: For the task `grounding`: how boxes are declared.
        cache: Where fetched parts (WordNet, model weights) lie; None where no metric may look for any.
        majority: Where the majority's answer was counted: `in_sample`, or a training split with its digest.
        comparer: Compares objects under the schema; None without one.
        code: Digest of the metric's code where that is not PeakBench's own, for the signature.
        answer_schema: The benchmark's response schema; None where it follows from the fields, or where there is none.
        memory: Of pairs of texts, shared by all that the registry makes of a metric; None for one of its own.
        models: The models that metrics of meaning run; shared, so that each is loaded once.
        field_encoder: What compares the schema's fields of the type `semantic`; None where it has none.
        inference: The model that says what contradicts what; None where the registry has none.
    """

    null_values: tuple[str, ...] = ()
    components: Mapping[str, str] = field(default_factory=dict)
    libraries: tuple[str, ...] = ()
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    boxes: "BoxConventions | None" = None
    cache: Path | None = None
    majority: str = IN_SAMPLE
    comparer: "FieldComparer | None" = None
    code: str | None = None
    answer_schema: Mapping[str, Any] | None = None
    memory: "PairMemory | None" = None
    models: SemanticModels = field(default_factory=SemanticModels)
    field_encoder: EncoderParameters | None = None
    inference: InferenceParameters | None = None
