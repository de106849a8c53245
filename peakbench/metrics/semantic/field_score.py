"""How close in meaning each field of an answer is to its reference: the column that old boards call "SBERT+NLI"."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from peakbench.canonical import digest
from peakbench.metrics.metric import Answer, MeanMetric, Score
from peakbench.metrics.semantic.encoded import EncodedMetric
from peakbench.metrics.semantic.judged import Judge
from peakbench.metrics.signatures import DIGITS, schema_digest
from peakbench.metrics.verbalisation import FieldPairs


class SemanticFieldScore(EncodedMetric, MeanMetric):
    """Mean over the fields of 1 where the comparator says so, else the similarity of meaning, with a slice a field.

    Nulls are as everywhere: both null is 1, one null or a missing key 0. Where natural-language inference is there, the
    similarity of a field is lowered by the probability that it contradicts the reference; where it is lacking, nothing
    is lowered, and the signature says so (`nli=none`).
    """

    uses = frozenset({"type", "synonyms", "aliases", "null_values"})

    def measure(self, answer: Answer) -> Iterable[Score]:
        """The mean, then a score a field."""
        scores = {name: verdict.score for name, verdict in answer.fields.items()}
        values = self._fields.values(answer)
        pairs = {name: pair for name, pair in values.items() if self.is_asked(pair)}
        similar = dict(zip(pairs, self.encoder.similarity(list(pairs.values())).tolist(), strict=True))
        contradictions = self._judge.contradictions(self._fields.sentences(answer)) if self._is_lowered else {}
        for name, pair in values.items():
            kept = 1.0 - (contradictions.get(name) or 0.0)  # what cannot be judged is not punished
            scores[name] = similar.get(name, float(pair[0] == pair[1])) * kept
        yield self.one(min(1.0, sum(scores.values()) / len(scores)))
        for name, score in scores.items():
            yield self.one(score, part=f"field={name}")

    def worth(self, answer: Answer, value: float | None, reason: str) -> Iterable[Score]:
        """The declared value for the sample and for each of its fields, those with a null reference too."""
        yield self.one(value, reason)
        for name in answer.fields:
            yield self.one(value, reason, f"field={name}")

    def prefetch(self, answers: Sequence[Answer]) -> None:
        """Embed the values of many answers in one go, and judge their sentences in another."""
        if self.lacking is not None:
            return
        parsed = [answer for answer in answers if answer.parsed]
        pairs = {pair for answer in parsed for pair in self._fields.values(answer).values()}
        self.encoder.similarity(sorted(filter(self.is_asked, pairs)))
        if self._is_lowered:
            self._judge.prefetch({pair for answer in parsed for pair in self._fields.sentences(answer).values()})

    def parameters(self) -> dict[str, Any]:
        """The knobs; of natural-language inference a digest of the model and the templates, or `none`."""
        nli = "none"
        if self._is_lowered:
            assert self.schema is not None, "semantic_field_score is defined for a field schema"
            sentences = schema_digest(self.schema, frozenset({"template"}), ())
            nli = digest({"model": self._judge.in_force, "sentences": sentences})[:DIGITS]
        return super().parameters() | {"nli": nli}

    @property
    def _is_lowered(self) -> bool:
        """Whether contradictions are looked for; a metric without fields scores nothing."""
        return self.schema is not None and self._judge.lacking is None

    @cached_property
    def _judge(self) -> Judge:
        return Judge(self.context)

    @cached_property
    def _fields(self) -> FieldPairs:
        assert self.schema is not None, "semantic_field_score is defined for a field schema"
        return FieldPairs(self.schema)
