"""Texts of a table as numbers, where the table is gone through a part at a time.

Each part says the texts that occur in it once, and numbers them in its own way. When all parts were seen, a text's
number is its place in the order of all of them, so that it depends on nothing but the texts.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from peakbench.runs.arrow import nulls_of, numbers_of, one_array

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

_TEXTS_AT_ONCE = 65_536
_MOST_BYTES = 2**31 - 1
"""What Arrow's texts may have in one array, where their places are numbers of 32 bits."""


def part_of(column: "pa.ChunkedArray") -> "tuple[NDArray[np.int32], pa.Array]":
    """One part of a column: each row's number in this part, -1 for null, and this part's texts."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    array = one_array(column)
    numbers = numbers_of(array.indices, np.int32)
    if array.indices.null_count:
        numbers = np.where(nulls_of(array.indices), np.int32(-1), numbers)
    return numbers, array.dictionary


class Names:
    """The texts of one column, part by part; `settle` numbers them when all parts were added.

    Attributes:
        places: Of each part, its number of a text to that text's number among all; the last entry, -1, is for null.
        n: How many different texts there are; 0 before `settle`.
    """

    def __init__(self) -> None:
        self.places: list[NDArray[np.int32]] = []
        self.n = 0
        self._parts: list[pa.Array] = []
        self._used: list[NDArray[np.int64] | None] = []  # None: all texts of the part

    def add(self, column: "pa.ChunkedArray") -> "tuple[NDArray[np.int32], pa.Array]":
        """Add a part; returned is what `part_of` says of it."""
        numbers, texts = part_of(column)
        occurs = np.zeros(len(texts) + 1, dtype=np.bool_)
        occurs[numbers] = True
        used = None if occurs[:-1].all() else np.flatnonzero(occurs[:-1])
        self._parts.append(texts if used is None else texts.take(_positions(used)))
        self._used.append(used)
        self.places.append(np.full(len(texts) + 1, -1, dtype=np.int32))
        return numbers, texts

    def settle(self) -> "Iterator[pa.Array]":
        """Number the texts of all parts in their order, which is that of their characters' codes.

        Yields:
            The texts in that order, some at a time, and some texts more than once. All has to be
            taken, and nothing need be kept.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        if not any(map(len, self._parts)):
            return
        if sum(part.nbytes for part in self._parts) > _MOST_BYTES:
            self._parts = [part.cast(pa.large_string()) for part in self._parts]
        texts = pa.concat_arrays(self._parts)
        self._parts.clear()
        order = pc.sort_indices(texts)
        new = np.ones(len(texts), dtype=np.bool_)
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            some = texts.take(order[max(start - 1, 0) : start + _TEXTS_AT_ONCE])  # and the last one of those before
            new[max(start, 1) : start + _TEXTS_AT_ONCE] = ~_truths(pc.equal(some[1:], some[:-1]))
            yield some
        numbers = np.empty(len(texts), dtype=np.int32)
        numbers[numbers_of(order, np.uint64)] = np.cumsum(new, dtype=np.int32) - 1
        self.n = int(numbers.max()) + 1
        start = 0
        for places, used in zip(self.places, self._used, strict=True):
            n = len(places) - 1 if used is None else len(used)
            places[:-1][slice(None) if used is None else used] = numbers[start : start + n]
            start += n
        self._used.clear()
        pa.default_memory_pool().release_unused()  # of a million texts Arrow would keep fifty megabytes


def _positions(positions: "NDArray[np.int64]") -> "pa.Array":
    import pyarrow as pa

    return pa.Array.from_buffers(pa.int64(), len(positions), [None, pa.py_buffer(positions)])


def _truths(array: "pa.Array") -> "NDArray[np.bool_]":
    """A boolean array without nulls, unpacked."""
    if not len(array):
        return np.zeros(0, dtype=np.bool_)
    bits = np.unpackbits(np.frombuffer(array.buffers()[1], dtype=np.uint8), bitorder="little")
    truths: NDArray[np.bool_] = bits[array.offset : array.offset + len(array)].astype(np.bool_)
    return truths
