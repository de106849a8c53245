"""Computes the worked example of a metric's card."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from peakbench.benchmarks.sample import Sample
from peakbench.benchmarks.schema import FieldSchema
from peakbench.benchmarks.values import complete_reference
from peakbench.metrics.answers import prepare
from peakbench.metrics.metric import RepeatMetric, Timings
from peakbench.metrics.registry import Registry
from peakbench.runs.records import Failure, FailureKind, Record, Response, Timing, Usage

_EXAMPLE = re.compile(r"```json\n(.*?)\n```", re.DOTALL)


def example_in(card: Path) -> str:
    """The one fenced JSON block of a card."""
    (found,) = _EXAMPLE.findall(card.read_text(encoding="utf-8"))
    return str(found)


def record_of(response: str | dict[str, str] | None) -> Record:
    """A response: its text, its text and finish reason, or None for a failed request."""
    timing = Timing(started_at=0.0, e2el_ms=1.0)
    if response is None:
        return Failure("a", 0, FailureKind.TIMEOUT, "no answer in time", None, timing)
    given = {"text": response, "finish_reason": "stop"} if isinstance(response, str) else response
    return Response("a", 0, given["text"], None, given["finish_reason"], Usage(), timing)


def value_of_example(registry: Registry, identifier: str, example: dict[str, Any]) -> float | None:
    """The value of a metric for the run of an example: responses to one sample (its repeats), or timings."""
    if registry.definition(identifier).is_timing:
        n = len(example["started_at"])
        timings = Timings(
            started_at=np.array(example["started_at"]),
            e2el_ms=np.array(example["e2el_ms"]),
            ttft_ms=np.full(n, np.nan),
            answered=np.array(example["answered"]),
            session=np.array(example["session"]),
            prompt_tokens=np.full(n, np.nan),
            completion_tokens=np.full(n, np.nan),
        )
        return registry.timing_metrics()[identifier].from_timings(timings)
    schema = FieldSchema(fields=example["fields"])
    sample = Sample("a", "", (), complete_reference(schema, example["reference"]))
    metric = registry.metric(identifier, schema)
    answers = [prepare(sample, record_of(response), schema, registry) for response in example["responses"]]
    if isinstance(metric, RepeatMetric):
        return metric.score_repeats(answers)[0].value
    stats = [score.stats for answer in answers for score in metric.score(answer) if not score.slice]
    return float(metric.from_totals(np.sum([values for values in stats if values], axis=0)))
