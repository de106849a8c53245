"""Runs of boxes for the tests: references and answers as they are written, and what the metrics make of them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from peakbench.benchmarks.boxes import BoxConvention, BoxOrder, BoxScale
from peakbench.benchmarks.file import BoxConventions
from peakbench.benchmarks.sample import ImageFile, Sample
from peakbench.metrics.answers import prepare_items
from peakbench.metrics.golden.case import run_value
from peakbench.metrics.grounding.answer import GroundingAnswer, GroundingReader
from peakbench.metrics.metric import Answer, Metric
from peakbench.metrics.registry import Registry
from peakbench.runs.records import Failure, FailureKind, Response, Timing, Usage

REGISTRY = Registry.load()
LABELS: Mapping[str, Sequence[str]] = {"artifact": ["artefact"], "misalignment": ["misaligned"]}


def conventions(
    references: tuple[BoxOrder, BoxScale] = ("xyxy", "norm1000"), answers: tuple[BoxOrder, BoxScale] | None = None
) -> BoxConventions:
    ours, theirs = references, answers or references
    return BoxConventions(
        references=BoxConvention(order=ours[0], scale=ours[1]), answers=BoxConvention(order=theirs[0], scale=theirs[1])
    )


PLAIN = conventions()
METRICS = REGISTRY.metrics("grounding", None, labels=LABELS, boxes=PLAIN)
BOX_METRICS = {
    name: metric
    for name, metric in METRICS.items()
    if metric.definition.family == "grounding" and metric.lacking is None
}


def item(box: Any, label: Any = "artifact", **others: Any) -> dict[str, Any]:
    return {"box_2d": box, "label": label, **others}


def answer_to(
    reference: Sequence[Mapping[str, Any]],
    response: str | Sequence[Any] | None,
    boxes: BoxConventions = PLAIN,
    size: tuple[int, int] = (1000, 1000),
) -> Answer:
    """An answer: a text, the items of one, or None for a failed request."""
    picture = ImageFile(Path("a.png"), "0" * 64, "image/png", *size, 1)
    sample = Sample("sample-7", "", (picture,), tuple(reference))
    timing = Timing(0.0, 1.0)
    if response is None:
        record: Failure | Response = Failure("sample-7", 0, FailureKind.TIMEOUT, "no answer in time", None, timing)
    else:
        text = response if isinstance(response, str) else json.dumps(list(response))
        record = Response("sample-7", 0, text, None, "stop", Usage(), timing)
    return prepare_items(sample, record, GroundingReader(LABELS, boxes), REGISTRY)


def boxes_in(answer: Answer) -> GroundingAnswer:
    assert answer.boxes is not None
    return answer.boxes


def value(name: str, answers: list[Answer], label: str | None = None) -> float | None:
    return run_value(METRICS[name], answers, "" if label is None else f"label={label}")


def with_parameters(name: str, **parameters: Any) -> Metric:
    """A metric with other parameters than the registry's."""
    metric = METRICS[name]
    definition = metric.definition.model_copy(update={"parameters": metric.definition.parameters | parameters})
    return type(metric)(definition, None, metric.context)
