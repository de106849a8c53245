"""The two ways of being wrong about nothing: inventing a value, and leaving one out.

A score cannot tell them apart, and they cost differently: an invented brand is published, a missing one is looked up.
Both are shares of what the answers say, so an answer that failed or was not parsed, which says nothing, is in neither
denominator; the parse rates count those.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from peakbench.metrics.comparators import FieldComparison
from peakbench.metrics.metric import Answer, Score, ratio
from peakbench.metrics.structured import FieldCounts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class FieldRate(FieldCounts):
    """A share of fields, pooled over all samples. Statistics: numerator and denominator.

    Only what is null and what is there decides, never a comparator.
    """

    uses = frozenset({"aliases", "null_values"})

    def worth(self, answer: Answer, value: float | None, reason: str) -> Iterable[Score]:
        """Undefined, the sample and each of its fields: nothing was said."""
        yield from super().worth(answer, value, reason)
        for name in answer.fields:
            yield Score(None, None, f"field={name}", reason)

    def from_totals(self, totals: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """`numerator / denominator`."""
        return ratio(totals[..., 0], totals[..., 1])


class FabricationRate(FieldRate):
    """Share of null reference fields that the answer fills; a key that is not there is no answer to the field."""

    def counts(self, verdict: FieldComparison) -> tuple[float, ...]:
        """FA, and FA + TN."""
        return (float(verdict.outcome == "FA"), float(verdict.outcome in ("FA", "TN")))


class OmissionRate(FieldRate):
    """Share of reference values for which the answer has null, or not the key."""

    def counts(self, verdict: FieldComparison) -> tuple[float, ...]:
        """FN and MISSING, and these with TP and FD; of fields whose reference holds a value."""
        omitted = verdict.outcome in ("FN", "MISSING") and not verdict.reference_null
        return (float(omitted), float(omitted or verdict.outcome in ("TP", "FD")))
