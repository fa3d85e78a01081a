"""A folder that takes the place of another: the user's own files move along, nothing else stays."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from abbotify.errors import OutputError
from abbotify.files import lock

# What `replacing` leaves when its process is killed.
_LEFTOVER: Final = re.compile(r"\..+~.+-\d+-[0-9a-f]{8}\.tmp")


_EXCHANGE: Final = 2  # RENAME_EXCHANGE of renameat2
_AT_FDCWD: Final = -100
TRIES: Final = 100  # at a folder that other runs replace at the same time


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
            len(pattern) == len(parts) and all(map(fnmatchcase, parts, pattern))
            for pattern in (each.split("/") for each in self.files)
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


def beside(target: Path) -> Path:
    """A hidden name in the same folder, of this process and never used before."""
    owner = f"{platform.node()}-{os.getpid()}"
    return target.with_name(f".{target.name}~{owner}-{uuid.uuid4().hex[:8]}.tmp")


def sweep(target: Path, kind: Kind = RUN) -> None:
    """Removes what killed runs have left beside a folder, but an only copy."""
    for path in leftovers(target, ".old"):
        if not lock.owner_died(path):
            continue
        if not target.exists():
            path.rename(target)  # it was killed between its two renames
            continue
        _keep(path, target, kind)  # another run has taken the place since
        shutil.rmtree(path, ignore_errors=True)
    for path in leftovers(target):
        descriptor = lock.seize(path)
        if descriptor is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(descriptor)


def leftovers(target: Path, suffix: str = ".tmp") -> list[Path]:
    """The folders beside a folder that runs into it have made, of those that go on too."""
    try:
        paths = list(target.parent.iterdir())
    except FileNotFoundError:
        return []
    return [
        path
        for path in paths
        if path.name.rpartition("~")[0] == f".{target.name}"
        if path.suffix == suffix and _LEFTOVER.fullmatch(f"{path.stem}.tmp")
    ]


def remove_leftover_files(folder: Path) -> None:
    """Removes the files that a killed process was writing in a folder."""
    for path in folder.rglob(".*.tmp"):
        if _LEFTOVER.fullmatch(path.name):
            path.unlink()


def replace(temporary: Path, target: Path, kind: Kind) -> None:
    """Puts the new folder in the place of the old one, which then is at the temporary name."""
    for _ in range(TRIES):
        try:
            if not target.exists():
                temporary.rename(target)
                return
            _keep(target, temporary, kind)
            _exchange(temporary, target, kind)
        except OSError as error:
            # Another run has made or moved the folder since it was looked at.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                raise
        else:
            _keep(temporary, target, kind)  # what was put there meanwhile
            return
    raise OutputError("is replaced by other runs all the time", file=target)


def own_files(folder: Path, kind: Kind) -> Iterator[str]:
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
    for path in own_files(old, kind):
        old_file, new_file = old / path, new / path
        if os.path.lexists(new_file) or not os.path.lexists(old_file):
            continue
        new_file.parent.mkdir(parents=True, exist_ok=True)
        if old_file.is_dir() and not old_file.is_symlink():
            new_file.mkdir(exist_ok=True)
            continue
        try:
            os.link(old_file, new_file, follow_symlinks=False)
        except (OSError, NotImplementedError):  # a file system without links
            shutil.copy2(old_file, new_file, follow_symlinks=False)


def _exchange(first: Path, second: Path, kind: Kind) -> None:
    """Exchanges two folders' names: at once where the system can, else in two steps."""
    if _exchanged(first, second):
        return
    aside = beside(second).with_suffix(".old")  # what a sweep gives its place back
    second.rename(aside)
    try:
        first.rename(second)
    except OSError:
        try:
            aside.rename(second)
        except OSError:  # another run has taken the place
            _keep(aside, second, kind)
            shutil.rmtree(aside, ignore_errors=True)
        raise
    aside.rename(first)


def _exchanged(first: Path, second: Path) -> bool:
    """Exchanges two names in one step; False where the system has none."""
    names = os.fsencode(first), os.fsencode(second)
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):  # not Linux, or an old C library
        return False
    return not renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _EXCHANGE)
