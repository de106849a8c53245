"""How close in meaning the values of an answer are to those of the reference, by a sentence encoder."""

from collections.abc import Sequence

from peakbench.benchmarks.values import wrapper_form
from peakbench.metrics.metric import Answer
from peakbench.metrics.semantic.encoded import EncodedMetric
from peakbench.metrics.text import TextSimilarity


class SbertSimilarity(EncodedMetric, TextSimilarity):
    """Cosine of two sentence embeddings, cut off to 0..1 (Reimers and Gurevych 2019); never (1 + cos) / 2."""

    def similarity(self, reference: str, prediction: str) -> float:
        """The cosine; at once where `prefetch` has seen the pair."""
        return float(self.encoder.similarity([(reference, prediction)])[0])

    def prefetch(self, answers: Sequence[Answer]) -> None:
        """Embed the texts of many answers in one go."""
        if self.lacking is not None:
            return
        pairs = {
            (wrapper_form(answer.reference_text), wrapper_form(answer.prediction_text))
            for answer in answers
            if answer.prediction_text is not None
        }
        self.encoder.similarity(sorted(filter(self.is_asked, pairs)))
