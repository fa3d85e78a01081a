"""Files and run folders that appear whole or not at all."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import re
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from abbotify.cleanup import removed, uninterrupted
from abbotify.errors import OutputError

# What `replacing` leaves when its process is killed.
_LEFTOVER: Final = re.compile(r"\..+-\d+-[0-9a-f]{8}\.tmp")


@dataclass(frozen=True)
class Kind:
    """A kind of folder that a command writes.

    Attributes:
        name: what such a folder is called.
        marks: names that each has; a folder with all of them may be replaced.
        files: patterns of the paths a command writes in it; other files are the user's own, and
            move along when the folder is replaced. No `*` is for a slash.
    """

    name: str
    marks: frozenset[str]
    files: tuple[str, ...]

    def writes(self, path: str) -> bool:
        """Whether a path inside the folder, with forward slashes, is one of the command's."""
        parts = path.split("/")
        return any(
            len(own) == len(parts) and all(map(fnmatchcase, parts, own))
            for own in (pattern.split("/") for pattern in self.files)
        )

    @property
    def folders(self) -> frozenset[str]:
        """The folders that a command makes in it."""
        return frozenset(pattern.rpartition("/")[0] for pattern in self.files if "/" in pattern)


RUN: Final = Kind(
    "run",
    frozenset({"report.json", "effects.csv", "users.parquet"}),
    (
        *("scenario.yaml", "manifest.json", "users.parquet", "effects.csv", "botify.jsonl"),
        *("report.json", "report.md", "report.html", "log/day-[0-9]*-shard-[0-9]*.parquet"),
        *("models/[0-9][0-9]-*-day-*.npz", "models/[0-9][0-9]-*-day-*.json"),
    ),
)

# What ends the writing of a folder and is nobody's mistake in it.
_RESOURCES: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE}
)
_EXCHANGE: Final = 2  # RENAME_EXCHANGE of renameat2
_AT_FDCWD: Final = -100
_TRIES: Final = 100  # at a folder that other runs replace at the same time


def check(out: Path, kind: Kind = RUN) -> None:
    """Refuses a folder that `swapped` would refuse, before any work is done.

    Raises:
        OutputError: see `swapped`.
    """
    _refuse(_target(out), out, kind)


@contextmanager
def swapped(out: Path, kind: Kind = RUN) -> Iterator[Path]:
    """A new folder beside `out` that takes its place at the end.

    When the block raises, the new folder is removed and an old run stays as it was. Files of the
    old folder that are not of its kind move along.

    Args:
        out: the folder; an existing one of its kind is replaced, missing parents are made.
        kind: of the folder.

    Yields:
        the empty folder to write to.

    Raises:
        OutputError: `out` is a file or a non-empty folder of another kind, or the place cannot be
            written to: no room, a limit of file sizes or of open files.
    """
    target = _target(out)
    temporary = _beside(target)
    made = [folder for folder in target.parents if not folder.exists()]
    try:
        with _written(temporary, target, out, kind):
            yield temporary
    finally:
        for folder in made:
            with suppress(OSError):  # it is in use, as after every success
                folder.rmdir()


@contextmanager
def _written(temporary: Path, target: Path, out: Path, kind: Kind) -> Iterator[None]:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target, kind)
        _refuse(target, out, kind)
        temporary.mkdir(parents=True)  # the parent may have gone again, with another run's failure
    except OSError as error:
        raise OutputError(f"cannot be written ({_reason(error)})", file=out) from error
    written = False
    try:
        with removed(temporary):
            yield
            written = True
            _refuse(target, out, kind)  # another program may have written there meanwhile
            with uninterrupted():
                _replace(temporary, target, kind)
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
    temporary = _beside(path)
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _refuse(target: Path, out: Path, kind: Kind) -> None:
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
        for path in _own(target, kind):
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


def _beside(target: Path) -> Path:
    owner = f"{platform.node()}-{os.getpid()}"
    return target.with_name(f".{target.name}.{owner}-{uuid.uuid4().hex[:8]}.tmp")


def sweep(out: Path, kind: Kind = RUN) -> None:
    """Removes what killed runs of this machine have left beside a folder, but an only copy."""
    target = _target(out)
    start = f".{target.name}.{platform.node()}-"
    for path in target.parent.iterdir():
        if not path.name.startswith(start) or path.suffix not in (".tmp", ".old"):
            continue
        process = path.name.removeprefix(start).partition("-")[0]
        if not process.isdigit() or _alive(int(process)):
            continue
        if path.suffix == ".old" and not target.exists():
            path.rename(target)  # it was killed between its two renames
            continue
        if path.suffix == ".old":  # and another run has taken the place since
            _keep(path, target, kind)
        shutil.rmtree(path, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # somebody else's process
    return True


def _replace(temporary: Path, target: Path, kind: Kind) -> None:
    """Puts the new folder in the place of the old one, which then is at the temporary name."""
    for _ in range(_TRIES):
        try:
            if not target.exists():
                temporary.rename(target)
                return
            _keep(target, temporary, kind)
            _exchange(temporary, target)
        except OSError as error:
            # Another run has made or moved the folder since it was looked at.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                raise
        else:
            _keep(temporary, target, kind)  # what was put there meanwhile
            return
    raise OutputError("is replaced by other runs all the time", file=target)


def _own(folder: Path, kind: Kind) -> Iterator[str]:
    """Paths inside a folder that are not of its kind: files, links and empty folders."""

    def stop(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):  # another run has replaced it since
            raise error  # what cannot be listed cannot be kept

    for above, folders, names in os.walk(folder, onerror=stop):
        inside = Path(above).relative_to(folder)
        if not folders and not names and inside.parts and inside.as_posix() not in kind.folders:
            yield inside.as_posix()
        for name in folders:
            if Path(above, name).is_symlink():
                yield (inside / name).as_posix()
        for name in names:
            path = (inside / name).as_posix()
            if not kind.writes(path) and not _LEFTOVER.fullmatch(name):
                yield path


def _keep(old: Path, new: Path, kind: Kind) -> None:
    """Links the user's own files of a folder into the one that replaces it."""
    for path in _own(old, kind):
        own, there = old / path, new / path
        if os.path.lexists(there) or not os.path.lexists(own):
            continue
        there.parent.mkdir(parents=True, exist_ok=True)
        if own.is_dir() and not own.is_symlink():
            there.mkdir(exist_ok=True)
            continue
        try:
            os.link(own, there, follow_symlinks=False)
        except (OSError, NotImplementedError):  # a file system without links
            shutil.copy2(own, there, follow_symlinks=False)


def _exchange(one: Path, other: Path) -> None:
    """Exchanges two folders' names: at once where the system can, else in two steps."""
    if _exchanged(one, other):
        return
    aside = one.with_suffix(".old")  # what a sweep gives its place back
    other.rename(aside)
    try:
        one.rename(other)
    except OSError:
        try:
            aside.rename(other)
        except OSError:  # another run has taken the place; what is the user's own is in `one`
            shutil.rmtree(aside, ignore_errors=True)
        raise
    aside.rename(one)


def _exchanged(one: Path, other: Path) -> bool:
    """Exchanges two names in one step; False where the system has none."""
    names = os.fsencode(one), os.fsencode(other)
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):  # not Linux, or an old C library
        return False
    return not renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _EXCHANGE)
