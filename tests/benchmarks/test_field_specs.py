"""What a field may declare, and references of nested fields."""

import math
from typing import Any

import pytest
from pydantic import ValidationError

from peakbench.benchmarks.schema import MAX_DEPTH, FieldSchema, FieldSpec
from peakbench.benchmarks.values import complete_reference, declared_value

WORDS = ["", "N/A"]
SCHEMA = FieldSchema.model_validate(
    {
        "fields": {
            "price": {"type": "number"},
            "stretch": {"type": "boolean"},
            "tags": {"type": "list", "null_values": ["untagged"], "items": {"type": "categorical"}},
            "rows": {"type": "list", "items": {"type": "list", "items": {"type": "number"}}},
            "maker": {
                "type": "object",
                "fields": {
                    "city": {"type": "categorical", "aliases": ["town"], "values": ["Rome", "Oslo"]},
                    "founded": {"type": "number"},
                },
            },
        }
    }
)


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ({"type": "list"}, "needs `items`"),
        ({"type": "object"}, "needs `fields`"),
        ({"type": "exact", "items": {"type": "exact"}}, "`items` is for the type `list`"),
        ({"type": "list", "items": {"type": "exact"}, "fields": {"a": {"type": "exact"}}}, "`fields` is for the type"),
        ({"type": "exact", "abs_tol": 1}, "`abs_tol` and `rel_tol` are for the type `number`"),
        ({"type": "anls", "rel_tol": 0}, "`abs_tol` and `rel_tol` are for the type `number`"),
        ({"type": "number", "rel_tol": -1}, "greater than or equal to 0"),
        ({"type": "number", "abs_tol": math.inf}, "finite number"),
        ({"type": "list", "items": {"type": "exact"}, "values": ["a"]}, "`values` is for scalars"),
        ({"type": "list", "items": {"type": "exact", "aliases": ["a"]}}, "no `aliases`"),
        ({"type": "list", "items": {"type": "exact", "weight": 2}}, "`weight` and `correct_threshold` are for whole"),
        ({"type": "object", "fields": {"a": {"type": "anls", "correct_threshold": 0.5}}}, "are for whole fields"),
        ({"type": "list", "items": {"type": "number", "abs_tl": 1}}, "did you mean `abs_tol`"),
        ({"type": "object", "fields": {"a": {"type": "numbr"}}}, "Input should be"),
    ],
)
def test_what_has_no_effect_is_refused(field: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        FieldSpec.model_validate(field)


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1, 10_000])
def test_depth_is_limited(depth: int) -> None:
    field: dict[str, Any] = {"type": "exact"}
    for _ in range(depth):
        field = {"type": "list", "items": field}
    if depth <= MAX_DEPTH:
        assert FieldSpec.model_validate(field).depth == depth
    else:
        with pytest.raises(ValidationError):
            FieldSpec.model_validate(field)


def test_what_was_written_out_is_read_again() -> None:
    assert FieldSchema.model_validate(SCHEMA.model_dump(mode="json")) == SCHEMA


def test_nested_references_are_made_whole() -> None:
    reference = {
        "price": "$1,200.50",
        "stretch": "Yes",
        "tags": "red",
        "rows": [[1, None], 2, []],
        "maker": {"Town": "rome"},
    }
    whole = complete_reference(SCHEMA, reference, WORDS)
    assert whole == {
        "price": "$1,200.50",
        "stretch": "Yes",
        "tags": ["red"],
        "rows": [[1, None], [2], None],
        "maker": {"city": "rome", "founded": None},
    }
    assert complete_reference(SCHEMA, whole, WORDS) == whole


def test_null_words_fit_every_field() -> None:
    reference = {"price": "n/a", "stretch": "", "tags": "Untagged", "rows": "N/A", "maker": {}}
    assert complete_reference(SCHEMA, reference, WORDS) == reference | {"maker": None}


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ({"price": "cheap"}, "field `price` of the reference is 'cheap'; it takes a number or null"),
        ({"price": True}, "field `price` of the reference is True; it takes a number"),
        ({"price": math.inf}, "field `price` of the reference is inf"),
        ({"price": [1]}, "field `price` of the reference is a list; it takes a number"),
        ({"stretch": "much"}, "field `stretch` of the reference is 'much'; it takes true, false or null"),
        ({"tags": ["a", ["b"]]}, r"field `tags\[2\]` of the reference is a list; it takes a text"),
        ({"tags": {"a": 1}}, r"field `tags\[1\]` of the reference is an object"),
        ({"rows": [[1], [2, "x"]]}, r"field `rows\[2\]\[2\]` of the reference is 'x'; it takes a number"),
        ({"maker": "Rome"}, "field `maker` of the reference is 'Rome'; it takes an object or null"),
        ({"maker": {"founded": "long ago"}}, "field `maker.founded` of the reference"),
        ({"maker": {"cty": "Rome"}}, "key `maker.cty`, which the schema does not have; write `city`"),
        ({"maker": {"city": "Paris"}}, 'it takes one of its `values`, which are "Rome", "Oslo"'),
        ({"price": "9" * 1001}, "field `price`"),
    ],
)
def test_what_does_not_fit_is_refused_by_place(reference: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        complete_reference(SCHEMA, reference, WORDS)


@pytest.mark.parametrize(
    ("field", "value", "declared"),
    [
        ({"type": "categorical", "values": ["t-shirt", "coat"], "synonyms": {"t-shirt": ["tee"]}}, "TEE", "t-shirt"),
        ({"type": "size", "values": ["S", "M"]}, "m ", "M"),
        ({"type": "anls", "values": ["a-b"]}, "A-B", "a-b"),
        ({"type": "anls", "values": ["a-b"]}, "a b", None),
        ({"type": "exact", "values": ["x", 1, True]}, "X", "x"),
        ({"type": "exact", "values": [1, True]}, 1.0, 1),
        ({"type": "exact", "values": [1]}, True, None),
        ({"type": "exact", "values": [1]}, "1", None),
        ({"type": "categorical", "values": ["1", "2"]}, 2, "2"),
        ({"type": "number", "values": [0.5, 12]}, "12 cm", 12),
        ({"type": "number", "values": [0.5, 12]}, 13, None),
        ({"type": "boolean", "values": [True]}, "yes", True),
        ({"type": "boolean", "values": [True]}, "no", None),
    ],
)
def test_values_are_found_in_other_spellings(field: dict[str, Any], value: Any, declared: Any) -> None:
    found = declared_value(FieldSpec.model_validate(field), value)
    assert found == declared
    assert type(found) is type(declared)
