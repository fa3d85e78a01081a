"""Requests that Python answers one at a time, in the order of simulated time.

A recommender that learns from everybody it serves is asked when its answer is due, and is told when
a session is over, as by the event-driven engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from abbotify.recommenders.arms import Arm
from abbotify.recommenders.base import Play, Request
from abbotify.rng import Purpose
from abbotify.simulation.compiled.arrays import EVENTS, NUMBER, STEP, IntArray, Memory
from abbotify.simulation.compiled.shared_arrays import (
    ARM,
    END_SESSION,
    FALL_BACK,
    PLAYS,
    QUESTION,
    RESULT,
    TIMES,
    TRACK,
    Shared,
)
from abbotify.world.base import Users

_FRACTION: Final = tuple(h / 100 for h in range(TIMES))


class _Plays(dict[int, Play]):
    """A track and its hundredths in one number -> the play, made once: a history has ten."""

    def __missing__(self, code: int) -> Play:
        track, time = divmod(code, TIMES)
        play = self[code] = Play(track, _FRACTION[time])
        return play


class OneRequest:
    """Asks an arm for the answer that a user waits for.

    Args:
        users: of the world.
        first: the row in the world of the unit's first user.
        seed: of the dynamics, as a signed word.
        shared: where the users are.
        scratch: int64 (2, 10), whose first row has a user's last plays.
    """

    def __init__(
        self, users: Users, first: int, seed: int, shared: Shared, scratch: IntArray
    ) -> None:
        self._users, self._first, self._seed = users, first, seed
        self._clock, self._fields, self._history = shared.clock, shared.fields, scratch[0]
        self._plays = _Plays()

    def ask(self, row: int, arms: Sequence[Arm], memory: Memory) -> None:
        """Asks what the kernel wants to know of a user, and puts the answer where it looks.

        Args:
            row: the user's in the unit.
            arms: by their numbers.
            memory: has the session's tracks.

        Raises:
            RecommenderFailure: a recommender failed under `on_error: stop`.
        """
        fields = self._fields[row].tolist()
        arm, request = arms[fields[ARM]], self._request(row, fields, memory)
        question = self._clock[QUESTION]
        if question == END_SESSION:
            arm.end(request)
            return
        answer = arm.fallback if question == FALL_BACK else arm.recommend
        self._clock[TRACK], self._clock[RESULT] = answer(request)

    def _request(self, row: int, fields: list[int], memory: Memory) -> Request:
        base, step = fields[EVENTS], fields[STEP]
        played = memory.tracks[base : base + step + 1].tolist()
        time = _FRACTION[memory.times[base + step]]
        user, world_row = int(self._users.ids[self._first + row]), self._first + row
        return Request(
            *(user, world_row, fields[NUMBER], step + 1, played[0], played[step], time),
            *(tuple(played), self._last_plays(), self._seed, Purpose.RECOMMEND),
        )

    def _last_plays(self) -> tuple[Play, ...]:
        return tuple(map(self._plays.__getitem__, self._history[: self._clock[PLAYS]].tolist()))
