"""Verdicts on fields."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakbench.benchmarks.schema import Comparator, FieldSchema, FieldSpec
from peakbench.metrics.comparators import MAX_CHARS, FieldComparer, FieldComparison, compare_fields

NULLS = ("", "n/a", "none")
COMPARATORS: tuple[Comparator, ...] = ("exact", "categorical", "size", "brand", "anls")
DEEP: list[Any] = []
for _ in range(100_000):
    DEEP = [DEEP]


def verdict(kind: Comparator, reference: Any, prediction: Any, **more: Any) -> FieldComparison:
    schema = FieldSchema(fields={"f": FieldSpec(type=kind, **more)})
    return compare_fields(schema, {"f": reference}, {"f": prediction}, NULLS)["f"]


@pytest.mark.parametrize(
    ("reference", "prediction", "score", "outcome"),
    [
        ("a", "a", 1.0, "TP"),
        ("a", "b", 0.0, "FD"),
        (None, "b", 0.0, "FA"),
        ("n/a", "b", 0.0, "FA"),
        ("a", None, 0.0, "FN"),
        ("a", "None.", 0.0, "FN"),
        (None, "N/A", 1.0, "TN"),
        ([], {}, 1.0, "TN"),
        (0, None, 0.0, "FN"),
        (None, False, 0.0, "FA"),
        (None, [None], 0.0, "FA"),
    ],
)
def test_null_rule_comes_first(reference: Any, prediction: Any, score: float, outcome: str) -> None:
    found = verdict("categorical", reference, prediction)
    assert (found.score, found.outcome, found.present) == (score, outcome, True)


def test_missing_key_is_no_null() -> None:
    schema = FieldSchema(fields={"f": FieldSpec(type="exact"), "g": FieldSpec(type="exact")})
    found = compare_fields(schema, {"f": None, "g": "x"}, {}, NULLS)
    assert found["f"] == FieldComparison(0.0, "MISSING", True, True, False)
    assert found["g"] == FieldComparison(0.0, "MISSING", True, False, False)


def test_no_answer_is_unparsed_in_every_field() -> None:
    schema = FieldSchema(fields={"f": FieldSpec(type="exact"), "g": FieldSpec(type="exact")})
    found = compare_fields(schema, {"f": None, "g": "x"}, None, NULLS)
    assert [entry.outcome for entry in found.values()] == ["UNPARSED", "UNPARSED"]
    assert [entry.reference_null for entry in found.values()] == [True, False]


@pytest.mark.parametrize(
    ("reference", "prediction", "score"),
    [
        ("Navy  Blue", "navy blue", 1.0),
        ("navy-blue", "navy blue", 0.0),
        (42, 42.0, 1.0),
        (42, "42", 0.0),
        (True, 1, 0.0),
        (1, True, 0.0),
        (True, True, 1.0),
        ("a", ["a"], 0.0),
        ([1, "A"], [1.0, "A"], 1.0),
        ({"a": [1]}, {"a": [True]}, 0.0),
    ],
)
def test_exact_wants_type_and_value(reference: Any, prediction: Any, score: float) -> None:
    assert verdict("exact", reference, prediction).score == score


def test_remembered_pairs_keep_types_apart() -> None:
    comparer = FieldComparer(FieldSchema(fields={"f": FieldSpec(type="exact")}))
    scores = [comparer.compare({"f": 1}, {"f": value})["f"].score for value in (1, True, 1.0, "1", 1)]
    assert scores == [1.0, 0.0, 1.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("reference", "prediction", "score"),
    [
        ("T-Shirt", "t_shirt", 1.0),
        ("t-shirt", "TEE!", 1.0),
        ("tee", "tee shirt", 1.0),
        ("navy", "blue", 0.0),
        ("?", "!", 0.0),
        ("42", 42.0, 1.0),
        ("true", True, 1.0),
        ("a", ["a"], 0.0),
        ("a", {"a": 1}, 0.0),
    ],
)
def test_categorical_compares_canonical_forms_and_synonyms(reference: Any, prediction: Any, score: float) -> None:
    assert verdict("categorical", reference, prediction, synonyms={"t-shirt": ["tee", "Tee-Shirt"]}).score == score


@pytest.mark.parametrize(
    ("reference", "prediction", "score"),
    [
        ("XXL", "2xl", 1.0),
        ("Size M", "medium", 1.0),
        ("M", "L", 0.0),
        ("x-large", "XL", 1.0),
        ("one size", "OSFA", 1.0),
        ("One size fits all", "size: one size", 1.0),
        ("42", "size 42", 1.0),
        (42, "42", 1.0),
        ("42", "44", 0.0),
        ("XXXL", "3XL", 1.0),
        ("size", "M", 0.0),
        ("M", "UK 12", 1.0),
    ],
)
def test_size_knows_the_usual_spellings(reference: Any, prediction: Any, score: float) -> None:
    assert verdict("size", reference, prediction, synonyms={"medium": ["uk 12"]}).score == score


@pytest.mark.parametrize(
    ("reference", "prediction", "score"),
    [
        ("Levi's", "LEVIS", 1.0),
        ("H&M", "h & m", 1.0),
        ("Hennes", "H&M", 1.0),
        ("abcde", "abcdx", 0.8),
        ("abcd", "abcx", 0.0),
        ("Nike", "Adidas", 0.0),
    ],
)
def test_brand_forgives_a_letter_in_five(reference: str, prediction: str, score: float) -> None:
    assert verdict("brand", reference, prediction, synonyms={"Hennes": ["H&M"]}).score == pytest.approx(score)


def test_anls_is_cut_off_at_a_half_and_ignores_case() -> None:
    assert verdict("anls", "abcd", "ABxx").score == 0.5
    assert verdict("anls", "abcde", "abxxx").score == 0.0
    assert verdict("anls", "Small  hole", "small hole").score == 1.0


def test_threshold_decides_the_outcome_and_not_the_score() -> None:
    assert verdict("anls", "abcd", "abcx", correct_threshold=0.75).outcome == "TP"
    assert verdict("anls", "abcd", "abcx", correct_threshold=0.76).outcome == "FD"


@pytest.mark.parametrize("kind", ["brand", "anls"])
def test_giant_values_are_compared_by_equality_alone(kind: Comparator) -> None:
    text = "x" * MAX_CHARS
    assert verdict(kind, text, text[:-1] + "y").score > 0.9
    assert verdict(kind, text + "x", text + "x").score == 1.0
    assert verdict(kind, text + "x", text + "y").score == 0.0


HOSTILE: list[Any] = [
    10**5000,
    -(10**5000),
    1e308,
    float("inf"),
    float("nan"),
    "\ud800",
    "x" * 1_000_000,
    DEEP,
    {"a": DEEP},
    ["a"] * 1000,
    {"": ""},
    "\0",
    "ﷺ" * 1000,
]


@pytest.mark.parametrize("kind", COMPARATORS)
@pytest.mark.parametrize("prediction", HOSTILE, ids=lambda value: type(value).__name__)
def test_hostile_values_get_a_score(kind: Comparator, prediction: Any) -> None:
    for reference in ("abc", 10**5000, DEEP):
        assert 0.0 <= verdict(kind, reference, prediction).score <= 1.0


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None, exclude_categories=()))
)


@given(st.sampled_from(COMPARATORS), SCALARS, st.recursive(SCALARS, st.lists, max_leaves=3))
def test_every_pair_has_a_score_in_range_and_an_outcome_that_fits(
    kind: Comparator, reference: Any, prediction: Any
) -> None:
    found = verdict(kind, reference, prediction)
    assert 0.0 <= found.score <= 1.0
    nulls = (found.reference_null, found.prediction_null)
    expected = {(True, True): {"TN"}, (True, False): {"FA"}, (False, True): {"FN"}, (False, False): {"TP", "FD"}}
    assert found.outcome in expected[nulls]
    assert found.score == {"TN": 1.0, "FA": 0.0, "FN": 0.0}.get(found.outcome, found.score)


@given(st.sampled_from(COMPARATORS), SCALARS)
def test_a_value_equals_itself(kind: Comparator, value: Any) -> None:
    found = verdict(kind, value, value)
    assert found.score == 1.0
    assert found.outcome in ("TP", "TN")
