"""BLEU and chrF++ by sacrebleu: of single answers, and of a whole run.

The value of a run is not the mean of its sentences' values, so each has two metrics. A run's is computed from the
n-gram counts of sacrebleu, which add up over answers; so it is right for slices and resamples too.
"""

import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from peakbench.metrics.metric import Answer, Metric, Score
from peakbench.metrics.text import TextSimilarity

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ORDERS = 4
"""Longest n-gram of BLEU, in words."""


class Bleu(TextSimilarity):
    """Sentence BLEU: `sacrebleu.BLEU(effective_order=True).sentence_score`, as a fraction."""

    def similarity(self, reference: str, prediction: str) -> float:
        """The library's value by 100."""
        return float(self._library.sentence_score(prediction, [reference]).score) / 100

    @cached_property
    def _library(self) -> Any:
        return _bleu(self.definition.parameters)


class ChrfPlusPlus(TextSimilarity):
    """Sentence chrF++: `sacrebleu.CHRF(word_order=2).sentence_score`, as a fraction."""

    def similarity(self, reference: str, prediction: str) -> float:
        """The library's value by 100."""
        return float(self._library.sentence_score(prediction, [reference]).score) / 100

    @cached_property
    def _library(self) -> Any:
        return _chrf(self.definition.parameters)


class CorpusMetric(Metric):
    """Base of the metrics of a run's texts together, from n-gram counts that add up.

    Texts are taken as they are, as sacrebleu takes them. An answer that failed, was not parsed or is longer than
    `max_chars` counts as an empty one, so that its reference's n-grams are missed.
    """

    uses = frozenset({"aliases", "null_values"})

    @abstractmethod
    def counts(self, reference: str, prediction: str) -> Sequence[float]:
        """The library's n-gram counts of an answer, in the order of `statistics`."""

    @abstractmethod
    def of_counts(self, counts: Sequence[float]) -> float:
        """The library's value of summed counts, as a fraction; NaN where there is nothing to count."""

    def measure(self, answer: Answer) -> Iterable[Score]:
        """The counts, and the value of a run of this answer alone."""
        reference, prediction = answer.reference_text, answer.prediction_text or ""
        limit = self.definition.max_chars
        if limit is not None and len(prediction) > limit and prediction != reference:
            prediction = ""
        counts = tuple(float(count) for count in self.counts(reference, prediction))
        value = self._value(counts)
        if math.isnan(value):
            yield Score(None, None, reason=self.definition.undefined)
        else:
            yield Score(value, counts)

    def from_totals(self, totals: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """The library's value of every row of sums."""
        rows = np.asarray(totals, dtype=np.float64)
        values = [self._value(row) for row in rows.reshape(-1, rows.shape[-1]).tolist()]
        return np.array(values).reshape(rows.shape[:-1])

    def _value(self, counts: Sequence[float]) -> float:
        value = self.of_counts(counts)
        return 1.0 if value > 1 else value  # rounding carries sacrebleu's 100 beyond 100; NaN stays NaN


class BleuCorpus(CorpusMetric):
    """Corpus BLEU: `sacrebleu.BLEU().corpus_score`. Statistics: both lengths, then correct and total n-grams by n.

    A run whose answers all have the n-grams of their references is 1 even where no text has four words, from which
    sacrebleu makes 0.
    """

    def counts(self, reference: str, prediction: str) -> Sequence[float]:
        """Lengths in words, correct n-grams, n-grams."""
        found = self._library.sentence_score(prediction, [reference])
        return [found.sys_len, found.ref_len, *found.counts, *found.totals]

    def of_counts(self, counts: Sequence[float]) -> float:
        """The library's `compute_bleu`; NaN where no text has a word."""
        length, expected, *rest = counts
        correct, total = rest[:_ORDERS], rest[_ORDERS:]
        if not length and not expected:
            return math.nan
        if length == expected and correct == total:
            return 1.0
        # Its brevity penalty is made here: it formats lengths as integers, and averaged repeats have parts of a word.
        brevity = math.exp(1 - expected / length) if 0 < length < expected else 1.0
        smoothing = self.definition.parameters["smooth_method"]
        return brevity * float(self._library.compute_bleu(correct, total, 1, 1, smooth_method=smoothing).score) / 100

    @cached_property
    def _library(self) -> Any:
        # Of single answers only the counts are taken; without an effective order it would warn at each.
        return _bleu({**self.definition.parameters, "effective_order": True})


class ChrfPlusPlusCorpus(CorpusMetric):
    """Corpus chrF++: `sacrebleu.CHRF(word_order=2).corpus_score`. Statistics: answer, reference, match by n-gram."""

    def counts(self, reference: str, prediction: str) -> Sequence[float]:
        """n-grams of the answer, of the reference and common ones: characters of 1 to 6, then words of 1 and 2."""
        (found,) = self._library._extract_corpus_statistics([prediction], [[reference]])  # noqa: SLF001
        return [float(count) for count in found]

    def of_counts(self, counts: Sequence[float]) -> float:
        """The library's F score; NaN where nothing was counted, since no reference has a character."""
        if not any(counts):
            return math.nan
        return float(self._library._compute_f_score(counts)) / 100  # noqa: SLF001

    @cached_property
    def _library(self) -> Any:
        return _chrf(self.definition.parameters)


def _bleu(parameters: Mapping[str, Any]) -> Any:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(**parameters)


def _chrf(parameters: Mapping[str, Any]) -> Any:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF(**parameters)
