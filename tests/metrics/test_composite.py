"""Composites: the order of their rules, what makes them undefined, and what is refused of their entries."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from card_examples import record_of
from composite_parts import quality_of
from hypothesis import given, settings
from hypothesis import strategies as st

from peakbench.benchmarks.sample import Sample
from peakbench.benchmarks.schema import FieldSchema, FieldSpec
from peakbench.benchmarks.values import complete_reference
from peakbench.content import content_root
from peakbench.errors import BadInputError
from peakbench.metrics.answers import prepare
from peakbench.metrics.composite import Composite
from peakbench.metrics.metric import Answer
from peakbench.metrics.penalty import label_probability, penalty_multiplier
from peakbench.metrics.registry import Registry
from peakbench.runs.records import Prediction

REGISTRY = Registry.load()
SCHEMA = FieldSchema(
    fields={
        "type": FieldSpec(type="categorical", synonyms={"t-shirt": ["tee"]}),
        "brand": FieldSpec(type="brand", aliases=["maker"], null_values=["no brand"]),
        "code": FieldSpec(type="exact"),
    }
)
PARTS = {"structured_match": 0.5, "sbert_similarity": 0.8, "token_set_ratio": 0.9, "rouge_l": 0.6}
WEIGHTED = 0.6 * 0.5 + 0.25 * 0.8 + 0.1 * 0.9 + 0.05 * 0.6
UNIT = st.floats(0, 1)


def answer_to(reference: dict[str, Any], response: str | None, schema: FieldSchema = SCHEMA) -> Answer:
    return prepare(Sample("s", "", (), complete_reference(schema, reference)), record_of(response), schema, REGISTRY)


def text_answer(reference: str, said: str | None) -> Answer:
    prediction = Prediction(said, None, "none" if said is None else "strict", said)
    return Answer(Sample("s", "", (), reference), record_of(said or ""), prediction, {}, said, reference)


WRONG = answer_to({"type": "t-shirt", "brand": "Nike"}, '{"type": "coat", "brand": "Nike", "code": 1}')


def value_of(composite: Composite, answer: Answer) -> float | None:
    (score,) = composite.score(answer)
    return score.value


@pytest.mark.parametrize(
    ("contradiction", "factor"), [(None, 1), (0.0, 1), (0.5, 1), (0.51, 0.99), (0.75, 0.75), (1.0, 0.5)]
)
def test_value_is_the_weighted_sum_lowered_by_contradiction(contradiction: float | None, factor: float) -> None:
    composite, _ = quality_of(REGISTRY, "json", PARTS, contradiction, SCHEMA)
    assert value_of(composite, WRONG) == pytest.approx(WEIGHTED * factor, abs=1e-12)


def test_texts_have_weights_of_their_own() -> None:
    composite, _ = quality_of(REGISTRY, "text", PARTS, 0.9)
    want = (0.625 * 0.8 + 0.25 * 0.9 + 0.125 * 0.6) * 0.6
    assert value_of(composite, text_answer("a cat", "a dog")) == pytest.approx(want, abs=1e-12)


@pytest.mark.parametrize("response", [None, "no JSON"])
def test_failed_and_unparsed_answers_score_0_and_ask_no_part(response: str | None) -> None:
    composite, parts = quality_of(REGISTRY, "json", PARTS, 0.9, SCHEMA)
    assert value_of(composite, answer_to({"type": "coat"}, response)) == 0.0
    assert [part.asked for part in parts.values()] == [0] * 5


@pytest.mark.parametrize(
    ("reference", "response"),
    [
        ({"type": "T-Shirt", "brand": "Nike", "code": 42}, '{"type": "t-shirt ", "brand": "NIKE", "code": 42.0}'),
        ({"type": "coat", "brand": None, "code": None}, '{"Type": "Coat", "maker": "No brand.", "code": "N/A"}'),
        ({"code": 42}, '{"type": null, "brand": "", "code": "42", "more": 1}'),
        ({"code": '["x"]'}, '{"type": null, "brand": null, "code": ["X"]}'),
        ({"code": True}, '{"type": null, "brand": null, "code": true}'),
        ({}, '{"type": null, "brand": null, "code": null}'),
    ],
)
def test_an_answer_equal_to_its_reference_scores_1_and_no_model_is_asked(
    reference: dict[str, Any], response: str
) -> None:
    composite, parts = quality_of(REGISTRY, "json", PARTS, 0.99, SCHEMA)
    assert value_of(composite, answer_to(reference, response)) == 1.0
    assert [part.asked for part in parts.values()] == [0] * 5


@pytest.mark.parametrize(
    "response",
    [
        '{"type": "tee", "brand": null, "code": null}',  # a synonym is right, but not equal
        '{"type": "t shirt", "brand": null, "code": null}',  # nor is another canonical spelling
        '{"type": "t-shirt", "brand": null}',  # a key is not there
        '{"type": "t-shirt", "brand": "Nike", "code": null}',
        '{"type": null, "brand": null, "code": null}',
        '{"type": ["t-shirt"], "brand": null, "code": null}',
        '{"type": {"t": "-shirt"}, "brand": null, "code": null}',
    ],
)
def test_an_answer_that_is_merely_right_is_no_short_circuit(response: str) -> None:
    composite, _ = quality_of(REGISTRY, "json", PARTS, None, SCHEMA)
    assert value_of(composite, answer_to({"type": "t-shirt"}, response)) == pytest.approx(WEIGHTED)


def test_texts_are_equal_as_a_whole_in_the_equality_form() -> None:
    composite, _ = quality_of(REGISTRY, "text", PARTS, 0.99)
    assert value_of(composite, text_answer("A  cat", " a Cat\n")) == 1.0
    assert value_of(composite, text_answer("", "")) == 1.0
    assert value_of(composite, text_answer("a cat", "a cat.")) != 1.0
    assert value_of(composite, text_answer("a cat", None)) == 0.0


@pytest.mark.parametrize("name", PARTS)
def test_an_undefined_part_makes_the_sum_undefined_and_is_named(name: str) -> None:
    composite, parts = quality_of(REGISTRY, "json", PARTS, None, SCHEMA)
    parts[name].value = None
    (score,) = composite.score(WRONG)
    assert (score.value, score.stats, score.reason) == (None, None, f"{name}: nothing to say")


def test_a_lacking_part_makes_every_answer_undefined_so_that_no_mean_is_of_the_easy_ones() -> None:
    composite, parts = quality_of(REGISTRY, "json", PARTS, None, SCHEMA)
    parts["sbert_similarity"].__dict__["lacking"] = "fetch it: peakbench metrics fetch sbert"
    for response in (None, "no JSON", '{"type": null, "brand": null, "code": null}'):
        (score,) = composite.score(answer_to({}, response))
        assert score.reason == "sbert_similarity: fetch it: peakbench metrics fetch sbert"
        assert score.value is None


def test_its_parts_get_ready_for_many_answers_unless_one_is_lacking() -> None:
    composite, parts = quality_of(REGISTRY, "json", PARTS, 0.9, SCHEMA)
    composite.prefetch([WRONG, WRONG])
    assert [part.prefetched for part in parts.values()] == [2] * 5
    composite, parts = quality_of(REGISTRY, "json", PARTS, 0.9, SCHEMA)
    parts["rouge_l"].__dict__["lacking"] = "gone"
    composite.prefetch([WRONG])
    assert [part.prefetched for part in parts.values()] == [0] * 5


def test_a_lacking_judge_is_no_penalty_and_stands_in_the_signature() -> None:
    composite, parts = quality_of(REGISTRY, "json", PARTS, 0.99, SCHEMA)
    assert "nli=(rouge_l@1;" in composite.signature
    composite, parts = quality_of(REGISTRY, "json", PARTS, 0.99, SCHEMA)
    parts["hallucination"].__dict__["lacking"] = "no model"
    assert value_of(composite, WRONG) == pytest.approx(WEIGHTED)
    assert "|nli=none|" in composite.signature


@settings(max_examples=50)
@given(st.fixed_dictionaries(dict.fromkeys(PARTS, UNIT)), st.none() | UNIT, st.sampled_from(["json", "text"]))
def test_it_stays_in_its_range_and_a_better_part_never_lowers_it(
    values: dict[str, float | None], contradiction: float | None, kind: Any
) -> None:
    composite, parts = quality_of(REGISTRY, kind, values, contradiction, SCHEMA if kind == "json" else None)
    answer = WRONG if kind == "json" else text_answer("a", "b")
    value = value_of(composite, answer)
    assert value is not None
    assert 0 <= value <= 1
    parts["token_set_ratio"].value = 1.0
    better = value_of(composite, answer)
    assert better is not None
    assert better >= value - 1e-12


def test_perfect_parts_give_exactly_1() -> None:
    composite, _ = quality_of(REGISTRY, "json", dict.fromkeys(PARTS, 1.0), None, SCHEMA)
    assert value_of(composite, WRONG) == 1.0


def test_weights_that_sum_to_1_but_for_rounding_do_not_leave_the_range(tmp_path: Path) -> None:
    weights = {"text": {"token_set_ratio": 0.5000000004, "rouge_l": 0.5000000004}}
    change = {"id": "peakbench_quality", "applies_to": ["text"], "weights": weights, "golden": []}
    (tmp_path / "mine.json").write_text(
        json.dumps({"schema_version": 1, "extends": "canonical", "composites": [change]}), encoding="utf-8"
    )
    composite = Registry.load(tmp_path / "mine.json").metric("peakbench_quality", None)
    (score,) = composite.score(text_answer("a b", "a-b"))
    assert score.value == 1.0


def test_a_registry_without_one_of_its_metrics_says_which() -> None:
    composite = REGISTRY.metric("peakbench_quality", SCHEMA)
    assert isinstance(composite, Composite)
    absent = [name for name, part in composite.parts.items() if part.metric is None]
    for name in absent:
        assert f"this registry has no metric `{name}`" in (composite.lacking or "")
        assert f"{name}=0.25*(absent)" in composite.signature


def test_it_shares_the_metrics_that_score_anyway() -> None:
    metrics = REGISTRY.metrics("extraction", SCHEMA)
    composite = metrics["peakbench_quality"]
    assert isinstance(composite, Composite)
    assert composite.parts["rouge_l"].metric is metrics["rouge_l"]
    alone = REGISTRY.metrics("extraction", SCHEMA, ["peakbench_quality"])
    assert list(alone) == ["peakbench_quality"]
    assert alone["peakbench_quality"].signature == composite.signature


def test_its_signature_holds_weights_parts_and_what_they_depend_on() -> None:
    signature = REGISTRY.metric("peakbench_quality", SCHEMA).signature
    structured = REGISTRY.metric("structured_match", SCHEMA).signature
    assert f"structured_match=0.6*({structured.replace('|', ';')})" in signature
    assert "|short_circuit=1.0|" in signature
    assert re.search(r"\|nli_penalty=1\.[0-9a-f]{8}\|", signature)
    other = FieldSchema(fields={**SCHEMA.fields, "code": FieldSpec(type="anls")})
    assert REGISTRY.metric("peakbench_quality", other).signature != signature


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"weights": {"json": {"structured_match": 0.6, "rouge_l": 0.3}}, "applies_to": ["json"]},
            r"composite `peakbench_quality`: the weights of `json` sum to 0\.9",
        ),
        (
            {"weights": {"json": {"structured_match": 0.6, "rouge_l": 0.4 + 2e-9}}, "applies_to": ["json"]},
            r"the weights of `json` sum to",
        ),
        ({"applies_to": ["json"]}, r"composite `peakbench_quality`: it applies to \['json'\], but has weights"),
        ({"weights": {"json": {}}, "applies_to": ["json"]}, r"composite `peakbench_quality`: weights\.json"),
        (
            {"weights": {"json": {"rouge_l": 1.2, "structured_match": -0.2}}, "applies_to": ["json"]},
            r"composite `peakbench_quality`: weights\.json",
        ),
        (
            {"weights": {"json": {"rouge_l": 0.5, "field_f1": 0.5}}, "applies_to": ["json"]},
            r"`field_f1` gives no value",
        ),
        (
            {"weights": {"text": {"rouge_l": 0.5, "structured_match": 0.5}}, "applies_to": ["text"]},
            r"`structured_match` gives no value a sample of `text`",
        ),
        ({"weights": {"json": {"throughput": 1}}, "applies_to": ["json"]}, r"`throughput` gives no value"),
        (
            {"weights": {"json": {"rouge_l": 1}}, "applies_to": ["json"], "range": [0, 0.5], "short_circuit": 0.5},
            r"range \[0, 0\.5\] does not hold the sums",
        ),
        ({"short_circuit": 1.5}, r"short_circuit 1\.5 is outside the range"),
        ({"weights": {"defects": {"iou": 1}}, "applies_to": ["defects"]}, r"not for lists of defects"),
        ({"direction": "lower"}, r"has another unit or direction"),
        ({"on_unparsed": "measured"}, r"on_unparsed is a value or null"),
        ({"penalty": {"metric": "hallucination", "component": "nli"}}, r"penalty: unknown component `nli`"),
        (
            {"penalty": {"metric": "hallucination", "component": "comparators"}},
            r"component `comparators` lacks the numbers",
        ),
        (
            {"penalty": {"metric": "throughput", "component": "nli_penalty"}},
            r"`throughput` is no metric with the range",
        ),
        ({"family": "structured"}, r"composite `peakbench_quality`: family"),
        ({"level": "dataset"}, r"composite `peakbench_quality`: level"),
        ({"implementation": "peakbench.metrics.text:RougeL"}, r"`peakbench_quality`.* is no Composite"),
        ({"id": "rouge_l"}, r"metric `rouge_l` is there twice"),
        ({"id": "nli_penalty"}, r"metric `nli_penalty` is there twice"),
    ],
)
def test_a_broken_composite_is_refused_by_name(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    raw = json.loads((content_root() / "peakbench_metrics.json").read_text(encoding="utf-8"))
    raw["composites"][0] |= changes
    (tmp_path / "metrics").symlink_to(content_root() / "metrics")
    (tmp_path / "mine.json").write_text(json.dumps(raw), encoding="utf-8")
    with pytest.raises(BadInputError) as caught:
        Registry.load(tmp_path / "mine.json")
    assert re.search(message, caught.value.message), caught.value.message


@pytest.mark.parametrize("knobs", [{"offset": 2.0}, {"offset": 0.9}, {"threshold": 1.5}, {"offset": "1.5"}])
def test_a_penalty_whose_factor_leaves_0_to_1_is_refused(tmp_path: Path, knobs: dict[str, Any]) -> None:
    change = {"schema_version": 1, "extends": "canonical", "components": {"nli_penalty": {"parameters": knobs}}}
    (tmp_path / "mine.json").write_text(json.dumps(change), encoding="utf-8")
    with pytest.raises(BadInputError, match=r"composite `peakbench_quality`: penalty"):
        Registry.load(tmp_path / "mine.json")


def test_a_composite_among_the_metrics_is_refused(tmp_path: Path) -> None:
    change = {"id": "rouge_l", "implementation": "peakbench.metrics.composite:Composite"}
    (tmp_path / "mine.json").write_text(
        json.dumps({"schema_version": 1, "extends": "canonical", "metrics": [change]}), encoding="utf-8"
    )
    with pytest.raises(BadInputError, match=r"metric `rouge_l`.*is a composite"):
        Registry.load(tmp_path / "mine.json")


@settings(max_examples=50)
@given(
    st.lists(st.floats(-700, 700), min_size=3, max_size=3), st.permutations(["entailment", "neutral", "Contradiction"])
)
def test_probability_of_a_label_is_found_by_its_name(logits: list[float], names: list[str]) -> None:
    labels = {str(place): name for place, name in enumerate(names)}
    values = [label_probability(logits, labels, name) for name in names]
    assert sum(values) == pytest.approx(1)
    assert label_probability(logits, labels) == values[names.index("Contradiction")]
    assert 0.5 <= penalty_multiplier(values[0]) <= 1


@pytest.mark.parametrize(
    ("logits", "labels"),
    [
        ([0.0, 1.0], {"0": "a", "1": "b"}),
        ([0.0], {"3": "contradiction"}),
        ([0, 0], {"0": "contradiction", "1": "Contradiction"}),
    ],
)
def test_labels_that_do_not_tell_are_refused(logits: list[float], labels: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="contradiction"):
        label_probability(logits, labels)
