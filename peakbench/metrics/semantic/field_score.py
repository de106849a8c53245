"""How close in meaning each field of an answer is to its reference: the column that old boards call "SBERT+NLI"."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from peakbench.benchmarks.values import resolve_keys, scalar_text, schema_key_index, wrapper_form
from peakbench.canonical import canonical_json
from peakbench.metrics.metric import Answer, MeanMetric, Score
from peakbench.metrics.semantic.encoded import EncodedMetric
from peakbench.metrics.semantic.encoder import Pair


class SemanticFieldScore(EncodedMetric, MeanMetric):
    """Mean over the fields of 1 where the comparator says so, else the similarity of meaning, with a slice a field.

    Nulls are as everywhere: both null is 1, one null or a missing key 0. No penalty for contradiction is applied, and
    the signature says so (`nli=none`).
    """

    uses = frozenset({"type", "synonyms", "aliases", "null_values"})

    def measure(self, answer: Answer) -> Iterable[Score]:
        """The mean, then a score a field."""
        scores = {name: verdict.score for name, verdict in answer.fields.items()}
        asked = dict(self._pairs(answer))
        pairs = {name: pair for name, pair in asked.items() if self.is_asked(pair)}
        similar = dict(zip(pairs, self.encoder.similarity(list(pairs.values())).tolist(), strict=True))
        for name, pair in asked.items():
            scores[name] = similar.get(name, float(pair[0] == pair[1]))
        yield self.one(min(1.0, sum(scores.values()) / len(scores)))
        for name, score in scores.items():
            yield self.one(score, part=f"field={name}")

    def worth(self, answer: Answer, value: float | None, reason: str) -> Iterable[Score]:
        """The declared value for the sample and for each of its fields, those with a null reference too."""
        yield self.one(value, reason)
        for name in answer.fields:
            yield self.one(value, reason, f"field={name}")

    def prefetch(self, answers: Sequence[Answer]) -> None:
        """Embed the values of many answers in one go."""
        if self.lacking is not None:
            return
        pairs = {pair for answer in answers if answer.parsed for _, pair in self._pairs(answer)}
        self.encoder.similarity(sorted(filter(self.is_asked, pairs)))

    def parameters(self) -> dict[str, Any]:
        """The knobs; no natural-language inference takes part."""
        return super().parameters() | {"nli": "none"}

    def _pairs(self, answer: Answer) -> Iterator[tuple[str, Pair]]:
        """Reference and answer of every field that holds something on both sides and is not right already."""
        value, reference = answer.prediction.value if answer.prediction is not None else None, answer.sample.reference
        assert isinstance(value, Mapping), "what was parsed for fields is an object"
        assert isinstance(reference, Mapping), "what fields are compared with is an object"
        found, _ = resolve_keys(value, answer.fields, self._index)
        for name, verdict in answer.fields.items():
            if not verdict.reference_null and not verdict.prediction_null and verdict.score < 1.0:
                yield name, (_text(reference[name]), _text(found[name]))

    @cached_property
    def _index(self) -> Mapping[str, str]:
        assert self.schema is not None, "semantic_field_score is defined for a field schema"
        return schema_key_index(self.schema)


def _text(value: Any) -> str:
    """A value as a text: as it is written, lists and objects as JSON."""
    text = scalar_text(value)
    return wrapper_form(text if text is not None else canonical_json(value).decode())
