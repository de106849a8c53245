"""Skill over the majority: what is left of a score above the best single answer."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from card_examples import record_of
from hypothesis import given
from hypothesis import strategies as st

from peakbench.benchmarks.sample import Sample
from peakbench.benchmarks.schema import FieldSchema, FieldSpec
from peakbench.benchmarks.values import complete_reference
from peakbench.metrics.answers import prepare
from peakbench.metrics.metric import Answer
from peakbench.metrics.registry import Registry
from peakbench.metrics.skill import SkillOverMajority

REGISTRY = Registry.load()
SCHEMA = FieldSchema(fields={"type": FieldSpec(type="categorical", weight=3), "brand": FieldSpec(type="brand")})
MAJORITY = {"type": "tee", "brand": None}
SKILL = REGISTRY.metric("skill_over_majority", SCHEMA)
WEIGHTED = REGISTRY.metric("weighted_score", SCHEMA)

VALUES = st.fixed_dictionaries(
    {"type": st.sampled_from(["tee", "coat", None]), "brand": st.sampled_from(["Nike", "Adidas", None])}
)


def answer(reference: dict[str, Any], response: dict[str, Any] | str | None, majority: Any = MAJORITY) -> Answer:
    sample = Sample("a", "", (), complete_reference(SCHEMA, reference))
    text = json.dumps(response) if isinstance(response, dict) else response
    return prepare(sample, record_of(text), SCHEMA, REGISTRY, majority)


def of_run(answers: Sequence[Answer], part: str = "") -> float:
    rows = [score.stats for each in answers for score in SKILL.score(each) if score.slice == part]
    return float(SKILL.from_totals(np.sum([row for row in rows if row], axis=0)))


def weighted(answers: Sequence[Answer]) -> float:
    return float(np.mean([WEIGHTED.score(each)[0].value for each in answers]))


@given(st.lists(st.tuples(VALUES, st.one_of(st.none(), st.just("no JSON"), VALUES)), min_size=1, max_size=8))
def test_skill_is_the_share_of_the_way_from_the_majority_to_perfect(pairs: list[tuple[Any, Any]]) -> None:
    answers = [answer(reference, response) for reference, response in pairs]
    floor = weighted([answer(reference, MAJORITY) for reference, _ in pairs])
    if floor == 1:
        assert np.isnan(of_run(answers))
    else:
        assert of_run(answers) == pytest.approx((weighted(answers) - floor) / (1 - floor))


def test_the_majority_has_no_skill_the_oracle_all_and_no_answer_less_than_none() -> None:
    references: list[dict[str, Any]] = [
        {"type": "tee"},
        {"type": "coat", "brand": "Nike"},
        {"type": "tee", "brand": "x"},
    ]
    assert of_run([answer(each, MAJORITY) for each in references]) == 0.0
    assert of_run([answer(each, {"brand": None} | each) for each in references]) == 1.0
    assert of_run([answer(each, None) for each in references]) == pytest.approx(-1.75 / 1.25)


def test_a_sample_on_which_the_majority_is_right_counts_though_it_has_no_skill_of_its_own() -> None:
    right, wrong = answer({"type": "tee"}, "no JSON"), answer({"type": "coat"}, {"type": "coat", "brand": None})
    score = SKILL.score(right)[0]
    assert (score.value, score.stats, score.reason) == (None, (0.0, 1.0, 1.0), "the majority's answer is all right")
    assert of_run([right, wrong]) == pytest.approx((1 - 1.25) / (2 - 1.25))


def test_fields_are_measured_without_weights() -> None:
    given_ = answer({"type": "tee", "brand": "Nike"}, {"type": "coat", "brand": "Nike"})
    assert [(score.slice, score.stats) for score in SKILL.score(given_)] == [
        ("", (0.25, 0.75, 1.0)),
        ("field=type", (0.0, 1.0, 1.0)),
        ("field=brand", (1.0, 0.0, 1.0)),
    ]


def test_without_a_majority_there_is_nothing_to_compare_with() -> None:
    scores = SKILL.score(answer({"type": "tee"}, MAJORITY, majority=None))
    assert {(score.value, score.stats, score.reason) for score in scores} == {
        (None, None, "no majority to compare with")
    }
    assert len(scores) == 3


def test_the_signature_says_where_the_majority_was_counted() -> None:
    assert isinstance(SKILL, SkillOverMajority)
    assert "|majority=in_sample|" in SKILL.signature
    elsewhere = SKILL.against("training@1f2e3d4c")
    assert "|majority=training@1f2e3d4c|" in elsewhere.signature
    assert elsewhere.signature.replace("training@1f2e3d4c", "in_sample") == SKILL.signature
