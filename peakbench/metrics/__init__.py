"""How an answer is scored: extraction, comparators, the registry, one module a metric family."""

from peakbench.metrics.answers import prepare
from peakbench.metrics.golden import GoldenOutcome, verify
from peakbench.metrics.metric import Answer, MeanMetric, Metric, Score, TimingMetric, Timings
from peakbench.metrics.registry import Registry

__all__ = [
    "Answer",
    "GoldenOutcome",
    "MeanMetric",
    "Metric",
    "Registry",
    "Score",
    "TimingMetric",
    "Timings",
    "prepare",
    "verify",
]
