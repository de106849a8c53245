"""Floors: what trivial systems answer."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakbench.benchmarks.file import BenchmarkFile
from peakbench.benchmarks.floors import FLOOR_NOTES, floor_answers, majority_answer
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


def majority(*types: object, training: list[dict[str, object]] | None = None) -> object:
    given = [Sample(f"s{index}", "p", (), {"type": kind, "size": None}) for index, kind in enumerate(types)]
    return majority_answer(FILE, given, ["N/A", "none"], training)["type"]


def test_the_majority_counts_null_and_prefers_the_first_among_equals() -> None:
    assert majority("a", None, None) is None
    assert majority("b", "a", "a", "b") == "b"


def test_null_and_all_null_words_are_one_value_of_the_majority() -> None:
    assert majority("a", "a", None, "N/A", " none.") is None
    assert majority("a", "a", "unknown", "unknown", "unknown") == "unknown"
    words = FILE.model_copy(update={"null_values": ["unknown"]})
    given = samples("a", "unknown", "N/A")
    assert majority_answer(words, given, ["N/A"]) == {"type": None, "size": None}


def test_spellings_of_a_value_are_counted_together_and_the_most_frequent_is_answered() -> None:
    assert majority("Navy  Blue", "navy blue", "navy blue", "red", "red") == "navy blue"
    assert majority("Tee", "tee", "red") == "Tee"
    assert majority(42, "42", "red", "red", 42.0) == 42
    assert majority(["B"], ["b"], ["b", "c"]) == ["B"]


def test_the_majority_of_a_training_split_knows_nothing_of_the_samples() -> None:
    assert majority("a", "a", training=[{"type": "b", "size": "M"}]) == "b"
    assert majority(training=[{"type": "b", "size": "M"}]) == "b"


@given(st.lists(st.sampled_from([None, "N/A", "a", "A", "b ", "B", 1]), min_size=1, max_size=12))
def test_no_other_value_is_there_more_often_than_the_majority(values: list[object]) -> None:
    def form(value: object) -> object:
        return None if value in (None, "N/A") else str(value).strip().lower()

    counts = Counter(form(value) for value in values)
    assert counts[form(majority(*values))] == max(counts.values())


def test_a_majority_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no reference to count"):
        majority()
    with pytest.raises(ValueError, match="no fields"):
        majority_answer(BOXES, [], [])
    with pytest.raises(ValueError, match="needs the majority's answer"):
        floor_answers(FILE, "majority_value", samples("a"), 0)


def test_the_floor_answers_the_majority_to_every_sample() -> None:
    made = floor_answers(FILE, "majority_value", samples("a", "b"), 0, {"type": "a", "size": None})
    assert [json.loads(text) for text in made] == [{"type": "a", "size": None}] * 2


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
    assert list(floor_answers(BOXES, "defects_always_empty", given, 0)) == ["[]", "[]"]
    whole = json.loads(next(floor_answers(BOXES, "defects_whole_image", given, 0)))
    assert [(item["box_2d"], item["label"]) for item in whole] == [
        ([0.0, 0.0, 1.0, 1.0], "artifact"),
        ([0.0, 0.0, 1.0, 1.0], "misalignment"),
    ]
