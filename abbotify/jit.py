"""How a kernel is compiled and where its code is cached.

A kernel is a plain function of scalars and arrays. It must give the same bits interpreted and
compiled, so `fastmath` stays off and Intel's SVML, whose vector `exp` differs from the scalar
one in the last bit, is switched off before numba is imported.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

_KEPT: Final = 3  # folders of the latest versions of the kernels, however old
_UNUSED: Final = 14 * 86_400.0  # seconds


# What is in a file that kernels are made from.
_KERNELS = (b"@kernel", b"@inlined", b"@unmanaged", b"compiled into kernels")


def _source_digest() -> str:
    # numba does not notice that a callee in another file has changed, so every version of the
    # kernels' sources, and of the constants compiled into them, has a cache folder of its own.
    # Reading the sources takes about 1 ms.
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        source = path.read_bytes()
        if any(mark in source for mark in _KERNELS):
            digest.update(source)
    return digest.hexdigest()[:16]


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _cache_folder() -> Path:
    digest = _source_digest()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "abbotify" / "kernels" / digest
    default = folder
    if preset := os.environ.get("NUMBA_CACHE_DIR"):  # the user's choice, or our own parent's
        folder = Path(preset)
        folder = folder if folder.name == digest else folder / digest
    if not _writable(folder):
        return _temporary_folder(digest)
    if folder == default:  # a folder of the user's holds what we know nothing of
        _tidy(folder)
    return folder


def _temporary_folder(digest: str) -> Path:
    """Where kernels go when the home is read-only (containers, lambdas): one for each user."""
    user = os.getuid() if hasattr(os, "getuid") else getpass.getuser()
    folder = Path(tempfile.gettempdir()) / f"abbotify-{user}-kernels-{digest}"
    with suppress(OSError):
        folder.mkdir(mode=0o700)
    # Its files are run: in a folder that all may write to, somebody else's are refused.
    return folder if _private(folder) else Path(tempfile.mkdtemp(prefix="abbotify-kernels-"))


def _private(folder: Path) -> bool:
    try:
        status = folder.lstat()
    except OSError:
        return False
    private = not hasattr(os, "getuid") or (
        status.st_uid == os.getuid() and not status.st_mode & 0o077
    )
    return stat.S_ISDIR(status.st_mode) and private and _writable(folder)


def _tidy(folder: Path) -> None:
    """Removes folders of other versions of the kernels that nobody has used for weeks."""
    with suppress(OSError):
        os.utime(folder)  # in use
        known = [path for path in folder.parent.iterdir() if len(path.name) == len(folder.name)]
        used = sorted(((path.stat().st_mtime, path) for path in known), reverse=True)
        for when, path in used[_KEPT:]:
            if when < time.time() - _UNUSED:
                shutil.rmtree(path, ignore_errors=True)


# numba's `cache=True` raises at import when neither the package's folder nor the user's cache
# is writable; naming a folder that is known to work avoids both.
os.environ["NUMBA_CACHE_DIR"] = str(_cache_folder())
os.environ.setdefault("NUMBA_DISABLE_INTEL_SVML", "1")

import numba  # noqa: E402  (the environment above must come first)
from numba.core.caching import FunctionCache  # noqa: E402

INTERPRETED = bool(numba.config.DISABLE_JIT)


class _Cache(FunctionCache):
    """A cache on disk that is a help and no condition: broken files are written anew."""

    @property
    def written(self) -> bool:
        """Whether a process has kept code of the function, for whatever types."""
        return os.path.exists(self._cache_file._index_path)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # whatever unpickling a damaged file raises
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(OSError):  # a full disk
            super().save_overload(sig, data)


def is_compiled(kernel: Callable[..., Any]) -> bool:
    """Whether code of a kernel is on disk; True where kernels are interpreted."""
    return INTERPRETED or cast(Any, kernel)._cache.written


def kernel(function: F) -> F:
    """Compiles a function of scalars and arrays on first use; the code is kept on disk."""
    return _compiled(function, {})


def inlined(function: F) -> F:
    """A kernel whose machine code is copied into every kernel that calls it."""
    return _compiled(function, {"forceinline": True})


def unmanaged(function: F) -> F:
    """A kernel that allocates nothing, without counts of references to its arrays.

    The counts are atomic: with them a loop that hands arrays to its parts took 4 times as long.
    """
    return _compiled(function, {"_nrt": False})


def inlined_unmanaged(function: F) -> F:
    """An unmanaged kernel whose machine code is copied into every kernel that calls it."""
    return _compiled(function, {"_nrt": False, "forceinline": True})


def _compiled(function: F, options: dict[str, Any]) -> F:
    # No entry for C, which nobody calls and which took a twentieth of all compiling.
    options = {"fastmath": False, "nogil": True, "no_cfunc_wrapper": True, **options}
    made = numba.njit(**options)(function)
    if not INTERPRETED:
        made._cache = _Cache(function)  # as numba's own `enable_caching` does for `cache=True`
    return cast(F, made)
