"""Golden cases of raw responses, for every metric of answers."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from card_examples import example_in

from peakbench.content import content_root
from peakbench.metrics.golden import verify
from peakbench.metrics.registry import Registry

REGISTRY = Registry.load()
DOCS = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
CASE: dict[str, Any] = {
    "id": "a",
    "fields": {"type": {"type": "categorical"}, "size": {"type": "size"}},
    "reference": {"type": "coat", "size": "M"},
    "responses": ['{"type": "coat", "size": "S"}'],
    "value": 0.5,
}


def checked(folder: Path, name: str, case: dict[str, Any]) -> tuple[str, str]:
    (folder / name).write_text(json.dumps(case) + "\n", encoding="utf-8")
    (outcome,) = verify(REGISTRY, folder / name)
    return outcome.status, outcome.detail


def test_the_documented_case_passes(tmp_path: Path) -> None:
    text = DOCS.read_text(encoding="utf-8")
    (found,) = (block for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL) if "responses" in block)
    assert checked(tmp_path, "value_accuracy.jsonl", json.loads(found))[0] == "pass"


@pytest.mark.parametrize("name", ["weighted_score", "field_f1", "failure_rate", "truncation_rate", "structured_match"])
def test_the_example_of_a_card_is_such_a_case(name: str, tmp_path: Path) -> None:
    example = json.loads(example_in(content_root() / REGISTRY.definition(name).card))
    assert checked(tmp_path, f"{name}.jsonl", {"id": "a", "tolerance": 1e-6, **example}) == ("pass", "")


def test_differences_and_mistakes_fail(tmp_path: Path) -> None:
    assert checked(tmp_path, "weighted_score.jsonl", CASE) == ("pass", "")
    assert checked(tmp_path, "weighted_score.jsonl", {**CASE, "value": 0.6})[0] == "fail"
    assert checked(tmp_path, "weighted_score.jsonl", {**CASE, "value": None})[0] == "fail"
    mistake = {**CASE, "value": 0.45, "tolerance": 0.06, "value_WRONG": 0.55}
    assert "value_WRONG" in checked(tmp_path, "weighted_score.jsonl", mistake)[1]


def test_failed_unparsed_and_undefined_are_said_in_json(tmp_path: Path) -> None:
    case = {**CASE, "responses": [*CASE["responses"], None, "no JSON", "{}"], "value": 0.125}
    assert checked(tmp_path, "weighted_score.jsonl", case) == ("pass", "")
    empty = {**CASE, "reference": {}, "responses": [None], "value": None}
    assert checked(tmp_path, "field_f1.jsonl", empty) == ("pass", "")


def test_without_fields_answers_are_texts(tmp_path: Path) -> None:
    case = {"id": "a", "reference": "a cat", "responses": ["<think>…</think> a cat", "a dog"], "value": 0.75}
    assert checked(tmp_path, "rouge_l.jsonl", case) == ("pass", "")


def test_what_cannot_be_checked_says_why(tmp_path: Path) -> None:
    assert checked(tmp_path, "none.jsonl", CASE) == ("not_checkable", "no metric or component `none` in this registry")
    lacking = REGISTRY.metric("peakbench_quality", None).lacking
    if lacking is not None:
        case = {"id": "a", "reference": "a", "responses": ["b"], "value": 0.5}
        assert checked(tmp_path, "peakbench_quality.jsonl", case) == ("not_checkable", lacking)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("throughput.jsonl", {}, "timing of a run"),
        ("weighted_score.jsonl", {"reference": {"colour": "red"}}, "colour"),
        ("weighted_score.jsonl", {"responses": [{"text": "{}"}]}, "it lacks `finish_reason`"),
    ],
)
def test_broken_cases_fail_and_say_why(name: str, change: dict[str, Any], message: str, tmp_path: Path) -> None:
    status, detail = checked(tmp_path, name, {**CASE, **change})
    assert status == "fail"
    assert message in detail
