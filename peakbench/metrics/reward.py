"""The reward of training for answers of fields: a gate, the answer's structure, and its content.

A model that does not write JSON yet learns nothing from scores of fields, which are all 0. So a part of the reward is
for form alone: the keys that were asked for, no others, values of the types that were asked for. The rest is
`weighted_score`. It is a metric like any other, so that what is trained is what is measured, on the same answers.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from peakbench.benchmarks.values import key_index, resolve_keys
from peakbench.errors import BadInputError
from peakbench.metrics.comparators import FieldComparer, FieldComparison
from peakbench.metrics.context import MetricContext
from peakbench.metrics.metric import Answer, MeanMetric, Score
from peakbench.metrics.structured import weighted_mean

if TYPE_CHECKING:
    from peakbench.benchmarks.schema import FieldSchema, FieldSpec
    from peakbench.metrics.definitions import MetricDefinition

TypeCheck = Callable[[Any], bool]
"""Whether a value has the JSON type of its field, or is null."""


class RewardFormula:
    """What a parsed answer earns under one schema.

    Args:
        comparer: Compares answers with references.
        structure: Share of the structure; the rest is the content's.
    """

    def __init__(self, comparer: FieldComparer, structure: float) -> None:
        self._comparer = comparer
        self._structure = structure
        self._checks = {name: type_check(spec) for name, spec in comparer.schema.fields.items()}

    def __call__(self, reference: Mapping[str, Any], value: Mapping[str, Any]) -> float:
        """The reward of an answer, 0..1.

        Args:
            reference: Completed: every field of the schema.
            value: The answer's object, keys as written.
        """
        return self.of_verdicts(value, self._comparer.compare(reference, value))

    def of_verdicts(self, value: Mapping[str, Any], verdicts: Mapping[str, FieldComparison]) -> float:
        """The same for an answer that was compared already."""
        content = weighted_mean(verdicts, self._comparer.schema)
        return self._structure * self.structure(value) + (1 - self._structure) * content

    def structure(self, value: Mapping[str, Any]) -> float:
        """Mean of the share of fields that are there, of keys that name a field, and of fields of the right type."""
        found, extra = self._comparer.by_field(value)
        right = sum(self._checks[name](item) for name, item in found.items())
        no_other = 1 - len(extra) / len(value) if value else 1.0
        return (len(found) / len(self._checks) + no_other + right / len(self._checks)) / 3


class StructuredReward(MeanMetric):
    """0.2 for structure and 0.8 for content of a parsed answer, and 0 for any other."""

    uses = frozenset({"type", "weight", "synonyms", "aliases", "null_values"})

    def __init__(
        self, definition: "MetricDefinition", schema: "FieldSchema | None", context: MetricContext | None = None
    ) -> None:
        super().__init__(definition, schema, context)
        _ = self._structure  # a wrong parameter is refused before anything is asked

    def measure(self, answer: Answer) -> Iterable[Score]:
        """The reward."""
        assert answer.prediction is not None, "what is measured was parsed"
        yield self.one(self.formula.of_verdicts(answer.prediction.value, answer.fields))

    @cached_property
    def formula(self) -> RewardFormula:
        """What a parsed answer earns."""
        assert self.context.comparer is not None, "structured_reward is defined for a field schema"
        return RewardFormula(self.context.comparer, self._structure)

    @cached_property
    def _structure(self) -> float:
        share = self.definition.parameters.get("structure")
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            raise BadInputError(
                f"metric `{self.definition.id}`: structure is {share!r}", mend="give a number between 0 and 1"
            )
        return float(share)


def type_check(spec: "FieldSpec") -> TypeCheck:
    """The check of a field's type: null, or what the response schema that follows from the field allows there.

    A text for the comparators of texts, any scalar for `exact`, a number, a boolean, a list or an object for those of
    the same name, and so for what is in them. Which text or number it is does not matter.
    """
    if spec.items is not None:
        item = type_check(spec.items)
        return lambda value: value is None or (isinstance(value, list) and all(map(item, value)))
    if spec.fields:
        return _object_check(spec.fields)
    kinds: tuple[type, ...] = {"number": (int, float), "boolean": (bool,), "exact": (str, int, float)}.get(
        spec.type, (str,)
    )
    if spec.type == "number":  # to Python, true and false are integers
        return lambda value: value is None or (isinstance(value, kinds) and not isinstance(value, bool))
    return lambda value: value is None or isinstance(value, kinds)


def _object_check(fields: "Mapping[str, FieldSpec]") -> TypeCheck:
    checks = {name: type_check(part) for name, part in fields.items()}
    index = key_index(list(fields), {name: part.aliases for name, part in fields.items()})

    def check(value: Any) -> bool:
        if not isinstance(value, Mapping):
            return value is None
        return all(checks[name](item) for name, item in resolve_keys(value, fields, index)[0].items())

    return check
