"""How close in meaning the values of an answer are to those of the reference, by a sentence encoder."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from peakbench.benchmarks.values import wrapper_form
from peakbench.metrics.metric import Answer
from peakbench.metrics.semantic.models import EncoderParameters
from peakbench.metrics.text import TextSimilarity


class SbertSimilarity(TextSimilarity):
    """Cosine of two sentence embeddings, cut off to 0..1 (Reimers and Gurevych 2019); never (1 + cos) / 2."""

    def similarity(self, reference: str, prediction: str) -> float:
        """The cosine; at once where `prefetch` has seen the pair."""
        return float(self.context.models.encoder(self._encoder).similarity([(reference, prediction)])[0])

    def prefetch(self, answers: Sequence[Answer]) -> None:
        """Embed the texts of many answers in one go."""
        if self.lacking is not None:
            return
        longest = self.definition.max_chars or float("inf")
        pairs = {
            (wrapper_form(answer.reference_text), wrapper_form(answer.prediction_text))
            for answer in answers
            if answer.prediction_text is not None
        }
        asked = [pair for pair in pairs if all(0 < len(text) <= longest for text in pair)]
        self.context.models.encoder(self._encoder).similarity(sorted(asked))

    @cached_property
    def lacking(self) -> str | None:
        """The extra or the weights, with the command that brings them."""
        return self.context.models.lacking(self._encoder)

    def parameters(self) -> dict[str, Any]:
        """The knobs, with the type of numbers that this machine computes in."""
        return super().parameters() | self.context.models.in_force(self._encoder)

    @cached_property
    def _encoder(self) -> EncoderParameters:
        return EncoderParameters.of(self.definition)
