"""Arrow arrays from numpy arrays and back, over their buffers.

pyarrow's own `array` and `to_numpy` import pandas, which takes longer than scoring a small run. What is done here by
hand is the part of Arrow's format that the table of scores needs: numbers, texts that repeat, lists of numbers.
"""

from array import array
from collections.abc import Sequence
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray


class Numbers:
    """A column of numbers in the making, in 9 bytes each; None is null."""

    def __init__(self) -> None:
        self._values = array("d")
        self._given = bytearray()

    def __len__(self) -> int:
        return len(self._values)

    def add(self, value: float | None) -> None:
        """Add one."""
        self._values.append(nan if value is None else value)
        self._given.append(value is not None)

    def made(self) -> "pa.Array":
        """The column, as float64."""
        import pyarrow as pa

        values = np.array(self._values)  # a copy, for what is added later
        given = np.array(self._given, dtype=np.bool_)
        return pa.Array.from_buffers(pa.float64(), len(values), [_bits(given), pa.py_buffer(values)])


class Lists:
    """A column of lists of numbers in the making, in 4 bytes each and 8 a number; None is null."""

    def __init__(self) -> None:
        self._lengths = array("i")
        self._numbers = array("d")

    def add(self, numbers: Sequence[float] | None) -> None:
        """Add one."""
        if numbers is None:
            self._lengths.append(-1)
            return
        self._lengths.append(len(numbers))
        self._numbers.extend(numbers)

    def made(self) -> "pa.Array":
        """The column, as lists of float64."""
        import pyarrow as pa

        lengths = np.array(self._lengths)
        child = pa.Array.from_buffers(pa.float64(), len(self._numbers), [None, pa.py_buffer(np.array(self._numbers))])
        buffers = [_bits(lengths >= 0), pa.py_buffer(_offsets(np.maximum(lengths, 0)))]
        return pa.Array.from_buffers(pa.list_(pa.float64()), len(lengths), buffers, children=[child])


class Words:
    """A column of texts that repeat in the making, in 4 bytes each; None is null."""

    def __init__(self) -> None:
        self._places: dict[str | None, int] = {None: -1}
        self._codes = array("i")

    def add(self, word: str | None) -> None:
        """Add one."""
        self._codes.append(self._places.setdefault(word, len(self._places) - 1))

    def made(self, lengths: "NDArray[np.int64] | None" = None) -> "pa.Array":
        """The column as a dictionary array, int32 to text, in the order of their first use.

        Args:
            lengths: How often each stands in a row; once when not given.
        """
        import pyarrow as pa

        codes = np.array(self._codes)
        if lengths is not None:
            codes = np.repeat(codes, lengths)
        indices = pa.Array.from_buffers(pa.int32(), len(codes), [_bits(codes >= 0), pa.py_buffer(codes)])
        encoded = [word.encode() for word in self._places if word is not None]
        offsets = _offsets([len(word) for word in encoded])
        dictionary = pa.StringArray.from_buffers(len(encoded), pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded)))
        return pa.DictionaryArray.from_arrays(indices, dictionary)


def whole_numbers_array(values: "NDArray[np.int16]") -> "pa.Array":
    """Whole numbers as int16."""
    import pyarrow as pa

    return pa.Array.from_buffers(pa.int16(), len(values), [None, pa.py_buffer(values)])


def one_array(column: "pa.ChunkedArray") -> Any:
    """A column's chunks as one array."""
    import pyarrow as pa

    combined = column.combine_chunks()
    return pa.concat_arrays(combined.chunks) if isinstance(combined, pa.ChunkedArray) else combined


def numbers_of(array: "pa.Array", dtype: "type[np.generic]") -> "NDArray[Any]":
    """The numbers of an array, converted where they are of another type; what stands under a null is undetermined."""
    import pyarrow as pa

    wanted = pa.from_numpy_dtype(dtype)
    if array.type != wanted:
        array = array.cast(wanted)
    _, data = array.buffers()
    if data is None or not len(array):
        return np.zeros(len(array), dtype=dtype)
    return np.frombuffer(data, dtype=dtype, count=array.offset + len(array))[array.offset :]


def nulls_of(array: "pa.Array") -> "NDArray[np.bool_]":
    """Which elements of an array are null."""
    bits = array.buffers()[0]
    if bits is None or not len(array):
        return np.zeros(len(array), dtype=np.bool_)
    valid = np.unpackbits(np.frombuffer(bits, dtype=np.uint8), bitorder="little")
    nulls: NDArray[np.bool_] = valid[array.offset : array.offset + len(array)] == 0
    return nulls


def _bits(given: "NDArray[np.bool_]") -> Any:
    """The validity bitmap; None where nothing is null."""
    import pyarrow as pa

    return None if given.all() else pa.py_buffer(np.packbits(given, bitorder="little"))


def _offsets(lengths: "Sequence[int] | NDArray[np.int32]") -> "NDArray[np.int32]":
    offsets = np.zeros(len(lengths) + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return offsets
