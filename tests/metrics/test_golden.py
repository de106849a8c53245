"""Golden values come out, and the values of mistakes do not."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from rapidfuzz import fuzz
from rapidfuzz.distance import Indel

from peakbench.content import content_root
from peakbench.errors import BadInputError
from peakbench.metrics.comparators import verdicts
from peakbench.metrics.golden import GoldenOutcome, verify
from peakbench.metrics.golden.case import DEFAULT_TOLERANCE
from peakbench.metrics.golden.structured import FLOORS_TOLERANCE
from peakbench.metrics.registry import Registry
from peakbench.metrics.text import LevenshteinRatio, TextSimilarity, TokenSetRatio

METRICS = content_root() / "metrics"


@pytest.fixture
def registry() -> Registry:
    return Registry.load()


def failed(outcomes: list[GoldenOutcome]) -> list[str]:
    return [f"{outcome.file} {outcome.case}" for outcome in outcomes if outcome.status == "fail"]


def write(folder: Path, name: str, *cases: dict[str, Any]) -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(case) + "\n" for case in cases), encoding="utf-8")
    return path


def test_every_golden_case_of_the_registry_passes_or_says_why_not(registry: Registry) -> None:
    outcomes = verify(registry)
    assert not failed(outcomes)
    by_file = Counter(outcome.file for outcome in outcomes if outcome.status == "pass")
    assert by_file == {
        "structured_match.jsonl": 15,
        "structured_floors.jsonl": 1,
        "token_set_ratio.jsonl": 14,
        "rouge_l.jsonl": 14,
        "levenshtein.jsonl": 14,
        "json_extraction.jsonl": 30,
        "comparators.jsonl": 24,
    }
    for outcome in outcomes:
        assert outcome.status == "pass" or "fetch it" in outcome.detail


def test_folder_and_single_file_are_taken(registry: Registry) -> None:
    file = METRICS / "rouge_l" / "rouge_l.jsonl"
    assert verify(registry, file) == verify(registry, file.parent)
    assert len(verify(registry, file)) == 14


def test_metric_that_the_registry_lacks_is_not_checkable(registry: Registry, tmp_path: Path) -> None:
    file = write(tmp_path, "meteor.jsonl", {"id": "a", "metric": "meteor", "prediction": "x", "reference": "x"})
    assert verify(registry, file) == [
        GoldenOutcome("meteor.jsonl", "a", "not_checkable", "no metric or component `meteor` in this registry")
    ]
    file = write(tmp_path, "box_iou.jsonl", {"id": "b", "iou": 1.0})
    assert verify(registry, file)[0].status == "not_checkable"


def test_case_with_a_comparator_that_the_registry_lacks_is_not_checkable(registry: Registry, tmp_path: Path) -> None:
    fields: list[dict[str, Any]] = [
        {"type": "telepathy"},
        {"type": "list", "items": {"type": "telepathy"}},
        {"type": "object", "fields": {"a": {"type": "exact"}, "b": {"type": "telepathy"}}},
    ]
    cases = [{"id": str(n), "field": field, "gt": 1, "score": 1.0, "outcome": "TP"} for n, field in enumerate(fields)]
    outcomes = verify(registry, write(tmp_path, "comparators.jsonl", *cases))
    assert {(outcome.status, outcome.detail) for outcome in outcomes} == {
        ("not_checkable", "no comparator `telepathy` in this registry")
    }


def cases_of(path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (METRICS / path).read_text(encoding="utf-8").splitlines()]


def test_wrong_expectations_fail_with_both_values(registry: Registry, tmp_path: Path) -> None:
    rouge = cases_of("rouge_l/rouge_l.jsonl")[1] | {"peakbench_value": 0.51}
    (outcome,) = verify(registry, write(tmp_path, "rouge_l.jsonl", rouge))
    assert (outcome.status, outcome.detail) == ("fail", "rouge_l: 0.5, expected 0.51")
    within = cases_of("rouge_l/rouge_l.jsonl")[1] | {"peakbench_value": 0.51, "tolerance": 0.02}
    assert not failed(verify(registry, write(tmp_path, "rouge_l.jsonl", within)))


def test_value_of_a_mistake_is_refused_where_it_differs(registry: Registry, tmp_path: Path) -> None:
    case = {"id": "a", "metric": "levenshtein_ratio", "prediction": "ab", "reference": "ba", "peakbench_value": 0.0}
    file = write(tmp_path, "levenshtein.jsonl", case | {"indel_WRONG": 0.5, "same_WRONG": 0.0})
    assert not failed(verify(registry, file))
    file = write(
        tmp_path, "levenshtein.jsonl", case | {"peakbench_value": 0.05, "tolerance": 0.1, "mistake_WRONG": -0.09}
    )
    assert "mistake_WRONG" in verify(registry, file)[0].detail


@pytest.mark.parametrize(
    "change",
    [
        {"json_ok": False},
        {"field_match_rate": 0.9},
        {"value_accuracy": 0.9},
        {"structured_match": 0.9},
        {"weighted_score": 0.9},
        {"tp": 8},
        {"n_pred": 8},
        {"n_gt": 8},
        {"field_f1": None},
        {"extra_keys": 1},
        {"fields": {"type": {"score": 1.0, "outcome": "FD"}}},
        {"fields": {"type": {"score": 0.5, "outcome": "TP"}}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_column_of_structured_cases_is_checked(
    registry: Registry, tmp_path: Path, change: dict[str, Any]
) -> None:
    (tmp_path / "garment_schema.json").write_bytes((METRICS / "structured_match/garment_schema.json").read_bytes())
    case = cases_of("structured_match/structured_match.jsonl")[0]
    case["expected"] |= change
    (outcome,) = verify(registry, write(tmp_path, "structured_match.jsonl", case))
    assert outcome.status == "fail"
    assert next(iter(change)) in outcome.detail or "type" in outcome.detail


@pytest.mark.parametrize(
    "column", ["strict_valid", "extracted_valid", "repaired_valid", "value", "repaired_value", "flags"]
)
def test_every_column_of_extraction_cases_is_checked(registry: Registry, tmp_path: Path, column: str) -> None:
    case = cases_of("json_extraction/json_extraction.jsonl")[0]
    case[column] = {"strict_valid": False, "extracted_valid": False, "repaired_valid": False, "flags": ["fence"]}.get(
        column, {"type": "coat"}
    )
    (outcome,) = verify(registry, write(tmp_path, "json_extraction.jsonl", case))
    assert outcome.status == "fail"
    assert column in outcome.detail


@pytest.mark.parametrize(
    "floor", ["never_json", "empty_object", "always_null", "majority_value", "majority_non_null", "oracle"]
)
def test_every_floor_is_checked(registry: Registry, tmp_path: Path, floor: str) -> None:
    (tmp_path / "garment_schema.json").write_bytes((METRICS / "structured_match/garment_schema.json").read_bytes())
    (case,) = cases_of("structured_match/structured_floors.jsonl")
    case["floors"][floor]["weighted_score"] += 1e-4
    (outcome,) = verify(registry, write(tmp_path, "structured_floors.jsonl", case))
    assert outcome.status == "fail"
    assert outcome.detail.startswith(f"{floor} weighted_score")


def break_similarity(monkeypatch: pytest.MonkeyPatch, kind: type[TextSimilarity], give: Any) -> None:
    monkeypatch.setattr(kind, "similarity", lambda _, reference, prediction: give(reference, prediction))


def test_plausible_mistakes_are_caught(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        break_similarity(patch, LevenshteinRatio, Indel.normalized_similarity)
        assert any("indel_ratio_WRONG" in outcome.detail for outcome in verify(registry))
    with monkeypatch.context() as patch:
        break_similarity(patch, TokenSetRatio, lambda a, b: fuzz.token_set_ratio(a, b) / 100)
        assert failed(verify(Registry.load()))
    with monkeypatch.context() as patch:
        patch.setattr(verdicts, "is_null", lambda value, words: value is None)
        assert failed(verify(Registry.load()))
    assert not failed(verify(Registry.load()))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("rouge_l.jsonl", "{", r"rouge_l\.jsonl:1 is no JSON"),
        ("rouge_l.jsonl", "\n[]", r"rouge_l\.jsonl:2 is no JSON object"),
        ("rouge_l.jsonl", '{"id": "x", "prediction": "a"}', r"rouge_l\.jsonl:1: case `x`"),
        ("comparators.jsonl", '{"id": "x", "field": {"type": "exact", "wieght": 1}, "gt": 1}', r"case `x`.*weight"),
        ("structured_match.jsonl", '{"id": "x", "schema": "none.json", "expected": {}}', r"none\.json"),
        ("rouge_l.jsonl", '{"id": "x", "prediction": "a", "reference": "a"}', "lacks `peakbench_value`"),
        (
            "rouge_l.jsonl",
            '{"id": "x", "prediction": "a", "reference": 1, "peakbench_value": 1}',
            "`reference` holds 1",
        ),
        (
            "weighted_score.jsonl",
            '{"id": "x", "prediction": "a", "reference": "a", "peakbench_value": 1}',
            "`weighted_score` compares no two texts",
        ),
        (
            "json_extraction.jsonl",
            '{"id": "x", "text": "[]", "root": "list", "expected_keys": ["a"]}',
            "the root is `list`; it is one of object, array",
        ),
        (
            "json_extraction.jsonl",
            '{"id": "x", "text": "{}", "root": "object", "expected_keys": ["a"], "strict_valid": false,'
            ' "extracted_valid": false, "repaired_valid": false, "value": NaN, "repaired_value": null, "flags": []}',
            "case `x` has not the form of this file",
        ),
    ],
)
def test_broken_files_are_refused_by_line(
    registry: Registry, tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(BadInputError, match=f"(?s){message}"):
        verify(registry, tmp_path / name)


def test_prediction_of_null_is_unparsed_and_a_number_beyond_floats_no_match(registry: Registry, tmp_path: Path) -> None:
    case = {"id": "a", "metric": "rouge_l", "prediction": None, "reference": "", "peakbench_value": 0.0}
    assert not failed(verify(registry, write(tmp_path, "rouge_l.jsonl", case)))
    (outcome,) = verify(registry, write(tmp_path, "rouge_l.jsonl", case | {"peakbench_value": 10**400}))
    assert outcome.status == "fail"


def test_byte_order_mark_is_no_part_of_the_first_case(registry: Registry, tmp_path: Path) -> None:
    text = (METRICS / "rouge_l/rouge_l.jsonl").read_text(encoding="utf-8")
    (tmp_path / "rouge_l.jsonl").write_text(text, encoding="utf-8-sig")
    assert len(verify(registry, tmp_path)) == 14


def test_references_are_made_whole_as_in_a_run(registry: Registry, tmp_path: Path) -> None:
    case = {
        "id": "a",
        "schema": {"sleeve_length": {"type": "categorical"}, "size": {"type": "size"}},
        "gt": {"Sleeve Length": "short", "seller": "x"},
        "pred": {"sleeve-length": "short", "size": None},
        "parsed": True,
        "expected": {"weighted_score": 1.0, "n_gt": 1, "field_f1": 1.0, "extra_keys": 0},
    }
    assert verify(registry, write(tmp_path, "structured_match.jsonl", case))[0].status == "pass"


@pytest.mark.parametrize(
    ("path", "change", "mistake"),
    [
        ("json_extraction/json_extraction.jsonl", {"flags": ["x"], "flags_WRONG": []}, "flags_WRONG"),
        (
            "json_extraction/json_extraction.jsonl",
            {"value": {}, "value_first_WRONG": {"type": "t-shirt", "color": "navy blue", "size": "M"}},
            "value_first_WRONG",
        ),
        (
            "json_extraction/json_extraction.jsonl",
            {"strict_valid": False, "strict_valid_WRONG": True},
            "strict_valid_WRONG",
        ),
        ("structured_match/structured_match.jsonl", {"tp_WRONG": 9}, "tp_WRONG"),
        ("structured_match/structured_floors.jsonl", {"weighted_score_WRONG": 0.4272}, "weighted_score_WRONG"),
        ("structured_match/structured_match.jsonl", {"outcome_WRONG": "TP"}, "outcome_WRONG"),
    ],
)
def test_values_of_mistakes_are_refused_in_every_file(
    registry: Registry, tmp_path: Path, path: str, change: dict[str, Any], mistake: str
) -> None:
    (tmp_path / "garment_schema.json").write_bytes((METRICS / "structured_match/garment_schema.json").read_bytes())
    case = cases_of(path)[0]
    if "outcome_WRONG" in change:
        case["expected"]["fields"]["type"] |= change | {"outcome": "FD"}
    elif "floors" in case:
        case["floors"]["always_null"] |= change | {"weighted_score": 0.5}
    elif "expected" in case:
        case["expected"] |= change | {"tp": 8}
    else:
        case |= change
    (outcome,) = verify(registry, write(tmp_path, Path(path).name, case))
    assert mistake in outcome.detail


def test_absent_files_are_refused(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="holds no golden files"):
        verify(registry, tmp_path)
    with pytest.raises(BadInputError, match="cannot be read"):
        verify(registry, tmp_path / "none.jsonl")


def test_tolerances_are_those_of_the_files() -> None:
    assert (DEFAULT_TOLERANCE, FLOORS_TOLERANCE) == (1e-9, 1e-6)
