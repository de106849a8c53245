"""Which comparator a field has."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from peakbench.benchmarks.schema import FieldSpec
from peakbench.metrics.comparators.comparison import Comparison
from peakbench.metrics.comparators.nested import list_comparison, object_comparison, with_bounded_pairs
from peakbench.metrics.comparators.numbers import boolean_comparison, number_comparison
from peakbench.metrics.comparators.texts import exact_comparison, text_comparison

Maker = Callable[[FieldSpec], Comparison]
"""Makes the comparator of a field."""


def comparator(
    spec: FieldSpec, nulls: frozenset[str] = frozenset(), makers: Mapping[str, Maker] = MappingProxyType({})
) -> Comparison:
    """The comparator of a field, which scores a pair of values, neither of them null.

    It takes (reference, prediction) of any JSON type and gives 0..1; it never raises. A list or an object where a
    text is expected scores 0; numbers and booleans there are compared as JSON text.

    Args:
        spec: The field.
        nulls: Its null words, as `null_words` gives them; within lists and objects the null rule holds again.
        makers: Type to the maker of its comparator, for types that need more than their field (such as a model of
            texts); they hold for items and for fields of objects too.
    """
    made = _made(spec, nulls, makers)
    return with_bounded_pairs(made) if spec.type in ("list", "object") else made


def _made(spec: FieldSpec, nulls: frozenset[str], makers: Mapping[str, Maker]) -> Comparison:
    if maker := makers.get(spec.type):
        return maker(spec)
    match spec.type:
        case "exact":
            return exact_comparison()
        case "number":
            return number_comparison(spec.abs_tol, spec.rel_tol)
        case "boolean":
            return boolean_comparison()
        case "list":
            assert spec.items is not None, "a field of type `list` has items"
            return list_comparison(spec.items, nulls, lambda item, words: _made(item, words, makers))
        case "object":
            return object_comparison(spec.fields, nulls, lambda field, words: _made(field, words, makers))
        case "semantic":
            raise TypeError("fields of the type `semantic` are compared by a model: their maker has to be given")
        case "categorical" | "size" | "brand" | "anls":
            return text_comparison(spec)
