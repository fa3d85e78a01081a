"""The question of a power study, and the users who come to an experiment by its days."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from abbotify.errors import UserError

MOST_DAYS: Final = 3650  # of a run


@dataclass(frozen=True)
class Question:
    """At most one of three questions.

    Attributes:
        mde: a lift in per cent: how many users find it?
        users: of all arms together: what do they find?
        days: of the experiment: what do their users find?
        power: wanted.
    """

    mde: float | None = None
    users: int | None = None
    days: int | None = None
    power: float = 0.8

    def __post_init__(self) -> None:
        """Raises: UserError: more than one is given, or a value is out of range."""
        options = {"--mde": self.mde, "--users": self.users, "--days": self.days}
        given = [name for name, value in options.items() if value is not None]
        if len(given) > 1:
            raise UserError("give at most one of --mde, --users and --days", key=" ".join(given))
        if self.mde is not None and not 0 < self.mde <= 1e6:
            raise UserError(f"must be above 0 per cent, 1e6 at most, got {self.mde:g}", key="--mde")
        if self.users is not None and not 1 <= self.users <= 10**15:
            raise UserError(f"must lie between 1 and 1e15, got {self.users}", key="--users")
        if self.days is not None and not 1 <= self.days <= MOST_DAYS:
            raise UserError(f"must lie between 1 and {MOST_DAYS}, got {self.days}", key="--days")
        if not 0 < self.power < 1:
            raise UserError(f"must lie between 0 and 1, got {self.power:g}", key="--power")


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
