"""Fields as sentences: what natural-language inference is asked about, which knows no fields.

A field's template makes a sentence of its value. The reference's sentence is the premise, the answer's the hypothesis.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from peakbench.benchmarks.values import resolve_keys, scalar_text, schema_key_index, wrapper_form
from peakbench.canonical import canonical_json

if TYPE_CHECKING:
    from peakbench.benchmarks.schema import FieldSchema
    from peakbench.metrics.metric import Answer

_PLACE = re.compile(r"\{(v|field)\}")
_BETWEEN_SENTENCES = re.compile(r"(?<=[.!?])\s+|[\r\n]+")


def value_text(value: Any) -> str:
    """A value as a text: as it is written, stripped; lists and objects as JSON."""
    text = scalar_text(value)
    return wrapper_form(text if text is not None else canonical_json(value).decode())


def sentence(template: str, field: str, text: str) -> str:
    """The sentence of a field's value; what looks like a place within the value is left as it is."""
    parts = {"v": text, "field": field.replace("_", " ").replace("-", " ")}
    return _PLACE.sub(lambda place: parts[place[1]], template)


def sentences_of(text: str) -> list[str]:
    """The sentences of a text: it is split after `.`, `!` and `?` before white space, and at line breaks."""
    return [part for raw in _BETWEEN_SENTENCES.split(text) if (part := wrapper_form(raw))]


class FieldPairs:
    """The values of an answer's fields beside the reference's.

    Args:
        schema: The benchmark's fields.
    """

    def __init__(self, schema: "FieldSchema") -> None:
        self._fields = schema.fields
        self._index = schema_key_index(schema)

    def held(self, answer: "Answer") -> list[str]:
        """The fields that hold something on both sides; the answer is parsed."""
        return [name for name, one in answer.fields.items() if not one.reference_null and not one.prediction_null]

    def values(self, answer: "Answer") -> dict[str, tuple[str, str]]:
        """Reference and answer, as texts, of every field that is held and that its comparator does not call right."""
        found, reference = self._found(answer), answer.sample.reference
        assert isinstance(reference, Mapping), "what fields are compared with is an object"
        return {
            name: (value_text(reference[name]), value_text(found[name]))
            for name in self.held(answer)
            if answer.fields[name].score < 1.0
        }

    def sentences(self, answer: "Answer") -> dict[str, tuple[str, str]]:
        """The same as sentences: premise and hypothesis. Equal values make equal sentences."""
        return {
            name: (self.sentence(name, pair[0]), self.sentence(name, pair[1]))
            for name, pair in self.values(answer).items()
        }

    def sentence(self, name: str, text: str) -> str:
        """The sentence that says a field's value."""
        return sentence(self._fields[name].template, name, text)

    def _found(self, answer: "Answer") -> Mapping[str, Any]:
        value = answer.prediction.value if answer.prediction is not None else None
        assert isinstance(value, Mapping), "what was parsed for fields is an object"
        return resolve_keys(value, self._fields, self._index)[0]
