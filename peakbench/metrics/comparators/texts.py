"""Comparators of texts: equality in several forms, and edits."""

from collections.abc import Callable
from typing import Any

from rapidfuzz.distance import Levenshtein

from peakbench.benchmarks.schema import FieldSpec
from peakbench.benchmarks.values import canonical_form, equality_form, scalar_text, synonym_heads
from peakbench.metrics.comparators.comparison import Comparison

BRAND_CUTOFF = 0.8
ANLS_CUTOFF = 0.5
MAX_CHARS = 20_000
"""Longest value that is compared by edits; a longer one scores 1 when equal, else 0."""

_SIZES: tuple[tuple[str, ...], ...] = (
    ("xxs", "2xs", "extra extra small"),
    ("xs", "x small", "extra small"),
    ("s", "small", "sm"),
    ("m", "medium", "med"),
    ("l", "large", "lg"),
    ("xl", "x large", "extra large"),
    ("2xl", "xxl", "xx large", "extra extra large"),
    ("3xl", "xxxl"),
    ("one size", "os", "osfa", "one size fits all", "free size"),
)


def exact_comparison() -> Comparison:
    """1 for the same type and value, or strings of equal equality form; `1` and `1.0` are one number."""

    def form(value: Any) -> tuple[Any]:
        # In a tuple, so that no value is taken for one that cannot be read.
        return (equality_form(value) if isinstance(value, str) else value,)

    return Comparison(form, lambda reference, prediction: float(same_value(reference[0], prediction[0])))


def same_value(one: Any, other: Any) -> bool:
    """Whether two JSON values have the same type and value; numbers are one type, and `1` is `1.0`."""
    try:
        return _same(one, other)
    except RecursionError:
        # Nested deeper than any reference: not the same, or not to be told.
        return False


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return type(one) is type(other) and bool(one == other)


def text_comparison(spec: FieldSpec) -> Comparison:
    """The comparator of a field of texts: categorical, size, brand or anls, under the field's synonyms.

    Numbers and booleans are read as JSON text; lists and objects cannot be read.
    """
    of_text, score = _of_texts(spec)

    def form(value: Any) -> Any:
        text = scalar_text(value)
        return None if text is None else of_text(text)

    return Comparison(form, score)


def _of_texts(spec: FieldSpec) -> tuple[Callable[[str], Any], Callable[[Any, Any], float]]:
    """What is compared of a text, and how."""
    heads = synonym_heads(spec)

    def head(text: str) -> str:
        form = canonical_form(text)
        return heads.get(form, form)

    if spec.type == "size":
        sizes = {_without_size(word): names[0] for names in _SIZES for word in names}
        size_heads = {_without_size(word): _without_size(name) for word, name in sorted(heads.items())}

        def size_of(text: str) -> str:
            form = _without_size(canonical_form(text))
            form = size_heads.get(form, form)
            return sizes.get(form, form)

        return size_of, _equal
    if spec.type == "brand":
        return lambda text: (head(text), canonical_form(text).replace(" ", "")), _brand
    if spec.type == "anls":
        return equality_form, lambda reference, prediction: _edit_similarity(reference, prediction, ANLS_CUTOFF)
    return head, _equal


def _equal(reference: Any, prediction: Any) -> float:
    return float(reference == prediction)


def _brand(reference: tuple[str, str], prediction: tuple[str, str]) -> float:
    """1 for one head; else the edits of what was written, without spaces."""
    return 1.0 if reference[0] == prediction[0] else _edit_similarity(reference[1], prediction[1], BRAND_CUTOFF)


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
