"""Comparators of lists and of objects, made of the comparators of what is in them.

The null rule holds at every level: of two items, or two values of a field, both null is 1 and exactly one null 0.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from peakbench.benchmarks.schema import FieldSpec
from peakbench.benchmarks.values import is_null, key_index, null_words, resolve_keys
from peakbench.metrics.comparators.comparison import Comparison
from peakbench.metrics.comparators.texts import same_value

MAX_PAIRS = 1_000_000
"""Most pairs of scalars, those of the reference times those of the answer; beyond them a value scores 1 if equal to the
reference, else 0."""

MakeInner = Callable[[FieldSpec, frozenset[str]], Comparison]
"""Makes the comparator of an item or of a field, under its null words."""


@dataclass(frozen=True, slots=True)
class _Part:
    """An item of a list or a value of an object: its form, or that it is null."""

    form: Any
    null: bool


def list_comparison(items: FieldSpec, nulls: frozenset[str], make: MakeInner) -> Comparison:
    """The best one-to-one assignment of items: the sum of their scores over the length of the longer list.

    The order of items does not matter, each counts once, and a value that is no list is a list of one.

    Args:
        items: How items are compared.
        nulls: The list's null words, which hold for its items too.
        make: Makes the comparator of items.
    """
    of_part, score_of_parts = _parts(items, nulls, make)

    def form(value: Any) -> tuple[_Part, ...]:
        return tuple(map(of_part, value if isinstance(value, list | tuple) else [value]))

    def score(reference: tuple[_Part, ...], prediction: tuple[_Part, ...]) -> float:
        longer = max(len(reference), len(prediction))
        if not longer:
            return 1.0
        scores = [[score_of_parts(expected, given) for given in prediction] for expected in reference]
        return math.fsum(_assigned(scores)) / longer

    return Comparison(form, score)


def _assigned(scores: list[list[float]]) -> list[float]:
    """The scores of the assignment of rows to columns whose sum is greatest."""
    if len(scores) == 1 or not scores[0]:
        return [max(row) for row in scores if row]
    if len(scores[0]) == 1:
        return [max(row[0] for row in scores)]
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(scores, maximize=True)
    return [scores[row][column] for row, column in zip(rows.tolist(), columns.tolist(), strict=True)]


def object_comparison(fields: Mapping[str, FieldSpec], nulls: frozenset[str], make: MakeInner) -> Comparison:
    """The mean over the fields; a field that the answer lacks scores 0, a key that names no field counts nothing.

    Keys are found as at top level: spaces, hyphens, case and aliases forgiven. What is no object cannot be read.

    Args:
        fields: How each field is compared.
        nulls: The object's null words, which hold for its fields too.
        make: Makes the comparator of a field.
    """
    index = key_index(list(fields), {name: spec.aliases for name, spec in fields.items()})
    parts = {name: _parts(spec, nulls, make) for name, spec in fields.items()}

    def form(value: Any) -> dict[str, _Part] | None:
        if not isinstance(value, Mapping):
            return None
        found, _ = resolve_keys(value, fields, index)
        return {name: parts[name][0](item) for name, item in found.items()}

    def score(reference: dict[str, _Part], prediction: dict[str, _Part]) -> float:
        absent = _Part(None, null=True)
        scores = [
            parts[name][1](reference.get(name, absent), prediction[name]) if name in prediction else 0.0
            for name in fields
        ]
        return math.fsum(scores) / len(scores)

    return Comparison(form, score)


def _parts(
    spec: FieldSpec, nulls: frozenset[str], make: MakeInner
) -> tuple[Callable[[Any], _Part], Callable[[_Part, _Part], float]]:
    """What is compared of a part, and how: the null rule, then the comparator."""
    words = nulls | null_words(spec.null_values)
    comparison = make(spec, words)

    def of_part(value: Any) -> _Part:
        return _Part(None, null=True) if is_null(value, words) else _Part(comparison.form(value), null=False)

    def score(reference: _Part, prediction: _Part) -> float:
        if reference.null or prediction.null:
            return float(reference.null and prediction.null)
        return comparison.of_forms(reference.form, prediction.form)

    return of_part, score


def with_bounded_pairs(comparison: Comparison) -> Comparison:
    """The comparator, for values of at most `MAX_PAIRS` pairs of scalars; for larger ones equality alone."""

    @dataclass(frozen=True, slots=True)
    class Sized:
        value: Any
        form: Any
        n: int

    def form(value: Any) -> Sized:
        return Sized(value, comparison.form(value), _scalars(value))

    def score(reference: Sized, prediction: Sized) -> float:
        if reference.n * prediction.n > MAX_PAIRS:
            return float(same_value(reference.value, prediction.value))
        return comparison.of_forms(reference.form, prediction.form)

    return Comparison(form, score)


def _scalars(value: Any) -> int:
    """How many scalars a value holds, empty lists and objects counted as one; without recursion, whatever its depth."""
    n, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        inner = list(item.values()) if isinstance(item, Mapping) else item if isinstance(item, list | tuple) else ()
        waiting.extend(inner)
        n += not inner
    return n
