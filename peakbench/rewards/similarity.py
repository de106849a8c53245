"""How close descriptions of defects are: any function of pairs of texts, or the sentence encoder of the metrics."""

from collections.abc import Callable, Sequence
from typing import Any

from peakbench.errors import BadInputError
from peakbench.metrics.registry import Registry
from peakbench.metrics.semantic.encoded import EncodedMetric
from peakbench.rewards.registries import RegistryFacts, facts_of, registry_again

DescriptionSimilarity = Callable[[Sequence[tuple[str, str]]], Sequence[float]]
"""Pairs of texts (reference, answer) to a cosine each, -1..1."""

_METRIC = "sbert_similarity"


class SentenceSimilarity:
    """The cosine of two texts under the encoder of `sbert_similarity`, 0..1. Made by `sentence_similarity`."""

    def __init__(self, registry: Registry) -> None:
        metric = registry.metric(_METRIC, None)
        if not isinstance(metric, EncodedMetric):
            raise BadInputError(
                f"{registry.path}: `{_METRIC}` has no sentence encoder there", mend="leave its implementation as it is"
            )
        if metric.lacking is not None:
            raise BadInputError(f"descriptions cannot be compared: {metric.lacking}")
        self._registry = registry
        self._encoder = metric.encoder

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """The cosines, cut off to 0..1."""
        return [float(cosine) for cosine in self._encoder.similarity(pairs)]

    def __reduce__(self) -> tuple[Any, ...]:
        return _made_again, (facts_of(self._registry),)


def sentence_similarity(registry: Registry | None = None) -> SentenceSimilarity:
    """Similarity by the sentence encoder of the metrics; its weights come with `peakbench metrics fetch sbert`.

    Raises:
        BadInputError: If the extra `semantic` or the weights are lacking.
    """
    return SentenceSimilarity(registry or Registry.load())


def _made_again(facts: RegistryFacts) -> SentenceSimilarity:
    """What `pickle` calls."""
    return SentenceSimilarity(registry_again(facts))
