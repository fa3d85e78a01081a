"""SHA-256 digests of files, arrays and plain data: equal content, equal digest, on any machine."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_BLOCK: Final = 1 << 20


def digest_file(path: str | Path) -> str:
    """The digest of a file's bytes, as `sha256:<hex>`."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return f"sha256:{digest.hexdigest()}"


def digest_files(paths: Sequence[Path]) -> str:
    """The digest of a file, or of the digests of several in their order."""
    digests = [digest_file(path) for path in paths]
    return digests[0] if len(digests) == 1 else digest_data(digests)


def digest_data(data: Any) -> str:
    """The digest of arrays and plain data, as `sha256:<hex>`.

    Every value is preceded by its type and size, so no two values share an encoding: `1` and
    `1.0` differ, as do `["ab"]` and `["a", "b"]`. Mappings count without regard to order, tuples
    as lists. Arrays count by type, shape and little-endian bytes in C order, whatever their
    memory layout; scalars of numpy count as the array of no dimensions they are.

    Args:
        data: None, bool, int, float, str, bytes, numpy arrays and scalars, and lists, tuples and
            mappings (with str keys) of these.

    Returns:
        `sha256:` and 64 hexadecimal digits.

    Raises:
        TypeError: a value of another type, such as an array of Python objects.
    """
    digest = hashlib.sha256()
    for block in _blocks(data):
        digest.update(block)
    return f"sha256:{digest.hexdigest()}"


def _tagged(tag: bytes, content: bytes) -> bytes:
    return tag + struct.pack("<Q", len(content)) + content


def _blocks(data: Any) -> Iterator[bytes | memoryview]:
    # numpy's float64 is a Python float too, so arrays and numpy scalars come first.
    if isinstance(data, np.ndarray | np.generic):
        yield from _array_blocks(np.asarray(data))
    elif isinstance(data, Mapping):
        yield from _mapping_blocks(data)
    elif isinstance(data, list | tuple):
        yield _tagged(b"l", struct.pack("<Q", len(data)))
        for value in data:
            yield from _blocks(value)
    else:
        yield _scalar(data)


def _mapping_blocks(data: Mapping[Any, Any]) -> Iterator[bytes | memoryview]:
    if not all(isinstance(key, str) for key in data):
        raise TypeError("a mapping to be digested has keys that are not strings")
    yield _tagged(b"m", struct.pack("<Q", len(data)))
    for key in sorted(data):
        yield _scalar(key)
        yield from _blocks(data[key])


def _scalar(data: Any) -> bytes:
    if data is None:
        return _tagged(b"n", b"")
    if isinstance(data, bool):
        return _tagged(b"b", b"\1" if data else b"\0")
    if isinstance(data, int):
        return _tagged(b"i", str(int(data)).encode())
    if isinstance(data, float):
        return _tagged(b"f", struct.pack("<d", data))
    if isinstance(data, str):
        return _tagged(b"s", data.encode())
    if isinstance(data, bytes):
        return _tagged(b"y", data)
    raise TypeError(f"a {type(data).__name__} has no digest")


def _array_blocks(array: npt.NDArray[Any]) -> Iterator[bytes | memoryview]:
    if array.dtype.kind not in "biufcSUmM":
        raise TypeError(f"an array of type {array.dtype} has no digest")
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    yield _tagged(b"a", little.dtype.str.encode())
    yield _tagged(b"l", struct.pack(f"<{array.ndim}Q", *array.shape))
    yield b"y" + struct.pack("<Q", little.nbytes)
    # Numbers without a copy: a column of ten million users is 80 MB.
    yield little.reshape(-1).view(np.uint8).data if array.dtype.kind in "iuf" else little.tobytes()
