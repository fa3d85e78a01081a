"""Who comes when, and what a session starts from: drawn, never dependent on what is recommended.

But for one thing: under `visits_per_day` a gap starts when the last session ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.schema import MS_PER_DAY
from abbotify.rng import seed_word
from abbotify.simulation.engine import Setup, State, Unit
from abbotify.simulation.event_driven.views import views
from abbotify.simulation.listener import arrivals
from abbotify.simulation.listener.session import start

IntArray = npt.NDArray[np.int64]


class Visits:
    """The visits of a unit's users.

    Args:
        setup: the run.
        unit: whose users, on which days.
        state: what the day before has left.

    Attributes:
        sessions: how many sessions each user has begun, by the row in the unit.
        next_visit: when each one is due, in ms from the start of the run; -1 unknown.
    """

    def __init__(self, setup: Setup, unit: Unit, state: State) -> None:
        self.setup, self.unit = setup, unit
        self.seed = seed_word(setup.scenario.seeds.dynamics)
        self.hours = arrivals.profile(setup.scenario.arrivals.profile)
        users = setup.world.users
        self.users = users.ids[unit.first : unit.end]
        (self.nearest,) = views(setup.world.nearest)
        self.offsets, self.interests = views(*users.interests)
        self.ids, self.neighbours = views(users.ids, users.neighbours)
        self.sessions: list[int] = state.sessions.tolist()
        self.next_visit: list[int] = state.next_visit.tolist()
        self.per_day = setup.scenario.arrivals.visits_per_day
        self._expected: dict[int, IntArray] = {}  # day -> visits of each user
        if self.per_day is not None and self.next_visit and self.next_visit[0] < 0:
            first = arrivals.first_visits(self.seed, self.users, self.per_day, self.hours)
            self.next_visit = first.tolist()

    def drawn(self) -> list[tuple[int, int, int]]:
        """(ms, row, day) of all visits on the unit's days, in the order of time, then of users.

        For a scenario that says how many sessions a day has.
        """
        mean = self.setup.visits_per_user
        parts = []
        for plan in self.unit.days:
            drawn = arrivals.visits_of_day(self.seed, self.users, plan.day, mean, self.hours)
            counts = np.diff(drawn[0])
            rows = np.repeat(np.arange(len(counts)), counts)
            order = np.lexsort((rows, drawn[1]))
            days = np.full(len(order), plan.day)
            parts.append((drawn[1][order], rows[order], days))
            self._expected[plan.day] = counts
        times, rows, days = (np.concatenate(column).tolist() for column in zip(*parts, strict=True))
        return list(zip(times, rows, days, strict=True))

    def begin(self, row: int) -> int:
        """Counts a session that begins; its number."""
        number = self.sessions[row]
        self.sessions[row] = number + 1
        return number

    def first_track(self, row: int, number: int) -> tuple[int, int]:
        """A session's interest and first track."""
        world_row = self.unit.first + row
        begin = self.offsets[world_row]
        interests = self.offsets[world_row + 1] - begin
        user, neighbours = self.ids[world_row], self.neighbours[world_row]
        pick, near = start(self.seed, user, number, interests, neighbours)
        interest = self.interests[begin + pick]
        return interest, self.nearest[interest, near]

    def end(self, row: int, now: int) -> None:
        """Draws when a user comes again whose session has just ended (`visits_per_day`)."""
        assert self.per_day is not None, "visits are drawn a day at a time"
        user = self.ids[self.unit.first + row]
        self.next_visit[row] = arrivals.next_visit(
            self.seed, user, self.sessions[row], now, self.per_day, self.hours
        )

    def foreseen(self, day: int, rows: Sequence[int]) -> tuple[IntArray, IntArray]:
        """(rows of users in the world, first tracks) of sessions that will begin on a day.

        Not all: of several visits of a user who returns after gaps only the first is foreseen.
        Nor do all come: an earlier session may delay one past the end of the run.

        Args:
            day: whose midnight is now.
            rows: of users, in the unit.
        """
        pairs = [
            (self.unit.first + row, self.first_track(row, self.sessions[row] + number)[1])
            for row in rows
            for number in range(self._count(day, row))
        ]
        users, tracks = np.array(pairs, np.int64).reshape(-1, 2).T
        return users, tracks

    def _count(self, day: int, row: int) -> int:
        if self.per_day is None:
            return int(self._expected[day][row])
        return int(self.next_visit[row] < (day + 1) * MS_PER_DAY)
