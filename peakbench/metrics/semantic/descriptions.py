"""How close in meaning the descriptions of matched boxes are, by the sentence encoder."""

from collections.abc import Sequence

from peakbench.benchmarks.values import wrapper_form
from peakbench.metrics.grounding.answer import MatchedPair
from peakbench.metrics.grounding.pairs import PairMean, PairMeanOfAll, PairValue
from peakbench.metrics.metric import Answer
from peakbench.metrics.semantic.encoded import EncodedMetric
from peakbench.metrics.semantic.encoder import Pair


class Descriptions(EncodedMetric, PairValue):
    """Closeness of descriptions, wherever the reference has one."""

    def values(self, pairs: Sequence[MatchedPair]) -> Sequence[float | None]:
        """The cosine, cut off to 0..1; 0 where the answer describes nothing, or at more than `max_chars`."""
        texts = [_texts(pair) for pair in pairs]
        asked = [pair for pair in texts if pair is not None and self.is_asked(pair)]
        similar = iter(self.encoder.similarity(asked).tolist())
        return [
            None if pair is None else next(similar) if self.is_asked(pair) else float(pair[0] == pair[1])
            for pair in texts
        ]

    def judgeable(self, pair: MatchedPair) -> bool:
        """Whether the reference has a description."""
        return pair.reference.description is not None

    def prefetch(self, answers: Sequence[Answer]) -> None:
        """Embed the descriptions of many answers in one go."""
        if self.lacking is not None:
            return
        texts = {_texts(pair) for answer in answers for pair in self.pairs(answer)}
        self.encoder.similarity(sorted(pair for pair in texts if pair is not None and self.is_asked(pair)))


class DescriptionCosine(Descriptions, PairMean):
    """Mean closeness of descriptions over matched pairs. Statistics: sum, n."""


class DescriptionCosineOfAll(Descriptions, PairMeanOfAll):
    """Closeness of descriptions, with nothing for what was missed or invented. Statistics: sum, n."""


def _texts(pair: MatchedPair) -> Pair | None:
    """What the reference says and what the answer says, empty for nothing; None where the reference says nothing."""
    if pair.reference.description is None:
        return None
    return wrapper_form(pair.reference.description), wrapper_form(pair.prediction.description or "")
