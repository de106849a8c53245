"""What is said about matched boxes: means of a value of each matched pair.

A mean over matched pairs alone is cheap to get: one safe box an image, and the rest left unsaid. So there is a second
form of each, which divides by the larger number of items on either side, and gives nothing for a defect that was
missed or invented.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from peakbench.metrics.grounding.answer import MatchedPair
from peakbench.metrics.grounding.form import BoxRatio, GroundingMetric
from peakbench.metrics.grounding.items import HIGHEST_IMPORTANCE
from peakbench.metrics.metric import Answer, PooledMetric, Score

if TYPE_CHECKING:
    from numpy.typing import NDArray


class PairValue(GroundingMetric):
    """How good what is said about a matched pair is."""

    @abstractmethod
    def values(self, pairs: Sequence[MatchedPair]) -> Sequence[float | None]:
        """A value of 0 to 1 for each pair; None where it has none, since one side says nothing."""

    @abstractmethod
    def judgeable(self, pair: MatchedPair) -> bool:
        """Whether the reference says what the answer's could be compared with."""

    def of_label(self, answer: Answer, label: str | None) -> list[MatchedPair]:
        """The matched pairs of a label, or all of them."""
        return [pair for pair in self.pairs(answer) if label is None or pair.reference.label == label]


class PairMean(PairValue, BoxRatio):
    """Mean over the matched pairs that have a value. Statistics: sum, n."""

    def counts(self, answer: Answer, label: str | None) -> tuple[float, ...]:
        """Sum and number of the values."""
        pairs = self.of_label(answer, label)
        values = [value for value in (self.values(pairs) if pairs else ()) if value is not None]
        return (float(sum(values)), float(len(values)))


class PairMeanOfAll(PairValue, BoxRatio):
    """Sum over the matched pairs over the larger number of items on either side. Statistics: sum, n.

    Matched pairs whose reference says nothing are left out on both sides of the fraction.
    """

    def counts(self, answer: Answer, label: str | None) -> tuple[float, ...]:
        """Sum of the values, and the larger number of items."""
        boxes = self.boxes(answer)
        pairs = self.of_label(answer, label)
        values = [value for value in (self.values(pairs) if pairs else ()) if value is not None]
        left_out = sum(not self.judgeable(pair) for pair in pairs)
        n = max(boxes.n_references[label], boxes.n_predictions[label]) - left_out
        return (float(sum(values)), float(n))


class _Importance(PairValue):
    """Closeness of importance, where both sides have one."""

    def values(self, pairs: Sequence[MatchedPair]) -> Sequence[float | None]:
        """`1 − |s_g − s_p| / 100`."""
        return [
            None if both is None else 1 - abs(both[0] - both[1]) / HIGHEST_IMPORTANCE
            for both in map(_importances, pairs)
        ]

    def judgeable(self, pair: MatchedPair) -> bool:
        """Whether the reference has an importance."""
        return pair.reference.importance is not None


class ImportanceAccuracy(_Importance, PairMean):
    """Mean closeness of importance over matched pairs."""


class ImportanceAccuracyOfAll(_Importance, PairMeanOfAll):
    """Closeness of importance, with nothing for what was missed or invented."""


class ImportanceCoverage(BoxRatio):
    """Share of the matched pairs that have an importance on both sides. Statistics: covered, n."""

    def counts(self, answer: Answer, label: str | None) -> tuple[float, ...]:
        """Pairs with both, and pairs."""
        pairs = [pair for pair in self.pairs(answer) if label is None or pair.reference.label == label]
        return (float(sum(_importances(pair) is not None for pair in pairs)), float(len(pairs)))


class ImportanceSpearman(PooledMetric, GroundingMetric):
    """Rank correlation of importance over the matched pairs of all images. Rows: reference, prediction."""

    def measure(self, answer: Answer) -> list[Score]:
        """The pairs of the sample, then of each label."""
        found = [(pair.reference.label, _importances(pair)) for pair in self.pairs(answer)]
        return [
            self.of_rows([both for of, both in found if both is not None and label in (None, of)], part)
            for label, part in [(None, ""), *((label, f"label={label}") for label in self.labels)]
        ]

    def from_rows(self, answers: "Sequence[NDArray[np.float64]]") -> float:
        """Spearman's ρ; NaN below 3 pairs, or where a side is constant."""
        rows = np.concatenate(answers) if answers else np.empty((0, 2))
        if len(rows) < 3 or (rows == rows[0]).all(axis=0).any():
            return float("nan")
        from scipy.stats import rankdata

        # Pearson's correlation of the ranks, which is what `spearmanr` gives, in a tenth of its time: a bootstrap asks
        # for it three thousand times.
        ranks = rankdata(rows, axis=0) - (len(rows) + 1) / 2
        squares = (ranks**2).sum(axis=0)
        return float(np.clip((ranks[:, 0] * ranks[:, 1]).sum() / np.sqrt(squares[0] * squares[1]), -1.0, 1.0))


def _importances(pair: MatchedPair) -> tuple[float, float] | None:
    """Importance of the reference and of the prediction; None where one of them is missing."""
    ours, theirs = pair.reference.importance, pair.prediction.importance
    return None if ours is None or theirs is None else (ours, theirs)
