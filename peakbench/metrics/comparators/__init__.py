"""How the value of a field is compared with its reference: null rule first, then the field's comparator.

`comparator` makes the comparator of a field; `FieldComparer` compares whole answers. The comparators themselves are in
one module a kind of value: `texts`, `numbers`, `nested`.
"""

from peakbench.metrics.comparators.comparator import Maker, comparator
from peakbench.metrics.comparators.comparison import Comparison
from peakbench.metrics.comparators.nested import MAX_PAIRS
from peakbench.metrics.comparators.texts import ANLS_CUTOFF, BRAND_CUTOFF, MAX_CHARS
from peakbench.metrics.comparators.verdicts import FieldComparer, FieldComparison, Outcome, compare_fields

__all__ = [
    "ANLS_CUTOFF",
    "BRAND_CUTOFF",
    "MAX_CHARS",
    "MAX_PAIRS",
    "Comparison",
    "FieldComparer",
    "FieldComparison",
    "Maker",
    "Outcome",
    "comparator",
    "compare_fields",
]
