"""What asking a recommender gives: a track, a miss or an error; and how it is checked."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any, Final

import numpy as np

# Outcomes, compiled into kernels.
OK: Final = 0  # the recommender's own answer
MISS: Final = 1  # it had nothing; the fallback's answer
ERROR: Final = 2  # it, or a fallback, raised or left the catalogue; the fallback's answer


def checked(value: Any, n_tracks: int) -> int | None:
    """A recommender's return value as a track id, or None for a miss.

    Args:
        value: what `recommend` returned: a Python or numpy integer, or None.
        n_tracks: how many tracks the catalogue has.

    Raises:
        ValueError: anything else, True and 7.0 included, or a track outside the catalogue.
    """
    if (type(value) is int and 0 <= value < n_tracks) or value is None:
        return value
    if isinstance(value, np.integer | int) and not isinstance(value, bool):
        if 0 <= value < n_tracks:
            return int(value)
        raise ValueError(f"returned track {value}, not between 0 and {n_tracks - 1}")
    text = " ".join(repr(value).split())[:60]
    raise ValueError(f"returned {text} ({type(value).__name__}), not a track id or None")


def described(error: BaseException) -> str:
    """An exception on one line: its type, its message, and the place that raised it."""
    text = " ".join(f"{type(error).__name__}: {error}".rstrip(": ").split())
    frames = traceback.extract_tb(error.__traceback__)
    return f"{text} ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else text


def line_in(error: BaseException, file: Path) -> int | None:
    """The innermost line of a file that an exception passed through, or None."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno for f in reversed(frames) if f.filename == str(file)), None)
