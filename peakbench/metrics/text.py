"""How similar the values of an answer read to those of the reference, as texts.

All share one wrapper: equal texts (NFC, stripped) score 1, an empty text against any other 0, and only then is the
library asked. They see the values alone, in schema order: in raw JSON, keys and braces match whatever the values say.
"""

import re
from abc import abstractmethod
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rapidfuzz import fuzz, utils
from rapidfuzz.distance import LCSseq, Levenshtein

from peakbench.benchmarks.values import wrapper_form
from peakbench.metrics.context import MetricContext
from peakbench.metrics.metric import Answer, MeanMetric, Score
from peakbench.metrics.pairs import PairMemory

if TYPE_CHECKING:
    from peakbench.benchmarks.schema import FieldSchema
    from peakbench.metrics.definitions import MetricDefinition

_LARGEST_TABLE = 250_000
_WORD = re.compile(r"\w+")


class TextSimilarity(MeanMetric):
    """Base of the similarities of texts: the wrapper, the limit on length, and a memory of pairs."""

    uses = frozenset({"aliases", "null_values"})

    def __init__(
        self, definition: "MetricDefinition", schema: "FieldSchema | None", context: MetricContext | None = None
    ) -> None:
        super().__init__(definition, schema, context)
        self._memory = PairMemory() if self.context.memory is None else self.context.memory

    @abstractmethod
    def similarity(self, reference: str, prediction: str) -> float:
        """The library's value for two different texts in wrapper form, neither empty; 0..1 but for rounding."""

    def measure(self, answer: Answer) -> Iterable[Score]:
        """The similarity; a text longer than `max_chars` is worth as much as an answer without JSON."""
        reference, prediction = answer.reference_text, answer.prediction_text or ""
        if reference == prediction:
            yield self.one(1.0)
            return
        value = self._memory.value(reference, prediction, self._wrapped)
        if value is None:
            declared = self.definition.on_unparsed
            value = declared if isinstance(declared, float) else None
        yield self.one(value, "oversize")

    def _wrapped(self, reference: str, prediction: str) -> float | None:
        """The similarity behind the wrapper; None where a text is too long."""
        reference, prediction = wrapper_form(reference), wrapper_form(prediction)
        limit = self.definition.max_chars
        if reference == prediction:
            return 1.0
        if limit is not None and max(len(reference), len(prediction)) > limit:
            return None
        if not reference or not prediction:
            return 0.0
        return min(1.0, max(0.0, self.similarity(reference, prediction)))


class TokenSetRatio(TextSimilarity):
    """`rapidfuzz.fuzz.token_set_ratio` with `default_process`, as a fraction; any subset of words scores 1."""

    def similarity(self, reference: str, prediction: str) -> float:
        """The library's value by 100."""
        return fuzz.token_set_ratio(prediction, reference, processor=utils.default_process) / 100


class LevenshteinRatio(TextSimilarity):
    """1 − edits / longer length, over code points; not the Indel ratio that libraries call by this name."""

    def similarity(self, reference: str, prediction: str) -> float:
        """The library's value."""
        return Levenshtein.normalized_similarity(prediction, reference)


class RougeL(TextSimilarity):
    """F1 of the longest common subsequence of words (Lin 2004, β = 1), on Unicode words, without stemming."""

    def similarity(self, reference: str, prediction: str) -> float:
        """The library's F1; for long texts the same number by a faster algorithm, since the library fills a table."""
        expected, given = words(reference), words(prediction)
        if len(expected) * len(given) > _LARGEST_TABLE:
            return _lcs_f1(expected, given)
        return float(self._scorer.score(reference, prediction)["rougeL"].fmeasure)

    @cached_property
    def _scorer(self) -> Any:
        return _rouge_scorer()


def words(text: str) -> list[str]:
    r"""Lower-cased runs of `\w` in Unicode; rouge_score's own tokenizer drops every letter beyond ASCII."""
    return _WORD.findall(text.lower())


def _rouge_scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer
    from rouge_score.tokenizers import Tokenizer

    class UnicodeWords(Tokenizer):  # type: ignore[misc]
        def tokenize(self, text: str) -> list[str]:
            return words(text)

    return RougeScorer(["rougeL"], tokenizer=UnicodeWords())


def _lcs_f1(reference: list[str], prediction: list[str]) -> float:
    """F1 of the longest common subsequence, bit-parallel over word numbers (Hyyrö 2004, in rapidfuzz)."""
    numbers: dict[str, int] = {}
    first, second = ([numbers.setdefault(word, len(numbers)) for word in side] for side in (reference, prediction))
    common = LCSseq.similarity(first, second)
    if not common:
        return 0.0
    precision, recall = common / len(prediction), common / len(reference)
    return 2 * precision * recall / (precision + recall)
