"""Texts become numbers in the order of all of them, whatever parts they come in."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peakbench.statistics import names
from peakbench.statistics.names import Names

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
PARTS = st.lists(st.lists(st.none() | TEXTS, max_size=8), max_size=6)


@settings(max_examples=60)
@given(PARTS, st.integers(1, 7), st.sampled_from([0, 2**31 - 1]), st.booleans())
def test_a_text_s_number_is_its_place_among_all(
    parts: list[list[str | None]], at_once: int, most_bytes: int, plain: bool
) -> None:
    found, numbers = Names(), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(names, "_TEXTS_AT_ONCE", at_once)
        patch.setattr(names, "_MOST_BYTES", most_bytes)
        for part in parts:
            column = pa.chunked_array([pa.array([*part, "unused"], pa.string())])
            column = (column if plain else column.dictionary_encode()).slice(0, len(part))
            numbers.append(found.add(column)[0])
        told = [text for some in found.settle() for text in some.to_pylist()]
    everything = sorted({text for part in parts for text in part if text is not None})
    assert list(dict.fromkeys(told)) == everything
    assert told == sorted(told)
    assert found.n == len(everything)
    for part, places, own in zip(parts, found.places, numbers, strict=True):
        assert places[own].tolist() == [-1 if text is None else everything.index(text) for text in part]
