"""What all metrics share that ask a model of natural-language inference."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from peakbench.metrics.semantic.encoder import Pair

if TYPE_CHECKING:
    from peakbench.metrics.context import MetricContext

MAX_CHARS = 20_000
"""Characters of a premise that are given to the model, which reads far less; the rest is cut off before it."""


class Judge:
    """The model that a metric's context names, asked about pairs of premise and hypothesis.

    Args:
        context: The metric's.
    """

    def __init__(self, context: "MetricContext") -> None:
        self._models = context.models
        self._parameters = context.inference

    @property
    def lacking(self) -> str | None:
        """What is missing, with the command that brings it; None when nothing is."""
        if self._parameters is None:
            return "this registry has no component `nli_model`"
        return self._models.lacking_inference(self._parameters)

    @property
    def in_force(self) -> dict[str, Any]:
        """What of the model changes a number, for the signature."""
        return {} if self._parameters is None else self._models.inference_in_force(self._parameters)

    def contradictions(self, pairs: Mapping[str, Pair]) -> dict[str, float | None]:
        """The probability that the premise contradicts the hypothesis; nothing may be lacking.

        Returns:
            0..1; None where the hypothesis is longer than is read.
        """
        found = self._ask([pair for pair in pairs.values() if _is_asked(pair)])
        return {
            name: 0.0 if pair[0] == pair[1] else next(found) if _is_asked(pair) else None
            for name, pair in pairs.items()
        }

    def prefetch(self, pairs: set[Pair]) -> None:
        """Judge many pairs in one go."""
        self._ask(sorted(filter(_is_asked, pairs)))

    def _ask(self, pairs: Sequence[Pair]) -> Any:
        assert self._parameters is not None, "what is lacking is asked nothing"
        if not pairs:
            return iter(())
        cut = [(premise[:MAX_CHARS], hypothesis) for premise, hypothesis in pairs]
        values = self._models.inference(self._parameters).contradiction(cut).tolist()
        return iter([None if math.isnan(value) else value for value in values])


def _is_asked(pair: Pair) -> bool:
    """Whether a pair goes to the model: different, and the hypothesis not oversize."""
    return pair[0] != pair[1] and len(pair[1]) <= MAX_CHARS
