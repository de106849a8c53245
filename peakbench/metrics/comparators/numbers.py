"""Comparators of numbers and of booleans.

Numbers are compared in decimal, as they are written: 1.1 is within 0.1 of 1.0, which in binary it is not, and no number
is too large.
"""

from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal

from peakbench.benchmarks.values import Number, read_boolean, read_number
from peakbench.metrics.comparators.comparison import Comparison

_DIGITS = 60
"""Digits that a difference, and what is allowed of it, are rounded to."""


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


def boolean_comparison() -> Comparison:
    """1 for the same boolean, else 0."""
    return Comparison(read_boolean, lambda reference, prediction: float(reference == prediction))
