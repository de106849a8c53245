"""The share of answers that fit the response schema."""

from typing import Any

import pytest
from card_examples import record_of

from peakbench.benchmarks.file import BenchmarkFile
from peakbench.benchmarks.sample import Sample
from peakbench.jobs.score import metrics_of
from peakbench.metrics.answers import preparer
from peakbench.metrics.metric import Metric
from peakbench.metrics.registry import Registry

REGISTRY = Registry.load()
BASE = {"schema_version": 1, "id": "b", "version": 1, "data": {"path": "x.jsonl"}, "prompt": "p"}
FIELDS = {
    "type": {"type": "categorical", "aliases": ["kind"]},
    "price": {"type": "number"},
    "tags": {"type": "list", "items": {"type": "exact"}},
    "maker": {"type": "object", "fields": {"city": {"type": "brand"}}},
}
EXTRACTION = BenchmarkFile.model_validate({**BASE, "task": "extraction", "fields": FIELDS})
BOXES = {side: {"order": "xyxy", "scale": "norm1000"} for side in ("references", "answers")}
GROUNDING = BenchmarkFile.model_validate({**BASE, "task": "grounding", "labels": {"artifact": ["bug"]}, "boxes": BOXES})
GOOD = '{"type": "coat", "price": 1.5, "tags": ["a", 1, null], "maker": {"city": null}}'


def metric_of(file: BenchmarkFile) -> Metric:
    return metrics_of(file, REGISTRY)["schema_valid_rate"]


def value(file: BenchmarkFile, response: str | None, metric: Metric | None = None) -> float | None:
    reference: Any = () if file.task == "grounding" else {}
    answer = preparer(file, REGISTRY)(Sample("a", "", (), reference), record_of(response))
    (score,) = (metric or metric_of(file)).score(answer)
    return score.value


@pytest.mark.parametrize(
    ("response", "valid"),
    [
        (GOOD, 1.0),
        (f"Here it is:\n```json\n{GOOD}\n```", 1.0),
        (f"<think>hm</think>[{GOOD}]", 1.0),
        ('{"type": null, "price": null, "tags": null, "maker": null}', 1.0),
        ('{"maker": null, "tags": [], "price": 1, "type": ""}', 1.0),
        (GOOD.replace("type", "Type"), 0.0),
        (GOOD.replace("type", "kind"), 0.0),
        (GOOD.replace('"price": 1.5, ', ""), 0.0),
        (GOOD.replace("{", '{"note": 1, ', 1), 0.0),
        (GOOD.replace("1.5", '"1.5"'), 0.0),
        (GOOD.replace("1.5", "true"), 0.0),
        (GOOD.replace('["a", 1, null]', '"a"'), 0.0),
        (GOOD.replace('"a", 1', '["a"]'), 0.0),
        (GOOD.replace('{"city": null}', "{}"), 0.0),
        (GOOD[:-2], 0.0),
        ("no JSON", 0.0),
        (None, 0.0),
    ],
)
def test_objects_fit_with_exactly_their_keys_and_types(response: str | None, valid: float) -> None:
    assert value(EXTRACTION, response) == valid


@pytest.mark.parametrize(
    ("response", "valid"),
    [
        ("[]", 1.0),
        ('[{"box_2d": [1, 2, 3, 4], "label": "artifact", "desc": "x"}]', 1.0),
        ('[{"box_2d": [1, 2, 3, 4], "label": "artifact"}, {"box_2d": [1, 2, 3], "label": "artifact"}]', 0.0),
        ('[{"bbox_2d": [1, 2, 3, 4], "label": "artifact"}]', 0.0),
        ('[{"box_2d": [1, 2, 3, 4], "label": "bug"}]', 0.0),
        ("[1", 0.0),
        (None, 0.0),
    ],
)
def test_lists_fit_when_every_item_does(response: str | None, valid: float) -> None:
    assert value(GROUNDING, response) == valid


def test_an_authors_schema_decides() -> None:
    own = EXTRACTION.model_copy(update={"response_schema": {"required": ["type"]}})
    assert value(own, '{"type": [1], "other": 2}') == 1.0
    assert value(own, '{"price": 1}') == 0.0


def test_the_schema_is_part_of_the_signature() -> None:
    assert "response_schema=" in metric_of(GROUNDING).signature
    signature = metric_of(EXTRACTION).signature
    assert signature == REGISTRY.metric("schema_valid_rate", EXTRACTION.schema_of_fields).signature
    fields = {**FIELDS, "type": {"type": "categorical", "aliases": ["kind"], "values": ["coat"]}}
    others = [
        EXTRACTION.model_copy(update={"response_schema": {}}),
        BenchmarkFile.model_validate({**BASE, "task": "extraction", "fields": fields}),
    ]
    assert len({signature, *(metric_of(other).signature for other in others)}) == 3


def test_without_a_schema_the_rate_is_undefined() -> None:
    metric = REGISTRY.metrics("grounding", None)["schema_valid_rate"]
    assert metric.lacking == "the benchmark has no response schema"
    assert value(GROUNDING, "[]", metric) is None


@pytest.mark.timeout(60)
def test_thousands_of_answers_are_checked_in_bounded_time() -> None:
    metric = metric_of(EXTRACTION)
    answer = preparer(EXTRACTION, REGISTRY)(Sample("a", "", (), {}), record_of(GOOD))
    values = [metric.score(answer)[0].value for _ in range(3500)]
    assert set(values) == {1.0}
