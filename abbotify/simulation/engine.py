"""The contract of every engine.

A unit of work is (day, user shard), or everything at once when users are coupled. Playing it is
a pure function of the scenario, the world, the arms and the shard's state of the day before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from abbotify.errors import DataError
from abbotify.eventlog.schema import Events
from abbotify.eventlog.sessions import SessionTable
from abbotify.files.folders import load_arrays, save_arrays
from abbotify.recommenders.arms import Arm
from abbotify.recommenders.candidate_table import HISTORY, Pick
from abbotify.recommenders.failures import Failure
from abbotify.scenario import Scenario
from abbotify.world.base import World

COMPILED: Final = "compiled"
SIMPY: Final = "simpy"

Codes = npt.NDArray[np.int16]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Setup:
    """What does not change during a run: description, world, arms."""

    scenario: Scenario
    world: World
    arms: tuple[Arm, ...]

    @property
    def visits_per_user(self) -> float:
        """Expected visits of each user a day, where the scenario says how many sessions a day has.

        0 where users return after gaps.
        """
        return (self.scenario.arrivals.sessions or 0.0) / len(self.world.users)

    @property
    def looks_back(self) -> bool:
        """Whether somebody may ask for the plays of earlier sessions."""
        return any(_looks_back(arm) for arm in self.arms)


def _looks_back(arm: Arm) -> bool:
    lists = [link.table or link.ranker for link in arm.chain]
    return any(table is None or table.pick == Pick.ANCHORED for table in lists)


@dataclass(frozen=True)
class DayPlan:
    """Who is served by whom on one day, for the users of a unit.

    Attributes:
        day: counted from 0.
        serving: int16 (users), places in `Setup.arms`.
        labels: column of the log -> int16 codes (users), -1 for outside.
        in_experiment: it is a day of the experiment.
    """

    day: int
    serving: Codes
    labels: Mapping[str, Codes]
    in_experiment: bool = True


@dataclass(frozen=True)
class Unit:
    """Some users on one day or on several.

    Attributes:
        shard: its number.
        first: the first user's row in the world.
        end: one past the last user's row.
        days: consecutive days.
        names: column of the log -> what its codes mean.
        run_days: how many days the whole run has; nothing starts after them.
    """

    shard: int
    first: int
    end: int
    days: tuple[DayPlan, ...]
    names: Mapping[str, tuple[str, ...]]
    run_days: int


@dataclass(frozen=True)
class State:
    """What is left of the users of a shard when a unit is over.

    Attributes:
        busy_until: int64 (n,) ms, when the last session ended.
        next_visit: int64 (n,) ms, when the next session is due (`visits_per_day`), -1 unknown.
        sessions: int64 (n,), sessions so far.
        tracks: int32 (n, 10), the last plays, oldest first, right-aligned; -1 for none. Kept as
            long as somebody may look back, see `Setup`.
        times: int16 (n, 10), their listened hundredths.
    """

    busy_until: IntArray
    next_visit: IntArray
    sessions: IntArray
    tracks: npt.NDArray[np.int32]
    times: npt.NDArray[np.int16]

    @staticmethod
    def initial(users: int, looks_back: bool = True) -> State:
        """The state before the first day; without plays when nobody looks back."""
        plays = HISTORY if looks_back else 0
        return State(
            np.zeros(users, np.int64),
            np.full(users, -1, np.int64),
            np.zeros(users, np.int64),
            np.full((users, plays), -1, np.int32),
            np.zeros((users, plays), np.int16),
        )

    def save(self, path: Path) -> None:
        """Writes the arrays to an `.npz` file, without pickle."""
        save_arrays(path, {f.name: getattr(self, f.name) for f in fields(self)})

    @staticmethod
    def load(path: Path) -> State:
        """Reads what `save` wrote.

        Raises:
            DataError: the file is missing or broken.
        """
        arrays = load_arrays(path, "a shard's state")
        try:
            return State(**{f.name: arrays[f.name] for f in fields(State)})
        except KeyError as error:
            raise DataError(f"is not a shard's state: it lacks {error}", file=path) from None


@dataclass(frozen=True)
class SessionFacts:
    """What the event log does not say about each session, in the order of its sessions.

    Attributes:
        cut: bool, ended by `max_tracks`.
        timeouts: int64, requests that waited past their timeout.
        misses: int64, requests the recommender had nothing for.
        errors: int64, requests at which it, or a fallback, raised or left the catalogue.
        fallbacks: int64, requests that a fallback answered, for any of these reasons.
    """

    cut: npt.NDArray[np.bool_]
    timeouts: IntArray
    misses: IntArray
    errors: IntArray
    fallbacks: IntArray


@dataclass(frozen=True)
class Counts:
    """What was played on days of the experiment, by code of the first column of arms.

    Attributes:
        plays: int64 (codes, tracks).
        by_step: int64 (codes, HEARD_STEPS, 2): recommended plays at each step from 1, and their
            listened hundredths.
    """

    plays: IntArray
    by_step: IntArray


@dataclass(frozen=True)
class UnitResult:
    """What a unit comes to.

    Attributes:
        sessions: sorted by (user, session).
        facts: of the same sessions.
        counts: of their tracks.
        state: of the users afterwards.
        events: sorted by (user, session, step); None when the run does not keep them.
        failures: of recommenders, the first of each kind.
    """

    sessions: SessionTable
    facts: SessionFacts
    counts: Counts
    state: State
    events: Events | None
    failures: tuple[Failure, ...] = ()


ArmsForDay = Callable[[int, Callable[[], Events]], Sequence[Arm]]  # day, the log so far -> arms


class Engine(Protocol):
    """Plays units."""

    name: str
    setup: Setup

    def run(self, unit: Unit, state: State) -> UnitResult:
        """Plays one unit; pure: the same arguments give the same result.

        Raises:
            RecommenderFailure: a recommender failed under `on_error: stop`.
        """
        ...
