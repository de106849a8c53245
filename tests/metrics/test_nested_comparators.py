"""Verdicts on lists and objects."""

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peakbench.benchmarks.schema import FieldSchema, FieldSpec
from peakbench.metrics.comparators import Comparison, FieldComparer, comparator, compare_fields

NULLS = ("", "n/a")
WORDS = frozenset(NULLS)
TAGS = {"type": "list", "items": {"type": "categorical", "synonyms": {"t-shirt": ["tee"]}}}
ADDRESS = {
    "type": "object",
    "fields": {
        "city": {"type": "categorical", "aliases": ["town"]},
        "zip": {"type": "exact"},
        "geo": {"type": "object", "fields": {"lat": {"type": "number", "abs_tol": 0.1}, "lon": {"type": "number"}}},
    },
}
LINES = {"type": "list", "items": {"type": "object", "fields": {"item": {"type": "anls"}, "price": {"type": "number"}}}}


def score(field: dict[str, Any], reference: Any, prediction: Any) -> float:
    schema = FieldSchema(fields={"f": FieldSpec.model_validate(field)})
    return compare_fields(schema, {"f": reference}, {"f": prediction}, NULLS)["f"].score


@pytest.mark.parametrize(
    ("reference", "prediction", "expected"),
    [
        (["tee", "coat"], ["coat", "T-shirt"], 1.0),
        (["tee", "coat"], ["coat"], 1 / 2),
        (["coat"], ["coat", "coat", "hat"], 1 / 3),
        (["tee", "tee"], ["tee"], 1 / 2),
        ("coat", ["coat"], 1.0),
        (["coat"], "coat", 1.0),
        (["coat"], {"a": "coat"}, 0.0),
        (["coat", None], ["coat", "N/A"], 1.0),
        (["coat", None], ["coat", "hat"], 1 / 2),
        (["coat", None], ["coat"], 1 / 2),
        ([["coat"]], ["coat"], 0.0),
        (["coat"], [], 0.0),
        (["a", "b", "c"], ["c", "a", "b"], 1.0),
    ],
)
def test_lists_are_assigned_item_by_item(reference: Any, prediction: Any, expected: float) -> None:
    assert score(TAGS, reference, prediction) == pytest.approx(expected)


def test_assignment_is_the_best_one_and_not_the_first() -> None:
    field = {"type": "list", "items": {"type": "anls"}}
    # `abcc` scores 0.5 with both; with the first of them it would leave 0 for `aacb`, with the second 0.5.
    assert score(field, ["abcc", "aacb"], ["bccb", "bcca"]) == 0.5


@pytest.mark.parametrize(
    ("reference", "prediction", "expected"),
    [
        ({"city": "Rome", "zip": "1"}, {"Town": "rome", "zip": "1", "geo": None, "other": 1}, 1.0),
        ({"city": "Rome", "zip": "1"}, {"city": "rome", "zip": "1"}, 2 / 3),
        ({"city": "Rome", "zip": None}, {"city": "Rome", "zip": "N/A", "geo": {}}, 1.0),
        ({"city": "Rome", "zip": None}, {"city": None, "zip": "7", "geo": "n/a"}, 1 / 3),
        ({"city": "Rome", "zip": "1"}, "Rome", 0.0),
        ({"city": "Rome", "zip": "1"}, [{"city": "Rome", "zip": "1", "geo": None}], 0.0),
        (
            {"city": "Rome", "zip": "1", "geo": {"lat": 41.9, "lon": 12.5}},
            {"city": "Rome", "zip": "1", "GEO": {"Lat": 41.95, "lon": 13}},
            (1 + 1 + 1 / 2) / 3,
        ),
        (
            {"city": "Rome", "geo": {"lat": 41.9}},
            {"city": "Rome", "zip": None, "geo": {"lon": None}},
            (1 + 1 + 1 / 2) / 3,
        ),
    ],
)
def test_objects_are_the_mean_over_their_fields(reference: Any, prediction: Any, expected: float) -> None:
    assert score(ADDRESS, reference, prediction) == pytest.approx(expected)


def test_lists_of_objects_are_assigned_by_their_scores() -> None:
    reference = [{"item": "coffee", "price": 2.5}, {"item": "tea", "price": 2}]
    assert score(LINES, reference, [{"item": "tea", "price": "$2.00"}, {"item": "coffee", "price": 2.5}]) == 1.0
    assert score(LINES, reference, [{"item": "tea", "price": 2.5}, {"item": "coffee", "price": 2}]) == pytest.approx(
        0.5
    )
    assert score(LINES, reference, [{"item": "coffee", "price": 2.5}]) == pytest.approx(0.5)


def test_null_words_of_a_field_hold_for_what_is_in_it() -> None:
    field = {"type": "list", "null_values": ["no tag"], "items": {"type": "exact", "null_values": ["blank"]}}
    assert score(field, [None, None, "a"], ["No tag.", "blank", "a"]) == 1.0
    assert score(field, None, "no tag") == 1.0
    assert score(field, None, "blank") == 0.0
    assert score({**field, "items": {"type": "exact"}}, [None, "a"], ["blank", "a"]) == 0.5


def test_a_maker_given_by_argument_holds_within_lists_and_objects_too() -> None:
    always = {"anls": lambda spec: Comparison(str, lambda reference, prediction: 0.25)}
    schema = FieldSchema(fields={"f": FieldSpec.model_validate(LINES), "g": FieldSpec(type="anls")})
    reference = {"f": [{"item": "x", "price": 1}], "g": "x"}
    verdicts = FieldComparer(schema, NULLS, always).compare(reference, reference)
    assert (verdicts["f"].score, verdicts["g"].score) == (0.625, 0.25)


WORD = st.sampled_from(["", "a", "b", "ab", "abc", "abcd", "bcd", "N/A"]) | st.none()


@given(st.lists(WORD, min_size=1, max_size=5), st.lists(WORD, min_size=1, max_size=5), st.booleans())
def test_list_score_is_that_of_brute_force_over_all_assignments(one: list[Any], other: list[Any], edits: bool) -> None:
    items = FieldSpec(type="anls" if edits else "categorical")
    nulls = frozenset(["", "n/a"])

    def pair(reference: str | None, prediction: str | None) -> float:
        null = [value is None or value.casefold() in nulls for value in (reference, prediction)]
        return float(all(null)) if any(null) else comparator(items)(reference, prediction)

    shorter, longer = sorted((one, other), key=len)
    best = max(
        sum(pair(a, b) if shorter is one else pair(b, a) for a, b in zip(shorter, chosen, strict=True))
        for chosen in itertools.permutations(longer, len(shorter))
    )
    found = comparator(FieldSpec(type="list", items=items), nulls)(one, other)
    assert found == pytest.approx(best / len(longer), abs=1e-12)


SCALARS = (
    st.text(st.characters(codec=None, exclude_categories=()), min_size=1, max_size=6) | st.integers() | st.booleans()
)


@settings(max_examples=40)
@given(st.data(), st.lists(SCALARS, min_size=1, max_size=6), st.lists(SCALARS, min_size=1, max_size=6))
def test_order_of_items_does_not_matter_and_symmetric_items_make_symmetric_lists(
    data: st.DataObject, one: list[Any], other: list[Any]
) -> None:
    for kind in ("categorical", "exact", "boolean", "anls"):
        field = {"type": "list", "items": {"type": kind}}
        found = score(field, one, other)
        assert 0.0 <= found <= 1.0
        assert score(field, one, data.draw(st.permutations(other))) == pytest.approx(found)
        assert score(field, other, one) == pytest.approx(found)


VALUES_OF: dict[str, st.SearchStrategy[Any]] = {
    "exact": SCALARS,
    "categorical": SCALARS,
    "size": SCALARS,
    "brand": SCALARS,
    "anls": SCALARS,
    "number": st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans() | st.sampled_from(["yes", "0"]),
}
ANYTHING = st.recursive(
    st.none() | SCALARS | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "A"]), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def fields_with_values(draw: st.DrawFn, depth: int = 3) -> tuple[dict[str, Any], st.SearchStrategy[Any]]:
    """A field of any type, and the values that fit it."""
    kind = draw(st.sampled_from([*VALUES_OF, *(["list", "object"] if depth else [])]))
    if kind == "list":
        items, values = draw(fields_with_values(depth - 1))
        return {"type": kind, "items": items}, st.lists(st.none() | values, max_size=3)
    if kind == "object":
        inner = {name: draw(fields_with_values(depth - 1)) for name in "ab"}
        return (
            {"type": kind, "fields": {name: field for name, (field, _) in inner.items()}},
            st.fixed_dictionaries({name: st.none() | values for name, (_, values) in inner.items()}),
        )
    return {"type": kind}, VALUES_OF[kind]


@given(st.data(), fields_with_values())
def test_a_value_of_every_type_equals_itself_and_anything_gets_a_score(
    data: st.DataObject, field: tuple[dict[str, Any], st.SearchStrategy[Any]]
) -> None:
    spec, values = field
    reference = data.draw(values)
    assert score(spec, reference, reference) == 1.0
    assert 0.0 <= score(spec, reference, data.draw(ANYTHING)) <= 1.0


@pytest.mark.timeout(60)
def test_long_lists_take_a_bounded_time() -> None:
    field = {"type": "list", "items": {"type": "anls"}}
    long = [f"item number {n}" for n in range(10_000)]
    assert score(field, long, long) == 1.0
    assert score(field, long, list(reversed(long))) == 0.0
    assert score(field, long[:100], list(reversed(long))) == pytest.approx(100 / 10_000)
    assert score(field, long[:300], list(reversed(long[:300]))) == 1.0


@pytest.mark.timeout(60)
def test_what_is_in_lists_of_lists_counts_for_the_limit() -> None:
    field = {"type": "list", "items": {"type": "list", "items": {"type": "exact"}}}
    wide = [[n * 100 + m for m in range(100)] for n in range(100)]
    assert score(field, wide, wide) == 1.0
    assert score(field, wide, wide[::-1]) == 0.0
    assert score(field, wide[:4], wide[:4][::-1]) == 1.0


DEEP: list[Any] = []
for _ in range(100_000):
    DEEP = [DEEP]
HOSTILE: list[Any] = [10**5000, float("nan"), float("inf"), "\ud800", "x" * 1_000_000, DEEP, {"a": DEEP, "city": DEEP}]
HOSTILE += [[DEEP] * 3, [{"item": DEEP}], ["a"] * 30_000, {str(n): n for n in range(30_000)}, {"": ""}, [[]], [{}]]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("field", [TAGS, ADDRESS, LINES], ids=["tags", "address", "lines"])
@pytest.mark.parametrize("prediction", HOSTILE, ids=lambda value: type(value).__name__)
def test_hostile_values_get_a_score_in_bounded_time(field: dict[str, Any], prediction: Any) -> None:
    for reference in (["tee", "coat"], {"city": "Rome", "geo": {"lat": 1}}, [{"item": "tea", "price": 2}], DEEP):
        assert 0.0 <= score(field, reference, prediction) <= 1.0
