"""What the machine had too little of, told from what a library raised."""

from __future__ import annotations

import errno
import os
from typing import Final

_MEMORY: Final = "not enough memory: try fewer workers (--workers), or more shards (shards)"
_LIMITS: Final = {
    errno.ENOSPC: "no space left on the device",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "a file may not be larger (ulimit -f)",
    errno.EMFILE: "too many open files (ulimit -n)",
    errno.ENFILE: "too many open files on this machine",
    errno.EROFS: "the file system is read-only",
    errno.EIO: "the device does not answer (input/output error)",
    errno.ENOMEM: _MEMORY,
    errno.EAGAIN: "no further process or thread may be started (ulimit -u)",
}
# How libraries say that memory or threads ran out, where they raise something of their own.
_WORDS: Final = {
    "cannot allocate memory": _MEMORY,
    "failed to map segment": _MEMORY,
    "unable to allocate": _MEMORY,
    "out of memory": _MEMORY,
    "can't start new thread": "no further thread may be started (ulimit -u, or too little memory)",
}

# Bytes of addresses. Below it the libraries of BLAS and Arrow end the process instead of raising:
# with 0.8 GiB the analysis of a small log was aborted, with 1 GiB every command came to its end.
_LEAST_ADDRESSES: Final = 2**30


def too_few_addresses() -> str:
    """A line about a limit of memory that is too low for any work, or an empty one."""
    try:
        import resource
    except ImportError:  # Windows
        return ""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY or limit >= _LEAST_ADDRESSES:
        return ""
    least = f"{_LEAST_ADDRESSES // 2**20:,} MiB"
    return f"memory is limited to {limit // 2**20:,} MiB (ulimit -v), and {least} are needed"


def shortage(error: BaseException) -> str:
    """A line about what ran out, or an empty one where the error is about something else.

    Args:
        error: with the errors that it came from.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MemoryError):
            return _MEMORY
        if isinstance(seen, OSError) and seen.errno in _LIMITS:
            place = (
                f"{os.fsdecode(seen.filename)}: " if isinstance(seen.filename, str | bytes) else ""
            )
            return place + _LIMITS[seen.errno]
        text = str(seen).lower()
        for words, what in _WORDS.items():
            if words in text and isinstance(seen, ImportError | OSError | RuntimeError):
                return what
        seen = seen.__cause__ or seen.__context__
    return ""
