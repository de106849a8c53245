"""The two numbers of the board of April 2026, frozen, so that old values can be laid beside new ones.

The published card gives 42.9 % to models that never wrote JSON, and 101.4 % to the best one. One rule explains both: an
answer without JSON counts as one that says null everywhere; null against null earns 1, without the field's weight; and
the sum is divided by the number of fields, not by the sum of the weights. That rule was inferred from the published
values, not documented. Nothing else is computed like this, and nothing is ranked by it.
"""

from abc import abstractmethod
from collections.abc import Iterable

from peakbench.metrics.comparators import FieldComparison
from peakbench.metrics.metric import Answer, MeanMetric, Score


class _Legacy(MeanMetric):
    """Sum of what each field earns, by the number of fields. Failed and unparsed answers count as null everywhere."""

    @abstractmethod
    def earned(self, name: str, verdict: FieldComparison) -> float:
        """What a field's score earns."""

    def measure(self, answer: Answer) -> Iterable[Score]:
        """The sample."""
        earned = [self.earned(name, _as_null(verdict)) for name, verdict in answer.fields.items()]
        yield self.one(sum(earned) / len(earned))


class WeightedLegacy(_Legacy):
    """Weight times score where the reference holds a value, the score alone where it is null: not bounded by 1."""

    uses = frozenset({"type", "weight", "synonyms", "aliases", "null_values"})

    def earned(self, name: str, verdict: FieldComparison) -> float:
        """The field's weight counts only where the reference holds a value."""
        assert self.schema is not None, f"{self.definition.id} is defined for a field schema"
        return verdict.score if verdict.reference_null else self.schema.fields[name].weight * verdict.score


class SemanticLegacy(_Legacy):
    """The plain mean of the fields' scores."""

    uses = frozenset({"type", "synonyms", "aliases", "null_values"})

    def earned(self, name: str, verdict: FieldComparison) -> float:  # noqa: ARG002
        """The score."""
        return verdict.score


def _as_null(verdict: FieldComparison) -> FieldComparison:
    """What an explicit null would have got, where there is no answer; a key that is missing in an answer gets 0."""
    if verdict.outcome != "UNPARSED":
        return verdict
    if verdict.reference_null:
        return FieldComparison(1.0, "TN", True, True, True)
    return FieldComparison(0.0, "FN", True, False, True)
