"""Golden cases of the quality score and of its penalty. What a natural-language-inference model says is given."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peakbench.metrics.composite import Composite
from peakbench.metrics.definitions import CompositeDefinition
from peakbench.metrics.golden.case import (
    DEFAULT_TOLERANCE,
    Finding,
    answer_with,
    compare,
    refuse_wrong,
    response_of,
    sample_of,
    split_wrong,
    text_of,
)
from peakbench.metrics.golden.structured import schema_of
from peakbench.metrics.metric import Answer
from peakbench.metrics.penalty import label_probability, penalty_multiplier
from peakbench.runs.records import Prediction

if TYPE_CHECKING:
    from peakbench.benchmarks.schema import FieldSchema
    from peakbench.metrics.registry import Registry

QUALITY = "peakbench_quality"
QUALITY_TOLERANCE = 1e-6
_WITH_MODEL_TOLERANCE = 1e-4
_COMPONENT = "nli_penalty"
_SCHEMA_FILE = "garment_schema.json"
_NAMES = {"sbert": "sbert_similarity"}


def check_quality(registry: "Registry", folder: Path, case: Mapping[str, Any]) -> Iterator[Finding]:
    """An answer, its reference, and the probability of contradiction; checked as far as the parts are there."""
    definition = registry.entry(QUALITY) if QUALITY in {one.id for one in registry.definitions} else None
    if not isinstance(definition, CompositeDefinition):
        yield Finding("not_checkable", f"no composite `{QUALITY}` in this registry")
        return
    schema: FieldSchema | None = None
    if not isinstance(case["gt"], str):
        schema = schema_of({"schema": _SCHEMA_FILE, **case}, folder)
    answer = _answer(registry, schema, case)
    metric = registry.metric(QUALITY, schema)
    assert isinstance(metric, Composite), "the registry makes composites of composites"
    if "weights" in case:
        given = {_NAMES.get(name, name): weight for name, weight in case["weights"].items()}
        got = {name: part.weight for name, part in metric.parts.items()}
        yield from _differences("weights", got, given, DEFAULT_TOLERANCE)
    for key, got_text in (("gt_text", answer.reference_text), ("pred_text", answer.prediction_text or "")):
        if key in case:
            yield from _failure(compare(key, got_text, case[key], 0))
    settled = metric.settled(answer)
    if "exact_short_circuit" in case:
        short = settled is not None and answer.parsed
        yield from _failure(compare("exact_short_circuit", short, case["exact_short_circuit"], 0))
    tolerance = case.get("tolerance", QUALITY_TOLERANCE if settled is not None else _WITH_MODEL_TOLERANCE)
    yield from _check_parts(metric, answer, case, tolerance)
    if settled is None and metric.lacking is not None:
        yield Finding("not_checkable", metric.lacking)
        return
    before = settled if settled is not None else metric.weigh(answer, None).value
    value = settled if settled is not None else metric.weigh(answer, case.get("contradiction")).value
    if "before_penalty" in case:
        yield compare("before_penalty", before, case["before_penalty"], tolerance)
    yield compare("quality", value, case["quality"], tolerance)
    wrong = {key: value for key, value in case.items() if not isinstance(value, dict)}
    yield from refuse_wrong(wrong, value, case["quality"], tolerance)


def _answer(registry: "Registry", schema: "FieldSchema | None", case: Mapping[str, Any]) -> Answer:
    if schema is not None:
        return answer_with(registry, schema, case["gt"], case["pred"] if case["parsed"] else None)
    said = text_of(case, "pred") if case["parsed"] else None
    prediction = Prediction(answer=said, reasoning=None, level="none" if said is None else "strict", value=said)
    return Answer(sample_of({}), response_of(said or ""), prediction, {}, said, text_of(case, "gt"))


def _check_parts(metric: Composite, answer: Answer, case: Mapping[str, Any], tolerance: float) -> Iterator[Finding]:
    """The values of the metrics that are summed, those that are not lacking; they only speak up when they are wrong."""
    expected: Mapping[str, Any] = case.get("components", {})
    for name, part in metric.parts.items():
        if name not in expected or part.metric is None or part.metric.lacking is not None:
            continue
        got = part.metric.score(answer)[0].value
        yield from _failure(compare(name, got, expected[name], tolerance))
        for key, values in case.items():
            if "_WRONG" in key and isinstance(values, dict):
                wrong = {f"{key} {_NAMES.get(one, one)}": value for one, value in values.items()}
                mine = {one: value for one, value in wrong.items() if one == f"{key} {name}"}
                yield from refuse_wrong(mine, got, expected[name], tolerance)


def check_penalty(registry: "Registry", folder: Path, case: Mapping[str, Any]) -> Iterator[Finding]:  # noqa: ARG001
    """Logits of a model and its labels, or a contradiction a field; and the factor that comes of them."""
    component = registry.file.components.get(_COMPONENT)
    if component is None:
        yield Finding("not_checkable", f"no component `{_COMPONENT}` in this registry")
        return
    label, threshold, offset = (component.parameters[key] for key in ("label", "threshold", "offset"))
    tolerance = case.get("tolerance", DEFAULT_TOLERANCE)
    values: dict[str, float]
    if "logits" in case:
        logits, labels = case["logits"], case["id2label"]
        contradiction = label_probability(logits, labels, str(label))
        values = {"hallucination": contradiction}
        for place, want in enumerate(case.get("probs", ())):
            got = label_probability(logits, labels, labels[str(place)])
            yield compare(f"probability of {labels[str(place)]}", got, want, tolerance)
    else:
        fields = case["field_contradictions"]
        contradiction = math.fsum(fields) / len(fields)
        values = {"hallucination_mean": contradiction, "hallucination_max": max(fields)}
    values["penalty_multiplier"] = penalty_multiplier(contradiction, float(threshold), float(offset))
    if not values.keys() & case.keys():
        raise KeyError(next(iter(values)))
    for key, got in values.items():
        if key in case:
            yield compare(key, got, case[key], tolerance)
            yield from refuse_wrong(split_wrong(case, key)[0], got, case[key], tolerance)
    if "wrong_label_order_value" in case:
        mistake = {"wrong_label_order_value_WRONG": case["wrong_label_order_value"]}
        yield from refuse_wrong(mistake, contradiction, case["hallucination"], tolerance)


def _differences(
    what: str, got: Mapping[str, float], expected: Mapping[str, float], tolerance: float
) -> Iterator[Finding]:
    if got.keys() != expected.keys():
        yield Finding("fail", f"{what}: of {sorted(got)}, expected {sorted(expected)}")
        return
    for name, value in got.items():
        yield from _failure(compare(f"{what} of {name}", value, expected[name], tolerance))


def _failure(finding: Finding) -> Iterator[Finding]:
    """A finding if it is a difference: what agrees here does not yet make a case pass."""
    if finding.status == "fail":
        yield finding
