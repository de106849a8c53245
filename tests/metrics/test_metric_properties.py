"""What holds for every metric of the registry, whatever it is called."""

import json
import math
from random import Random
from typing import Any

import numpy as np
import pytest
from card_examples import record_of
from hypothesis import given, settings
from hypothesis import strategies as st
from wordnet_here import cache_with_wordnet

from peakbench.benchmarks.response_schema import as_answer
from peakbench.benchmarks.sample import Sample
from peakbench.benchmarks.schema import FieldSchema, FieldSpec
from peakbench.benchmarks.values import complete_reference
from peakbench.errors import OutOfRangeError
from peakbench.metrics.answers import prepare
from peakbench.metrics.golden.case import run_value
from peakbench.metrics.metric import Answer, MeanMetric, Metric, RepeatMetric, Score
from peakbench.metrics.registry import Registry

REGISTRY = Registry.load(cache=cache_with_wordnet())
SCHEMA = FieldSchema(
    fields={
        "type": FieldSpec(type="categorical", weight=2.5, synonyms={"t-shirt": ["tee"]}),
        "note": FieldSpec(type="anls", weight=2, correct_threshold=0.5, null_values=["no defect"]),
        "brand": FieldSpec(type="brand", weight=1.5, aliases=["maker"]),
        "size": FieldSpec(type="size", weight=0.1),
        "code": FieldSpec(type="exact"),
    }
)
EVERY_METRIC = REGISTRY.metrics("extraction", SCHEMA)
METRICS = {name: metric for name, metric in EVERY_METRIC.items() if metric.lacking is None}
MAY_BE_UNDEFINED = {
    "field_f1", "fabrication_rate", "omission_rate", "skill_over_majority", "chrf_pp_corpus", "bleu_corpus"
}  # fmt: skip
"""Of a right answer: where the reference holds nothing to be found, or the majority is as right."""
LOWER_IS_BETTER = {name for name, metric in METRICS.items() if metric.definition.direction == "lower"}
MAJORITY = {"type": "tee", "note": None, "brand": None, "size": "XL", "code": None}

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=30)
REFERENCE_VALUES = st.none() | ANY_TEXT | st.booleans() | st.integers(-99, 99) | st.sampled_from(["N/A", "tee", "XL"])
REFERENCES = st.fixed_dictionaries(dict.fromkeys(SCHEMA.fields, REFERENCE_VALUES))
VALUES = st.recursive(
    REFERENCE_VALUES | st.floats(allow_nan=False, allow_infinity=False), lambda v: st.lists(v, max_size=2), max_leaves=3
)
ANSWERS = st.dictionaries(st.sampled_from([*SCHEMA.fields, "Maker", "other"]), VALUES)


def answer_to(reference: dict[str, Any], response: str | dict[str, str] | None) -> Answer:
    sample = Sample("sample-7", "", (), complete_reference(SCHEMA, reference))
    return prepare(sample, record_of(response), SCHEMA, REGISTRY, MAJORITY)


def scored(metric: Metric, answer: Answer) -> list[Score]:
    """The scores of an answer; what compares repeats is given it twice."""
    return metric.score_repeats([answer, answer]) if isinstance(metric, RepeatMetric) else metric.score(answer)


def whole(metric: Metric, answer: Answer) -> Score:
    first, *_ = scored(metric, answer)
    assert first.slice == ""
    return first


def check_consistency(metric: Metric, answer: Answer) -> None:
    """Every score is in range or undefined with a reason, and agrees with its own statistics."""
    definition = metric.definition
    low, high = definition.bounds
    for score in scored(metric, answer):
        if score.value is None:
            assert score.reason
            assert score.stats is None or np.isnan(metric.from_totals(np.array(score.stats)))
            continue
        assert score.reason is None
        assert low <= score.value <= high
        assert score.stats is not None
        assert len(score.stats) == len(metric.statistics)
        assert float(metric.from_totals(np.array(score.stats))) == pytest.approx(score.value, abs=1e-12)


@given(REFERENCES, ANSWERS)
def test_every_value_is_in_range_or_undefined_with_a_reason(reference: dict[str, Any], value: dict[str, Any]) -> None:
    answer = answer_to(reference, json.dumps(value))
    for metric in METRICS.values():
        check_consistency(metric, answer)


@given(REFERENCES, ANY_TEXT)
def test_any_text_gets_a_score(reference: dict[str, Any], text: str) -> None:
    answer = answer_to(reference, text)
    for metric in METRICS.values():
        check_consistency(metric, answer)


@settings(max_examples=30)
@given(st.lists(st.tuples(REFERENCES, ANSWERS), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_samples_changes_no_value_of_a_run(pairs: list[Any], chance: Random) -> None:
    answers = [answer_to(reference, json.dumps(value)) for reference, value in pairs]
    shuffled = chance.sample(answers, len(answers))
    for name, metric in METRICS.items():
        if not isinstance(metric, RepeatMetric):  # it sees one sample at a time
            assert run_value(metric, shuffled) == pytest.approx(run_value(metric, answers), abs=1e-12), name


@given(REFERENCES)
def test_the_reference_itself_is_best_wherever_a_metric_is_defined(reference: dict[str, Any]) -> None:
    perfect = as_answer(SCHEMA, REGISTRY.null_values, complete_reference(SCHEMA, reference))
    answer = answer_to(reference, json.dumps(perfect))
    for name, metric in METRICS.items():
        score = whole(metric, answer)
        low, high = metric.definition.bounds
        best = low if name in LOWER_IS_BETTER else high
        if math.isinf(best):
            assert name == "weighted_legacy_2026_04"
            continue
        assert score.value == best or (score.value is None and name in MAY_BE_UNDEFINED), name


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("response", [None, "no JSON here"])
@given(REFERENCES)
def test_failed_and_unparsed_take_the_declared_value(
    name: str, response: str | None, reference: dict[str, Any]
) -> None:
    metric = METRICS[name]
    definition = metric.definition
    declared = definition.on_failed if response is None else definition.on_unparsed
    scores = scored(metric, answer_to(reference, response))
    if metric.lacking is not None:
        assert [(score.value, score.reason) for score in scores] == [(None, metric.lacking)]
        return
    if declared == "measured":
        special = isinstance(metric, RepeatMetric) or definition.family == "legacy"
        assert not isinstance(metric, MeanMetric) or special
        return
    assert {score.value for score in scores} == {declared}
    if declared is None:
        assert {score.reason for score in scores} == {"failed" if response is None else "unparsed"}


@pytest.mark.parametrize("response", [None, "no JSON here"])
def test_metrics_that_measure_every_response_count_what_is_not_there(response: str | None) -> None:
    answer = answer_to({"type": "tee", "brand": "Nike"}, response)
    assert whole(METRICS["field_f1"], answer).stats == (0.0, 0.0, 2.0)
    assert whole(METRICS["field_outcomes"], answer).stats == (0, 0, 0, 0, 0, 0, 5)
    assert whole(METRICS["json_parse_rate_repaired"], answer).stats == (0.0, 1.0)
    assert whole(METRICS["failure_rate"], answer).value == float(response is None)


def test_truncated_answers_are_counted_whether_parsed_or_not() -> None:
    for text in ('{"type": "tee"}', '{"type'):
        answer = answer_to({"type": "tee"}, {"text": text, "finish_reason": "length"})
        assert whole(METRICS["truncation_rate"], answer).value == 1.0
    assert whole(METRICS["truncation_rate"], answer_to({}, None)).value == 0.0


def test_field_slices_are_given_and_sum_to_the_sample() -> None:
    answer = answer_to({"type": "tee", "brand": "Nike"}, '{"type": "t-shirt", "brand": null, "size": "M", "code": 1}')
    slices = [f"field={name}" for name in SCHEMA.fields]
    for name in ("structured_match", "field_f1", "field_outcomes"):
        first, *rest = METRICS[name].score(answer)
        assert [score.slice for score in rest] == slices
        stats = [score.stats for score in rest if score.stats]
        if name != "structured_match":
            assert tuple(np.sum(stats, axis=0)) == first.stats
    counts = dict(zip(METRICS["field_outcomes"].statistics, first.stats or (), strict=True))
    assert counts == {"tp": 1, "fd": 0, "fa": 2, "fn": 1, "tn": 0, "missing": 1, "unparsed": 0}


@given(REFERENCES, ANSWERS)
def test_structured_match_is_match_rate_times_accuracy(reference: dict[str, Any], value: dict[str, Any]) -> None:
    answer = answer_to(reference, json.dumps(value))
    match, rate, accuracy = (
        whole(METRICS[name], answer).value for name in ("structured_match", "field_match_rate", "value_accuracy_all")
    )
    assert rate is not None
    assert accuracy is not None
    assert match == pytest.approx(rate * accuracy)


class _Broken(MeanMetric):
    value = 0.0

    def measure(self, answer: Answer) -> list[Score]:
        return [self.one(1.0), self.one(self.value, part="field=type")]


@pytest.mark.parametrize("value", [1.0000001, -0.1, math.nan, math.inf])
def test_value_out_of_range_stops_with_metric_and_sample(value: float) -> None:
    metric = _Broken(METRICS["structured_match"].definition, SCHEMA)
    metric.value = value
    with pytest.raises(OutOfRangeError, match=r"structured_match.*sample-7.*field=type"):
        metric.score(answer_to({}, '{"type": 1}'))


def test_declared_value_is_refused_for_a_metric_of_counts() -> None:
    definition = METRICS["field_f1"].definition.model_copy(update={"on_unparsed": 0.0})
    metric = type(METRICS["field_f1"])(definition, SCHEMA)
    with pytest.raises(TypeError, match="measured"):
        metric.score(answer_to({}, "nothing"))


def test_totals_of_many_runs_at_once_keep_their_shape() -> None:
    for metric in METRICS.values():
        k = len(metric.statistics)
        assert metric.from_totals(np.ones((4, 3, k))).shape == (4, 3)
        assert np.isnan(metric.from_totals(np.zeros(k)))
