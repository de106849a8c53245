"""Whether a model means the same when it is asked the same again."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import combinations
from typing import Any

from peakbench.benchmarks.values import wrapper_form
from peakbench.metrics.metric import Answer, MeanMetric, RepeatMetric, Score
from peakbench.metrics.semantic.encoder import Pair
from peakbench.metrics.semantic.models import EncoderParameters


class ConsistencySemantic(RepeatMetric, MeanMetric):
    """Mean similarity of meaning over the unordered pairs of a sample's repeats; a pair without an answer is 0."""

    uses = frozenset({"aliases", "null_values"})

    def measure_repeats(self, answers: Sequence[Answer]) -> Iterable[Score]:
        """The mean; undefined for fewer than two repeats."""
        texts = [self._text(answer) for answer in answers]
        pairs = list(combinations(texts, 2))
        if not pairs:
            yield self.one(None, self.definition.undefined)
            return
        asked = [(one, other) for one, other in pairs if one and other and one != other]
        equal = sum(one is not None and one == other for one, other in pairs)
        similar = float(self._encoder.similarity(asked).sum()) if asked else 0.0
        yield self.one(min(1.0, (equal + similar) / len(pairs)))

    def prefetch(self, answers: Sequence[Answer]) -> None:
        """Embed what the repeats of many samples say in one go."""
        if self.lacking is not None:
            return
        texts: dict[str, list[str]] = {}
        for answer in answers:
            if text := self._text(answer):
                texts.setdefault(answer.sample.id, []).append(text)
        pairs: set[Pair] = {pair for said in texts.values() for pair in combinations(sorted(set(said)), 2)}
        if pairs:
            self._encoder.similarity(sorted(pairs))

    @cached_property
    def lacking(self) -> str | None:
        """The extra or the weights, with the command that brings them."""
        return self.context.models.lacking(self._parameters)

    def parameters(self) -> dict[str, Any]:
        """The knobs, with the type of numbers that this machine computes in."""
        return super().parameters() | self.context.models.in_force(self._parameters)
