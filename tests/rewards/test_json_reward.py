"""The reward for answers of fields is the metric, whatever a trainer hands over."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.benchmarks.file import BenchmarkFile
from peakbench.benchmarks.sample import Sample
from peakbench.errors import BadInputError
from peakbench.metrics.answers import preparer
from peakbench.metrics.registry import Registry
from peakbench.rewards import json_reward
from peakbench.runs.records import Response, Timing, Usage

FILE = BenchmarkFile.model_validate(
    {
        "schema_version": 1,
        "id": "goods-2.0",
        "version": 1,
        "task": "extraction",
        "data": {"path": "data.jsonl"},
        "prompt": "p",
        "fields": {
            "type": {"type": "categorical", "weight": 2.5, "synonyms": {"t-shirt": ["tee"]}},
            "brand": {"type": "brand", "aliases": ["maker"]},
            "price": {"type": "number"},
            "new": {"type": "boolean"},
            "code": {"type": "exact"},
            "tags": {"type": "list", "items": {"type": "categorical"}},
            "made": {"type": "object", "fields": {"city": {"type": "categorical", "aliases": ["town"]}}},
        },
    }
)
REGISTRY = Registry.load()
REFERENCE = {
    "type": "t-shirt",
    "brand": None,
    "price": 12,
    "new": True,
    "code": 7,
    "tags": ["a", "b"],
    "made": {"city": "Rome"},
}
REWARD = json_reward(FILE)

SCALARS = st.none() | st.booleans() | st.integers(-20, 20) | st.floats(allow_nan=False) | st.text(max_size=8)
VALUES = st.one_of(
    SCALARS,
    st.sampled_from(["tee", "12", "yes", "N/A"]),
    st.lists(SCALARS, max_size=3),
    st.dictionaries(st.sampled_from(["city", "town", "x"]), SCALARS, max_size=2),
)
KEYS = st.sampled_from([*FILE.fields, "Type", "maker", "other", "more"])
ANSWERS = st.dictionaries(KEYS, VALUES, max_size=9)
PROSE = st.sampled_from(["", "Here: ", "<think>so</think>", "<think>", "```json\n"])


def by_the_metric(reference: dict[str, Any], text: str, reasoning: str | None = None) -> float | None:
    """What a board gives for the same answer."""
    metric = REGISTRY.metric("structured_reward", FILE.schema_of_fields)
    response = Response("a", 0, text, reasoning, "stop", Usage(), Timing(0.0, 0.0))
    whole = {name: reference.get(name) for name in FILE.fields}
    (score,) = metric.score(preparer(FILE, REGISTRY)(Sample("a", "", (), whole), response))
    return score.value


@settings(max_examples=200)
@given(st.lists(st.tuples(PROSE, ANSWERS), min_size=1, max_size=4))
def test_the_reward_is_the_metric(answers: list[tuple[str, dict[str, Any]]]) -> None:
    texts = [prose + json.dumps(value) for prose, value in answers]
    rewards = REWARD(texts, reference=[REFERENCE] * len(texts))
    assert rewards == [by_the_metric(REFERENCE, text) for text in texts]
    assert all(reward is not None and 0 <= reward <= 1 for reward in rewards)


@pytest.mark.parametrize(
    ("answer", "structure"),
    [
        (REFERENCE, 1.0),
        (dict.fromkeys(REFERENCE), 1.0),
        ({**REFERENCE, "other": 1}, (1 + 7 / 8 + 1) / 3),
        ({"type": "t-shirt"}, (1 / 7 + 1 + 1 / 7) / 3),
        ({**REFERENCE, "type": 3, "brand": ["x"]}, (1 + 1 + 5 / 7) / 3),
        ({**REFERENCE, "price": "12", "new": "yes", "code": True}, (1 + 1 + 5 / 7) / 3),
        ({**REFERENCE, "price": True, "new": 1, "code": [7]}, (1 + 1 + 4 / 7) / 3),
        ({**REFERENCE, "tags": "a", "made": "Rome"}, (1 + 1 + 5 / 7) / 3),
        ({**REFERENCE, "tags": ["a", 2], "made": {"town": 5}}, (1 + 1 + 5 / 7) / 3),
        ({**REFERENCE, "tags": [None], "made": {"town": "Rome", "street": 5}}, 1.0),
        ({"Type": "t-shirt", "type": "t-shirt", "maker": None}, (2 / 7 + 1 + 2 / 7) / 3),
    ],
)
def test_structure_counts_keys_and_types(answer: dict[str, Any], structure: float) -> None:
    assert REWARD.metric.formula.structure(answer) == pytest.approx(structure)
    (reward,) = REWARD([json.dumps(answer)], reference=[REFERENCE])
    metric = REGISTRY.metric("weighted_score", FILE.schema_of_fields)
    response = Response("a", 0, json.dumps(answer), None, "stop", Usage(), Timing(0.0, 0.0))
    content = metric.score(preparer(FILE, REGISTRY)(Sample("a", "", (), REFERENCE), response))[0].value
    assert content is not None
    assert reward == pytest.approx(0.2 * structure + 0.8 * content)


@pytest.mark.parametrize("text", ["", "prose", "{}", '{"other": 1}', '{"type": "t-shirt', '<think>{"type": "t-shirt"}'])
def test_without_an_answer_there_is_no_reward(text: str) -> None:
    assert REWARD([text], reference=[REFERENCE]) == [0.0]


def test_completions_are_texts_or_messages() -> None:
    text = json.dumps({"type": "tee"})
    asked = {"role": "user", "content": json.dumps(REFERENCE)}
    completions: list[Any] = [
        text,
        [{"role": "assistant", "content": text}],
        [{"role": "assistant", "content": [{"type": "text", "text": text[:5]}, {"type": "text", "text": text[5:]}]}],
        [{"role": "assistant", "content": json.dumps(REFERENCE)}, asked, {"role": "assistant", "content": text}],
        [{"role": "assistant", "content": text, "reasoning_content": json.dumps(REFERENCE)}],
        [{"role": "assistant", "content": None, "tool_calls": []}],
    ]
    rewards = REWARD(completions, reference=[REFERENCE] * 6, prompts=["p"] * 6, trainer_state=object(), log_extra=None)
    assert rewards == [by_the_metric(REFERENCE, text)] * 5 + [0.0]


def test_references_are_objects_or_json_and_completed() -> None:
    text = json.dumps({"type": "tee"})
    references = [{"type": "t-shirt"}, '{"type": "t-shirt"}', {"Type": "t-shirt", "maker": None}, {}]
    expected = [by_the_metric(one, text) for one in ({"type": "t-shirt"},) * 3 + ({},)]
    assert REWARD([text] * 4, reference=references) == expected
    assert expected[0] != expected[3]


def test_references_that_python_holds_equal_are_kept_apart() -> None:
    texts = ['{"code": true}', '{"code": 1}']
    one, true = REWARD([texts[0]] * 2, reference=[{"code": 1}, {"code": True}])
    assert one is not None
    assert true is not None
    assert one < true


def test_a_row_without_reference_gets_none() -> None:
    text = json.dumps({"type": "tee"})
    rewards = REWARD([text, text, text], reference=[None, REFERENCE, None])
    assert rewards == [None, by_the_metric(REFERENCE, text), None]


def test_what_cannot_be_rewarded_is_refused_with_its_place() -> None:
    with pytest.raises(BadInputError, match=r"no column `reference`.*columns: answer, prompts") as caught:
        REWARD(["{}"], answer=[{}], prompts=["p"])
    assert "reference='COLUMN'" in caught.value.mend
    with pytest.raises(BadInputError, match="2 completions, but 1 references"):
        REWARD(["{}", "{}"], reference=[{}])
    with pytest.raises(BadInputError, match=r"column `reference`, row 1: .*`typ`"):
        REWARD(["{}", "{}"], reference=[{}, {"typ": "tee"}])
    for completion in (3, None, [], [{"role": "user", "content": "x"}], {"content": "x"}):
        with pytest.raises(BadInputError, match="completion 0 is no text"):
            REWARD([completion], reference=[{}])  # type: ignore[list-item]


def test_the_column_is_the_one_that_was_named() -> None:
    assert json_reward(FILE, "garment")(["prose"], garment=[{}], reference=[3]) == [0.0]


def test_benchmarks_are_named_or_lie_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("schema_version: 1\nextends: garments-demo\nid: mine\nversion: 1\n", encoding="utf-8")
    text = json.dumps({"type": "tee"})
    by_name, by_path = json_reward("garments-demo"), json_reward(path)
    assert (by_name.__name__, by_path.__name__, REWARD.__name__) == (
        "garments_demo_reward",
        "mine_reward",
        "goods_2_0_reward",
    )
    assert by_name([text], reference=[{"type": "t-shirt"}]) == by_path([text], reference=[{"type": "t-shirt"}])
    with pytest.raises(BadInputError, match="this reward is for `extraction`"):
        json_reward("defects-demo")


def test_a_pickled_reward_is_the_same() -> None:
    again = pickle.loads(pickle.dumps(REWARD))
    text = json.dumps({"type": "tee", "other": 1})
    assert again.__name__ == REWARD.__name__
    assert again([text], reference=[REFERENCE]) == REWARD([text], reference=[REFERENCE])


def changed_registry(folder: Path, entry: dict[str, Any]) -> Registry:
    path = folder / "peakbench_metrics.json"
    extension = {"schema_version": 1, "extends": "canonical", "metrics": [{"id": "structured_reward", **entry}]}
    path.write_text(json.dumps(extension), encoding="utf-8")
    return Registry.load(path)


def test_the_share_of_structure_is_that_of_the_registry(tmp_path: Path) -> None:
    registry = changed_registry(tmp_path, {"parameters": {"structure": 1.0}})
    reward = json_reward(FILE, registry=registry)
    answer = json.dumps(dict.fromkeys(REFERENCE))
    assert reward([answer], reference=[REFERENCE]) == [1.0]
    assert pickle.loads(pickle.dumps(reward))([answer], reference=[REFERENCE]) == [1.0]
    assert REWARD.metric.signature != reward.metric.signature


def test_a_pickled_reward_of_a_file_that_changed_is_refused(tmp_path: Path) -> None:
    pickled = pickle.dumps(json_reward(FILE, registry=changed_registry(tmp_path, {"parameters": {"structure": 0.5}})))
    changed_registry(tmp_path, {"parameters": {"structure": 0.4}})
    with pytest.raises(BadInputError, match="says something else"):
        pickle.loads(pickled)


@pytest.mark.parametrize("structure", [-0.1, 1.5, "0.2", True])
def test_a_share_that_is_none_is_refused(tmp_path: Path, structure: Any) -> None:
    registry = changed_registry(tmp_path, {"parameters": {"structure": structure}})
    with pytest.raises(BadInputError, match="structured_reward`: structure is"):
        json_reward(FILE, registry=registry)


def test_an_answer_without_json_is_worth_what_the_registry_says(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="is another metric there"):
        json_reward(FILE, registry=changed_registry(tmp_path, {"on_unparsed": None}))


def test_fields_compared_by_meaning_need_their_model() -> None:
    meaning = FILE.model_copy(update={"fields": {"note": FILE.fields["type"].model_copy(update={"type": "semantic"})}})
    registry = Registry.load()
    if registry.field_encoder is not None:
        pytest.skip("the sentence encoder is there")
    with pytest.raises(BadInputError, match="peakbench metrics fetch sbert"):
        json_reward(meaning, registry=registry)


def test_the_garments_of_the_demo_are_rewarded_in_full() -> None:
    from peakbench.benchmarks.garments.spec import draw_spec

    references = [dict(draw_spec(7, index).reference()) for index in range(20)]
    reward = json_reward(find_benchmark("garments-demo").file)
    assert reward([json.dumps(one) for one in references], reference=references) == [1.0] * 20
