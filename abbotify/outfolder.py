"""Files and run folders that appear whole or not at all."""

from __future__ import annotations

import os
import platform
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from abbotify.errors import OutputError

# What every run folder has; a folder with all of them may be replaced, whatever else is in it.
MARKS: Final = frozenset({"report.json", "effects.csv", "users.parquet"})


def check(out: Path, marks: frozenset[str] = MARKS, kind: str = "run") -> None:
    """Refuses a folder that `swapped` would refuse, before any work is done.

    Raises:
        OutputError: see `swapped`.
    """
    _refuse(_target(out), out, marks, kind)


@contextmanager
def swapped(out: Path, marks: frozenset[str] = MARKS, kind: str = "run") -> Iterator[Path]:
    """A new folder beside `out` that takes its place at the end.

    When the block raises, the new folder is removed and an old run stays as it was.

    Args:
        out: the folder; an existing one of its kind is replaced, missing parents are made.
        marks: the names that every folder of its kind has.
        kind: what such a folder is called.

    Yields:
        the empty folder to write to.

    Raises:
        OutputError: `out` is a file or a non-empty folder of another kind, or the place cannot be
            written to.
    """
    target = _target(out)
    _refuse(target, out, marks, kind)
    temporary = _beside(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
        _sweep(target)
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", file=out) from error
    try:
        yield temporary
        _refuse(target, out, marks, kind)  # another program may have written there meanwhile
        _swap(temporary, target, out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _target(out: Path) -> Path:
    return Path(os.path.realpath(out))  # as resolve, but takes loops of links


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


def _refuse(target: Path, out: Path, marks: frozenset[str], kind: str) -> None:
    try:
        if not target.exists():
            return
        if not target.is_dir():
            raise OutputError("is a file, not a folder", file=out)
        names = {path.name for path in target.iterdir()}
        if names and (missing := sorted(marks - names)):
            what = f"is a folder with other things in it, no {kind} (no {missing[0]})"
            raise OutputError(what, file=out)
    except OSError as error:
        raise OutputError(f"cannot be read ({error.strerror})", file=out) from error


def _beside(target: Path) -> Path:
    owner = f"{platform.node()}-{os.getpid()}"
    return target.with_name(f".{target.name}.{owner}-{uuid.uuid4().hex[:8]}.tmp")


def _sweep(target: Path) -> None:
    """Removes what killed runs of this machine have left beside the folder."""
    start = f".{target.name}.{platform.node()}-"
    for path in target.parent.iterdir():
        if not (path.name.startswith(start) and path.suffix == ".tmp"):
            continue
        process = path.name.removeprefix(start).partition("-")[0]
        if process.isdigit() and not _alive(int(process)):
            shutil.rmtree(path, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # somebody else's process
    return True


def _swap(temporary: Path, target: Path, out: Path) -> None:
    old = _beside(target).with_suffix(".old")  # never swept: it is all there is of the old run
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
