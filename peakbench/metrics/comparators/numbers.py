"""Comparators of numbers and of booleans.

Numbers are compared in decimal, as they are written: 1.1 is within 0.1 of 1.0, which in binary it is not, and no number
is too large.
"""

import math
import re
import unicodedata
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import Any

from peakbench.benchmarks.values import equality_form, scalar_text
from peakbench.metrics.comparators.comparison import Comparison

_DIGITS = 60
"""Digits that a difference, and what is allowed of it, are rounded to."""
_NUMBER = re.compile(
    r"(?P<sign>[+\-−]?)\s*(?P<digits>\d{1,3}(?:,\d{3})+|\d+)(?P<decimals>\.\d+)?\s*(?P<unit>[^\d\s][^\d,;]*[23]?)?"
)
_UNIT = re.compile(r"(?:[^\W\d_]|[%‰°'\"′″])(?:\D*|\D*m\^?[23])")
"""Begins with a letter or a sign of measure; the only digits are the 2 and 3 of m2 and m3."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is read.

    Attributes:
        value: In decimal, as written.
        unit: In equality form; empty where there is none.
        currency: A currency sign, before or after the number; empty where there is none.
    """

    value: Decimal
    unit: str = ""
    currency: str = ""


def read_number(value: Any) -> Number | None:
    """Read a number: a JSON number, or a text with an optional currency sign, sign and unit.

    In a text `,` stands between groups of three digits alone, `.` before decimals. Booleans, infinities, and texts of
    any other form are no numbers.

    Returns:
        None for what is no number.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Number(Decimal(value))
    if isinstance(value, float):
        return Number(Decimal(repr(value))) if math.isfinite(value) else None
    return _number_in(value.strip()) if isinstance(value, str) else None


def _number_in(text: str) -> Number | None:
    currency = text[0] if text and _is_currency(text[0]) else ""
    found = _NUMBER.fullmatch(text[len(currency) :].lstrip())
    if found is None:
        return None
    unit = found["unit"] or ""
    if len(unit) == 1 and _is_currency(unit):
        if currency:
            return None
        currency, unit = unit, ""
    if unit and not _UNIT.fullmatch(unit):
        return None
    sign = "-" if found["sign"] in ("-", "−") else ""
    whole = f"{sign}{found['digits'].replace(',', '')}{found['decimals'] or ''}"
    return Number(Decimal(whole), equality_form(unit).strip(" ."), equality_form(currency))


def _is_currency(character: str) -> bool:
    return unicodedata.category(character) == "Sc"


def number_comparison(abs_tol: float, rel_tol: float) -> Comparison:
    """1 if |reference − answer| ≤ max(abs_tol, rel_tol · |reference|), else 0.

    Two units that differ, or two currency signs, make it 0; one that only one side has does not matter.
    """
    context = Context(prec=_DIGITS, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
    absolute, relative = Decimal(repr(abs_tol)), Decimal(repr(rel_tol))

    def score(reference: Number, prediction: Number) -> float:
        if _differ(reference.unit, prediction.unit) or _differ(reference.currency, prediction.currency):
            return 0.0
        difference = context.abs(context.subtract(reference.value, prediction.value))
        allowed = max(absolute, context.multiply(relative, context.abs(reference.value)))
        return float(difference <= allowed)

    return Comparison(read_number, score)


def _differ(one: str, other: str) -> bool:
    return bool(one and other and one != other)


def read_boolean(value: Any) -> bool | None:
    """Read a boolean: `true`, `yes`, `1`, or `false`, `no`, `0`, as JSON or in a text; None for all else."""
    text = scalar_text(value)
    if text is None:
        return None
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(equality_form(text))


def boolean_comparison() -> Comparison:
    """1 for the same boolean, else 0."""
    return Comparison(read_boolean, lambda reference, prediction: float(reference == prediction))
