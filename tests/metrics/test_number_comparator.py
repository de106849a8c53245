"""Verdicts on numbers and booleans."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakbench.benchmarks.schema import FieldSpec
from peakbench.benchmarks.values import read_number
from peakbench.metrics.comparators import comparator

NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
TOLERANCES = st.sampled_from([0.0, 1e-6, 0.05, 1.0, 7.5])


def number(reference: Any, prediction: Any, **tolerances: float) -> float:
    return comparator(FieldSpec(type="number", **tolerances))(reference, prediction)


def boolean(reference: Any, prediction: Any) -> float:
    return comparator(FieldSpec(type="boolean"))(reference, prediction)


@pytest.mark.parametrize(
    ("reference", "prediction", "score"),
    [
        (42, 42.0, 1.0),
        (42, " +42.00 ", 1.0),
        (-5, "−5", 1.0),
        (-5, "$ -5", 1.0),
        (1234567.5, "1,234,567.5", 1.0),
        (1200, "$1,200", 1.0),
        (1200, "1200 USD", 1.0),
        ("$1,200", "1200 USD", 1.0),
        ("$12", "€12", 0.0),
        ("$12", "12 €", 0.0),
        ("$12", "12 $", 1.0),
        ("￥12", "¥12", 1.0),
        ("12 cm", "12CM.", 1.0),
        ("12 cm", "12", 1.0),
        ("12 cm", "12 mm", 0.0),
        ("12 cm", "13 cm", 0.0),
        ("50%", "50 %", 1.0),
        ("20 °C", "20°c", 1.0),
        ("3 m²", "3m2", 1.0),
        ("3 m^2", "3 m²", 1.0),
        ("१२", 12, 1.0),
        (0, -0.0, 1.0),
    ],
)
def test_numbers_are_read_as_people_write_them(reference: Any, prediction: Any, score: float) -> None:
    assert number(reference, prediction) == score


NO_NUMBERS = """12,34|1,2345|1234,567|,5|12.|.5|1e400|12e3|1.2.3|12-15|12 of 15|10²|forty-two|12 (about)|about 12|5'10
--5|$$5|$5 €|0x10|12:30|1 000|NaN|Infinity||$|-"""


@pytest.mark.parametrize("text", [*re.split(r"[|\n]", NO_NUMBERS), "9" * 1001, "12 " + "a" * 1000])
def test_what_is_no_number_is_no_number(text: str) -> None:
    assert read_number(text) is None
    assert number(text, text) == 0.0
    assert number(12, text) == 0.0


@pytest.mark.parametrize("value", [True, False, float("inf"), float("nan"), [1], {"a": 1}, [], None])
def test_values_of_other_types_are_no_numbers(value: Any) -> None:
    assert number(1, value) == number(value, 1) == number(value, value) == 0.0


def test_tolerance_is_absolute_or_a_share_of_the_reference() -> None:
    assert number(100, 105, rel_tol=0.05) == 1.0
    assert number(100, 105.001, rel_tol=0.05) == 0.0
    assert number(105.2, 100, rel_tol=0.05) == 1.0  # 5 % of the reference, which is the first
    assert number(100, 105.2, rel_tol=0.05) == 0.0
    assert number(100, 103, abs_tol=3) == 1.0
    assert number(100, 103.1, abs_tol=3) == 0.0
    assert number(100, 103, abs_tol=3, rel_tol=0.01) == 1.0
    assert number(-100, -104, rel_tol=0.05) == 1.0
    assert number(0, 1e-9) == 0.0
    assert number(1e6, 1e6 + 1) == 1.0
    assert number(1e6, 1e6 + 1, rel_tol=0) == 0.0


def test_numbers_are_compared_in_decimal() -> None:
    assert number(1.0, 1.1, rel_tol=0.1) == 1.0
    assert number(0.3, 0.1 + 0.2, rel_tol=0) == 0.0


def test_huge_numbers_are_told_apart() -> None:
    assert number(10**5000, 10**5000, rel_tol=0) == 1.0
    assert number(10**5000, 10**5000 + 1, rel_tol=0) == 0.0
    assert number(10**5000, 10**5000 + 1) == 1.0
    assert number(1e308, -1e308) == 0.0
    assert number("9" * 900, "9" * 899) == 0.0


@given(NUMBERS, NUMBERS, TOLERANCES, TOLERANCES)
def test_numbers_have_a_score_and_equal_themselves(one: float, other: float, absolute: float, relative: float) -> None:
    assert number(one, other, abs_tol=absolute, rel_tol=relative) in (0.0, 1.0)
    assert number(one, one, abs_tol=absolute, rel_tol=relative) == 1.0
    assert number(one, repr(one) if "e" not in repr(one) else one) == 1.0


@given(NUMBERS, NUMBERS, TOLERANCES)
def test_absolute_tolerance_is_symmetric(one: float, other: float, absolute: float) -> None:
    assert number(one, other, abs_tol=absolute, rel_tol=0) == number(other, one, abs_tol=absolute, rel_tol=0)


@given(st.text(st.characters(codec=None, exclude_categories=())) | st.text("0123456789,.-+$€ cme²%'"))
def test_any_text_is_a_number_or_none(text: str) -> None:
    assert number(text, text) == float(read_number(text) is not None)


@pytest.mark.parametrize("yes", [True, 1, 1.0, "1", "Yes", " TRUE "])
@pytest.mark.parametrize("no", [False, 0, 0.0, "0", "no", "False"])
def test_booleans_are_read_as_people_write_them(yes: Any, no: Any) -> None:
    assert boolean(yes, True) == boolean(True, yes) == boolean(no, False) == boolean(no, "no") == 1.0
    assert boolean(yes, no) == boolean(no, yes) == 0.0


@pytest.mark.parametrize("value", ["y", "on", 2, "", "true.", [True], {"a": True}, float("inf")])
def test_what_is_no_boolean_is_no_boolean(value: Any) -> None:
    assert boolean(True, value) == boolean(False, value) == boolean(value, value) == 0.0
