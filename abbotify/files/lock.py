"""Folders that a process works in: which ones are those of processes that have died.

A lock on a file inside tells that on every machine that shares the disk, and in containers, where
numbers of processes are used again. Where there are no locks (Windows), numbers have to do.
"""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from pathlib import Path
from typing import Final

LOCK: Final = ".lock"


def hold(folder: Path) -> int:
    """Locks a folder for as long as this process lives; the descriptor that has the lock.

    Raises:
        OSError: no file can be made there.
    """
    new = folder / f"{LOCK}.new"
    descriptor = os.open(new, os.O_RDWR | os.O_CREAT, 0o644)
    if _locked(descriptor):
        new.replace(folder / LOCK)  # locked from the first moment that it has its name
    else:
        new.unlink()
    return descriptor


def seize(folder: Path) -> int | None:
    """Locks what a process that has died has left; None when it is in use, or that is not known.

    Args:
        folder: by the name that `replacement.beside` gives.
    """
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR)
    except FileNotFoundError:
        with suppress(OSError):
            return hold(folder) if owner_died(folder) else None
        return None
    except OSError:
        return None
    with suppress(OSError):
        known = os.fstat(descriptor)
        if _locked(descriptor) and os.path.samestat(known, (folder / LOCK).stat()):
            return descriptor
    os.close(descriptor)
    return None


def is_left(folder: Path) -> bool:
    """Whether a process that has died has left a folder."""
    descriptor = seize(folder)
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is not None


def owner_died(path: Path) -> bool:
    """Whether the process whose number a name has is none of this machine's."""
    host, number, _ = path.name.rpartition("~")[2].rsplit("-", 2)
    if host != platform.node():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass  # somebody else's process
    return False


def _locked(descriptor: int) -> bool:
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True
