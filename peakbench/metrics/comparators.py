"""How the value of a field is compared with its reference: null rule first, then the field's comparator.

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
from typing import Any, Literal

from rapidfuzz.distance import Levenshtein

from peakbench.benchmarks.schema import Comparator, FieldSchema, FieldSpec
from peakbench.benchmarks.values import (
    canonical_form,
    equality_form,
    field_null_words,
    is_null,
    resolve_keys,
    scalar_text,
    schema_key_index,
    synonym_heads,
    text_of_json,
)

Outcome = Literal["TP", "FD", "FA", "FN", "TN", "MISSING", "UNPARSED"]

BRAND_CUTOFF = 0.8
ANLS_CUTOFF = 0.5
MAX_CHARS = 20_000
"""Longest value that is compared by edits; a longer one scores 1 when equal, else 0."""

_PAIRS_KEPT = 32_768
_LONGEST_KEPT = 500

_SIZES: Mapping[str, tuple[str, ...]] = {
    "xxs": ("2xs", "extra extra small"),
    "xs": ("x small", "extra small"),
    "s": ("small", "sm"),
    "m": ("medium", "med"),
    "l": ("large", "lg"),
    "xl": ("x large", "extra large"),
    "2xl": ("xxl", "xx large", "extra extra large"),
    "3xl": ("xxxl",),
    "one size": ("os", "osfa", "one size fits all", "free size"),
}


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
    """

    def __init__(self, schema: FieldSchema, null_values: Iterable[str] = ()) -> None:
        self.schema = schema
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

    def extra_keys(self, value: Mapping[str, Any]) -> list[str]:
        """The keys of an answer that name no field; they are counted, not punished."""
        return resolve_keys(value, self.schema.fields, self._index)[1]

    def text(self, value: Mapping[str, Any]) -> str:
        """The values of an answer or a reference as one text; see `text_of_json`."""
        return text_of_json(value, self.schema, self._index, self.nulls)

    def _verdict_of_field(self, name: str, spec: FieldSpec) -> Callable[[Any, Any], FieldComparison]:
        score_of_pair = comparator(spec)
        nulls = self.nulls[name]

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


def comparator(spec: FieldSpec) -> Callable[[Any, Any], float]:
    """The function that scores a pair of values, neither of them null, for a field.

    It takes (reference, prediction) of any JSON type and gives 0..1; it never raises. A list or an object where a
    text is expected scores 0; numbers and booleans there are compared as JSON text.
    """
    if spec.type == "exact":
        return _exact
    of_texts = _text_comparators(synonym_heads(spec))[spec.type]

    def compared_as_text(reference: Any, prediction: Any) -> float:
        expected, given = scalar_text(reference), scalar_text(prediction)
        return 0.0 if expected is None or given is None else of_texts(expected, given)

    return compared_as_text


def _text_comparators(heads: Mapping[str, str]) -> dict[Comparator, Callable[[str, str], float]]:
    """The comparators of texts, under a field's synonyms (canonical form to the canonical form of its head)."""

    def head(text: str) -> str:
        form = canonical_form(text)
        return heads.get(form, form)

    def categorical(reference: str, prediction: str) -> float:
        return float(head(reference) == head(prediction))

    def size(reference: str, prediction: str) -> float:
        return float(size_of(reference) == size_of(prediction))

    sizes = {_without_size(word): name for name, words in _SIZES.items() for word in (name, *words)}
    size_heads = {_without_size(word): _without_size(name) for word, name in sorted(heads.items())}

    def size_of(text: str) -> str:
        form = _without_size(canonical_form(text))
        form = size_heads.get(form, form)
        return sizes.get(form, form)

    def brand(reference: str, prediction: str) -> float:
        if head(reference) == head(prediction):
            return 1.0
        return _edit_similarity(
            canonical_form(reference).replace(" ", ""), canonical_form(prediction).replace(" ", ""), BRAND_CUTOFF
        )

    def anls(reference: str, prediction: str) -> float:
        return _edit_similarity(equality_form(reference), equality_form(prediction), ANLS_CUTOFF)

    return {"categorical": categorical, "size": size, "brand": brand, "anls": anls}


def _without_size(form: str) -> str:
    """A canonical form without the word `size`, unless it says nothing else."""
    return " ".join(word for word in form.split() if word != "size") or form


def _edit_similarity(reference: str, prediction: str, cutoff: float) -> float:
    """1 − Levenshtein / longer length, where that is at least the cutoff, else 0."""
    if reference == prediction:
        return 1.0
    if max(len(reference), len(prediction)) > MAX_CHARS:
        return 0.0
    similarity = Levenshtein.normalized_similarity(reference, prediction)
    return similarity if similarity >= cutoff else 0.0


def _exact(reference: Any, prediction: Any) -> float:
    """1 for the same type and value, or strings of equal equality form; `1` and `1.0` are one number."""
    if isinstance(reference, str) and isinstance(prediction, str):
        return float(equality_form(reference) == equality_form(prediction))
    try:
        return float(_same(reference, prediction))
    except RecursionError:
        # Nested deeper than any reference: not the same, or not to be told.
        return 0.0


def _same(reference: Any, prediction: Any) -> bool:
    if isinstance(reference, bool) or isinstance(prediction, bool):
        return reference is prediction
    if isinstance(reference, int | float) and isinstance(prediction, int | float):
        return reference == prediction
    if isinstance(reference, list) and isinstance(prediction, list):
        return len(reference) == len(prediction) and all(map(_same, reference, prediction))
    if isinstance(reference, dict) and isinstance(prediction, dict):
        return reference.keys() == prediction.keys() and all(
            _same(reference[key], prediction[key]) for key in reference
        )
    return type(reference) is type(prediction) and bool(reference == prediction)


def _worth_keeping(value: Any) -> bool:
    """Whether a value may be remembered: hashable, and no giant."""
    if isinstance(value, str):
        return len(value) <= _LONGEST_KEPT
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, bool) or (isinstance(value, int) and value.bit_length() <= 64)
