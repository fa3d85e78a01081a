"""What is asked of a power study, and how many users come to an experiment by its days."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from abbotify.errors import UserError

MOST_DAYS: Final = 3650  # of a run


@dataclass(frozen=True)
class Question:
    """What is asked: nothing, or one of three.

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
        """Raises: UserError: more than one is asked, or a value means nothing."""
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
class Coming:
    """Who came in the pilot, and who would in more days.

    Attributes:
        world: users of the world.
        admitted: those whom the experiment admits by its last day.
        judged: those of the population (the exposed, or all admitted), in `days`.
        days: of the experiment.
        by_day: those of the population by the end of each day; empty where it is not known.
    """

    world: int
    admitted: int
    judged: int
    days: int
    by_day: tuple[int, ...] = ()

    def days_for(self, users: float) -> int | None:
        """Days until so many users have come; None when that many never do.

        Within the pilot's days they are counted. Beyond, a user who has not come comes on the next
        day with the chance that the pilot's last day shows: exact for users who come alike (each
        day Poisson), and too few days for others.
        """
        if users <= self.judged and self.by_day:
            return next(day for day, came in enumerate(self.by_day, 1) if came >= users)
        if users <= self.judged:
            full = self.judged == self.admitted
            return self.days if full else max(1, self._by_chance(users))
        if users >= self.admitted or self.judged == 0:
            return None
        left = self._staying_away()
        if left <= 0:
            return None
        away = (self.admitted - users) / (self.admitted - self.judged)
        return self.days + max(1, math.ceil(math.log(away) / -left))

    def _by_chance(self, users: float) -> int:
        """Days until so many have come, were the chance the same on each of the pilot's days."""
        stay = math.log1p(-self.judged / self.admitted) / self.days
        # A little off for the rounding: the pilot's own users have come by its last day.
        return math.ceil(math.log1p(-users / self.admitted) / stay - 1e-9)

    def _staying_away(self) -> float:
        """-log of the chance that a user who has not come stays away for one more day."""
        before = self.by_day[-2] if len(self.by_day) > 1 else 0
        if self.by_day and self.admitted > self.judged > before:
            return -math.log((self.admitted - self.judged) / (self.admitted - before))
        return -math.log1p(-self.judged / self.admitted) / self.days
