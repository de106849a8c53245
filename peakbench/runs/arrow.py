"""Arrow arrays from numpy arrays and back, over their buffers.

pyarrow's own `array` and `to_numpy` import pandas, which takes longer than scoring a small run. What is done here by
hand is the part of Arrow's format that the table of scores needs: numbers, texts that repeat, lists of numbers.
"""

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray


def numbers_array(values: Sequence[float | None]) -> "pa.Array":
    """Numbers as float64; None is null."""
    import pyarrow as pa

    given = np.fromiter((value is not None for value in values), dtype=np.bool_, count=len(values))
    filled = np.array(values, dtype=np.float64)  # NaN for None, under a null
    return pa.Array.from_buffers(pa.float64(), len(values), [_bits(given), pa.py_buffer(filled)])


def lists_array(values: Sequence[Sequence[float] | None]) -> "pa.Array":
    """Lists of numbers as lists of float64; None is null."""
    import pyarrow as pa

    given = np.fromiter((value is not None for value in values), dtype=np.bool_, count=len(values))
    offsets = _offsets([0 if value is None else len(value) for value in values])
    flat = np.fromiter(chain.from_iterable(value for value in values if value is not None), dtype=np.float64)
    child = pa.Array.from_buffers(pa.float64(), len(flat), [None, pa.py_buffer(flat)])
    return pa.Array.from_buffers(
        pa.list_(pa.float64()), len(values), [_bits(given), pa.py_buffer(offsets)], children=[child]
    )


def words_array(values: Sequence[str | None], lengths: "NDArray[np.int64] | None" = None) -> "pa.Array":
    """Texts as a dictionary array, int32 to text, in the order of their first use; None is null.

    Args:
        values: The texts.
        lengths: How often each stands in a row; once when not given.
    """
    import pyarrow as pa

    words = [word for word in dict.fromkeys(values) if word is not None]
    places: dict[str | None, int] = {None: -1, **{word: place for place, word in enumerate(words)}}
    codes = np.fromiter(map(places.__getitem__, values), dtype=np.int32, count=len(values))
    if lengths is not None:
        codes = np.repeat(codes, lengths)
    indices = pa.Array.from_buffers(pa.int32(), len(codes), [_bits(codes >= 0), pa.py_buffer(codes)])
    encoded = [word.encode() for word in words]
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


def _offsets(lengths: Sequence[int]) -> "NDArray[np.int32]":
    offsets = np.zeros(len(lengths) + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return offsets
