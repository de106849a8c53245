"""Agreement of the repeats of a sample, for each kind of answer."""

import json
from itertools import permutations
from typing import Any

import pytest
from card_examples import record_of
from hypothesis import given
from hypothesis import strategies as st

from peakbench.benchmarks.file import BenchmarkFile
from peakbench.benchmarks.sample import Sample
from peakbench.benchmarks.schema import FieldSchema, FieldSpec
from peakbench.metrics.answers import prepare, preparer
from peakbench.metrics.metric import RepeatMetric, Score
from peakbench.metrics.registry import Registry

REGISTRY = Registry.load()
SCHEMA = FieldSchema(
    fields={
        "type": FieldSpec(type="categorical", synonyms={"t-shirt": ["tee"]}, aliases=["kind"]),
        "note": FieldSpec(type="anls"),
    }
)
SAMPLE = Sample("a", "", (), {"type": None, "note": None})


def metric_for(schema: FieldSchema | None) -> RepeatMetric:
    found = REGISTRY.metric("consistency_exact", schema)
    assert isinstance(found, RepeatMetric)
    return found


def score_of(*responses: Any) -> Score:
    texts = [json.dumps(each) if isinstance(each, dict) else each for each in responses]
    answers = [prepare(SAMPLE, record_of(text), SCHEMA, REGISTRY) for text in texts]
    (score,) = metric_for(SCHEMA).score_repeats(answers)
    return score


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"type": "tee"}, {"Kind": "T-SHIRT"}, True),
        ({"type": "tee", "note": "N/A"}, {"type": "tee", "note": None}, True),
        ({"type": "tee", "note": None}, {"type": "tee"}, False),
        ({"type": "tee"}, {"type": "coat"}, False),
        ({"type": "tee", "note": "a small hole"}, {"type": "tee", "note": "a small hola"}, False),
        ({"type": "tee", "extra": 1}, {"type": "tee", "extra": 2}, True),
        ({"type": ["tee"]}, {"type": ["tee"]}, True),
        ({"type": ["tee"]}, {"type": ["coat"]}, False),
        ({"type": "tee"}, "no JSON", False),
        ("no JSON", "no JSON", False),
        ({"type": "tee"}, None, False),
        (None, None, False),
    ],
)
def test_a_pair_is_the_same_or_not_whichever_comes_first(one: Any, other: Any, same: bool) -> None:
    assert score_of(one, other).value == score_of(other, one).value == float(same)


def test_the_value_is_the_share_of_pairs() -> None:
    tee, coat = {"type": "tee"}, {"type": "coat"}
    assert score_of(tee, tee, coat).value == pytest.approx(1 / 3)
    assert score_of(tee, tee, coat, coat, None).value == pytest.approx(2 / 10)
    assert score_of(*[tee] * 5).value == 1.0


@pytest.mark.parametrize("responses", [[], [{"type": "tee"}], [None]])
def test_fewer_than_two_repeats_have_nothing_to_agree_with(responses: list[Any]) -> None:
    assert score_of(*responses) == Score(None, None, "", "fewer than 2 repeats")


@given(st.lists(st.sampled_from(["tee", "T-shirt", "coat", None]), min_size=2, max_size=4))
def test_the_order_of_the_repeats_changes_nothing(types: list[str | None]) -> None:
    values = {score_of(*({"type": each} for each in order)).value for order in permutations(types)}
    assert len(values) == 1


def test_a_tolerance_that_depends_on_which_side_is_the_reference_is_asked_from_both_sides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    comparer = REGISTRY.comparer(SCHEMA)
    compare = type(comparer).compare

    def from_one_side(self: Any, reference: Any, value: Any) -> Any:
        verdicts = compare(self, {"type": None, "note": None}, {"type": None, "note": None})
        return verdicts if reference["type"] == "a" else compare(self, reference, value)

    monkeypatch.setattr(type(comparer), "compare", from_one_side)
    answers = [prepare(SAMPLE, record_of(json.dumps({"type": t, "note": None})), SCHEMA, REGISTRY) for t in "ab"]
    assert metric_for(SCHEMA).score_repeats(answers)[0].value == 0.0


def benchmark(task: str, **more: Any) -> BenchmarkFile:
    raw = {"schema_version": 1, "id": "t", "version": 1, "task": task, "data": {"path": "d.jsonl"}, "prompt": "p"}
    return BenchmarkFile.model_validate(raw | more)


def consistency(file: BenchmarkFile, reference: Any, *responses: str) -> float | None:
    make = preparer(file, REGISTRY)
    answers = [make(Sample("a", "", (), reference), record_of(response)) for response in responses]
    return metric_for(None).score_repeats(answers)[0].value


def test_texts_are_equal_in_the_wrapper_form() -> None:
    file = benchmark("text")
    assert consistency(file, "x", "caf\u00e9 ", "cafe\u0301") == 1.0
    assert consistency(file, "x", "a", "A") == 0.0
    assert consistency(file, "x", '{"a":1,"b":2}', '{"b":2,"a":1}') == 0.0
    assert consistency(file, "x", "<think>so</think>a", "a") == 1.0
    assert consistency(file, "x", "<think>never closed", "<think>never closed") == 0.0


def test_boxes_are_the_same_items_in_any_order() -> None:
    convention = {"order": "xyxy", "scale": "norm1000"}
    file = benchmark("grounding", labels={"hole": []}, boxes={"references": convention, "answers": convention})
    one = '[{"box_2d": [1, 2, 3, 4], "label": "hole"}, {"box_2d": [5, 6, 7, 8], "label": "hole"}]'
    other = '[{"label": "hole", "box_2d": [5, 6, 7, 8]}, {"box_2d": [1, 2, 3, 4], "label": "hole"}]'
    assert consistency(file, (), one, other) == 1.0
    assert consistency(file, (), one, one.replace("8", "9")) == 0.0
    assert consistency(file, (), "[]", "[]") == 1.0
    assert consistency(file, (), "[]", "clean") == 0.0
