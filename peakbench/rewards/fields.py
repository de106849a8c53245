"""The reward for answers of fields: the metric `structured_reward`, without what only boards need."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from peakbench.benchmarks.file import BenchmarkFile
from peakbench.errors import BadInputError
from peakbench.metrics.answers import object_extractor
from peakbench.metrics.registry import Registry
from peakbench.metrics.reward import StructuredReward
from peakbench.metrics.semantic.comparator import SemanticFields, has_semantic
from peakbench.rewards.batch import Response, Reward, benchmark_file
from peakbench.rewards.registries import RegistryFacts, facts_of, registry_again

METRIC = "structured_reward"


class JsonReward(Reward):
    """Gate, structure and content of an answer, 0..1; exactly the metric `structured_reward`. Made by `json_reward`."""

    def __init__(self, file: BenchmarkFile, reference: str, registry: Registry) -> None:
        super().__init__(file, "extraction", reference)
        schema = file.schema_of_fields
        assert schema is not None, "an extraction benchmark has fields"
        metric = registry.metric(METRIC, schema)
        if not isinstance(metric, StructuredReward) or not isinstance(metric.definition.on_unparsed, float):
            raise BadInputError(
                f"{registry.path}: `{METRIC}` is another metric there than PeakBench's",
                mend="leave its implementation and on_unparsed as they are",
            )
        if metric.lacking is not None:
            raise BadInputError(f"{self.__name__}: {metric.lacking}")
        self.metric = metric
        """The metric that the reward is."""
        self._registry = registry
        self._without_answer = metric.definition.on_unparsed
        self._extractor = object_extractor(schema, registry)
        encoder = registry.field_encoder if has_semantic(schema) else None
        self._semantic = None if encoder is None else SemanticFields(schema, encoder)

    def rewards(self, responses: Sequence[Response], references: Sequence[Any]) -> list[float]:
        """The rewards; texts that are compared by meaning are embedded together."""
        values = [self._value(response) for response in responses]
        if self._semantic is not None:
            pairs = zip(references, values, strict=True)
            self._semantic.prefetch((reference, value) for reference, value in pairs if value is not None)
        formula = self.metric.formula
        return [
            self._without_answer if value is None else formula(reference, value)
            for reference, value in zip(references, values, strict=True)
        ]

    def prepared(self, reference: Any) -> Any:
        """The completed reference as it is."""
        return reference

    def _value(self, response: Response) -> Mapping[str, Any] | None:
        found = self._extractor.extract(response.text, response.reasoning)
        return found.value if found.parsed else None

    def __reduce__(self) -> tuple[Any, ...]:
        return _made_again, (self.file, self.reference, facts_of(self._registry))


def json_reward(
    benchmark: str | Path | BenchmarkFile, reference: str = "reference", *, registry: Registry | None = None
) -> JsonReward:
    """A reward function for answers of fields.

    Args:
        benchmark: A built-in benchmark's name, the path of a benchmark file, or the file itself; of the task
            `extraction`.
        reference: Name of the column of references.
        registry: Where `structured_reward` is defined; PeakBench's own by default.

    Returns:
        `reward(completions, **columns) -> list[float | None]`, each 0..1.

    Raises:
        BadInputError: If the benchmark has another task, or something that compares its fields is lacking.
    """
    return JsonReward(benchmark_file(benchmark), reference, registry or Registry.load())


def _made_again(file: BenchmarkFile, reference: str, facts: RegistryFacts) -> JsonReward:
    """What `pickle` calls."""
    return JsonReward(file, reference, registry_again(facts))
