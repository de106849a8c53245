"""The comparator `semantic`: fields of free text, compared by what they mean."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from peakbench.benchmarks.values import (
    canonical_form,
    resolve_keys,
    scalar_text,
    schema_key_index,
    synonym_heads,
    wrapper_form,
)
from peakbench.metrics.comparators.comparison import Comparison
from peakbench.metrics.semantic.encoder import SentenceEncoder

if TYPE_CHECKING:
    from peakbench.benchmarks.schema import FieldSchema, FieldSpec

MAX_CHARS = 20_000
"""Longest text that is compared by meaning; a longer one scores 1 when equal, else 0."""


@dataclass(frozen=True, slots=True)
class _Text:
    """A text as it is written, and the head word that it stands for."""

    written: str
    head: str


def semantic_comparison(spec: "FieldSpec", encoder: SentenceEncoder | None) -> Comparison:
    """1 for texts that are equal or synonyms, else the cosine of their embeddings, cut off to 0..1.

    Args:
        spec: The field, with its synonyms.
        encoder: None where it is lacking; then whatever asks for the score is undefined, and only what does not look at
            scores (whether something is null, or there) uses the verdict.
    """
    heads = synonym_heads(spec)

    def form(value: Any) -> _Text | None:
        text = scalar_text(value)
        if text is None:
            return None
        canonical = canonical_form(text)
        return _Text(wrapper_form(text), heads.get(canonical, canonical))

    def score(reference: _Text, prediction: _Text) -> float:
        if reference.head == prediction.head:
            return 1.0
        too_long = max(len(reference.written), len(prediction.written)) > MAX_CHARS
        if encoder is None or too_long or not reference.written or not prediction.written:
            return 0.0
        return float(encoder.similarity([(reference.written, prediction.written)])[0])

    return Comparison(form, score)


def is_semantic(spec: "FieldSpec") -> bool:
    """Whether a field, or anything in it, is compared by meaning."""
    return spec.type == "semantic" or any(map(is_semantic, spec.parts))


def has_semantic(schema: "FieldSchema") -> bool:
    """Whether any field of a schema is compared by meaning."""
    return any(map(is_semantic, schema.fields.values()))


class SemanticFields:
    """The texts of a schema that are compared by meaning, so that they may be embedded together.

    Args:
        schema: The fields.
        encoder: Embeds them.
    """

    def __init__(self, schema: "FieldSchema", encoder: SentenceEncoder) -> None:
        self._names = [name for name, spec in schema.fields.items() if is_semantic(spec)]
        self._fields = schema.fields
        self._index = schema_key_index(schema)
        self._encoder = encoder

    def prefetch(self, pairs: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> None:
        """Embed the texts in these fields of references and answers where the two differ; it changes no score."""
        texts: set[str] = set()
        for pair in pairs:
            expected, given = (resolve_keys(value, self._fields, self._index)[0] for value in pair)
            for name in self._names:
                one, other = set(_texts_in(expected.get(name))), set(_texts_in(given.get(name)))
                if one and other and one != other:
                    texts |= one | other
        self._encoder.encode(sorted(text for text in texts if 0 < len(text) <= MAX_CHARS))


def _texts_in(value: Any) -> Iterable[str]:
    """Every scalar of a value as a text; without recursion, whatever its depth."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Mapping):
            waiting.extend(item.values())
        elif isinstance(item, list | tuple):
            waiting.extend(item)
        elif (text := scalar_text(item)) is not None:
            yield wrapper_form(text)
