"""Many requests at once, as columns: what `recommend_batch` is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from abbotify import rng
from abbotify.jit import kernel
from abbotify.recommenders.base import WRONG_SHAPE, Play, Request, WrongAnswer, checked, whole
from abbotify.rng import choice, uniform
from abbotify.world.base import IntArray, Lists

MISSED = -1  # in a batch of answers: nothing to recommend
FAILED = -2  # no answer of this request's own: it raised, or left the catalogue

_NUMBERS = ("user", "row", "session", "step", "first", "previous")  # columns of whole numbers
_USERS = rng.Stream.USERS  # kernels see module constants, not classes


@dataclass(frozen=True, eq=False)
class Requests:
    """n requests; `requests[i]` and iteration give each as a `Request`.

    Attributes:
        user: int64 (n,), as in `Request`, like the next six.
        row: int64 (n,).
        session: int64 (n,).
        step: int64 (n,).
        first: int64 (n,).
        previous: int64 (n,).
        time: float64 (n,).
        played: the tracks of each session so far, in order.
        history: each user's last 10 plays over sessions, oldest first.
        history_times: float64, beside `history.tracks`: how much of each was listened to.
        seed: the seed of the run's dynamics, as `rng.seed_word` gives it.
        purpose: what draws are for; a fallback's differ from the recommender's.
    """

    user: IntArray
    row: IntArray
    session: IntArray
    step: IntArray
    first: IntArray
    previous: IntArray
    time: npt.NDArray[np.float64]
    played: Lists
    history: Lists
    history_times: npt.NDArray[np.float64]
    seed: int
    purpose: int = rng.Purpose.RECOMMEND

    def __post_init__(self) -> None:
        # Asked again one by one after a failure, requests must be what they were.
        for value in vars(self).values():
            for array in value if isinstance(value, Lists) else (value,):
                if isinstance(array, np.ndarray):
                    array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.user)

    def __iter__(self) -> Iterator[Request]:
        return (self[place] for place in range(len(self)))

    def __getitem__(self, place: int) -> Request:
        start, end = self.history.offsets[place], self.history.offsets[place + 1]
        tracks, times = self.history.tracks[start:end], self.history_times[start:end]
        first, last = self.played.offsets[place], self.played.offsets[place + 1]
        return Request(
            **{name: int(getattr(self, name)[place]) for name in _NUMBERS},
            time=float(self.time[place]),
            played=tuple(self.played.tracks[first:last].tolist()),
            history=tuple(map(Play, tracks.tolist(), times.tolist())),
            seed=self.seed,
            purpose=self.purpose,
        )

    def uniform(self, attempt: int = 0) -> npt.NDArray[np.float64]:
        """`Request.uniform` of each: float64 (n,) in [0, 1)."""
        out = np.empty(len(self))
        purpose = rng.attempt(self.purpose, attempt)
        _uniforms(self.seed, purpose, self.step, self.user, self.session, out)
        return out

    def choice(self, n: int | npt.NDArray[Any], attempt: int = 0) -> IntArray:
        """`Request.choice` of each: int64 (n,), uniform among 0 .. n - 1.

        Args:
            n: one number, or one for each request; at least 1.
            attempt: of several draws of a request.
        """
        bounds = np.broadcast_to(np.asarray(n, np.int64), len(self)).copy()
        out = np.empty(len(self), np.int64)
        purpose = rng.attempt(self.purpose, attempt)
        _choices(self.seed, purpose, self.step, self.user, self.session, bounds, out)
        return out

    @staticmethod
    def of(requests: Sequence[Request]) -> Requests:
        """Requests of one seed and purpose as columns; at least one."""
        columns = {
            name: np.array([getattr(request, name) for request in requests], np.int64)
            for name in _NUMBERS
        }
        histories = [request.history for request in requests]
        return Requests(
            **columns,
            time=np.array([request.time for request in requests], np.float64),
            played=_lists([request.played for request in requests]),
            history=_lists([[play.track for play in history] for history in histories]),
            history_times=np.array([play.time for history in histories for play in history]),
            seed=requests[0].seed,
            purpose=requests[0].purpose,
        )


def _lists(rows: Sequence[Sequence[int]]) -> Lists:
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=offsets[1:])
    return Lists(offsets, np.array([track for row in rows for track in row], np.int32))


@dataclass(frozen=True, eq=False)
class Answers:
    """What `recommend_batch` returned, checked.

    Attributes:
        tracks: int64 (n,), tracks, MISSED and FAILED.
        wrong: the place of each FAILED -> what is wrong with its answer.
    """

    tracks: IntArray
    wrong: Mapping[int, WrongAnswer]


def answers_of(returned: Any, n: int, n_tracks: int) -> Answers:
    """What `recommend_batch` returned, and what is wrong with it.

    Args:
        returned: n integers, -1 for a miss; or n values as `recommend` returns them.
        n: how many requests there were.
        n_tracks: how many tracks the catalogue has. A track outside it is FAILED.

    Raises:
        WrongAnswer: there are not n answers in one dimension.
    """
    values = list(returned) if isinstance(returned, list | tuple) else np.asarray(returned)
    answers = np.asarray(values)
    if answers.shape != (n,):
        text = f"returned answers of shape {answers.shape}, not {(n,)}"
        raise WrongAnswer(WRONG_SHAPE, text)
    if answers.dtype.kind in "iu" and not _has_truths(values):
        # First: FAILED is no number of uint8.
        tracks = answers.astype(np.int64)
        suspects = np.flatnonzero((answers < MISSED) | (answers >= n_tracks))
    else:
        tracks, suspects = np.empty(n, np.int64), np.arange(n)
    wrong = {}
    for place in suspects.tolist():
        try:
            track = checked(_none_for_missed(values[place]), n_tracks)
            tracks[place] = MISSED if track is None else track
        except WrongAnswer as error:
            tracks[place], wrong[place] = FAILED, error
    return Answers(tracks, wrong)


def _has_truths(values: Any) -> bool:
    """Whether a list has True or False among its numbers; in an array they are 1 and 0."""
    truths = (bool, np.bool_)
    return isinstance(values, list) and any(isinstance(value, truths) for value in values)


def _none_for_missed(value: Any) -> Any:
    return None if whole(value) == MISSED else value


def one_by_one(recommend_batch: Callable[[Requests], Any]) -> Callable[[Request], Any]:
    """`recommend` for a recommender that has only `recommend_batch`."""

    def recommend(request: Request) -> Any:
        returned = recommend_batch(Requests.of([request]))
        answers = np.asarray(returned)
        if answers.shape != (1,):
            text = f"returned answers of shape {answers.shape}, not (1,)"
            raise WrongAnswer(WRONG_SHAPE, text)
        return _none_for_missed(answers[0] if answers.dtype.kind in "iu" else next(iter(returned)))

    return recommend


@kernel
def _uniforms(
    seed: int, purpose: int, step: IntArray, user: IntArray, session: IntArray, out: Any
) -> None:
    for i in range(len(out)):
        out[i] = uniform(seed, _USERS, step[i], user[i], purpose, session[i])


@kernel
def _choices(
    seed: int,
    purpose: int,
    step: IntArray,
    user: IntArray,
    session: IntArray,
    bounds: IntArray,
    out: IntArray,
) -> None:
    for i in range(len(out)):
        out[i] = choice(seed, _USERS, step[i], user[i], purpose, session[i], bounds[i])
