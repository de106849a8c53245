"""The reward for lists of defects: by hand, against brute force, and whatever a model writes."""

import itertools
import json
import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peakbench.benchmarks.benchmark import find_benchmark
from peakbench.errors import BadInputError
from peakbench.metrics.grounding.iou import diou_matrix
from peakbench.metrics.grounding.items import BoxItem
from peakbench.rewards import DefectWeights, defect_reward
from peakbench.rewards.defects import boxes_part, matched_by_diou


def shared_words(pairs: Sequence[tuple[str, str]]) -> list[float]:
    """A cosine of sets of words."""
    cosines = []
    for one, other in pairs:
        first, second = set(one.split()), set(other.split())
        cosines.append(len(first & second) / (len(first) * len(second)) ** 0.5)
    return cosines


REWARD = defect_reward(description_similarity=shared_words)


def item(box: Sequence[float], label: str = "artifact", said: str = "fused fingers", importance: Any = 60) -> Any:
    return {"box_2d": list(box), "label": label, "description": said, "importance": importance}


def written(items: Any) -> str:
    return f"<think>I look.</think>\n<answer>{json.dumps(items)}</answer>"


def reward_of(answer: Any, reference: Any) -> float:
    text = answer if isinstance(answer, str) else written(answer)
    (reward,) = REWARD([text], reference=[reference])
    assert reward is not None
    return reward


BOX, FAR = (100, 100, 300, 300), (600, 600, 800, 800)
ONE = [item(BOX)]


def test_a_perfect_answer_earns_all() -> None:
    assert reward_of(ONE, ONE) == pytest.approx(1.0)
    two = [item(BOX), item(FAR, "misalignment", "no cat")]
    assert reward_of(two[::-1], two) == pytest.approx(1.0)


def test_clean_missed_and_invented_have_their_own_value() -> None:
    assert reward_of([], []) == pytest.approx(0.6 * 0.3)
    assert reward_of([], ONE) == pytest.approx(0.6 * -0.8)
    assert reward_of(ONE, []) == pytest.approx(0.6 * -0.3)


def test_one_found_and_one_invented_by_hand() -> None:
    # The diagonal of the box around both is 250² + 200², the distance 50; half of one share each is not covered.
    moved = item((150, 100, 350, 300), said="fused hand", importance=35)
    diou = (150 * 200) / (250 * 200) - 50**2 / (250**2 + 200**2)
    boxes = (diou - 0.5) / 2
    description = ((0.5 - 0.5) / 0.4) / 2
    importance = (1 - 25 / 50) / 2
    expected = 0.6 * boxes + 0.25 * description + 0.15 * importance
    assert reward_of([moved, item(FAR, "misalignment")], ONE) == pytest.approx(expected)


def test_a_box_that_is_far_off_earns_more_the_nearer_it_comes() -> None:
    rewards = [reward_of([item((left, 100, left + 200, 300))], ONE) for left in (800, 600, 400, 310)]
    assert rewards == sorted(rewards)
    assert len(set(rewards)) == 4


def test_labels_keep_items_apart_and_synonyms_do_not() -> None:
    assert reward_of([item(BOX, "misalignment")], ONE) == pytest.approx(0.6 * -1.0)
    assert reward_of([item(BOX, "Artefact")], ONE) == pytest.approx(1.0)
    assert reward_of([item(BOX, "scratch")], ONE) == pytest.approx(0.6 * -1.0)


def test_descriptions_are_rescaled_and_cut_off() -> None:
    cosines = [-1.0, 0.5, 0.7, 0.9, 1.0]
    reward = defect_reward(description_similarity=lambda pairs: cosines)
    assert reward([written(ONE)] * 5, reference=[ONE] * 5) == pytest.approx([0.75, 0.75, 0.875, 1.0, 1.0])


def test_importance_is_by_50_and_50_where_the_reference_has_none() -> None:
    def importance(given: Any, expected: Any) -> float:
        return (reward_of([item(BOX, importance=given)], [item(BOX, importance=expected)]) - 0.85) / 0.15

    assert importance(60, 60) == pytest.approx(1.0)
    assert importance(35, 60) == pytest.approx(0.5)
    assert importance(1, 90) == pytest.approx(0.0)
    assert importance(50, None) == pytest.approx(1.0)
    assert importance(None, 60) == pytest.approx(0.0)


def test_what_the_reference_does_not_say_earns_nothing() -> None:
    reference = [{"box_2d": list(BOX), "label": "artifact"}]
    assert reward_of([item(BOX, importance=50)], reference) == pytest.approx(0.75)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "<answer>[]</answer>",
        "<think>never ends <answer>[]</answer>",
        "<think>so</think>[]",
        "<think>so</think><answer>[]",
        "<think>so</think><answer></answer>",
        "<think>so</think><answer>clean</answer>",
        "<think>so</think><answer>```json\n[]\n```</answer>",
        written(item(BOX)),
        written([3]),
        written([[1, 2, 3, 4]]),
        written("[]"),
        written([{**item(BOX), "box_2d": [300, 100, 100, 300]}]),
        written([{**item(BOX), "box_2d": [100, 100, 100, 300]}]),
        written([{**item(BOX), "box_2d": [100, 100, 300]}]),
        written([{**item(BOX), "box_2d": [100, 100, 300, "300"]}]),
        written([{**item(BOX), "box_2d": [100, 100, 300, True]}]),
        written([{**item(BOX), "box_2d": [100, 100, 300, float("nan")]}]),
        written([{**item(BOX), "box_2d": [100, 100, 300, float("inf")]}]),
        written([{**item(BOX), "importance": float("nan")}]),
        written([{"label": "artifact", "description": "x"}]),
        written([{**item(BOX), "label": ""}]),
        written([{**item(BOX), "label": 3}]),
        written([{**item(BOX), "description": " "}]),
        written([{"box_2d": list(BOX), "label": "artifact"}]),
        written([*ONE, {}]),
        f"<think>so</think><answer>{'[' * 100_000}</answer>",
    ],
)
def test_the_wrong_form_costs_one(text: str) -> None:
    assert reward_of(text, ONE) == -1.0
    assert reward_of(text, []) == -1.0


@pytest.mark.parametrize(
    "text",
    [
        written(ONE),
        written(ONE).removeprefix("<think>"),  # chat templates write it
        f"<think>first <answer>[]</answer>?</think>so<answer>[]</answer> or <answer>{json.dumps(ONE)}</answer> done",
        written([{"bbox_2d": list(BOX), "label": "artifact", "desc": "fused fingers", "importance": "60"}]),
    ],
)
def test_the_right_form_has_room(text: str) -> None:
    assert reward_of(text, ONE) == pytest.approx(1.0)


def test_reasoning_may_come_apart() -> None:
    answer = f"<answer>{json.dumps(ONE)}</answer>"
    said = [{"role": "assistant", "content": answer, "reasoning_content": "I look."}]
    assert REWARD([said, [{"role": "assistant", "content": answer}]], reference=[ONE, ONE]) == [
        pytest.approx(1.0),
        -1.0,
    ]


def test_tables_that_fill_in_keys_and_json_texts_are_read() -> None:
    filled = [{**ONE[0], "bbox_2d": None, "desc": None}]
    moved = [{"box_2d": None, "bbox_2d": list(BOX), "label": "artifact", "desc": "fused fingers", "importance": 60}]
    rewards = REWARD([written(ONE)] * 4, reference=[ONE, filled, moved, json.dumps(ONE)])
    assert rewards == [pytest.approx(1.0)] * 4


def test_descriptions_of_a_batch_are_compared_together() -> None:
    asked: list[list[tuple[str, str]]] = []

    def compare(pairs: Sequence[tuple[str, str]]) -> list[float]:
        asked.append(list(pairs))
        return [0.9 if one == other else 0.5 for one, other in pairs]

    reward = defect_reward(description_similarity=compare)
    other = [item(BOX, said="a hole")]
    rewards = reward([written(ONE), "wrong", written(other), written([])], reference=[ONE, ONE, ONE, None])
    assert rewards == [pytest.approx(1.0), -1.0, pytest.approx(0.75), None]
    assert asked == [[("fused fingers", "fused fingers"), ("fused fingers", "a hole")]]


@pytest.mark.parametrize("values", [[], [float("nan")], [0.5, 0.5]])
def test_a_similarity_that_gives_something_else_is_refused(values: list[float]) -> None:
    with pytest.raises(BadInputError, match="description_similarity gave"):
        defect_reward(description_similarity=lambda pairs: values)([written(ONE)], reference=[ONE])


def test_descriptions_are_compared_or_left_out_in_so_many_words() -> None:
    with pytest.raises(BadInputError, match="nothing compares them") as caught:
        defect_reward()
    assert "DefectWeights(boxes=0.8, description=0, importance=0.2)" in caught.value.mend
    without = DefectWeights(0.8, 0, 0.2)
    with pytest.raises(BadInputError, match="no effect"):
        defect_reward(description_similarity=shared_words, weights=without)
    reward = defect_reward("defects-demo", weights=without)
    assert reward.__name__ == "defects_demo_reward"
    assert reward([written([item(BOX, said="a lie")])], reference=[ONE]) == [pytest.approx(1.0)]


@pytest.mark.parametrize("weights", [(0.6, 0.25, 0.25), (1.2, -0.2, 0), (float("nan"), 0.5, 0.5)])
def test_weights_are_shares(weights: tuple[float, float, float]) -> None:
    with pytest.raises(BadInputError, match="shares that sum to 1"):
        DefectWeights(*weights)


def test_other_tasks_and_boxes_in_pixels_are_refused() -> None:
    with pytest.raises(BadInputError, match="this reward is for `grounding`"):
        defect_reward("garments-demo", description_similarity=shared_words)
    file = find_benchmark("sdg").file
    boxes = file.box_conventions
    pixels = boxes.answers.model_copy(update={"scale": "pixel"})
    in_pixels = file.model_copy(update={"boxes": boxes.model_copy(update={"answers": pixels})})
    with pytest.raises(BadInputError, match="need the size of each image"):
        defect_reward(in_pixels, description_similarity=shared_words)


def test_boxes_are_read_in_the_declared_order() -> None:
    file = find_benchmark("sdg").file
    boxes = file.box_conventions
    swapped = boxes.model_copy(update={"answers": boxes.answers.model_copy(update={"order": "yxyx"})})
    reward = defect_reward(file.model_copy(update={"boxes": swapped}), description_similarity=shared_words)
    wide, tall = item((100, 200, 400, 300)), item((200, 100, 300, 400))
    assert reward([written([tall]), written([wide])], reference=[[wide], [wide]]) == [
        pytest.approx(1.0),
        pytest.approx(reward_of([tall], [wide])),
    ]


def test_a_pickled_reward_is_the_same() -> None:
    again = pickle.loads(pickle.dumps(REWARD))
    assert again.weights == REWARD.weights
    assert again([written(ONE), "x"], reference=[ONE, ONE]) == REWARD([written(ONE), "x"], reference=[ONE, ONE])


STARTS, SIDES = st.integers(0, 12), st.integers(1, 6)
BOXES = st.builds(
    lambda left, top, wide, high: (float(left), float(top), float(left + wide), float(top + high)),
    STARTS, STARTS, SIDES, SIDES,
)  # fmt: skip
ITEMS = st.lists(st.builds(BoxItem, BOXES, label=st.sampled_from(["artifact", "misalignment", None])), max_size=4)


@settings(max_examples=150)
@given(ITEMS, ITEMS)
def test_matching_is_the_best_of_all_within_each_label(references: list[BoxItem], answers: list[BoxItem]) -> None:
    pairs, total = matched_by_diou(references, answers)
    expected, count = 0.0, 0
    for label in ("artifact", "misalignment"):
        ours = [one for one in references if one.label == label]
        theirs = [one for one in answers if one.label == label]
        few, many = sorted((ours, theirs), key=len)
        if few:
            overlaps = diou_matrix(*(np.array([one.box for one in side]) for side in (few, many)))
            choices = itertools.permutations(range(len(many)), len(few))
            expected += max(sum(overlaps[row, column] for row, column in enumerate(choice)) for choice in choices)
            count += len(few)
    assert total == pytest.approx(expected)
    assert len(pairs) == count
    assert all(one.label == other.label for one, other in pairs)
    assert -1 <= boxes_part(len(references), len(answers), len(pairs), total) <= 1


ANSWERED = st.builds(
    item, st.lists(st.integers(0, 1000), min_size=4, max_size=4), st.sampled_from(["artifact", "misalignment", "x"]),
    st.text(max_size=6), st.none() | st.integers(-5, 200),
)  # fmt: skip


@given(st.lists(ANSWERED, max_size=4), st.text(max_size=40))
def test_every_reward_is_between_minus_one_and_one(items: list[Any], text: str) -> None:
    rewards = REWARD([written(items), text, written(items) + text], reference=[ONE, ONE, []])
    assert all(reward is not None and -1 <= reward <= 1 for reward in rewards)
