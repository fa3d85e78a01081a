"""Who comes when, and what a session starts from: drawn, never dependent on what is recommended.

But for one thing: under `visits_per_day` a gap starts when the last session ends.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.schema import MS_PER_DAY
from abbotify.rng import seed_word
from abbotify.simulation.engine import Setup, State, Unit
from abbotify.simulation.event_driven.clock import Clock
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
        self.nearest = setup.world.nearest
        self.offsets, self.interests = (values.tolist() for values in users.interests)
        self.ids, self.neighbours = users.ids.tolist(), users.neighbours.tolist()
        self.sessions: list[int] = state.sessions.tolist()
        self.next_visit: list[int] = state.next_visit.tolist()
        self.per_day = setup.scenario.arrivals.visits_per_day
        self._drawn = {} if self.per_day is not None else self._draw_days()
        if self.per_day is not None and self.next_visit and self.next_visit[0] < 0:
            first = arrivals.first_visits(self.seed, self.users, self.per_day, self.hours)
            self.next_visit = first.tolist()

    def _draw_days(self) -> dict[int, tuple[IntArray, IntArray]]:
        """Day -> offsets and times of its visits, for a scenario that says how many a day has."""
        mean = self.setup.visits_per_user
        return {
            plan.day: arrivals.visits_of_day(self.seed, self.users, plan.day, mean, self.hours)
            for plan in self.unit.days
        }

    def of(self, row: int, clock: Clock) -> Iterator[tuple[int, int]]:
        """(day, ms) of a user's visits on the unit's days, each asked for when the last is over."""
        if self.per_day is None:
            for day, (offsets, times) in self._drawn.items():
                for time in sorted(times[offsets[row] : offsets[row + 1]].tolist()):
                    yield day, time
            return
        end = (self.unit.days[-1].day + 1) * MS_PER_DAY
        while (time := self.next_visit[row]) < end:
            yield time // MS_PER_DAY, time
            user = self.ids[self.unit.first + row]
            self.next_visit[row] = arrivals.next_visit(
                self.seed, user, self.sessions[row], clock.ms, self.per_day, self.hours
            )

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
        return interest, int(self.nearest[interest, near])
