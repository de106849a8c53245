"""Computes the worked example of a metric's card."""

import re
from pathlib import Path
from typing import Any

import numpy as np
from composite_parts import quality_of
from given_judge import judged

from peakbench.benchmarks.boxes import BoxConvention
from peakbench.benchmarks.file import BoxConventions
from peakbench.benchmarks.sample import Sample
from peakbench.benchmarks.schema import FieldSchema
from peakbench.benchmarks.values import complete_reference
from peakbench.metrics.answers import prepare, prepare_items
from peakbench.metrics.definitions import CompositeDefinition
from peakbench.metrics.golden.case import run_value
from peakbench.metrics.grounding.answer import GroundingReader
from peakbench.metrics.metric import Answer, RepeatMetric, Timings
from peakbench.metrics.registry import Registry
from peakbench.runs.records import Failure, FailureKind, Prediction, Record, Response, Timing, Usage

_PLAIN = BoxConvention(order="xyxy", scale="norm1000")
BOXES = BoxConventions(references=_PLAIN, answers=_PLAIN)
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


def boxed_answers(registry: Registry, example: dict[str, Any]) -> list[Answer]:
    """The answers of an example of boxes: a reference and a response a sample."""
    reader = GroundingReader(example["labels"], BOXES)
    return [
        prepare_items(Sample("a", "", (), tuple(one["reference"])), record_of(one["response"]), reader, registry)
        for one in example["samples"]
    ]


def value_of_example(registry: Registry, identifier: str, example: dict[str, Any]) -> float | None:
    """The value of a metric for an example: responses to one sample (its repeats), timings, or values of its parts."""
    if isinstance(registry.definition(identifier), CompositeDefinition):
        composite, _ = quality_of(registry, example["kind"], example["values"])
        parsed = Answer(Sample("a", "", (), ""), record_of(""), Prediction("a", None, "strict", "a"), {}, "a", "b")
        return composite.weigh(parsed, example["contradiction"]).value
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
    if "samples" in example:
        metric = registry.metric(identifier, None, labels=example["labels"], boxes=BOXES)
        return run_value(metric, boxed_answers(registry, example))
    if "contradictions" in example:
        given = {tuple(pair.split(" | ")): value for pair, value in example["contradictions"].items()}
        registry, _ = judged(registry, given)
    schema = FieldSchema(fields=example["fields"])
    sample = Sample("a", "", (), complete_reference(schema, example["reference"]))
    metric = registry.metric(identifier, schema)
    majority = example.get("majority")
    answers = [prepare(sample, record_of(response), schema, registry, majority) for response in example["responses"]]
    if isinstance(metric, RepeatMetric):
        return metric.score_repeats(answers)[0].value
    stats = [score.stats for answer in answers for score in metric.score(answer) if not score.slice]
    return float(metric.from_totals(np.sum([values for values in stats if values], axis=0)))
