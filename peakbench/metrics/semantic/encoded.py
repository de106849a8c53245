"""What all metrics share that ask a sentence encoder."""

from functools import cached_property
from typing import Any

from peakbench.metrics.metric import Metric
from peakbench.metrics.semantic.encoder import Pair, SentenceEncoder
from peakbench.metrics.semantic.models import EncoderParameters


class EncodedMetric(Metric):
    """A metric whose entry names an encoder: undefined where that is lacking, and signed with it."""

    @cached_property
    def lacking(self) -> str | None:
        """The extra or the weights, with the command that brings them."""
        return self.context.models.lacking(self._encoder_parameters) or super().lacking

    def parameters(self) -> dict[str, Any]:
        """The knobs, with the type of numbers that this machine computes in."""
        return super().parameters() | self.context.models.in_force(self._encoder_parameters)

    @property
    def encoder(self) -> SentenceEncoder:
        """The encoder; nothing may be lacking."""
        return self.context.models.encoder(self._encoder_parameters)

    def is_asked(self, pair: Pair) -> bool:
        """Whether two texts in wrapper form go to the encoder: different, neither empty, neither oversize."""
        longest = self.definition.max_chars
        return pair[0] != pair[1] and all(text and (longest is None or len(text) <= longest) for text in pair)

    @cached_property
    def _encoder_parameters(self) -> EncoderParameters:
        return EncoderParameters.of(f"metric `{self.definition.id}`", self.definition.parameters)
