"""Golden cases of the quality score and its penalty: every column is checked, and what cannot be checked says why."""

import json
from pathlib import Path
from typing import Any

import pytest

from peakbench.content import content_root
from peakbench.metrics.golden import GoldenOutcome, verify
from peakbench.metrics.registry import Registry

METRICS = content_root() / "metrics"
QUALITY = METRICS / "peakbench_quality" / "quality_score.jsonl"
PENALTY = METRICS / "nli_penalty" / "nli_penalty.jsonl"


def cases_of(path: Path) -> dict[str, dict[str, Any]]:
    cases = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {case["id"]: case for case in cases}


CASES = cases_of(QUALITY)
PENALTIES = cases_of(PENALTY)


def outcome_of(folder: Path, name: str, case: dict[str, Any], registry: Registry) -> GoldenOutcome:
    (folder / "garment_schema.json").write_bytes((QUALITY.parent / "garment_schema.json").read_bytes())
    (folder / name).write_text(json.dumps(case) + "\n", encoding="utf-8")
    (outcome,) = verify(registry, folder / name)
    return outcome


@pytest.fixture
def stand_in(tmp_path: Path) -> Registry:
    """A registry in which the values of `sbert_similarity` are those that the golden cases give."""
    known = {(case["gt_text"], case["pred_text"]): case["components"]["sbert_similarity"] for case in CASES.values()}
    code = "\n".join(
        [
            "from peakbench.metrics import MeanMetric",
            f"KNOWN = {known!r}",
            "class Table(MeanMetric):",
            "    def measure(self, answer):",
            "        yield self.one(KNOWN[answer.reference_text, answer.prediction_text])",
        ]
    )
    folder = tmp_path / "registry"
    folder.mkdir()
    (folder / "table.py").write_text(code, encoding="utf-8")
    (folder / "card.md").write_text("# Table\n", encoding="utf-8")
    like = next(one for one in Registry.load().definitions if one.id == "rouge_l").model_dump(mode="json")
    entry = {**like, "id": "sbert_similarity", "card": "card.md", "golden": [], "implementation": "./table.py:Table"}
    content = {"schema_version": 1, "extends": "canonical", "metrics": [entry]}
    (folder / "mine.json").write_text(json.dumps(content), encoding="utf-8")
    return Registry.load(folder / "mine.json", allow_code=True)


@pytest.fixture
def without_model(tmp_path: Path) -> Registry:
    """A registry in which no metric can compare meanings."""
    content: dict[str, Any] = {"schema_version": 1, "extends": "canonical"}
    if "sbert_similarity" in {one.id for one in Registry.load().definitions}:
        content["metrics"] = [{"id": "sbert_similarity", "remove": True}]
    (tmp_path / "without.json").write_text(json.dumps(content), encoding="utf-8")
    return Registry.load(tmp_path / "without.json")


@pytest.mark.parametrize("name", CASES)
def test_every_case_passes_where_meaning_can_be_compared(name: str, stand_in: Registry, tmp_path: Path) -> None:
    outcome = outcome_of(tmp_path, "quality_score.jsonl", CASES[name], stand_in)
    assert (outcome.status, outcome.detail) == ("pass", "")


@pytest.mark.parametrize("name", CASES)
def test_without_it_only_what_is_settled_beforehand_can_be_checked(
    name: str, without_model: Registry, tmp_path: Path
) -> None:
    outcome = outcome_of(tmp_path, "quality_score.jsonl", CASES[name], without_model)
    if CASES[name]["exact_short_circuit"] or not CASES[name]["parsed"]:
        assert outcome.status == "pass"
    else:
        assert (outcome.status, outcome.detail) == ("not_checkable", "this registry has no metric `sbert_similarity`")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"quality": 0.92}, "quality"),
        ({"before_penalty": 0.93}, "before_penalty"),
        ({"contradiction": 0.6}, "quality"),
        ({"gt_text": "t-shirt"}, "gt_text"),
        ({"pred_text": "t-shirt"}, "pred_text"),
        ({"exact_short_circuit": True}, "exact_short_circuit"),
        ({"weights": {"structured_match": 0.5, "sbert": 0.35, "token_set_ratio": 0.1, "rouge_l": 0.05}}, "weights of"),
        ({"weights": {"structured_match": 1.0}}, "weights: of"),
        ({"components": {"structured_match": 0.7}}, "structured_match"),
        ({"components": {"token_set_ratio": 0.7}}, "token_set_ratio"),
        ({"components": {"rouge_l": 0.7}}, "rouge_l"),
        ({"quality": 0.9, "tolerance": 0.02, "raw_json_text_quality_WRONG": 0.93}, "quality_WRONG"),
        (
            {"components": {"rouge_l": 0.5}, "tolerance": 0.45, "key_value_text_components_WRONG": {"rouge_l": 0.96}},
            "key_value_text_components_WRONG rouge_l",
        ),
    ],
)
def test_every_column_of_a_quality_case_is_checked(
    change: dict[str, Any], told: str, stand_in: Registry, tmp_path: Path
) -> None:
    case = {**CASES["contradiction_0.51"], **change}
    outcome = outcome_of(tmp_path, "quality_score.jsonl", case, stand_in)
    assert outcome.status == "fail"
    assert told in outcome.detail


def test_what_can_be_computed_is_checked_without_a_model_too(without_model: Registry, tmp_path: Path) -> None:
    case = {**CASES["one_wrong"], "components": {"token_set_ratio": 0.7}}
    assert outcome_of(tmp_path, "quality_score.jsonl", case, without_model).status == "fail"


def test_without_a_tolerance_a_settled_case_is_held_to_a_millionth(stand_in: Registry, tmp_path: Path) -> None:
    case = {key: value for key, value in CASES["unparsed"].items() if key != "tolerance"}
    assert outcome_of(tmp_path, "quality_score.jsonl", {**case, "quality": 5e-7}, stand_in).status == "pass"
    assert outcome_of(tmp_path, "quality_score.jsonl", {**case, "quality": 2e-6}, stand_in).status == "fail"


def test_cases_of_texts_are_taken(stand_in: Registry, tmp_path: Path) -> None:
    case = {"id": "t", "gt": "A cat", "pred": "a  CAT", "parsed": True, "quality": 1.0, "exact_short_circuit": True}
    weights = {"sbert": 0.625, "token_set_ratio": 0.25, "rouge_l": 0.125}
    outcome = outcome_of(tmp_path, "quality_score.jsonl", {**case, "weights": weights}, stand_in)
    assert (outcome.status, outcome.detail) == ("pass", "")
    unparsed = {**case, "pred": None, "parsed": False, "quality": 0.0, "exact_short_circuit": False}
    assert outcome_of(tmp_path, "quality_score.jsonl", unparsed, stand_in).status == "pass"


@pytest.mark.parametrize("name", PENALTIES)
def test_every_penalty_case_passes(name: str, tmp_path: Path) -> None:
    assert outcome_of(tmp_path, "nli_penalty.jsonl", PENALTIES[name], Registry.load()).status == "pass"


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("contradiction", {"hallucination": 0.9}, "hallucination"),
        ("contradiction", {"penalty_multiplier": 0.6}, "penalty_multiplier"),
        ("contradiction", {"probs": [0.1, 0.2, 0.7]}, "probability of entailment"),
        ("contradiction", {"id2label": {"2": "entailment", "1": "neutral", "0": "contradiction"}}, "label_order"),
        ("contradiction", {"hallucination": 0.5, "tolerance": 0.49, "hallucination_max_WRONG": 1.0}, "max_WRONG"),
        ("multi_field_mean_max", {"hallucination_mean": 0.95}, "hallucination_mean"),
        ("multi_field_mean_max", {"hallucination_max": 0.36}, "hallucination_max"),
    ],
)
def test_every_column_of_a_penalty_case_is_checked(
    name: str, change: dict[str, Any], told: str, tmp_path: Path
) -> None:
    outcome = outcome_of(tmp_path, "nli_penalty.jsonl", {**PENALTIES[name], **change}, Registry.load())
    assert outcome.status == "fail"
    assert told in outcome.detail


def test_a_registry_without_them_cannot_check_them(tmp_path: Path) -> None:
    content = {"schema_version": 1, "extends": "canonical", "composites": [{"id": "peakbench_quality", "remove": True}]}
    (tmp_path / "mine.json").write_text(json.dumps(content), encoding="utf-8")
    registry = Registry.load(tmp_path / "mine.json")
    outcome = outcome_of(tmp_path, "quality_score.jsonl", CASES["exact"], registry)
    assert (outcome.status, outcome.detail) == ("not_checkable", "no composite `peakbench_quality` in this registry")


def test_an_error_of_a_metric_is_a_failed_case(stand_in: Registry, tmp_path: Path) -> None:
    case = {**CASES["one_wrong"], "gt_text": "", "pred": {**CASES["one_wrong"]["pred"], "type": "another"}}
    outcome = outcome_of(tmp_path, "quality_score.jsonl", case, stand_in)
    assert outcome.status == "fail"
    assert "metric sbert_similarity (./table.py:Table): KeyError" in outcome.detail
