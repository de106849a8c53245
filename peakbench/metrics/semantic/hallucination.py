"""How probably an answer contradicts what is known to be true, by natural-language inference.

Of fields, the sentence of the reference's value is the premise and the sentence of the answer's the hypothesis; of a
text, each of its sentences is a hypothesis, and the premise is what it may be checked against. A value where the
reference is null contradicts nothing: `fabrication_rate` counts those.
"""

import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

from peakbench.errors import BadInputError
from peakbench.metrics.metric import Answer, MeanMetric, Score
from peakbench.metrics.semantic.encoder import Pair
from peakbench.metrics.semantic.judged import Judge
from peakbench.metrics.verbalisation import FieldPairs, sentences_of

Premise = Literal["reference", "evidence"]
OVERSIZE = "oversize"
NOTHING_HELD = "null on one side"


class Contradiction(MeanMetric):
    """Base: one number of the probabilities of contradiction of an answer's fields or sentences."""

    uses = frozenset({"type", "synonyms", "aliases", "null_values", "template"})

    @abstractmethod
    def of(self, values: Sequence[float]) -> float:
        """The sample's value; there is at least one probability."""

    @cached_property
    def lacking(self) -> str | None:
        """The extra or the weights, with the command that brings them."""
        return "; ".join(told for told in (super().lacking, self.judge.lacking) if told) or None

    def parameters(self) -> dict[str, Any]:
        """The knobs: the model as it is there, and the premise in force."""
        return super().parameters() | self.judge.in_force | {"premise": self.premise}

    def measure(self, answer: Answer) -> Iterable[Score]:
        """The value; undefined where there is nothing to check, or a part of the answer is longer than is read."""
        yield self.whole(self.judge.contradictions(self.pairs(answer)))

    def whole(self, found: Mapping[str, float | None]) -> Score:
        """The score of a sample, of what was found about its parts."""
        values = [value for value in found.values() if value is not None]
        if not found:
            return self.one(None, self.definition.undefined)
        if len(values) < len(found):
            return self.one(None, OVERSIZE)
        return self.one(self.of(values))

    def prefetch(self, answers: Sequence[Answer]) -> None:
        """Judge the pairs of many answers in one go."""
        if self.lacking is None:
            self.judge.prefetch({p for answer in answers if answer.parsed for p in self.pairs(answer).values()})

    def pairs(self, answer: Answer) -> dict[str, Pair]:
        """Premise and hypothesis by the name of the field, or by the number of the sentence; the answer is parsed."""
        if self._fields is None:
            premise = self._premise_of_text(answer)
            said = sentences_of(answer.prediction_text or "") if premise else []
            return {str(number): (premise, one) for number, one in enumerate(said)}
        sentences = self._fields.sentences(answer)
        pairs = {name: sentences.get(name, ("", "")) for name in self._fields.held(answer)}
        if self.premise == "evidence":
            told = _evidence(answer)
            return {name: (told, pair[1]) if pair[1] else pair for name, pair in pairs.items()} if told else {}
        return pairs

    @cached_property
    def judge(self) -> Judge:
        """The model that is asked."""
        return Judge(self.context)

    @cached_property
    def premise(self) -> Premise:
        """What answers are checked against: the parameter `premise`; of `auto`, what the kind of answer calls for.

        Raises:
            BadInputError: If the definition names an unknown one.
        """
        named = self.definition.parameters.get("premise")
        if named == "auto":
            return "evidence" if self.schema is None else "reference"
        if named == "reference":
            return "reference"
        if named == "evidence":
            return "evidence"
        raise BadInputError(
            f"metric `{self.definition.id}`: premise is {named!r}", mend="give one of auto, reference, evidence"
        )

    def _premise_of_text(self, answer: Answer) -> str:
        return answer.reference_text.strip() if self.premise == "reference" else _evidence(answer)

    @cached_property
    def _fields(self) -> FieldPairs | None:
        return None if self.schema is None else FieldPairs(self.schema)


class Hallucination(Contradiction):
    """The mean over fields or sentences; each field is a slice."""

    def of(self, values: Sequence[float]) -> float:
        """The mean."""
        return min(1.0, math.fsum(values) / len(values))

    def measure(self, answer: Answer) -> Iterable[Score]:
        """The sample, then each field."""
        found = self.judge.contradictions(self.pairs(answer))
        yield self.whole(found)
        for name in answer.fields:
            yield self.one(found.get(name), OVERSIZE if name in found else NOTHING_HELD, f"field={name}")

    def worth(self, answer: Answer, value: float | None, reason: str) -> Iterable[Score]:
        """The declared value for the sample and for each of its fields."""
        yield self.one(value, reason)
        for name in answer.fields:
            yield self.one(value, reason, f"field={name}")


class HallucinationMax(Contradiction):
    """The highest of the same probabilities."""

    def of(self, values: Sequence[float]) -> float:
        """The maximum."""
        return max(values)


def _evidence(answer: Answer) -> str:
    """The sample's evidence, else its prompt."""
    evidence = answer.sample.evidence
    return (evidence if evidence is not None else answer.sample.prompt).strip()
