"""The process of the command line: how it ends, on signals and when resources run out."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from typing import Final, NoReturn

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


def leave(code: object) -> None:
    """Ends the process at once if threads are left, which the interpreter would wait for.

    They are of recommenders of the user's own: all that is ours is done.
    """
    here = threading.current_thread()
    left = [each for each in threading.enumerate() if each is not here and not each.daemon]
    if left and isinstance(code, int):
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def end_cleanly_on_signals() -> None:
    """Lets what ends a process remove half-written folders first, unless it is ignored."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)


def fail_for_resources(error: Exception) -> None:
    """Ends with one line where the machine and not the program is at fault."""
    if isinstance(error, OSError) and error.filename is None and not _takes_output():
        discard_output()
        fail(f"standard output cannot be written ({error.strerror}); files are complete", 1)
    what = shortage(error)
    if what:
        fail(what, 1)


def _takes_output() -> bool:
    try:
        os.write(1, b"\n")
    except OSError:
        return False
    return True


def discard_output() -> None:
    """Sends what is still to be printed nowhere, so that the interpreter does not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def fail(what: str, code: int) -> NoReturn:
    """Prints a line on standard error and ends the process."""
    print(f"abbotify: {what}", file=sys.stderr)
    sys.exit(code)
