"""Whether a model means the same when it is asked the same again."""

from collections.abc import Iterable, Sequence
from itertools import combinations

from peakbench.benchmarks.values import wrapper_form
from peakbench.metrics.metric import Answer, MeanMetric, RepeatMetric, Score
from peakbench.metrics.semantic.encoded import EncodedMetric


class ConsistencySemantic(EncodedMetric, RepeatMetric, MeanMetric):
    """Mean similarity of meaning over the unordered pairs of a sample's repeats; a pair without an answer is 0."""

    uses = frozenset({"aliases", "null_values"})

    def measure_repeats(self, answers: Sequence[Answer]) -> Iterable[Score]:
        """The mean; undefined for fewer than two repeats."""
        pairs = list(combinations(map(_text, answers), 2))
        if not pairs:
            yield self.one(None, self.definition.undefined)
            return
        said = [(one, other) for one, other in pairs if one is not None and other is not None]
        equal = sum(one == other for one, other in said)
        similar = self.encoder.similarity([pair for pair in said if self.is_asked(pair)])
        yield self.one(min(1.0, (equal + float(similar.sum())) / len(pairs)))

    def prefetch(self, answers: Sequence[Answer]) -> None:
        """Embed what the repeats of many samples say in one go."""
        if self.lacking is not None:
            return
        said: dict[str, set[str]] = {}
        for answer in answers:
            if (text := _text(answer)) is not None:
                said.setdefault(answer.sample.id, set()).add(text)
        pairs = {pair for texts in said.values() for pair in combinations(sorted(texts), 2)}
        self.encoder.similarity(sorted(filter(self.is_asked, pairs)))


def _text(answer: Answer) -> str | None:
    """What is compared of an answer; None when there is none."""
    return None if answer.prediction_text is None else wrapper_form(answer.prediction_text)
