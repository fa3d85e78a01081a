"""The seam every recommender is seen through.

A recommender answers a `Request` with a track. One whose answers come from precomputed lists
says so by `candidates()`: a `CandidateTable` is a set of rows of tracks, the key that chooses a
row, and the rule that picks from it. A compiled engine follows it without asking; where there is no
table, it asks for many answers at once by `recommend_batch`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from abbotify import rng

if TYPE_CHECKING:
    from abbotify.recommenders.candidate_table import CandidateTable
    from abbotify.world.base import World


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
