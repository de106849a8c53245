"""How an answer is scored: extraction, comparators, the registry, one module a metric family."""

from peakbench.metrics.answers import prepare
from peakbench.metrics.golden import GoldenOutcome, verify
from peakbench.metrics.grounding.answer import GroundingAnswer, MatchedPair
from peakbench.metrics.grounding.drawing import BoxOutcomes, box_outcomes, draw_boxes
from peakbench.metrics.grounding.items import BoxItem
from peakbench.metrics.metric import Answer, MeanMetric, Metric, PooledMetric, Score, TimingMetric, Timings
from peakbench.metrics.registry import Registry

__all__ = [
    "Answer",
    "BoxItem",
    "BoxOutcomes",
    "GoldenOutcome",
    "GroundingAnswer",
    "MatchedPair",
    "MeanMetric",
    "Metric",
    "PooledMetric",
    "Registry",
    "Score",
    "TimingMetric",
    "Timings",
    "box_outcomes",
    "draw_boxes",
    "prepare",
    "verify",
]
