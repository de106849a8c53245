"""Equality, null, keys and whole references."""

import math
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakbench.benchmarks.schema import FieldSchema, FieldSpec
from peakbench.benchmarks.values import (
    canonical_form,
    complete_reference,
    equality_form,
    field_null_words,
    is_null,
    normalise_key,
    normalised,
    null_words,
    resolve_keys,
    scalar_text,
    schema_key_index,
    text_of_json,
    wrapper_form,
)

SCHEMA = FieldSchema(
    fields={
        "type": FieldSpec(type="categorical"),
        "sleeve_length": FieldSpec(type="categorical", aliases=["sleeve", "length of sleeve"]),
        "brand": FieldSpec(type="brand", null_values=["No Brand"]),
    },
    null_values=["nothing"],
)
INDEX = schema_key_index(SCHEMA)
WORDS = null_words(["", "N/A", "n.a.", "not visible"])
MARKS_AND_LETTERS = st.sampled_from([*"ae-]^\\\u0301\u0316\u0345\u0f73\u0344\u0958\u3099か각ᆨﬁ\u212b\ud800", " "])
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))


def test_equality_form_ignores_width_case_and_white_space() -> None:
    assert equality_form("  Ｎavy \u00a0\n BLUE ") == "navy blue"
    assert equality_form("STRASSE") == equality_form("straße")


def test_wrapper_form_composes_and_strips_and_keeps_case() -> None:
    assert wrapper_form(" Fac\u0327ade ") == "Façade"
    assert wrapper_form("Navy") != wrapper_form("navy")


def test_canonical_form_keeps_letters_and_digits_only() -> None:
    assert canonical_form("T-Shirt") == canonical_form("t_shirt ") == canonical_form("t / shirt") == "t shirt"


def test_canonical_form_of_signs_alone_is_their_equality_form() -> None:
    assert canonical_form(" ? ") == "?"
    assert canonical_form("?") != canonical_form("!")
    assert canonical_form("_") == "_"


@pytest.mark.parametrize("value", [None, math.nan, [], {}, "", "  ", "n/a", " Not  visible. ", ".", "ｎ/ａ"])
def test_null_values_are_null(value: Any) -> None:
    assert is_null(value, WORDS)


@pytest.mark.parametrize(
    "value", [0, 0.0, False, [None], {"a": None}, "none of the buttons", "0", math.inf, "invisible"]
)
def test_values_that_look_empty_are_not_null(value: Any) -> None:
    assert not is_null(value, WORDS)


def test_null_words_of_registry_schema_and_field_add_up() -> None:
    nulls = field_null_words(SCHEMA, ["N/A"])
    assert is_null("no brand", nulls["brand"])
    assert not is_null("no brand", nulls["type"])
    for name in SCHEMA.fields:
        assert is_null("Nothing", nulls[name])
        assert is_null("n/a", nulls[name])


@pytest.mark.parametrize(
    "key", ["Sleeve Length", "sleeve-length", "SLEEVE  LENGTH", "ｓleeve_length", "sleeve - length"]
)
def test_keys_are_normalised(key: str) -> None:
    assert normalise_key(key) == "sleeve_length"


def test_exact_key_wins_else_the_last() -> None:
    found, extra = resolve_keys(
        {"Type": 1, "type": 2, "TYPE": 3, "Sleeve": 4, "sleeve": 5, "x": 6}, SCHEMA.fields, INDEX
    )
    assert found == {"type": 2, "sleeve_length": 5}
    assert extra == ["x"]


def test_name_of_a_field_goes_before_an_alias_of_another() -> None:
    schema = FieldSchema(fields={"a": FieldSpec(type="exact", aliases=["b"]), "b": FieldSpec(type="exact")})
    assert resolve_keys({"B": 1}, schema.fields, schema_key_index(schema))[0] == {"b": 1}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a ", "a "),
        (42, "42"),
        (42.0, "42"),
        (-0.5, "-0.5"),
        (-0.0, "0"),
        (True, "true"),
        (False, "false"),
        (2.0**53, "9007199254740992"),
        (1e16, "1e+16"),
        (1e300, "1e+300"),
    ],
)
def test_scalars_read_as_json(value: Any, text: str) -> None:
    assert scalar_text(value) == text


def test_no_scalar_has_no_text() -> None:
    assert scalar_text(["a"]) is None
    assert scalar_text({"a": 1}) is None
    assert scalar_text(None) is None


def test_giant_integers_have_a_text() -> None:
    assert scalar_text(10**5000) == scalar_text(10**5000) != scalar_text(10**5000 + 1)


def test_text_of_json_holds_values_in_schema_order_without_nulls() -> None:
    nulls = field_null_words(SCHEMA, ["N/A"])
    value = {"brand": " Levi's ", "other": "x", "Sleeve": {"b": 1, "a": "ü"}, "type": "n/a"}
    assert text_of_json(value, SCHEMA, INDEX, nulls) == '{"a": "ü", "b": 1}; Levi\'s'
    assert text_of_json({"type": None}, SCHEMA, INDEX, nulls) == ""


def test_reference_is_completed_in_schema_order() -> None:
    whole = complete_reference(SCHEMA, {"Sleeve": "long", "type": "coat"})
    assert list(whole.items()) == [("type", "coat"), ("sleeve_length", "long"), ("brand", None)]


def test_reference_keeps_words_and_drops_empty_containers_and_nan() -> None:
    assert complete_reference(SCHEMA, {"type": "N/A", "sleeve_length": [], "brand": math.nan}) == {
        "type": "N/A",
        "sleeve_length": None,
        "brand": None,
    }


def test_reference_has_no_lone_surrogates() -> None:
    assert complete_reference(SCHEMA, {"type": "\ud800x"})["type"] == "\ufffdx"


@pytest.mark.parametrize("value", [["a"], {"a": 1}, math.inf, -math.inf])
def test_reference_of_a_wrong_type_is_refused_by_field(value: Any) -> None:
    with pytest.raises(ValueError, match="field `type`"):
        complete_reference(SCHEMA, {"type": value})


def test_a_reference_key_that_names_no_field_is_refused() -> None:
    with pytest.raises(ValueError, match="key `brands`, which the schema does not have; write `brand`"):
        complete_reference(SCHEMA, {"brands": "Nike"})
    with pytest.raises(ValueError, match="key `fabric`, which the schema does not have; leave it out"):
        complete_reference(SCHEMA, {"type": "coat", "fabric": "wool"})


@given(ANY_TEXT)
def test_every_text_has_every_form(text: str) -> None:
    assert equality_form(text).split() == equality_form(text).split(" ") or not equality_form(text)
    assert canonical_form(text) or not equality_form(text)
    assert wrapper_form(text) == wrapper_form(text).strip()
    assert normalise_key(text) is not None
    assert is_null(text, WORDS) in (True, False)


@given(st.dictionaries(st.sampled_from(["type", "Type", "sleeve", "brand"]), st.none() | ANY_TEXT | st.integers()))
def test_completing_twice_changes_nothing(reference: dict[str, Any]) -> None:
    whole = complete_reference(SCHEMA, reference)
    assert complete_reference(SCHEMA, whole) == whole
    assert list(whole) == list(SCHEMA.fields)


@given(st.lists(MARKS_AND_LETTERS | st.characters(), min_size=201, max_size=260).map("".join))
def test_long_texts_are_normalised_as_short_ones(text: str) -> None:
    assert normalised("NFC", text) == unicodedata.normalize("NFC", text)
    assert normalised("NFKC", text) == unicodedata.normalize("NFKC", text)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("marks", ["\u0301\u0316", "\u0f73"])
def test_a_text_of_nothing_but_marks_is_normalised_in_bounded_time(marks: str) -> None:
    text = "a" + marks * (300_000 // len(marks))
    for form in (equality_form, wrapper_form, canonical_form, normalise_key):
        assert form(text)
