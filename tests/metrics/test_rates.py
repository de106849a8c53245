"""Inventing values and leaving them out: which fields count in which denominator."""

import json
from typing import Any

import pytest
from card_examples import record_of

from peakbench.benchmarks.sample import Sample
from peakbench.benchmarks.schema import FieldSchema, FieldSpec
from peakbench.benchmarks.values import complete_reference
from peakbench.metrics.answers import prepare
from peakbench.metrics.metric import Answer
from peakbench.metrics.registry import Registry

REGISTRY = Registry.load()
SCHEMA = FieldSchema(
    fields={"type": FieldSpec(type="categorical"), "brand": FieldSpec(type="brand"), "size": FieldSpec(type="size")}
)
FABRICATION = REGISTRY.metric("fabrication_rate", SCHEMA)
OMISSION = REGISTRY.metric("omission_rate", SCHEMA)


def answer(reference: dict[str, Any], response: dict[str, Any] | str | None) -> Answer:
    sample = Sample("a", "", (), complete_reference(SCHEMA, reference))
    text = json.dumps(response) if isinstance(response, dict) else response
    return prepare(sample, record_of(text), SCHEMA, REGISTRY)


@pytest.mark.parametrize(
    ("response", "fabricated", "omitted"),
    [
        ({"type": "coat", "brand": None, "size": None}, (0, 2), (0, 1)),  # a wrong value is no omission
        ({"type": "tee", "brand": "Nike", "size": "N/A"}, (1, 2), (0, 1)),
        ({"type": None, "brand": "Nike", "size": "M"}, (2, 2), (1, 1)),
        ({"brand": None}, (0, 1), (1, 1)),  # a missing key omits a value, and says nothing of a null
        ({"type": "unknown", "size": "M"}, (1, 1), (1, 1)),
    ],
)
def test_each_field_counts_where_its_reference_puts_it(
    response: dict[str, Any], fabricated: tuple[int, int], omitted: tuple[int, int]
) -> None:
    given = answer({"type": "tee"}, response)
    assert FABRICATION.score(given)[0].stats == fabricated
    assert OMISSION.score(given)[0].stats == omitted


@pytest.mark.parametrize("response", [None, "no JSON"])
def test_what_says_nothing_is_in_neither_denominator_and_says_why(response: str | None) -> None:
    reason = "failed" if response is None else "unparsed"
    for metric in (FABRICATION, OMISSION):
        scores = metric.score(answer({"type": "tee"}, response))
        assert [(score.value, score.stats, score.reason) for score in scores] == [(None, None, reason)] * 4
        assert [score.slice for score in scores] == ["", "field=type", "field=brand", "field=size"]


def test_an_answer_to_which_a_rate_does_not_apply_says_so() -> None:
    whole, *_ = FABRICATION.score(answer({"type": "tee", "brand": "Nike", "size": "M"}, {"type": "tee"}))
    assert (whole.value, whole.reason) == (None, "no null reference field that an answer speaks of")


def test_comparators_do_not_change_a_rate_or_its_signature() -> None:
    strict = FieldSchema(fields={name: FieldSpec(type="exact", weight=3) for name in SCHEMA.fields})
    assert REGISTRY.metric("omission_rate", strict).signature == OMISSION.signature
    nulls = SCHEMA.model_copy(update={"null_values": ["no brand"]})
    assert REGISTRY.metric("omission_rate", nulls).signature != OMISSION.signature
