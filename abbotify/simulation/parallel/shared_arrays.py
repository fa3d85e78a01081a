"""An object that several processes read from one copy: its buffers lie in a file they all map.

Pickle protocol 5 hands out the memory of arrays separately from what describes them, so that a
world of 600 MB is written once, and the processes share the pages they only read.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from abbotify.errors import OutputError

_ALIGNMENT: Final = 64  # of a cache line, as numpy's own memory


Spans = tuple[tuple[int, int, bool], ...]


@dataclass(frozen=True)
class Shipment:
    """Where an object lies.

    Attributes:
        path: the file.
        spans: (start, end, is read-only) of each buffer in the file; the first is the pickle.
    """

    path: str
    spans: Spans

    def load(self) -> Any:
        """The object, with the file's pages as its memory.

        The pages are private: what a process changes is copied for it alone. A read-only mapping
        would give read-only arrays, for which numba compiles every kernel a second time.
        """
        with open(self.path, "rb") as file:
            return _loaded(self.spans, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))


def packed(content: Any) -> tuple[Spans, bytes]:
    """An object as plain bytes, for workers that share no memory with this process."""
    file = io.BytesIO()
    spans = _dump(content, file)
    return spans, file.getvalue()


def unpacked(parcel: tuple[Spans, bytes]) -> Any:
    """What `packed` was given, with memory of its own."""
    spans, content = parcel
    return _loaded(spans, bytearray(content))


@contextmanager
def shipped(content: Any) -> Iterator[Shipment]:
    """Ships an object; the file is removed at the end, also after an error.

    Raises:
        OutputError: there is no room for it.
    """
    handle, path = tempfile.mkstemp(prefix="abbotify-")
    try:
        yield Shipment(path, _written(handle, path, content))
    finally:
        with suppress(OSError):
            os.unlink(path)


def _written(handle: int, path: str, content: Any) -> Spans:
    try:
        with open(handle, "wb") as file:
            return _dump(content, file)
    except OSError as error:
        what = f"no room for what the workers share ({error.strerror})"
        raise OutputError(what, file=path) from error


def _dump(content: Any, file: BinaryIO) -> Spans:
    buffers: list[pickle.PickleBuffer] = []
    described = pickle.dumps(content, protocol=5, buffer_callback=buffers.append)
    views = [memoryview(described), *(buffer.raw() for buffer in buffers)]
    return tuple(_write(file, view) for view in views)


def _loaded(spans: Spans, memory: mmap.mmap | bytearray) -> Any:
    pages = memoryview(memory)
    described, *buffers = (
        pages[start:end].toreadonly() if fixed else pages[start:end] for start, end, fixed in spans
    )
    return pickle.loads(described, buffers=buffers)


def _write(file: Any, view: memoryview) -> tuple[int, int, bool]:
    file.write(b"\0" * (-file.tell() % _ALIGNMENT))
    start = file.tell()
    file.write(view)
    return start, file.tell(), view.readonly
