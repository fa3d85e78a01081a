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


# Kinds of wrong answers.
NO_TRACK_ID: Final = "no track id"
NOT_IN_CATALOGUE: Final = "no track of the catalogue"
WRONG_SHAPE: Final = "answers of a wrong shape"

_INTEGERS: Final = frozenset(np.dtype(code).type for code in np.typecodes["AllInteger"])


class WrongAnswer(ValueError):
    """What a recommender returned is no answer.

    Attributes:
        kind: one of the kinds above.
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


def whole(value: Any) -> int | None:
    """An integer of Python's or numpy's as a plain one; None for anything else, True included.

    A class of the user's own may lie about what it is and how it compares, so neither is asked.
    """
    kind = type(value)
    if kind is int or kind in _INTEGERS:
        return int(value)
    return int.__index__(value) if issubclass(kind, int) and kind is not bool else None


def checked(value: Any, n_tracks: int) -> int | None:
    """A recommender's return value as a track id, or None for a miss.

    Args:
        value: what `recommend` returned: a Python or numpy integer, or None.
        n_tracks: how many tracks the catalogue has.

    Raises:
        WrongAnswer: anything else, True and 7.0 included, or a track outside the catalogue.
    """
    if (type(value) is int and 0 <= value < n_tracks) or value is None:
        return value
    track = whole(value)
    if track is None:
        text = f"returned {shown(value)} ({type_name(value)}), not a track id or None"
        raise WrongAnswer(NO_TRACK_ID, text)
    if not 0 <= track < n_tracks:
        text = f"returned track {shown(track)}, not between 0 and {n_tracks - 1}"
        raise WrongAnswer(NOT_IN_CATALOGUE, text)
    return track


def shown(value: Any, room: int = 60) -> str:
    """A value on one line, cut; whatever its own methods raise."""
    return _text(repr, value, room)


def described(error: BaseException) -> str:
    """An exception on one line: its type, its message, and the place that raised it."""
    text = message(error)
    if type(error) is WrongAnswer:  # raised here, which says nothing
        return text
    frames = traceback.extract_tb(error.__traceback__)
    return f"{text} ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else text


def message(error: BaseException) -> str:
    """An exception on one line: its type and its message, which may be anything."""
    text = _text(str, error, 500)
    if type(error) is WrongAnswer:
        return text
    return f"{type_name(error)}: {text}".rstrip(": ")


def _text(make: Any, value: Any, room: int) -> str:
    try:
        return " ".join(str.__str__(make(value)).split())[:room]
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return f"<{type_name(value)}: its text raised {type_name(error)}>"


def type_name(value: Any) -> str:
    """The name of a value's class, whatever its metaclass says."""
    return str(type.__dict__["__name__"].__get__(type(value)))


def line_in(error: BaseException, file: Path) -> int | None:
    """The innermost line of a file that an exception passed through, or None."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno for f in reversed(frames) if f.filename == str(file)), None)
