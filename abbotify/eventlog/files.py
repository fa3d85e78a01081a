"""Files that can be read as a log: more than once and to their end, which pipes cannot."""

from __future__ import annotations

import stat
from pathlib import Path

from abbotify.errors import DataError


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
