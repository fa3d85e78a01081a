"""Arrow arrays over numpy's memory.

`pyarrow.array` looks whether it was given something of pandas, and for that imports pandas when it
is installed: 0.2 s in every process that writes a file; so does `to_numpy`. What is made here needs
no pandas.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa


def array(
    values: npt.NDArray[Any] | Sequence[str] | pa.Array,
    type: pa.DataType | None = None,
    mask: npt.NDArray[np.bool_] | None = None,
) -> pa.Array:
    """What `pyarrow.array` makes of numbers, booleans or strings; copied only to change the type.

    Args:
        values: integers, floats or booleans (n), or strings, none of them null; what is
            an Arrow array already stays as it is.
        type: of the result, of the same kind; as the values have it by default.
        mask: bool (n), true where the result is null.

    Raises:
        TypeError: the values are not of the type's kind.
    """
    import pyarrow as pa

    if isinstance(values, pa.Array):
        return values
    valid = None if mask is None else _bits(~mask)
    if not isinstance(values, np.ndarray):
        return _strings(values)
    type = type or pa.from_numpy_dtype(values.dtype)
    if pa.types.is_boolean(type):
        if values.dtype != np.bool_:
            raise TypeError(f"{values.dtype} are no booleans")
        data = _bits(values)
    else:
        wanted = type.to_pandas_dtype()  # numpy's type of that name
        data = pa.py_buffer(
            np.ascontiguousarray(values.astype(wanted, casting="same_kind", copy=False))
        )
    return pa.Array.from_buffers(type, len(values), [valid, data])


def floats(column: pa.Array) -> npt.NDArray[np.float64]:
    """A column of float64 as numpy has it, NaN where it is null."""
    valid, data = column.buffers()
    whole = np.frombuffer(data, np.float64, len(column), column.offset * 8)
    return np.array(whole) if valid is None else np.where(_flags(valid, column), whole, np.nan)


def integers(column: pa.Array) -> npt.NDArray[np.int64]:
    """A column of int64, none of them null, as numpy has it."""
    return np.array(np.frombuffer(column.buffers()[1], np.int64, len(column), column.offset * 8))


def places(column: pa.Array) -> npt.NDArray[np.int32]:
    """A column of int32 as numpy has it, -1 where it is null."""
    valid, data = column.buffers()
    whole = np.frombuffer(data, np.int32, len(column), column.offset * 4)
    return np.array(whole) if valid is None else np.where(_flags(valid, column), whole, -1)


def booleans(column: pa.Array) -> npt.NDArray[np.bool_]:
    """A column of booleans, none of them null, as numpy has it."""
    return _flags(column.buffers()[1], column)


def _flags(bits: pa.Buffer, column: pa.Array) -> npt.NDArray[np.bool_]:
    end = column.offset + len(column)
    flags = np.unpackbits(np.frombuffer(bits, np.uint8), count=end, bitorder="little")
    return flags[column.offset :].astype(np.bool_)


def _bits(flags: npt.NDArray[np.bool_]) -> pa.Buffer:
    import pyarrow as pa

    return pa.py_buffer(np.packbits(flags, bitorder="little"))


def _strings(texts: Sequence[str]) -> pa.Array:
    import pyarrow as pa

    encoded = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(encoded), buffers)
