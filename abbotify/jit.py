"""How a kernel is compiled and where its code is cached.

A kernel is a plain function of scalars and arrays. It must give the same bits interpreted and
compiled, so `fastmath` stays off and Intel's SVML, whose vector `exp` differs from the scalar
one in the last bit, is switched off before numba is imported.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


def _source_digest() -> str:
    # numba does not notice that a callee in another file has changed, so every version of the
    # kernels' sources has a cache folder of its own. Reading the sources takes about 1 ms.
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        source = path.read_bytes()
        if b"@kernel" in source or b"@inlined" in source:
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
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "abbotify" / "kernels" / _source_digest()
    if _writable(folder):
        return folder
    # A read-only home (containers, lambdas): compile anew in each process rather than fail.
    return Path(tempfile.mkdtemp(prefix="abbotify-kernels-"))


# numba's `cache=True` raises at import when neither the package's folder nor the user's cache
# is writable; naming a folder that is known to work avoids both.
os.environ.setdefault("NUMBA_CACHE_DIR", str(_cache_folder()))
os.environ.setdefault("NUMBA_DISABLE_INTEL_SVML", "1")

import numba  # noqa: E402  (the environment above must come first)

INTERPRETED = bool(numba.config.DISABLE_JIT)


def kernel(function: F) -> F:
    """Compiles a function of scalars and arrays on first use; the code is kept on disk."""
    return cast(F, numba.njit(cache=True, fastmath=False, nogil=True)(function))


def inlined(function: F) -> F:
    """A kernel whose machine code is copied into every kernel that calls it."""
    options = {"cache": True, "fastmath": False, "nogil": True, "forceinline": True}
    return cast(F, numba.njit(**options)(function))


def unmanaged(function: F) -> F:
    """A kernel that allocates nothing, without counts of references to its arrays.

    The counts are atomic: with them a loop that hands arrays to its parts took 4 times as long.
    """
    options = {"cache": True, "fastmath": False, "nogil": True, "_nrt": False}
    return cast(F, numba.njit(**options)(function))


def inlined_unmanaged(function: F) -> F:
    """An unmanaged kernel whose machine code is copied into every kernel that calls it."""
    options = {"cache": True, "fastmath": False, "nogil": True, "_nrt": False, "forceinline": True}
    return cast(F, numba.njit(**options)(function))
