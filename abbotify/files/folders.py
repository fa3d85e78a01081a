"""Files and run folders that appear whole or not at all; arrays on disk, without pickle."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from zipfile import BadZipFile

from abbotify.errors import DataError, OutputError
from abbotify.files import lock
from abbotify.files.cleanup import removed, uninterrupted
from abbotify.files.replacement import (
    RUN,
    TRIES,
    Kind,
    beside,
    own_files,
    remove_leftover_files,
    replace,
    sweep,
)

if TYPE_CHECKING:
    import numpy.typing as npt

# What ends the writing of a folder and is nobody's mistake in it.
_RESOURCES: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE}
)


def check(out: Path, kind: Kind = RUN) -> None:
    """Refuses a folder that `swapped` would refuse, before any work is done.

    Raises:
        OutputError: see `swapped`.
    """
    target = _target(out)
    _refuse(target, out, kind)
    try:
        there = next(path for path in target.parents if path.exists())
        trial = there / beside(target).name
        trial.mkdir()
        trial.rmdir()
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", file=out) from error


@contextmanager
def swapped(
    out: Path,
    kind: Kind = RUN,
    interrupted: Path | None = None,
    keeps: Callable[[Path, BaseException], bool] = lambda folder, error: False,
) -> Iterator[Path]:
    """A new folder beside `out` that takes its place at the end.

    When the block raises, the new folder is removed and an old run stays as it was. Files of the
    old folder that are not of its kind move along.

    Args:
        out: the folder; an existing one of its kind is replaced, missing parents are made.
        kind: of the folder.
        interrupted: one of `leftovers` to go on with, in place of an empty folder.
        keeps: whether the new folder stays, beside `out`, in spite of an error.

    Yields:
        the folder to write to.

    Raises:
        OutputError: `out` is a file or a non-empty folder of another kind, or the place cannot be
            written to: no room, a limit of file sizes or of open files.
    """
    target = _target(out)
    temporary = beside(target)
    made = [folder for folder in target.parents if not folder.exists()]
    try:
        descriptor = _begin(temporary, target, out, kind, interrupted)
        try:
            with _written(temporary, target, out, kind, keeps):
                yield temporary
        finally:
            os.close(descriptor)
    finally:
        for folder in made:
            with suppress(OSError):  # it is in use, as after every success
                folder.rmdir()


def _begin(temporary: Path, target: Path, out: Path, kind: Kind, interrupted: Path | None) -> int:
    """Makes the folder, or takes an interrupted one, and locks it; the lock's descriptor."""
    descriptor = None if interrupted is None else lock.seize(interrupted)
    if interrupted is not None and descriptor is None:
        raise OutputError("another run goes on with what was interrupted", file=out)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if interrupted is not None:
            interrupted.rename(temporary)
            remove_leftover_files(temporary)
        sweep(target, kind)
        _refuse(target, out, kind)
        if descriptor is None:
            temporary.mkdir(parents=True)  # the parent may be gone, with another run's failure
            try:
                descriptor = lock.hold(temporary)
            except OSError:
                temporary.rmdir()
                raise
        return descriptor
    except OSError as error:
        raise OutputError(f"cannot be written ({_reason(error)})", file=out) from error


@contextmanager
def _written(
    temporary: Path,
    target: Path,
    out: Path,
    kind: Kind,
    keeps: Callable[[Path, BaseException], bool],
) -> Iterator[None]:
    written = False
    try:
        with removed(temporary, lambda error: keeps(temporary, error)):
            yield
            written = True
            _refuse(target, out, kind)  # another program may have written there meanwhile
            with uninterrupted():
                (temporary / lock.LOCK).unlink(missing_ok=True)
                replace(temporary, target, kind)
    except OSError as error:
        if not written and error.errno not in _RESOURCES:
            raise  # about a file that was read
        raise OutputError(f"cannot be written ({_reason(error)})", file=out) from error


def _reason(error: OSError) -> str:
    """What stopped the writing, with the limit where it is one of the process."""
    what = os.strerror(error.errno or 0)
    limits = {errno.EMFILE: "ulimit -n", errno.EFBIG: "ulimit -f"}
    limit = limits.get(error.errno or 0)
    return f"{what}; see {limit}" if limit else what


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
    temporary = beside(path)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _refuse(target: Path, out: Path, kind: Kind) -> None:
    for last in (*[False] * TRIES, True):
        seen = _state(target)
        try:
            return _refuse_as_it_is(target, out, kind)
        except OutputError:
            # Another run has replaced it and removes the old one: half of that was seen.
            if last or _state(target) == seen:
                raise


def _state(folder: Path) -> tuple[int, int, int] | None:
    """Which folder has a name, and when it was last changed; None where there is none."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_ctime_ns


def _refuse_as_it_is(target: Path, out: Path, kind: Kind) -> None:
    try:
        # Looked at once: another run may take it away and bring it back at any moment.
        if not stat.S_ISDIR(target.stat().st_mode):
            raise OutputError("is a file, not a folder", file=out)
        if os.path.ismount(target):
            raise OutputError("is a mount point; give a folder inside it", file=out)
        names = {path.name for path in target.iterdir()}
        if names and (missing := sorted(kind.marks - names)):
            what = f"is a folder with other things in it, no {kind.name} (no {missing[0]})"
            raise OutputError(what, file=out)
        for path in own_files(target, kind):
            if _in_the_way(path, kind):
                what = f"has {path} in the place of what a {kind.name} writes; move that away"
                raise OutputError(what, file=out)
    except FileNotFoundError:
        return  # not there, or another run replaces it at this moment
    except OSError as error:
        raise OutputError(f"cannot be read ({error.strerror})", file=out) from error


def _in_the_way(path: str, kind: Kind) -> bool:
    """Whether something of the user's own is where a folder or a file of the kind goes."""
    parts = path.split("/")
    above = ("/".join(parts[:count]) for count in range(1, len(parts) + 1))
    return path in kind.folders or any(map(kind.writes, above))


Arrays: TypeAlias = "Mapping[str, npt.NDArray[Any]]"

_PREFIX: Final = "array."  # numpy takes some names for its own arguments


def save_arrays(path: Path, arrays: Arrays) -> None:
    """Writes an `.npz` file, which appears whole or not at all; equal arrays give equal bytes.

    Args:
        path: the file; an existing one is replaced.
        arrays: of numbers, by any names.
    """
    import numpy as np

    named = {_PREFIX + name: arrays[name] for name in sorted(arrays)}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **named)


def load_arrays(path: Path, what: str) -> dict[str, npt.NDArray[Any]]:
    """Reads what `save_arrays` wrote.

    Args:
        path: the file.
        what: it should be, for the error.

    Raises:
        DataError: the file is missing or broken.
    """
    import numpy as np

    try:
        # Opened here: numpy leaves its own file open when the archive is broken.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name.removeprefix(_PREFIX): arrays[name] for name in arrays.files}
    except (OSError, ValueError, KeyError, EOFError, TypeError, BadZipFile) as error:
        raise DataError(f"is not {what}: {error}", file=path) from None


def check_regular(path: Path, *, or_folder: bool = False) -> None:
    """Refuses what is no regular file, without opening it: a pipe without a writer never opens.

    Args:
        path: the file.
        or_folder: let a folder pass.

    Raises:
        DataError: nothing is there, or it is no regular file.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:  # a loop of links, no permission, a null byte
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"the file cannot be read ({reason})", file=path) from error
    if stat.S_ISREG(mode) or (or_folder and stat.S_ISDIR(mode)):
        return
    if stat.S_ISDIR(mode):
        raise DataError("cannot be read as a file: it is a folder", file=path)
    what = "is no regular file (a pipe, a terminal or a device): save the log to a file first"
    raise DataError(what, file=path)
