"""Files and run folders that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from abbotify.errors import OutputError

MARK: Final = "report.json"  # what makes a folder a run folder, which may be replaced


@contextmanager
def swapped(out: Path) -> Iterator[Path]:
    """A new folder beside `out` that takes its place at the end.

    When the block raises, the new folder is removed and an old run stays as it was.

    Args:
        out: the run folder; an existing run is replaced, missing parents are made.

    Yields:
        the empty folder to write to.

    Raises:
        OutputError: `out` is a file or a non-empty folder that is no run, or the place cannot be
            written to.
    """
    target = Path(os.path.realpath(out))  # as resolve, but takes loops of links
    _refuse(target, out)
    temporary = _beside(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", file=out) from error
    try:
        yield temporary
        _refuse(target, out)  # another program may have written there meanwhile
        _swap(temporary, target, out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name in the same folder that takes the place of `path` at the end.

    Nothing is left behind when the block raises. The name is hidden and ends in `.tmp`, so a
    leftover of a killed process is never taken for a part of a log.

    Args:
        path: the file to write.

    Yields:
        the name to write to.
    """
    temporary = _beside(path)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _refuse(target: Path, out: Path) -> None:
    try:
        if not target.exists():
            return
        if not target.is_dir():
            raise OutputError("is a file, not a folder", file=out)
        if any(target.iterdir()) and not (target / MARK).is_file():
            raise OutputError(f"is a folder with other things in it (no {MARK})", file=out)
    except OSError as error:
        raise OutputError(f"cannot be read ({error.strerror})", file=out) from error


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")


def _swap(temporary: Path, target: Path, out: Path) -> None:
    old = _beside(target)
    try:
        if target.exists():
            target.rename(old)
        try:
            temporary.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", file=out) from error
    shutil.rmtree(old, ignore_errors=True)
