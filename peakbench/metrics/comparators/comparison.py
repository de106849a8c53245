"""The form of a comparator: what it sees of a value, and how it scores two of what it sees.

A list is compared item by item with every item of the other, so what is slow about a value (reading a number, folding
case) is done once a value and not once a pair.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparator of values, neither of them null. Neither function ever raises, whatever the value.

    Attributes:
        form: Any JSON value to what is compared of it; None for a value that the comparator cannot read.
        score: The forms of the reference and of the answer, neither of them None, to 0..1.
    """

    form: Callable[[Any], Any]
    score: Callable[[Any, Any], float]

    def __call__(self, reference: Any, prediction: Any) -> float:
        """Score a pair of values: 0..1; 0 where one cannot be read."""
        return self.of_forms(self.form(reference), self.form(prediction))

    def of_forms(self, reference: Any, prediction: Any) -> float:
        """Score a pair of forms; 0 where one is None."""
        return 0.0 if reference is None or prediction is None else self.score(reference, prediction)
