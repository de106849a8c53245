"""Fields as sentences, and texts as sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from peakbench.benchmarks.schema import DEFAULT_TEMPLATE, FieldSchema, FieldSpec
from peakbench.metrics.signatures import schema_digest
from peakbench.metrics.verbalisation import sentence, sentences_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is red. It has a hole!  Does it? Yes", ["It is red.", "It has a hole!", "Does it?", "Yes"]),
        ("Size 4.5 of v1.2", ["Size 4.5 of v1.2"]),
        ("- red\n- torn\r\n\n\nold", ["- red", "- torn", "old"]),
        ("Well... maybe.\tNo", ["Well...", "maybe.", "No"]),
        (" \n ", []),
        ("", []),
    ],
)
def test_texts_are_split_after_full_stops_before_white_space_and_at_lines(text: str, expected: list[str]) -> None:
    assert sentences_of(text) == expected


@given(st.text(max_size=60))
def test_no_word_is_lost_between_sentences(text: str) -> None:
    parts = sentences_of(text)
    assert all(part and part == part.strip() for part in parts)
    assert "".join("".join(parts).split()) == "".join(" ".join(sentences_of(" ".join(parts))).split())


@given(st.text(max_size=30))
def test_places_within_a_value_are_left_as_they_are(value: str) -> None:
    assert sentence("Of {field}: {v}", "a_b-c", value) == f"Of a b c: {value}"
    assert sentence(DEFAULT_TEMPLATE, "size", "{field}{v}") == "The size is {field}{v}."


@pytest.mark.parametrize(
    ("template", "message"), [("The size.", "has no `{v}`"), ("", "has no `{v}`"), ("{v} {value}", "neither `{v}` nor")]
)
def test_template_that_says_no_value_is_refused(template: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        FieldSpec(type="size", template=template)


def test_template_of_what_is_within_a_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="`template` is for whole fields"):
        FieldSpec(type="list", items=FieldSpec(type="size", template="It is {v}."))


def test_template_is_a_fact_only_for_those_who_use_it() -> None:
    def digest(uses: bool, **fields: str) -> str:
        schema = FieldSchema(fields={name: FieldSpec(type="size", template=text) for name, text in fields.items()})
        return schema_digest(schema, frozenset({"template"} if uses else ()), ())

    assert digest(True, size="It is {v}.") != digest(True, size=DEFAULT_TEMPLATE)
    assert digest(False, size="It is {v}.") == digest(False, size=DEFAULT_TEMPLATE)
    assert digest(True, size="The size is {v}.") == digest(True, size=DEFAULT_TEMPLATE), "what is said is the same"
