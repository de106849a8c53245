"""Floors: what trivial systems answer."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakbench.benchmarks.file import BenchmarkFile
from peakbench.benchmarks.floors import FLOOR_NOTES, floor_answers
from peakbench.benchmarks.sample import Sample

FILE = BenchmarkFile.model_validate(
    {
        "schema_version": 1,
        "id": "t",
        "version": 1,
        "task": "extraction",
        "data": {"path": "data.jsonl"},
        "prompt": "p",
        "fields": {"type": {"type": "exact"}, "size": {"type": "size"}},
    }
)
BOXES = BenchmarkFile.model_validate(
    {
        "schema_version": 1,
        "id": "t",
        "version": 1,
        "task": "grounding",
        "data": {"path": "data.jsonl"},
        "prompt": "p",
        "labels": {"artifact": [], "misalignment": []},
        "boxes": {
            "references": {"order": "xyxy", "scale": "norm1000"},
            "answers": {"order": "yxyx", "scale": "norm1"},
        },
    }
)


def samples(*types: str | None) -> list[Sample]:
    return [Sample(f"s{index}", "p", (), {"type": kind, "size": None}) for index, kind in enumerate(types)]


def answers(name: str, given: list[Sample], seed: int = 0) -> list[dict[str, object]]:
    return [json.loads(text) for text in floor_answers(FILE, name, given, seed)]  # type: ignore[arg-type]


def test_the_oracle_answers_the_reference() -> None:
    given = samples("a", None, "b")
    assert answers("oracle", given) == [sample.reference for sample in given]


def test_never_json_holds_no_json() -> None:
    for text in floor_answers(FILE, "never_json", samples("a"), 0):
        assert not set("{[") & set(text)


def test_always_null_has_every_field() -> None:
    assert answers("always_null", samples("a", "b")) == [{"type": None, "size": None}] * 2


def test_the_majority_counts_null_and_prefers_the_first_among_equals() -> None:
    assert answers("majority_value", samples("a", None, None))[0] == {"type": None, "size": None}
    assert answers("majority_value", samples("b", "a", "a", "b"))[0]["type"] == "b"


@given(n=st.integers(2, 30), seed=st.integers(0, 99))
def test_a_random_row_is_never_ones_own(n: int, seed: int) -> None:
    given = samples(*(str(index) for index in range(n)))
    found = answers("random_row", given, seed)
    assert all(answer != sample.reference for answer, sample in zip(found, given, strict=True))
    assert found == answers("random_row", given, seed)


def test_random_rows_are_drawn_from_all() -> None:
    given = samples(*(str(index) for index in range(5)))
    drawn = Counter(answers("random_row", given, seed)[0]["type"] for seed in range(200))
    assert set(drawn) == {"1", "2", "3", "4"}


def test_a_single_sample_has_no_other() -> None:
    assert answers("random_row", samples("a")) == [{"type": "a", "size": None}]


@pytest.mark.parametrize("name", list(FLOOR_NOTES))
def test_every_floor_says_what_it_answers(name: str) -> None:
    assert FLOOR_NOTES[name]  # type: ignore[index]


def test_box_floors_answer_as_the_benchmark_declares_boxes_for_answers() -> None:
    item = {"box_2d": [100.0, 200.0, 300.0, 600.0], "label": "artifact", "desc": "x"}
    given = [Sample("a", "p", (), (item,)), Sample("b", "p", (), ())]
    oracle = [json.loads(text) for text in floor_answers(BOXES, "oracle", given, 0)]
    assert oracle == [[{"box_2d": [0.2, 0.1, 0.6, 0.3], "label": "artifact", "desc": "x"}], []]
    assert floor_answers(BOXES, "defects_always_empty", given, 0) == ["[]", "[]"]
    whole = json.loads(floor_answers(BOXES, "defects_whole_image", given, 0)[0])
    assert [(item["box_2d"], item["label"]) for item in whole] == [
        ([0.0, 0.0, 1.0, 1.0], "artifact"),
        ([0.0, 0.0, 1.0, 1.0], "misalignment"),
    ]
