"""JSON that stands in a text: whole values are found in their order, and nothing of broken ones."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakbench.metrics.json_in_text import Decoder, depth_within, json_values_in

LEAVES = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(-1e9, 1e9) | st.text(max_size=8)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner))
WHOLE = VALUES.filter(lambda value: isinstance(value, dict | list))
PROSE = st.text(alphabet="ab c.\n'\"\\:,}]", max_size=12)


@given(st.lists(st.tuples(PROSE, WHOLE), max_size=4), PROSE)
def test_whole_values_are_found_whatever_prose_is_between(parts: list[tuple[str, object]], end: str) -> None:
    text = "".join(before + json.dumps(value) for before, value in parts) + end
    assert [found.value for found in json_values_in(text, Decoder(100))] == [value for _, value in parts]


@given(WHOLE, st.data())
def test_of_a_value_that_is_cut_off_nothing_is_found(value: object, data: st.DataObject) -> None:
    text = json.dumps(value)
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    assert json_values_in(cut, Decoder(100)) == []


@pytest.mark.parametrize("text", ['{"a": NaN}', "[-Infinity]", "[1e999]", '{"a": 1,}', "[1", "1", '"a"', "[1] [2]"])
def test_what_is_no_single_value_of_rfc_8259_is_not_decoded(text: str) -> None:
    assert Decoder(100).decode(text) is None


def test_a_key_that_is_said_twice_is_noticed_and_forgotten_with_the_next_text() -> None:
    decoder = Decoder(100)
    found = [decoder.decode(text) for text in ('{"a": {"b": 1, "b": 2}}', '{"a": 1}')]
    assert [one and (one.value, one.duplicates) for one in found] == [({"a": {"b": 2}}, True), ({"a": 1}, False)]


@given(st.integers(1, 30), st.integers(1, 30))
def test_depth_is_counted_in_lists_and_objects(depth: int, limit: int) -> None:
    text = "[" * depth + "]" * depth
    assert (Decoder(limit).decode(text) is not None) is (depth <= limit) is depth_within(json.loads(text), limit)
