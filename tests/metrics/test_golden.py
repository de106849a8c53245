"""Golden values come out, and the values of mistakes do not."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rapidfuzz import fuzz
from rapidfuzz.distance import Indel
from wordnet_here import cache_with_wordnet, needs_wordnet

from peakbench.content import content_root
from peakbench.errors import BadInputError
from peakbench.metrics.comparators import verdicts
from peakbench.metrics.golden import GoldenOutcome, verify
from peakbench.metrics.golden.case import DEFAULT_TOLERANCE
from peakbench.metrics.golden.structured import FLOORS_TOLERANCE
from peakbench.metrics.registry import Registry
from peakbench.metrics.text import LevenshteinRatio, TextSimilarity, TokenSetRatio

METRICS = content_root() / "metrics"


@pytest.fixture(scope="module")
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
        "chrf_pp.jsonl": 15,
        "bleu.jsonl": 15,
        "json_extraction.jsonl": 30,
        "comparators.jsonl": 24,
        "consistency_exact.jsonl": 15,
        "consistency_semantic.jsonl": 6,
        "quality_score.jsonl": 4,
        "nli_penalty.jsonl": 5,
        "nli_verbalisation.jsonl": 2,
        "box_normalize.jsonl": 19,
        "box_iou.jsonl": 9,
        "box_match.jsonl": 16,
        "box_union_iou.jsonl": 4,
        "sdg_eval.jsonl": 3,
        "coco_ap.jsonl": 3,
        "refcoco_acc.jsonl": 5,
    }
    for outcome in outcomes:
        lacking = outcome.file == "meteor.jsonl" or "sbert" in outcome.detail
        assert outcome.status == "pass" or lacking


@needs_wordnet
def test_meteor_passes_with_wordnet_and_is_not_checkable_without(registry: Registry) -> None:
    path = METRICS / "meteor/meteor.jsonl"
    assert Counter(one.status for one in verify(registry, path)) == {"not_checkable": 19}
    assert {one.detail for one in verify(registry, path)} == {"WordNet is not there: peakbench metrics fetch wordnet"}
    with_wordnet = Registry.load(cache=cache_with_wordnet())
    assert Counter(one.status for one in verify(with_wordnet, path)) == {"pass": 19}


def test_texts_of_a_run_are_checked_by_the_metric_of_the_run(registry: Registry, tmp_path: Path) -> None:
    case = cases_of("chrf_pp/chrf_pp.jsonl")[-1]
    assert case["level"] == "corpus"
    mean = case["mean_of_sentence_scores"]
    (outcome,) = verify(registry, write(tmp_path, "chrf_pp.jsonl", case | {"library_value": mean}))
    assert (outcome.status, outcome.detail[:15]) == ("fail", "chrf_pp_corpus:")
    (outcome,) = verify(registry, write(tmp_path, "x.jsonl", case | {"metric": "chrf_pp_corpus", "tolerance": 1e-12}))
    assert outcome.status == "pass"
    unparsed = case | {"predictions": [None, *case["predictions"][1:]]}
    assert failed(verify(registry, write(tmp_path, "chrf_pp.jsonl", unparsed)))
    (outcome,) = verify(registry, write(tmp_path, "chrf_pp_corpus.jsonl", {"prediction": "a", "reference": "a"}))
    assert "`chrf_pp_corpus` compares no two texts" in outcome.detail
    (outcome,) = verify(registry, write(tmp_path, "rouge_l.jsonl", case | {"metric": "rouge_l"}))
    assert (outcome.status, outcome.detail[-43:]) == ("not_checkable", "component `rouge_l_corpus` in this registry")


def test_mistakes_in_percent_are_refused_as_fractions(registry: Registry, tmp_path: Path) -> None:
    case: dict[str, Any] = {"metric": "chrf_pp", "scale": "0-100", "prediction": "blue navy", "reference": "navy blue"}
    got = 0.4904761904761904
    case |= {"peakbench_value": got + 0.01, "tolerance": 0.02, "mistake_WRONG": 100 * got - 1.5}
    (outcome,) = verify(registry, write(tmp_path, "chrf_pp.jsonl", case))
    assert "mistake_WRONG" in outcome.detail


def test_folder_and_single_file_are_taken(registry: Registry) -> None:
    file = METRICS / "rouge_l" / "rouge_l.jsonl"
    assert verify(registry, file) == verify(registry, file.parent)
    assert len(verify(registry, file)) == 14


def test_metric_that_the_registry_lacks_is_not_checkable(registry: Registry, tmp_path: Path) -> None:
    file = write(tmp_path, "ter.jsonl", {"id": "a", "metric": "ter", "prediction": "x", "reference": "x"})
    assert verify(registry, file) == [
        GoldenOutcome("ter.jsonl", "a", "not_checkable", "no metric or component `ter` in this registry")
    ]


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


def changed(value: Any) -> Any:
    """Something else of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1e-6
    if isinstance(value, list):
        return [*value[:-1], changed(value[-1])] if value else [["img0", 0, 0, 1.0]]
    return {"a": 1} if isinstance(value, dict) else 0.25 if value is None else f"{value}x"


BOX_KEYS = ("box_f1", "box_precision", "box_recall", "tp", "pairs", "imp_acc", "imp_coverage")
BOX_COLUMNS = [
    ("box_normalize/box_normalize.jsonl", ("strict",)),
    ("box_normalize/box_normalize.jsonl", ("strict_flags",)),
    *[("box_iou/box_iou.jsonl", (key,)) for key in ("iou", "match_at_0_1", "match_at_0_5")],
    *[
        ("box_match/box_match.jsonl", ("tau", "0.5", key))
        for key in (
            *("tp", "fp", "fn", "f1", "matches", "tp_label_agnostic"),
            *("tp_hungarian_then_threshold", "tp_greedy_sdg_released_code"),
        )
    ],
    *[("box_match/box_match.jsonl", ("tau", "0.1", "per_label", "artifact", key)) for key in ("tp", "fp", "fn", "f1")],
    ("union_iou/box_union_iou.jsonl", ("union_iou",)),
    ("refcoco_acc_50/refcoco_acc.jsonl", ("correct_at_0_5",)),
    ("refcoco_acc_50/refcoco_acc.jsonl", ("iou",)),
    ("mean_ap/coco_ap.jsonl", ("pycocotools", "AP")),
    ("mean_ap/coco_ap.jsonl", ("faster_coco_eval", "AP")),
    *[
        ("box_f1_50/sdg_eval.jsonl", ("expected", "artifact", key))
        for key in (
            *("det_type_f1", "det_type_precision", "det_type_recall", "cln_acc", "n_clean", "n_pred", "n_gt"),
            *(f"{key}@{iou}" for iou in (0.1, 0.5) for key in BOX_KEYS),
        )
    ],
    *[
        ("box_f1_50/sdg_eval.jsonl", ("expected", key))
        for key in ("parse_failure_rate", "invalid_box_rate", "unknown_label_rate")
    ],
]


@pytest.mark.parametrize(("path", "keys"), BOX_COLUMNS, ids=lambda value: str(value[-1]))
def test_every_column_of_boxes_is_checked(registry: Registry, tmp_path: Path, path: str, keys: tuple[str, ...]) -> None:
    case = cases_of(path)[0]
    place = case
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = changed(place[keys[-1]]) if path != "mean_ap/coco_ap.jsonl" else 0.99
    (outcome,) = verify(registry, write(tmp_path, Path(path).name, case))
    assert outcome.status == "fail", outcome
    assert keys[-1] in outcome.detail or "AP" in outcome.detail


def test_an_ap_of_minus_one_is_the_libraries_word_for_undefined(registry: Registry, tmp_path: Path) -> None:
    pytest.importorskip("pycocotools")
    case = {"id": "no reference", "gt": [[]], "pred": [[["a", [0, 0, 100, 100], 0.9]]], "pycocotools": {"AP": -1.0}}
    assert failed(verify(registry, write(tmp_path, "coco_ap.jsonl", case))) == []
    case["pycocotools"] = {"AP": 0.0}
    assert len(failed(verify(registry, write(tmp_path, "coco_ap.jsonl", case)))) == 1


def test_a_row_about_other_cases_is_checked_with_them(registry: Registry, tmp_path: Path) -> None:
    cases = cases_of("refcoco_acc_50/refcoco_acc.jsonl")
    for key in ("acc_at_0_5", "mean_iou"):
        outcomes = verify(registry, write(tmp_path, "refcoco_acc.jsonl", *cases[:-1], cases[-1] | {key: 0.7}))
        assert [outcome.status for outcome in outcomes] == ["pass"] * 4 + ["fail"]
    missing = write(tmp_path, "refcoco_acc.jsonl", cases[-1])
    (outcome,) = verify(registry, missing)
    assert (outcome.case, outcome.status) == ("AGG", "fail")
    assert "it lacks `hit`" in outcome.detail


def test_mistakes_in_boxes_are_caught(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    def with_a_pixel_more(ones: Any, others: Any) -> Any:
        from peakbench.metrics.grounding.iou import iou_matrix

        more = np.array([0, 0, 1, 1])
        return iou_matrix(ones + more, others + more)

    with monkeypatch.context() as patch:
        patch.setattr("peakbench.metrics.golden.boxes.iou_matrix", with_a_pixel_more)
        (caught,) = [one for one in verify(registry) if one.file == "box_iou.jsonl" and one.case == "half_exact"]
        assert "voc_inclusive_pixel_iou_WRONG" in caught.detail or "iou" in caught.detail
    with monkeypatch.context() as patch:  # whoever cannot be read has called the image clean
        patch.setattr("peakbench.metrics.metric.Answer.parsed", property(lambda answer: True))
        broken = [one for one in verify(registry) if one.file == "sdg_eval.jsonl" and one.status == "fail"]
        assert any("cln_acc" in one.detail for one in broken)


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


def test_every_kind_of_repeats_is_checked(registry: Registry, tmp_path: Path) -> None:
    cases = cases_of("consistency_exact/consistency_exact.jsonl")
    for case in (cases[0], next(case for case in cases if "schema" in case)):
        wrong = case | {"consistency_exact": 0.5}
        (outcome,) = verify(registry, write(tmp_path, "consistency_exact.jsonl", wrong))
        assert (outcome.status, outcome.detail) == ("fail", "consistency_exact: 1.0, expected 0.5")
        mistake = case | {"consistency_exact_pairs_WRONG": 0.95, "consistency_exact": 1.06, "tolerance": 0.1}
        (outcome,) = verify(registry, write(tmp_path, "consistency_semantic.jsonl", mistake))
        assert "consistency_exact_pairs_WRONG" in outcome.detail
    (outcome,) = verify(registry, write(tmp_path, "consistency_exact.jsonl", {"runs": [{}], "consistency_exact": None}))
    assert "where a text is needed without a `schema`" in outcome.detail


def test_skill_of_floors_is_checked_against_the_majority_of_the_case(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "garment_schema.json").write_bytes((METRICS / "structured_match/garment_schema.json").read_bytes())
    (case,) = cases_of("structured_match/structured_floors.jsonl")
    floor = case["floors"]["majority_value"]["weighted_score"]
    for name, row in case["floors"].items():
        row["skill_over_majority"] = (row["weighted_score"] - floor) / (1 - floor)
        assert name != "oracle" or row["skill_over_majority"] == 1.0
    case["tolerance"] = 1e-4  # the values of the file are rounded to 6 digits
    assert not failed(verify(registry, write(tmp_path, "structured_floors.jsonl", case)))
    case["floors"]["always_null"]["skill_over_majority"] += 1e-3
    (outcome,) = verify(registry, write(tmp_path, "structured_floors.jsonl", case))
    assert outcome.detail.startswith("always_null skill_over_majority")


def break_similarity(monkeypatch: pytest.MonkeyPatch, kind: type[TextSimilarity], give: Any) -> None:
    monkeypatch.setattr(kind, "similarity", lambda _, reference, prediction: give(reference, prediction))


def test_plausible_mistakes_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        break_similarity(patch, LevenshteinRatio, Indel.normalized_similarity)
        assert any("indel_ratio_WRONG" in outcome.detail for outcome in verify(Registry.load()))
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
        ("structured_match.jsonl", '{"id": "x", "schema": "none.json", "expected": {}}', r"none\.json"),
    ],
)
def test_broken_files_are_refused_by_line(
    registry: Registry, tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(BadInputError, match=f"(?s){message}"):
        verify(registry, tmp_path / name)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("rouge_l.jsonl", '{"id": "x", "prediction": "a"}', "line 2: the case has not the form of this file"),
        ("comparators.jsonl", '{"id": "x", "field": {"type": "exact", "wieght": 1}, "gt": 1}', "wieght"),
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
            "line 2: the case has not the form of this file",
        ),
    ],
)
def test_a_case_of_another_form_fails_alone(
    registry: Registry, tmp_path: Path, name: str, text: str, message: str
) -> None:
    """Whoever brings a thousand cases learns of the other 999."""
    right = {
        "weighted_score.jsonl": {"fields": {"a": {"type": "exact"}}, "reference": {}, "responses": [None], "value": 0},
        "comparators.jsonl": cases_of("comparators/comparators.jsonl")[0],
        "json_extraction.jsonl": cases_of("json_extraction/json_extraction.jsonl")[0],
        "rouge_l.jsonl": cases_of("rouge_l/rouge_l.jsonl")[0],
    }[name]
    (tmp_path / name).write_text(f"{json.dumps(right)}\n{text}\n{json.dumps(right)}\n", encoding="utf-8")
    outcomes = verify(registry, tmp_path / name)
    assert [outcome.status for outcome in outcomes] == ["pass", "fail", "pass"]
    assert outcomes[1].case == "x"
    assert message in outcomes[1].detail


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
