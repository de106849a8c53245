"""Hallucination over fields and sentences, and what is lowered by it; the probabilities are given."""

import json
import math
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from card_examples import record_of
from given_judge import GivenJudge, judged
from hypothesis import given
from hypothesis import strategies as st

from peakbench.benchmarks.sample import Sample
from peakbench.benchmarks.schema import FieldSchema, FieldSpec
from peakbench.errors import BadInputError
from peakbench.metrics.answers import prepare, prepare_text
from peakbench.metrics.composite import Composite
from peakbench.metrics.metric import Answer, Metric
from peakbench.metrics.registry import Registry
from peakbench.metrics.semantic.encoder import Pair

if TYPE_CHECKING:
    from numpy.typing import NDArray

REGISTRY = Registry.load()
IDS = ("hallucination", "hallucination_max")
SCHEMA = FieldSchema(
    fields={
        "type": FieldSpec(type="categorical", synonyms={"t-shirt": ["tee"]}),
        "color": FieldSpec(type="categorical", template="It is {v}."),
        "size": FieldSpec(type="size"),
        "parts": FieldSpec(type="list", items=FieldSpec(type="exact")),
    }
)
REFERENCE = {"type": "t-shirt", "color": "navy blue", "size": None, "parts": ["sleeve"]}
COLOR = ("It is navy blue.", "It is red.")
PARTS = ('The parts is ["sleeve"].', 'The parts is ["collar"].')
VALUES = {COLOR: 0.9, PARTS: 0.4, ("It is navy blue.", "It is long."): math.nan}


def answer(response: str | None, **reference: Any) -> Answer:
    return prepare(Sample("a", "p", (), REFERENCE | reference), record_of(response), SCHEMA, REGISTRY)


def said(**values: Any) -> str:
    return json.dumps(values)


def metric_of(name: str, values: dict[Pair, float], schema: FieldSchema | None = SCHEMA) -> tuple[Metric, GivenJudge]:
    registry, judge = judged(REGISTRY, values)
    return registry.metric(name, schema), judge


def told(metric: Metric, response: str | None, **reference: Any) -> dict[str, float | str | None]:
    """Slice to value, or to the reason why there is none."""
    scores = metric.score(answer(response, **reference))
    return {one.slice: one.reason if one.value is None else one.value for one in scores}


def test_fields_held_on_both_sides_are_counted_and_right_ones_are_0_unasked() -> None:
    metric, judge = metric_of("hallucination", VALUES)
    found = told(metric, said(type="tee", color="red", size="M", parts=["collar"]))
    assert found == {
        "": pytest.approx(1.3 / 3),
        "field=type": 0.0,
        "field=color": 0.9,
        "field=size": "null on one side",
        "field=parts": 0.4,
    }
    assert judge.asked == [[COLOR, PARTS]], "one call, without the synonym and the null"
    worst, _ = metric_of("hallucination_max", VALUES)
    assert told(worst, said(type="tee", color="red", size="M", parts=["collar"])) == {"": 0.9}
    assert told(metric, said(type="TEE", color="Navy-Blue"))[""] == 0.0


@pytest.mark.parametrize("name", ["hallucination", "hallucination_max"])
def test_nothing_held_unparsed_failed_and_too_long_are_undefined_each_with_its_reason(name: str) -> None:
    metric, judge = metric_of(name, VALUES)
    assert told(metric, said(color=None, size="M"))[""] == metric.definition.undefined
    assert set(told(metric, "no JSON").values()) == {"unparsed"}
    assert set(told(metric, None).values()) == {"failed"}
    assert judge.asked == []
    assert told(metric, said(color="long", parts=["collar"]))[""] == "oversize", "the model cannot read it"
    assert told(metric, said(color="x" * 20_001))[""] == "oversize", "nor is it asked about that"
    assert judge.asked[1:] == []


class Sure(GivenJudge):
    """A judge that has an answer for every pair."""

    def contradiction(self, pairs: Sequence[Pair]) -> "NDArray[np.float64]":
        return np.array([len(premise + hypothesis) % 11 / 10 for premise, hypothesis in pairs])


@given(st.dictionaries(st.sampled_from([*SCHEMA.fields]), st.none() | st.text(max_size=8) | st.lists(st.text("ab"))))
def test_values_are_in_range_or_undefined_and_the_worst_part_is_no_better_than_the_mean(values: dict[str, Any]) -> None:
    registry = copy(REGISTRY)
    registry.models = Sure({})
    scores = {name: registry.metric(name, SCHEMA).score(answer(said(**values))) for name in IDS}
    mean, worst = (scores[name][0].value for name in IDS)
    parts = [one.value for one in scores[IDS[0]][1:] if one.value is not None]
    assert (mean is None) == (worst is None) == (not parts)
    if mean is not None and worst is not None:
        assert mean == pytest.approx(sum(parts) / len(parts))
        assert 0 <= mean <= worst == max(parts) <= 1


def test_prefetch_judges_every_different_pair_of_many_answers_in_one_call() -> None:
    metric, judge = metric_of("hallucination", VALUES)
    responses = [said(color="red"), said(color="red", parts=["collar"]), "no JSON", None, said(color="navy blue")]
    metric.prefetch([answer(response) for response in responses])
    assert judge.asked == [[COLOR, PARTS]]


def text_answer(response: str, evidence: str | None = "It is navy blue.", prompt: str = "What is it?") -> Answer:
    sample = Sample("a", prompt, (), "It was navy blue.", evidence=evidence)
    return prepare_text(sample, record_of(response), REGISTRY)


def with_premise(registry: Registry, name: str, premise: str) -> Registry:
    metrics = [
        one.model_copy(update={"parameters": {"premise": premise}}) if one.id == name else one
        for one in registry.file.metrics
    ]
    source = replace(registry.source, file=registry.file.model_copy(update={"metrics": metrics}))
    return Registry(source)


def test_sentences_of_texts_are_checked_against_the_evidence_else_the_prompt() -> None:
    values = {COLOR: 0.9, ("It is navy blue.", "It is torn."): 0.1, ("What is it?", "It is red."): 0.2}
    metric, judge = metric_of("hallucination", values, None)
    assert metric.score(text_answer("It is red. It is torn.\nIt is navy blue."))[0].value == pytest.approx(1.0 / 3)
    assert judge.asked == [[COLOR, ("It is navy blue.", "It is torn.")]], "what equals the premise is not asked"
    assert metric.score(text_answer("It is red.", None))[0].value == 0.2
    assert metric.score(text_answer("It is red.", None, prompt=" "))[0].reason == metric.definition.undefined
    assert len(metric.score(text_answer("It is red."))) == 1, "texts have no fields"
    assert "|premise=evidence|" in metric.signature
    changed, _ = judged(
        with_premise(REGISTRY, "hallucination", "reference"), {("It was navy blue.", "It is red."): 0.7}
    )
    by_reference = changed.metric("hallucination", None)
    assert by_reference.score(text_answer("It is red."))[0].value == 0.7
    assert "|premise=reference|" in by_reference.signature


def test_fields_may_be_checked_against_the_evidence() -> None:
    changed, judge = judged(with_premise(REGISTRY, "hallucination", "evidence"), {("p", "It is red."): 0.6})
    metric = changed.metric("hallucination", SCHEMA)
    assert metric.score(answer(said(type="tee", color="red")))[0].value == 0.3
    assert judge.asked == [[("p", "It is red.")]]
    broken = with_premise(REGISTRY, "hallucination", "prompt").metric("hallucination", SCHEMA)
    with pytest.raises(BadInputError, match="premise is 'prompt'"):
        _ = broken.signature


def test_premise_is_cut_off_before_the_model_and_the_hypothesis_never_is() -> None:
    long = "a" * 30_000
    metric, judge = metric_of("hallucination", {("a" * 20_000, "It is red."): 0.5}, None)
    assert metric.score(text_answer("It is red.", long))[0].value == 0.5
    assert judge.asked[0][0][1] == "It is red."


def test_quality_is_lowered_where_the_answer_contradicts_and_says_by_what() -> None:
    registry, _ = judged(REGISTRY, {COLOR: 0.9, PARTS: 0.95})
    quality = registry.metric("peakbench_quality", SCHEMA)
    assert isinstance(quality, Composite)
    assert quality.penalty is not None
    assert quality.penalty.metric is not None
    contradicting = answer(said(type="tee", color="red", size=None, parts=["collar"]))
    assert quality.penalty.metric.score(contradicting)[0].value == pytest.approx(1.85 / 3)
    assert "nli=(hallucination@1;" in quality.signature
    assert "|nli=none|" in REGISTRY.metric("peakbench_quality", SCHEMA).signature


def test_without_the_model_everything_is_undefined_with_the_command() -> None:
    for name in ("hallucination", "hallucination_max"):
        metric = REGISTRY.metric(name, SCHEMA)
        (score,) = metric.score(answer(said(color="red")))
        assert score.value is None
        assert score.reason is not None
        assert "peakbench metrics fetch nli" in score.reason
        metric.prefetch([answer(said(color="red"))])
    components = {name: one for name, one in REGISTRY.file.components.items() if name != "nli_model"}
    file = REGISTRY.file.model_copy(update={"components": components})
    bare = Registry(replace(REGISTRY.source, file=file))
    assert bare.metric("hallucination", SCHEMA).lacking == "this registry has no component `nli_model`"
    assert "premise=reference" in bare.metric("hallucination", SCHEMA).signature


def test_signature_tells_sentences_apart() -> None:
    fields = SCHEMA.fields | {"color": FieldSpec(type="categorical", template="It looks {v}.")}
    other = SCHEMA.model_copy(update={"fields": fields})
    registry, _ = judged(REGISTRY, {})
    for name in ("hallucination", "semantic_field_score"):
        assert registry.metric(name, SCHEMA).signature != registry.metric(name, other).signature
    assert REGISTRY.metric("semantic_field_score", SCHEMA).signature == (
        REGISTRY.metric("semantic_field_score", other).signature
    ), "without inference no sentence is made"
