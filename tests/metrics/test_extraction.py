"""Finding the answer in what a model wrote."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakbench.metrics.extraction import ExtractionLimits, Root, extract
from peakbench.runs.records import Prediction

LIMITS = ExtractionLimits(max_chars=1_000_000, max_depth=100, repair_max_chars=5_000, repair_max_brackets=40)
KEYS = ["type", "size"]
T = '{"type": "tee"}'


def found(
    text: str, root: Root = "object", keys: Sequence[str] = KEYS, aliases: Mapping[str, Sequence[str]] | None = None
) -> Prediction:
    return extract(text, None, root, keys, aliases or {}, LIMITS)


def nested(depth: int) -> str:
    """An object with `type`, `depth` levels deep."""
    return '{"type": ' + "[" * (depth - 1) + "1" + "]" * (depth - 1) + "}"


def test_byte_order_mark_and_json_white_space_do_not_spoil_strict() -> None:
    assert found(f"\ufeff \r\n\t{T}\n").level == "strict"
    assert found(f"\u00a0{T}").level == "extracted"


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" * 5000])
def test_literals_beyond_json_are_refused(literal: str) -> None:
    prediction = found(f'{{"type": "tee", "size": {literal}}}')
    assert not prediction.parsed
    assert prediction.value is None


def test_non_finite_numbers_are_null_after_repair() -> None:
    assert found('{"type": "tee", "size": NaN}').repaired_value == {"type": "tee", "size": None}


def test_expected_keys_are_normalised_and_kept_as_written() -> None:
    prediction = found('{"Garment-Kind": "tee"}', aliases={"type": ["garment kind"]})
    assert prediction.level == "strict"
    assert prediction.value == {"Garment-Kind": "tee"}


def test_two_spellings_of_one_field_count_once() -> None:
    prediction = found('{"type": 1, "size": 2} or {"type": 1, "Type": 2, "TYPE": 3}')
    assert prediction.value == {"type": 1, "size": 2}


def test_reasoning_of_the_server_is_kept_and_not_searched() -> None:
    prediction = extract("no", '{"type": "coat"}', "object", KEYS, {}, LIMITS)
    assert prediction.level == "none"
    assert prediction.reasoning == '{"type": "coat"}'


@pytest.mark.parametrize(
    "text", [f"<think>hm</think>{T}", f"hm</THINK> {T}", f'<think>a</think>{{"type": "b", "size": 1}}</Think>{T}']
)
def test_text_up_to_the_last_closing_think_is_cut(text: str) -> None:
    prediction = found(text)
    assert prediction.value == {"type": "tee"}
    assert prediction.flags == ("think_removed",)
    assert prediction.reasoning is not None


@pytest.mark.parametrize("text", [f"<think>{T}", f"{T} <THINK>", f"<think>a</think><think>{T}"])
def test_unclosed_think_leaves_nothing(text: str) -> None:
    prediction = found(text)
    assert prediction.level == "none"
    assert prediction.answer is None
    assert "think_unclosed" in prediction.flags


def test_think_in_a_string_of_a_strict_answer_is_text() -> None:
    assert found('{"type": "<think>"}').level == "strict"


@pytest.mark.parametrize(
    "text",
    [
        f'<answer>{{"type": "coat"}}</answer> <Answer>{T}</ANSWER>',
        f"{T.replace('tee', 'coat')} <answer>{T}",
        f"<answer>{T}</answer> not {T.replace('tee', 'coat')}",
    ],
)
def test_last_answer_tag_holds_the_answer(text: str) -> None:
    prediction = found(text)
    assert prediction.value == {"type": "tee"}
    assert prediction.flags == ("answer_tag",)


def test_most_expected_keys_win_and_the_last_among_equals() -> None:
    two = '{"type": "tee", "size": "M"}'
    assert found(f"{two} {T}").value == {"type": "tee", "size": "M"}
    assert found(f'{T} {{"type": "coat"}}').value == {"type": "coat"}
    assert found(f'{{"foo": 1}} {T} {{"bar": 1}}').flags == ("multiple_json",)


@pytest.mark.parametrize(
    "fragment", ['{"type": "coat",', '{ "type": {"type": "x"}', '[{"type": "coat"}, {"ty', '[ true, {"type": "x"}']
)
def test_nothing_inside_a_fragment_competes(fragment: str) -> None:
    assert found(f"{T} {fragment}").value == {"type": "tee"}
    assert not found(fragment).parsed
    assert not found(f"{fragment} {T}").parsed, "an open fragment ends with the text"


def test_fragment_ends_at_its_matching_bracket() -> None:
    assert found(f'{{"type": "a }} b" "c"}} then {T}').value == {"type": "tee"}
    assert found(f'{{"type": "a {{ b" "c"}} then {T}').value == {"type": "tee"}
    assert found(f"{{type: x}} [see {{here}}] {T}").value == {"type": "tee"}
    assert found(f'{{"a \\" }}": 1 2}} {T}').value == {"type": "tee"}


def test_list_of_one_object_is_unwrapped_and_longer_lists_are_not() -> None:
    assert found(f"so: [{T}]").flags == ("unwrapped_list",)
    assert found(f"[{T}, {T}]").level == "none"


def test_wrapped_in_another_object_is_no_answer() -> None:
    assert found(f'{{"result": {T}}}').level == "none"


def test_doubled_keys_are_flagged_only_for_the_chosen_value() -> None:
    doubled = '{"type": "a", "type": "b"}'
    assert found(doubled).flags == ("duplicate_keys",)
    assert found(doubled).value == {"type": "b"}
    assert found(f"{doubled} {T}").flags == ("multiple_json",)
    assert found(f"{T} {doubled}").flags == ("duplicate_keys", "multiple_json")


def test_array_root_takes_the_last_filled_list_else_an_empty_one_else_objects() -> None:
    assert found(f"[{T}] [] []", "array").value == [{"type": "tee"}]
    assert found(f"{T} [] [1, 2]", "array").value == []
    prediction = found(f'{T} {{"foo": 1}} and {T}', "array")
    assert prediction.value == [{"type": "tee"}, {"type": "tee"}]
    assert prediction.flags == ("wrapped_object",)
    assert found("[]", "array").level == "strict"


def test_lone_bracket_repairs_to_no_list() -> None:
    assert found("I see [", "array").level == "none"


def test_surrogates_become_replacement_characters() -> None:
    assert found('{"type": "\\ud800x", "\\udfff": 1}').value == {"type": "\ufffdx", "\ufffd": 1}
    assert found('{"type": "\\ud83d\\ude00"}').value == {"type": "😀"}
    assert found("{'type': '\ud800'}").repaired_value == {"type": "\ufffd"}


def test_depth_is_limited() -> None:
    assert found(nested(100)).level == "strict"
    assert found(nested(101)).level == "none"
    assert found(f"{nested(101)} {T}").value == {"type": "tee"}


def test_longer_than_max_chars_is_oversize() -> None:
    limits = ExtractionLimits(max_chars=len(T), max_depth=100, repair_max_chars=100, repair_max_brackets=10)
    assert extract(T, None, "object", KEYS, {}, limits).level == "strict"
    longer = extract(T + " ", "r", "object", KEYS, {}, limits)
    assert (longer.level, longer.oversize, longer.reasoning) == ("none", True, "r")


def test_repair_is_limited_in_characters_and_brackets() -> None:
    broken = "{'type': 'tee', 'size': '%s'}"
    assert found(broken % ("x" * 4_000)).level == "repaired"
    assert found(broken % ("x" * 5_000)).level == "none"
    assert found(broken % ("[" * 39)).level == "repaired"
    assert found(broken % ("[" * 40)).level == "none"


def test_repair_reads_the_last_fence() -> None:
    text = "```\n{'type': 'coat'}\n``` or rather\n```json\n{'type': 'tee'}\n```\nwith [care"
    assert found(text).repaired_value == {"type": "tee"}
    assert found("```\nno\n``` {'type': 'tee'}").repaired_value == {"type": "tee"}


@pytest.mark.parametrize(
    "text",
    [
        '{"a":' * 200_000,
        "[" * 1_000_000,
        "{" * 1_000_000,
        '{"' * 300_000,
        "[1}" * 100_000,
        "{}" * 100_000,
        "[t" * 500_000,
        '"' * 1_000_000,
        '{"a":"' + '\\"' * 490_000,
        "<think>" * 140_000,
        "<answer>" * 120_000,
        "```" * 330_000,
        "[" * 250_000 + "]" * 250_000,
        "[" + " " * 990_000 + "}",
        '{"type": "' + "<" * 900_000,
        "{\n" * 400_000,
        "[" + "9" * 990_000,
        "{'type':" * 10_000,
        "]{t" * 1_600,
    ],
    ids=lambda text: repr(text[:8]),
)
@pytest.mark.parametrize("root", ["object", "array"])
def test_hostile_texts_end_in_bounded_time_without_an_answer(text: str, root: Root) -> None:
    assert not found(text, root).parsed


def test_many_answers_are_read_once_each() -> None:
    prediction = found('{"type": 1}' * 50_000 + T)
    assert prediction.value == {"type": "tee"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "size", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
PIECES = st.lists(
    st.sampled_from(['{"type": "a"}', "{", "}", "[", "]", '"', "\\", ",", ":", "```", "<think>", "</think>", "\ud800"])
    | st.text(max_size=3),
    max_size=12,
).map("".join)


@given(PIECES, st.sampled_from(["object", "array"]))
def test_nothing_is_raised_and_levels_are_consistent(text: str, root: Root) -> None:
    prediction = found(text, root)
    assert prediction.parsed == (prediction.value is not None)
    assert (prediction.level == "none") == (prediction.repaired_value is None)
    assert list(prediction.flags) == sorted(set(prediction.flags))
    assert ("repaired" in prediction.flags) == (prediction.level == "repaired")


@given(st.dictionaries(st.sampled_from(["type", "size", "x"]), JSON), st.booleans())
def test_json_object_with_an_expected_key_is_found_as_it_is(value: dict[str, Any], in_prose: bool) -> None:
    text = json.dumps(value)
    prediction = found(f"Well: {text} – that is it." if in_prose else text)
    if {"type", "size"} & value.keys():
        assert prediction.level == ("extracted" if in_prose else "strict")
        assert prediction.value == value
    else:
        assert prediction.level == "none"
