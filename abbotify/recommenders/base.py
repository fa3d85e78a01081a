"""The seam every recommender is seen through.

A recommender answers a `Request` with a track. One whose answers come from precomputed lists
says so by `candidates()`: a `CandidateTable` is a set of rows of tracks, the key that chooses a
row, and the rule that picks from it. A compiled engine follows it without asking; where there is no
table, it asks for many answers at once by `recommend_batch`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, Protocol

import numpy as np

from abbotify import rng

if TYPE_CHECKING:
    from abbotify.recommenders.candidate_table import CandidateTable
    from abbotify.world.base import World


# Outcomes, compiled into kernels.
OK: Final = 0  # the recommender's own answer
MISS: Final = 1  # it had nothing; the fallback's answer
ERROR: Final = 2  # it, or a fallback, raised or left the catalogue; the fallback's answer

# Kinds of wrong answers.
NO_TRACK_ID: Final = "no track id"
NOT_IN_CATALOGUE: Final = "no track of the catalogue"
WRONG_SHAPE: Final = "answers of a wrong shape"

_INTEGERS: Final = frozenset(np.dtype(code).type for code in np.typecodes["AllInteger"])


class Play(NamedTuple):
    """A track that was played, and how much of it.

    Attributes:
        track: the track id.
        time: the listened fraction, 0 .. 1.
    """

    track: int
    time: float


class Request(NamedTuple):
    """What a recommender is asked: who, when, what was just played.

    All numbers are Python's own, not numpy's: a kernel takes them 1.3 to 1.5 times as fast.

    Attributes:
        user: the user's id.
        row: the user's row in the world, 0 .. users - 1.
        session: the user's own session number, from 0 over the whole run.
        step: the number of the track asked for; the first track, which the user picks, is 0.
        first: the session's first track.
        previous: the track just played.
        time: how much of it was listened to, 0 .. 1.
        played: the tracks of this session so far, in order, `previous` last.
        history: the user's last 10 plays over sessions, oldest first, `previous` last.
        seed: the seed of the run's dynamics, as `rng.seed_word` gives it.
        purpose: what draws are for; a fallback's differ from the recommender's.
    """

    user: int
    row: int
    session: int
    step: int
    first: int
    previous: int
    time: float
    played: Sequence[int]
    history: Sequence[Play]
    seed: int
    purpose: int = rng.Purpose.RECOMMEND

    def uniform(self, attempt: int = 0) -> float:
        """A uniform number in [0, 1) that depends on this request and the attempt alone."""
        purpose = rng.attempt(self.purpose, attempt)
        return rng.uniform(self.seed, rng.Stream.USERS, self.step, self.user, purpose, self.session)

    def choice(self, n: int, attempt: int = 0) -> int:
        """A uniform choice among 0 .. n - 1 that depends on this request and the attempt alone."""
        purpose = rng.attempt(self.purpose, attempt)
        return rng.choice(
            self.seed, rng.Stream.USERS, self.step, self.user, purpose, self.session, n
        )


class Recommender(Protocol):
    """What an arm wraps.

    A class of your own declares a frozen dataclass `Params` for its keys in the scenario file and
    is built once per process as `Class(params, world)`. What is optional:

    * A class that learns from earlier days has `fit(log, catalogue)`, which is called in a phase
      `train` with a `TrainingLog` and returns a mapping from names to arrays, and
      `restore(arrays)`, which is called with them before it serves, here or in another process.
    * A class whose answers depend on the request alone may have `recommend_batch(requests)`, which
      answers `Requests`, many at once; `recommend` may then be left out.
    * A class that learns within the experiment may have `ended(request)`: it is told when a
      session is over, `previous` and `time` being those of the session's last track.
    """

    Params: ClassVar[Any]

    def __init__(self, params: Any, world: World) -> None: ...

    def recommend(self, request: Request) -> int | None:
        """The next track's id, or None when there is nothing to recommend (a miss)."""
        ...

    def candidates(self) -> CandidateTable | None:
        """The table that gives the same answers, or None when there is no such table."""
        ...


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
    return one_line_text(repr, value, room)


def one_line_text(make: Any, value: Any, room: int) -> str:
    """A value made text by `str` or `repr`, on one line, cut; whatever its methods raise."""
    try:
        return " ".join(str.__str__(make(value)).split())[:room]
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return f"<{type_name(value)}: its text raised {type_name(error)}>"


def type_name(value: Any) -> str:
    """The name of a value's class, whatever its metaclass says."""
    return str(type.__dict__["__name__"].__get__(type(value)))
