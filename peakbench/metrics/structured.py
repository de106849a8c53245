"""How much of a JSON answer is right, field by field.

All of these are functions of the verdicts on the fields (`comparators`), so they agree by construction:
`structured_match` is `field_match_rate` times `value_accuracy_all` for every sample, and the outcome counts add up to
samples times fields.
"""

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from peakbench.metrics.comparators import FieldComparison, Outcome
from peakbench.metrics.metric import Answer, MeanMetric, Metric, Score, ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from peakbench.benchmarks.schema import FieldSchema

OUTCOMES: tuple[Outcome, ...] = ("TP", "FD", "FA", "FN", "TN", "MISSING", "UNPARSED")


_SCORES_KEPT = 16_384


class StructuredMatch(MeanMetric):
    """Mean score over all fields of the schema, with each field as a slice."""

    uses = frozenset({"type", "synonyms", "aliases", "null_values"})

    def measure(self, answer: Answer) -> Iterable[Score]:
        """The mean, then a score a field."""
        yield self.one(_mean(verdict.score for verdict in answer.fields.values()))
        for name, verdict in answer.fields.items():
            yield self._of_field(verdict.score, name)

    @cached_property
    def _of_field(self) -> Callable[[float, str], Score]:
        """Makes the score of a field; few values occur, so that most scores were made before."""
        return lru_cache(_SCORES_KEPT)(lambda value, name: self.one(value, part=f"field={name}"))

    def worth(self, answer: Answer, value: float | None, reason: str) -> Iterable[Score]:
        """The declared value for the sample and for each of its fields, those with a null reference too."""
        yield self.one(value, reason)
        for name in answer.fields:
            yield self.one(value, reason, f"field={name}")


class FieldMatchRate(MeanMetric):
    """Share of the schema's keys that the answer has; an explicit null counts as there."""

    uses = frozenset({"aliases"})

    def measure(self, answer: Answer) -> Iterable[Score]:
        """The share."""
        yield self.one(_mean(float(verdict.present) for verdict in answer.fields.values()))


class ValueAccuracy(MeanMetric):
    """Mean score over the keys that the answer has; 0 where it has none."""

    uses = frozenset({"type", "synonyms", "aliases", "null_values"})

    def measure(self, answer: Answer) -> Iterable[Score]:
        """The mean."""
        yield self.one(_mean(verdict.score for verdict in answer.fields.values() if verdict.present))


class WeightedScore(MeanMetric):
    """Mean score over all fields, each with its weight, nulls included."""

    uses = frozenset({"type", "weight", "synonyms", "aliases", "null_values"})

    def measure(self, answer: Answer) -> Iterable[Score]:
        """The weighted mean."""
        assert self.schema is not None, "weighted_score is defined for a field schema"
        yield self.one(weighted_mean(answer.fields, self.schema))


class FieldCounts(Metric):
    """A metric of counts a field: the sample's statistics are the sums of its fields'."""

    @abstractmethod
    def counts(self, verdict: FieldComparison) -> tuple[float, ...]:
        """The statistics of one field."""

    def measure(self, answer: Answer) -> Iterable[Score]:
        """The sample, then each field; an answer that failed or was not parsed predicted nothing."""
        fields = [self.counts(verdict) for verdict in answer.fields.values()]
        yield self._score("", tuple(np.array(fields).sum(axis=0).tolist()))
        for name, counts in zip(answer.fields, fields, strict=True):
            yield self._score(f"field={name}", counts)

    @cached_property
    def _score(self) -> Callable[[str, tuple[float, ...]], Score]:
        """Makes the score of a slice; few counts occur, so that most scores were made before."""

        def made(part: str, counts: tuple[float, ...]) -> Score:
            value = float(self.from_totals(np.array(counts)))
            if math.isnan(value):
                return Score(None, None, part, self.definition.undefined)
            return Score(value, counts, part)

        return lru_cache(_SCORES_KEPT)(made)


class FieldF1(FieldCounts):
    """Soft F1 of fields that hold something; null against null earns nothing. Statistics: soft_tp, n_pred, n_gt."""

    uses = frozenset({"type", "synonyms", "aliases", "null_values"})

    def counts(self, verdict: FieldComparison) -> tuple[float, ...]:
        """The score where both sides hold something, and whether the answer and the reference do."""
        predicted, expected = not verdict.prediction_null, not verdict.reference_null
        return (verdict.score if predicted and expected else 0.0, float(predicted), float(expected))

    def from_totals(self, totals: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """`2·soft_tp / (n_pred + n_gt)`."""
        return ratio(2 * totals[..., 0], totals[..., 1] + totals[..., 2])


class FieldOutcomes(FieldCounts):
    """Counts of what happened to the fields; the value is the share of right ones, (TP + TN) / all."""

    uses = frozenset({"type", "synonyms", "aliases", "null_values", "correct_threshold"})

    def counts(self, verdict: FieldComparison) -> tuple[float, ...]:
        """1 for what happened, 0 for all else, in the order of `OUTCOMES`."""
        return tuple(float(verdict.outcome == outcome) for outcome in OUTCOMES)

    def from_totals(self, totals: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """`(TP + TN) / all`."""
        return ratio(totals[..., OUTCOMES.index("TP")] + totals[..., OUTCOMES.index("TN")], totals.sum(axis=-1))


def weighted_mean(fields: Mapping[str, FieldComparison], schema: "FieldSchema") -> float:
    """Mean of the fields' scores under the schema's weights, 0..1."""
    # Sums in one order, so that a perfect answer is exactly 1.
    earned = sum(schema.fields[name].weight * verdict.score for name, verdict in fields.items())
    return earned / sum(schema.fields[name].weight for name in fields)


def _mean(values: Iterable[float]) -> float:
    """Mean; 0 of nothing."""
    listed = list(values)
    return sum(listed) / len(listed) if listed else 0.0
