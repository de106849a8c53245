"""The frozen numbers of the board of April 2026: the impossible values come out, and only there."""

import json

import numpy as np
import pytest
from card_examples import record_of

from peakbench.benchmarks.sample import Sample
from peakbench.benchmarks.schema import FieldSchema, FieldSpec
from peakbench.benchmarks.values import complete_reference
from peakbench.metrics.answers import prepare
from peakbench.metrics.metric import Answer
from peakbench.metrics.registry import Registry

REGISTRY = Registry.load()
WEIGHTS = {"type": 2.5, "defect": 2.0, "brand": 1.5, "size": 1.5} | dict.fromkeys("abcde", 1.0)
SCHEMA = FieldSchema(fields={name: FieldSpec(type="categorical", weight=weight) for name, weight in WEIGHTS.items()})
NAMES = list(WEIGHTS)
LEGACY = ["weighted_legacy_2026_04", "semantic_legacy_2026_04"]


def run_of(responses: list[str | None], nulls: list[int]) -> list[Answer]:
    """One sample a response; the last `nulls[i]` fields of its reference are null."""
    references = [complete_reference(SCHEMA, dict.fromkeys(NAMES[: len(NAMES) - count], "x")) for count in nulls]
    samples = [Sample(f"s{i}", "", (), reference) for i, reference in enumerate(references)]
    return [prepare(s, record_of(r), SCHEMA, REGISTRY) for s, r in zip(samples, responses, strict=True)]


def value(name: str, answers: list[Answer]) -> float:
    metric = REGISTRY.metric(name, SCHEMA)
    stats = [metric.score(answer)[0].stats for answer in answers]
    return float(metric.from_totals(np.sum([each for each in stats if each], axis=0)))


@pytest.mark.parametrize("response", [None, "I cannot tell."])
def test_never_writing_json_gets_the_share_of_null_references(response: str | None) -> None:
    nulls = [4] * 86 + [3] * 14  # 3.86 of 9 fields on average: the 42.9 % of the published board
    answers = run_of([response] * 100, nulls)
    for name in LEGACY:
        assert value(name, answers) == pytest.approx(3.86 / 9)
    assert value("weighted_score", answers) == value("structured_match", answers) == 0.0


def test_saying_null_everywhere_is_worth_the_same_as_saying_nothing() -> None:
    explicit = run_of([json.dumps(dict.fromkeys(NAMES))] * 4, [0, 3, 6, 9])
    silent = run_of(["no"] * 4, [0, 3, 6, 9])
    for name in LEGACY:
        assert value(name, explicit) == value(name, silent)


def test_a_missing_key_scores_nothing_even_for_a_null_reference() -> None:
    answers = run_of(['{"type": "x"}'], [8])
    assert value("weighted_legacy_2026_04", answers) == pytest.approx(2.5 / 9)
    assert value("semantic_legacy_2026_04", answers) == pytest.approx(1 / 9)


def test_the_weighted_one_alone_exceeds_one_and_reaches_the_sum_of_the_weights() -> None:
    answers = run_of([json.dumps(dict.fromkeys(NAMES, "x"))], [0])
    assert value("weighted_legacy_2026_04", answers) == pytest.approx(12.5 / 9)
    assert value("semantic_legacy_2026_04", answers) == 1.0


def test_the_weighted_legacy_is_the_only_score_of_answers_without_an_upper_bound() -> None:
    unbounded = [one.id for one in REGISTRY.definitions if one.range[1] is None and not one.is_timing]
    assert unbounded == ["weighted_legacy_2026_04"]


def test_neither_is_a_headline_and_both_say_that_they_are_inferred() -> None:
    for name in LEGACY:
        definition = REGISTRY.definition(name)
        assert not definition.headline
        assert "inferred" in definition.title.lower()
        assert "inferred, not documented" in REGISTRY.card(name).lower()
