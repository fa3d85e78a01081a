"""The users who come to an experiment by its days: those of the pilot, and those who would."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from abbotify.metrics.users import UserTable
from abbotify.scenario import Scenario
from abbotify.simulation.timeline import Schedule

MOST_DAYS: Final = 3650  # of a run


@dataclass(frozen=True)
class Enrolment:
    """Who came in the pilot, who by which of its days, and who would in more days.

    Attributes:
        world: users of the world.
        enrolled: users of the population (the exposed, or all admitted) in the pilot's days.
        days: of the pilot's experiment.
        admitted: users whom the experiment has admitted by the end of each day: of the pilot's, and
            of those on which its traffic still grows.
        visits: expected of each user on a day.
        at_once: users count from their admission on, whether they come or not.
    """

    world: int
    enrolled: int
    days: int
    admitted: tuple[int, ...]
    visits: float
    at_once: bool = False

    @property
    def most(self) -> int:
        """Users that the experiment ever admits."""
        return self.admitted[-1]

    def days_for(self, users: float) -> int | None:
        """Days until so many users are expected; None when that many never are.

        An admitted user who has not come stays away for another day with the chance exp(-visits):
        visits are Poisson, gaps between them exponential, and both are the same for all users. The
        days of the pilot are scaled to those who came in it.
        """
        before, after = self.admitted[: self.days], self.admitted[self.days :]
        came = list(self._came(0, 0.0, before))
        if users <= self.enrolled:
            scale = self.enrolled / came[-1] if came[-1] else 0.0
            # The last day is the pilot's, whatever the rounding.
            return next((d for d, n in enumerate(came, 1) if n * scale >= users), self.days)
        away = before[-1] - self.enrolled
        later = enumerate(self._came(before[-1], away, after), self.days + 1)
        return next((day for day, n in later if n >= users), None) or self._at_last(users)

    def never(self, users: float) -> str:
        """Why so many users never come; empty when they do."""
        if self.days_for(users) is not None:
            return ""
        if users > self.most:
            return f"exceeds its {self.most:,} users"
        return f"not in the {MOST_DAYS:,} days that a run may have"

    def _came(self, inside: int, away: float, admitted: Sequence[int]) -> Iterator[float]:
        """Users who have come by the end of each day, of those admitted by then."""
        stays = 0.0 if self.at_once else math.exp(-self.visits)
        for now in admitted:
            away, inside = (away + now - inside) * stays, now
            yield inside - away

    def _at_last(self, users: float) -> int | None:
        """The same on days on which the traffic grows no more."""
        before, after = self.admitted[: self.days], self.admitted[self.days :]
        came = [self.enrolled, *self._came(before[-1], before[-1] - self.enrolled, after)][-1]
        if not came < users < self.most or self.visits <= 0:
            return None
        days = math.log((self.most - came) / (self.most - users)) / self.visits
        last = math.ceil(self.days + len(after) + days)
        return last if last <= MOST_DAYS else None


def enrolment_of(scenario: Scenario, users: UserTable) -> Enrolment:
    """Who of the users came to the pilot of a scenario, and what brings the others."""
    schedule, population = Schedule(scenario), scenario.metrics.population
    days, traffic = len(schedule.experiment_days), scenario.layers[0].traffic
    layer = schedule.experiment
    if isinstance(traffic, tuple):
        layer = replace(layer, traffic=traffic)  # those of later days as well
    admitted = [
        int(np.count_nonzero(layer.admitted(users.users, day)))
        for day in range(max(days, len(layer.traffic)))
    ]
    return Enrolment(
        len(users),
        int(np.count_nonzero(users.members(population))),
        days,
        tuple(admitted),
        scenario.arrivals.per_user(len(users)),
        population == "assigned",
    )
