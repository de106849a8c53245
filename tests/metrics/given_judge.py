"""A model of natural-language inference whose answers are given, and which counts what it is asked."""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from peakbench.metrics.registry import Registry
from peakbench.metrics.semantic.encoder import Pair
from peakbench.metrics.semantic.models import SemanticModels

if TYPE_CHECKING:
    from numpy.typing import NDArray


class GivenJudge(SemanticModels):
    """Models of which the judge is one that says what it is told.

    Args:
        values: Premise and hypothesis to the probability of contradiction; NaN for a pair that does not fit.
    """

    def __init__(self, values: Mapping[Pair, float]) -> None:
        super().__init__()
        self.values = dict(values)
        self.asked: list[list[Pair]] = []

    def lacking_inference(self, parameters: Any) -> None:
        """Nothing."""

    def inference_in_force(self, parameters: Any) -> dict[str, Any]:
        """A model of no weights."""
        return {"model": "given"}

    def inference(self, parameters: Any) -> Any:
        """Itself."""
        return self

    def contradiction(self, pairs: Sequence[Pair]) -> "NDArray[np.float64]":
        """What was given; a pair that is new is an error."""
        self.asked.append(list(pairs))
        return np.array([self.values[pair] for pair in pairs])


def judged(registry: Registry, values: Mapping[Pair, float]) -> tuple[Registry, GivenJudge]:
    """The registry with such a judge."""
    changed = copy(registry)
    changed.models = judge = GivenJudge(values)
    return changed, judge
