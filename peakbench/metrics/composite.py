"""Composites: weighted sums of other metrics' values for the same answer, lowered where the answer contradicts.

In this order: a failed or unparsed answer takes its declared value; one that equals its reference takes the value of
`short_circuit`, before any model is asked; else the weighted sum is taken, times the penalty's factor. Where a metric
of the sum is undefined, so is the sum: weights are never shared out anew, which would make two runs incomparable that
look alike.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from peakbench.benchmarks.values import (
    equality_form,
    resolve_keys,
    scalar_text,
    schema_key_index,
)
from peakbench.canonical import canonical_json
from peakbench.metrics.context import MetricContext
from peakbench.metrics.metric import Answer, MeanMetric, Metric, Score
from peakbench.metrics.penalty import penalty_multiplier

if TYPE_CHECKING:
    from peakbench.benchmarks.schema import FieldSchema
    from peakbench.metrics.definitions import CompositeDefinition

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Part:
    """One metric of a composite.

    Attributes:
        weight: Its share; the shares of all parts sum to 1.
        metric: None where the registry does not have it.
    """

    weight: float
    metric: Metric | None


@dataclass(frozen=True, slots=True)
class PenaltyPart:
    """What a composite is lowered by.

    Attributes:
        metric: Gives the probability of contradiction; None where the registry does not have it.
        threshold: See `penalty_multiplier`.
        offset: See `penalty_multiplier`.
    """

    metric: Metric | None
    threshold: float
    offset: float


class Composite(MeanMetric):
    """A weighted sum of metrics, with a short circuit for equal answers and a penalty.

    Args:
        definition: The composite's entry.
        schema: The benchmark's fields; None where answers are texts.
        context: As for every metric.
        parts: Metric id to its weight and the metric. A scoring job hands in the metrics that it scores by anyway, so
            that pairs they have seen are remembered.
        penalty: None where the composite has none.
    """

    uses = frozenset({"aliases", "null_values"})

    def __init__(
        self,
        definition: "CompositeDefinition",
        schema: "FieldSchema | None",
        context: MetricContext | None = None,
        parts: Mapping[str, Part] | None = None,
        penalty: PenaltyPart | None = None,
    ) -> None:
        super().__init__(definition, schema, context)
        self.parts = dict(parts or {})
        self.penalty = penalty
        self._short_circuit = definition.short_circuit
        self._index = schema_key_index(schema) if schema is not None else {}

    @cached_property
    def lacking(self) -> str | None:
        """What the parts lack; without one of them there is no sum."""
        told = []
        for name, part in self.parts.items():
            if part.metric is None:
                told.append(f"this registry has no metric `{name}`")
            elif part.metric.lacking is not None:
                told.append(f"{name}: {part.metric.lacking}")
        return "; ".join(told) or None

    def parameters(self) -> dict[str, Any]:
        """The knobs; for each part its weight and its own signature, and what the penalty is made of."""
        parts = {name: f"{part.weight!r}*{_nested(part.metric)}" for name, part in self.parts.items()}
        more: dict[str, Any] = {"short_circuit": self._short_circuit}
        if self.penalty is not None:
            more["nli"] = _nested(self._judge) if self._judge is not None else "none"
        return {**super().parameters(), **parts, **more}

    def prefetch(self, answers: Sequence[Answer]) -> None:
        """Let the parts get ready, which may be scored nowhere but here."""
        for metric in (*(part.metric for part in self.parts.values()), self._judge):
            if metric is not None and self.lacking is None:
                metric.prefetch(answers)

    def settled(self, answer: Answer) -> float | None:
        """The value of an answer that is known without its parts: failed, unparsed, or equal to its reference."""
        declared, _ = self._declared(answer)
        if declared != "measured":
            return float(declared) if declared is not None else None
        if self._short_circuit is not None and self._equals_reference(answer):
            return self._short_circuit
        return None

    def measure(self, answer: Answer) -> Iterable[Score]:
        """The value of a parsed answer; no model is asked about one that equals its reference."""
        known = self.settled(answer)
        if known is not None:
            yield self.one(known)
        else:
            yield self.weigh(answer, self._judge.score(answer)[0].value if self._judge is not None else None)

    def weigh(self, answer: Answer, contradiction: float | None) -> Score:
        """The weighted sum of the parts, times the penalty's factor.

        Args:
            answer: Parsed.
            contradiction: Probability that the answer contradicts; None where it is undefined.
        """
        values = []
        for name, part in self.parts.items():
            assert part.metric is not None, "a composite that lacks a part scores nothing"
            score = part.metric.score(answer)[0]
            if score.value is None:
                return self.one(None, f"{name}: {score.reason}")
            values.append(part.weight * score.value)
        total = math.fsum(values)
        if self.penalty is not None:
            total *= penalty_multiplier(contradiction, self.penalty.threshold, self.penalty.offset)
        return self.one(self._without_rounding(total))

    @property
    def _judge(self) -> Metric | None:
        """The metric that gives the probability of contradiction, if it can."""
        metric = self.penalty.metric if self.penalty is not None else None
        return metric if metric is not None and metric.lacking is None else None

    def _without_rounding(self, value: float) -> float:
        """A sum of weights may miss 1 by a rounding; a value farther out is left, and refused."""
        low, high = self.definition.bounds
        inside = min(high, max(low, value))
        return inside if abs(inside - value) <= _ROUNDING else value

    def _equals_reference(self, answer: Answer) -> bool:
        if self.schema is None:
            return equality_form(answer.prediction_text or "") == equality_form(answer.reference_text)
        verdicts = answer.fields
        if any(not one.present or one.prediction_null != one.reference_null for one in verdicts.values()):
            return False
        value, reference = answer.prediction.value if answer.prediction is not None else None, answer.sample.reference
        assert isinstance(value, Mapping), "what was parsed for fields is an object"
        assert isinstance(reference, Mapping), "what fields are compared with is an object"
        found, _ = resolve_keys(value, self.schema.fields, self._index)
        return all(one.reference_null or _form(found[name]) == _form(reference[name]) for name, one in verdicts.items())


def _form(value: Any) -> str:
    """The equality form of a value: of a text, or of the JSON text of anything else."""
    text = scalar_text(value)
    return equality_form(text if text is not None else canonical_json(value).decode())


def _nested(metric: Metric | None) -> str:
    """A signature within a signature."""
    return f"({metric.signature.replace('|', ';')})" if metric is not None else "(absent)"
