"""Composites with parts of given values, as the registry would make them."""

from collections.abc import Iterable, Mapping, Sequence

from peakbench.benchmarks.schema import FieldSchema
from peakbench.metrics.composite import Composite, Part, PenaltyPart
from peakbench.metrics.definitions import CompositeDefinition, Kind
from peakbench.metrics.metric import Answer, MeanMetric, Score
from peakbench.metrics.registry import Registry


class Given(MeanMetric):
    """A metric that has one value for every answer, and counts how often it is asked."""

    def __init__(self, registry: Registry, value: float | None, lacking: str | None = None) -> None:
        super().__init__(registry.definition("rouge_l"), None)
        self.value = value
        self.asked = 0
        self.prefetched = 0
        self.__dict__["lacking"] = lacking

    def prefetch(self, answers: Sequence[Answer]) -> None:
        self.prefetched += len(answers)

    def measure(self, answer: Answer) -> Iterable[Score]:
        self.asked += 1
        yield self.one(self.value, "nothing to say")


def quality_of(
    registry: Registry,
    kind: Kind,
    values: Mapping[str, float | None],
    contradiction: float | None = None,
    schema: FieldSchema | None = None,
) -> tuple[Composite, dict[str, Given]]:
    """The quality score over given values; and the parts, `hallucination` among them."""
    definition = registry.definition("peakbench_quality")
    assert isinstance(definition, CompositeDefinition)
    assert definition.penalty is not None
    given = {name: Given(registry, value) for name, value in values.items()}
    judge = Given(registry, contradiction)
    parts = {name: Part(weight, given[name]) for name, weight in definition.weights[kind].items()}
    knobs = registry.file.components[definition.penalty.component].parameters
    penalty = PenaltyPart(judge, float(knobs["threshold"]), float(knobs["offset"]))
    return Composite(definition, schema, None, parts, penalty), {**given, "hallucination": judge}
