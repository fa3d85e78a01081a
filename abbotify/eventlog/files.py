"""Files that appear whole or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name in the same folder that takes the place of `path` at the end.

    Nothing is left behind when the block raises. The name is hidden and ends in `.tmp`, so a
    leftover of a killed process is never taken for a part of the log.

    Args:
        path: the file to write.

    Yields:
        the name to write to.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
