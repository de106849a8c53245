"""Verdicts on the fields of an answer: null rule first, then the field's comparator.

A verdict has a score in 0..1, which enters the means, and an outcome with a name, which tells how a model errs:

| outcome | reference | answer | score |
| --- | --- | --- | --- |
| TP | a value | a value, right | the comparator's |
| FD, false discovery | a value | a value, wrong | the comparator's |
| FA, false alarm | null | a value | 0 |
| FN, false negative | a value | null | 0 |
| TN, true negative | null | null | 1 |
| MISSING | any | the key is not there | 0 |
| UNPARSED | any | no answer at all | 0 |

Right means that the score reaches the field's `correct_threshold`. The taxonomy is that of awslabs/stickler.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal

from peakbench.benchmarks.schema import FieldSchema, FieldSpec
from peakbench.benchmarks.values import field_null_words, is_null, resolve_keys, schema_key_index, text_of_json
from peakbench.metrics.comparators.comparator import Maker, comparator

Outcome = Literal["TP", "FD", "FA", "FN", "TN", "MISSING", "UNPARSED"]

_PAIRS_KEPT = 32_768
_LONGEST_KEPT = 500


@dataclass(frozen=True, slots=True)
class FieldComparison:
    """The verdict on one field of one answer.

    Attributes:
        score: 0..1.
        outcome: What kind of right or wrong it is.
        prediction_null: The answer's value is null, or there is none.
        reference_null: The reference's value is null.
        present: The answer has the key.
    """

    score: float
    outcome: Outcome
    prediction_null: bool
    reference_null: bool
    present: bool


class FieldComparer:
    """Compares answers with references, field by field, under one schema.

    Pairs of values are remembered, since a sweep meets the same few thousand pairs again and again.

    Args:
        schema: The fields.
        null_values: The registry's null words; those of the schema and its fields are added.
        makers: Makers of comparators that need more than their field, by type; see `comparator`.
    """

    def __init__(
        self,
        schema: FieldSchema,
        null_values: Iterable[str] = (),
        makers: Mapping[str, Maker] = MappingProxyType({}),
    ) -> None:
        self.schema = schema
        self._makers = makers
        self.nulls = field_null_words(schema, null_values)
        self._index = schema_key_index(schema)
        self._verdicts = {name: self._verdict_of_field(name, spec) for name, spec in schema.fields.items()}

    def compare(self, reference: Mapping[str, Any], value: Mapping[str, Any] | None) -> dict[str, FieldComparison]:
        """Compare an answer with a completed reference.

        Args:
            reference: Every schema field, null where there is nothing.
            value: The answer's object, keys as written; None when there is no answer.

        Returns:
            Field to verdict, in schema order.
        """
        if value is None:
            return {
                name: FieldComparison(0.0, "UNPARSED", True, is_null(reference.get(name), self.nulls[name]), False)
                for name in self.schema.fields
            }
        found, _ = resolve_keys(value, self.schema.fields, self._index)
        verdicts = {}
        for name in self.schema.fields:
            expected = reference.get(name)
            if name not in found:
                verdicts[name] = FieldComparison(0.0, "MISSING", True, is_null(expected, self.nulls[name]), False)
            else:
                verdicts[name] = self._verdicts[name](expected, found[name])
        return verdicts

    def by_field(self, value: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """The values of an answer by the field that they are for, and the keys that name none."""
        return resolve_keys(value, self.schema.fields, self._index)

    def extra_keys(self, value: Mapping[str, Any]) -> list[str]:
        """The keys of an answer that name no field; no score of a field looks at them."""
        return self.by_field(value)[1]

    def text(self, value: Mapping[str, Any]) -> str:
        """The values of an answer or a reference as one text; see `text_of_json`."""
        return text_of_json(value, self.schema, self._index, self.nulls)

    def _verdict_of_field(self, name: str, spec: FieldSpec) -> Callable[[Any, Any], FieldComparison]:
        nulls = self.nulls[name]
        score_of_pair = comparator(spec, nulls, self._makers)

        def verdict(reference: Any, prediction: Any) -> FieldComparison:
            reference_null, prediction_null = is_null(reference, nulls), is_null(prediction, nulls)
            outcome: Outcome
            if reference_null or prediction_null:
                score = 1.0 if reference_null and prediction_null else 0.0
                outcome = "TN" if score else ("FA" if reference_null else "FN")
            else:
                score = score_of_pair(reference, prediction)
                outcome = "TP" if score >= spec.correct_threshold else "FD"
            return FieldComparison(score, outcome, prediction_null, reference_null, True)

        # `typed` keeps 1, 1.0 and true apart, which Python holds to be equal.
        remembered = lru_cache(_PAIRS_KEPT, typed=True)(verdict)

        def remembered_verdict(reference: Any, prediction: Any) -> FieldComparison:
            keep = _worth_keeping(reference) and _worth_keeping(prediction)
            return remembered(reference, prediction) if keep else verdict(reference, prediction)

        return remembered_verdict


def compare_fields(
    schema: FieldSchema,
    reference: Mapping[str, Any],
    value: Mapping[str, Any] | None,
    null_values: Iterable[str] = (),
) -> dict[str, FieldComparison]:
    """Compare one answer with its reference; for many under one schema, keep a `FieldComparer`."""
    return FieldComparer(schema, null_values).compare(reference, value)


def _worth_keeping(value: Any) -> bool:
    """Whether a value may be remembered: hashable, and no giant."""
    if isinstance(value, str):
        return len(value) <= _LONGEST_KEPT
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, bool) or (isinstance(value, int) and value.bit_length() <= 64)
