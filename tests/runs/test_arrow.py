"""Arrow arrays made by hand are those that pyarrow makes itself, and are read back without it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peakbench.runs import arrow

FINITE = st.floats(allow_nan=False)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


def added(column: Any, values: Sequence[Any]) -> Any:
    for value in values:
        column.add(value)
    return column


@given(st.lists(st.none() | st.floats()))
def test_numbers_are_what_pyarrow_makes_and_come_back(values: list[float | None]) -> None:
    made = added(arrow.Numbers(), values).made()
    made.validate(full=True)
    nulls = arrow.nulls_of(made)
    assert nulls.tolist() == [value is None for value in values]
    given_ones = np.array([value for value in values if value is not None])
    assert np.array_equal(arrow.numbers_of(made, np.float64)[~nulls], given_ones, equal_nan=True)


@given(st.lists(st.none() | st.lists(FINITE, max_size=4)))
def test_lists_are_what_pyarrow_makes(values: list[list[float] | None]) -> None:
    made = added(arrow.Lists(), values).made()
    made.validate(full=True)
    assert made.equals(pa.array(values, pa.list_(pa.float64())))


@given(st.lists(st.tuples(st.none() | WORDS, st.integers(0, 3))))
def test_words_are_what_pyarrow_makes(pairs: list[tuple[str | None, int]]) -> None:
    words, lengths = [word for word, _ in pairs], [length for _, length in pairs]
    made = added(arrow.Words(), words).made(np.array(lengths, dtype=np.int64))
    made.validate(full=True)
    repeated = [word for word, length in pairs for _ in range(length)]
    assert made.to_pylist() == repeated
    assert added(arrow.Words(), repeated).made().equals(pa.array(repeated, pa.dictionary(pa.int32(), pa.string())))


@given(st.lists(st.none() | FINITE, min_size=1), st.integers(1, 5))
def test_a_column_that_was_made_stays_as_it_was_when_more_is_added(values: list[float | None], times: int) -> None:
    numbers, lists = added(arrow.Numbers(), values), added(arrow.Lists(), [None, [1.0]])
    words = added(arrow.Words(), ["a", None])
    first = [column.made() for column in (numbers, lists, words)]
    told = [column.to_pylist() for column in first]
    for _ in range(100 * times):
        numbers.add(0.0)
        lists.add([2.0, 3.0])
        words.add("b")
    assert [column.to_pylist() for column in first] == told
    assert len(numbers) == len(numbers.made()) == len(values) + 100 * times


@given(st.lists(st.none() | st.integers(-9, 9), min_size=20, max_size=40), st.integers(0, 17))
def test_a_part_of_an_array_is_read_from_where_it_begins(values: list[int | None], start: int) -> None:
    part = pa.array(values, pa.int16()).slice(start, 3)
    nulls = arrow.nulls_of(part)
    assert nulls.tolist() == [value is None for value in values[start : start + 3]]
    found = arrow.numbers_of(part, np.float64)
    assert found[~nulls].tolist() == [value for value in values[start : start + 3] if value is not None]


@pytest.mark.parametrize("chunks", [[], [[1.0], [], [2.0, None]]])
def test_chunks_become_one_array(chunks: list[list[float | None]]) -> None:
    column = pa.chunked_array(chunks, pa.float64())
    assert arrow.one_array(column).to_pylist() == [value for chunk in chunks for value in chunk]
