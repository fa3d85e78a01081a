"""Simulated time: whole milliseconds, each a sequence of rounds.

What falls due in a millisecond belongs to its first round; what is scheduled without a delay, to
the next one. The events of a round come in the order of their ranks: users by row, then those who
join a queue, then servers that become free. Waits expire in the last rounds of a millisecond. So
nothing depends on who was scheduled first.
"""

from __future__ import annotations

from typing import Any, Final

import simpy
from simpy.core import SimTime

FIRST_USER: Final = 2  # SimPy's own priorities are 0 (urgent) and 1 (normal)
JOIN: Final = 2**40  # after every user's event of the round
RELEASE: Final = JOIN + 1
_ROUNDS: Final = 2**40  # in a millisecond, more than any chain of things that take no time
_LAST: Final = 2**39  # rounds from here on are those of waits that expire, and of what follows


class Pause(simpy.Timeout):
    """A timeout with a rank among the events of its round."""

    def __init__(self, clock: Clock, delay: int, rank: int) -> None:
        self.rank = rank
        super().__init__(clock, delay)


class Clock(simpy.Environment):
    """SimPy's environment with a clock that counts rounds.

    Args:
        ms: where it starts, in ms from the start of the run.
    """

    def __init__(self, ms: int = 0) -> None:
        super().__init__(ms * _ROUNDS)

    @property
    def ms(self) -> int:
        """Simulated time in ms from the start of the run."""
        return int(self.now) // _ROUNDS

    def schedule(self, event: Any, priority: Any = simpy.events.NORMAL, delay: SimTime = 0) -> None:
        """Schedules an event, in the order of ranks where it has one."""
        super().schedule(event, getattr(event, "rank", priority), delay)

    def pause(self, ms: int, rank: int) -> Pause:
        """A pause until `ms` from now: the first round of that millisecond, or the next round."""
        return Pause(self, ms * _ROUNDS - int(self.now) % _ROUNDS if ms else 1, rank)

    def later_in_round(self, rank: int) -> Pause:
        """A pause until the round comes to another rank."""
        return Pause(self, 0, rank)

    def end_of(self, ms: int) -> Pause:
        """A pause until all is done that falls due in the millisecond `ms` from now."""
        return Pause(self, ms * _ROUNDS + max(_LAST - int(self.now) % _ROUNDS, 0), RELEASE)

    def run_until(self, ms: int | None = None) -> None:
        """Runs until a millisecond begins; without one, until no event is left."""
        self.run(None if ms is None else ms * _ROUNDS)
