"""Users who meet, in a queue or in a recommender that learns from all, on the days of a unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from abbotify.eventlog.schema import ARM as ARM_COLUMN
from abbotify.eventlog.schema import MS_PER_DAY, Events
from abbotify.eventlog.sessions import HEARD_STEPS
from abbotify.recommenders.arms import Arm
from abbotify.recommenders.candidate_table import HISTORY, Key
from abbotify.recommenders.failures import FailureBook, merged
from abbotify.rng import seed_word
from abbotify.simulation.compiled import arrays, shared_queue
from abbotify.simulation.compiled.callback import Callback
from abbotify.simulation.compiled.event_heap import empty_heap
from abbotify.simulation.compiled.lowering import Lowering
from abbotify.simulation.compiled.one_request import OneRequest
from abbotify.simulation.compiled.outputs import UnitOutput
from abbotify.simulation.compiled.shared_arrays import (
    CLOCK,
    DONE,
    OVER,
    SHARED_FIELDS,
    TIME,
    Routes,
    Shared,
)
from abbotify.simulation.compiled.track_blocks import no_blocks
from abbotify.simulation.compiled.waiting_lists import NEVER, empty_queues
from abbotify.simulation.engine import DayPlan, Setup, State, Unit, UnitResult
from abbotify.simulation.listener import arrivals

_ROOM: Final = 1 << 16  # sessions and tracks at first; grows


def users_meet(setup: Setup, plans: Sequence[DayPlan]) -> bool:
    """Whether an arm that serves somebody has a queue, or learns from everybody."""
    served = np.unique([place for plan in plans for place in np.unique(plan.serving)])
    arms = [setup.arms[place] for place in served.tolist()]
    queued = setup.scenario.service is not None
    return any(queued or arm.service is not None or arm.couples for arm in arms)


class SharedUnit:
    """One unit under way.

    Args:
        setup: the run.
        unit: what is played.
        state: what the day before has left.
        ground: the world.
        lookup: for `Out`.
        skip_below: hundredths below which a track is skipped.
    """

    def __init__(
        self,
        setup: Setup,
        unit: Unit,
        state: State,
        ground: arrays.Ground,
        lookup: arrays.Index,
        skip_below: int,
    ) -> None:
        self.setup, self.unit, self.ground = setup, unit, ground
        users = unit.end - unit.first
        # Trainings read the log of the days before, whatever is kept of it in the end.
        self.keeps = setup.scenario.log.level == "events" or not all(
            arm.trained for arm in setup.arms
        )
        self.days = self._days(skip_below)
        self.people = arrays.People(
            state.busy_until.copy(),
            state.next_visit.copy(),
            state.sessions.copy(),
            state.tracks.copy(),
            state.times.copy(),
            self.days.visits[:-1].copy(),
        )
        if self.days.per_day >= 0.0 and users and self.people.next_visit[0] < 0:
            ids = ground.ids[unit.first : unit.end]
            self.people.next_visit[:] = arrivals.first_visits(
                self.days.seed, ids, self.days.per_day, self.days.hours
            )
        services, self._queue_of = _services(setup)
        self.shared = Shared(
            clock=np.zeros(CLOCK, np.int64),
            heap=empty_heap(users),
            rows=np.empty(users, np.int64),
            joining=np.empty(users, np.int64),
            queues=empty_queues(services, users),
            fields=np.zeros((users, SHARED_FIELDS), np.int64),
            cursors=np.zeros((users, 2), np.int64),
            blocks=no_blocks(),
        )
        self.shared.clock[TIME] = unit.days[0].day * MS_PER_DAY - 1
        self.memory = arrays.empty_memory(_ROOM)
        self.output = UnitOutput(setup, unit, self._out(lookup))
        self.requests = OneRequest(
            setup.world.users, unit.first, self.days.seed, self.shared, self.output.out.scratch
        )
        self.failures: dict[int, FailureBook] = {}  # of all arms that have served, by identity
        self.arms: list[Arm] = []
        self._served = np.full((len(unit.days), len(setup.arms)), -1, np.int64)
        shared_queue.plan_first_visits(self.days, self.people, self.shared)

    def open(self, day: int, arms: Sequence[Arm]) -> None:
        """Lets arms serve the sessions of a day; sessions under way keep theirs."""
        for place, arm in enumerate(arms):
            number = next((n for n, known in enumerate(self.arms) if known is arm), None)
            if number is None:
                number = len(self.arms)
                self.arms.append(arm)
            self._served[day - self.days.first_day, place] = number
        self.failures |= {id(arm.failures): arm.failures for arm in arms}
        for book in self.failures.values():
            book.day = day
        self.lowering = Lowering(self.arms)
        self.tables = self.lowering.tables()
        served_at = {int(number): place for row in self._served for place, number in enumerate(row)}
        self.routes = Routes(
            arms=self._served,
            queue=np.array([self._queue_of[served_at[n]] for n in range(len(self.arms))], np.int64),
            asks=np.array([not arm.lowers for arm in self.arms], np.bool_),
            listens=np.array([arm.listens for arm in self.arms], np.bool_),
        )
        for place, ranker in enumerate(arm.chain[0].ranker for arm in arms):
            if ranker is not None and ranker.anchor == Key.FIRST:
                ranker.foresee(*self._foreseen(day, place))

    def play_until(self, opened: int, until: int = NEVER) -> None:
        """Plays on.

        Args:
            opened: until when days are open, ms.
            until: what happens from then on is left for later; default nothing is.
        """
        self.days = self.days._replace(end=opened, until=until)
        ask = Callback(lambda row: self.requests.ask(row, self.arms, self.memory))
        while True:
            message = shared_queue.play(
                self.ground,
                self.lowering.program,
                self.tables,
                self.days,
                self.routes,
                self.people,
                self.shared,
                self.memory,
                self.output.out,
                ask.address,
            )
            if message == DONE:
                return
            ask.raise_error()
            self._make_room()

    def events(self) -> Events:
        """The log of all sessions whose last event is by now, answered or not."""
        assert self.keeps
        columns = self.output.columns()
        fields = self.shared.fields
        under_way = fields[fields[:, OVER] != 0, : arrays.SHARED_COLUMNS].T
        columns = np.concatenate([columns, under_way], axis=1)
        last = columns[arrays.EVENTS] + columns[arrays.TRACKS] - 1
        columns = columns[:, self.memory.stamps[last] < self.days.end]
        return self.output.events(columns, self.memory)

    def result(self) -> UnitResult:
        """What the unit came to, once no event is left."""
        people = self.people
        state = State(
            people.busy_until, people.next_visit, people.sessions, people.tracks, people.times
        )
        kept = self.setup.scenario.log.level == "events"
        books = self.failures.values()
        failures = merged(failure for book in books for failure in book.taken())
        return self.output.result(self.memory if kept else None, state, failures)

    def _make_room(self) -> None:
        if self.output.full:
            self.output.grow()
        else:
            self.memory = arrays.grown(self.memory, 2 * len(self.memory.tracks))

    def _days(self, skip_below: int) -> arrays.Days:
        scenario, unit = self.setup.scenario, self.unit
        first, last = unit.days[0].day, unit.days[-1].day
        per_day = scenario.arrivals.visits_per_day
        seed = seed_word(scenario.seeds.dynamics)
        hours = arrivals.profile(scenario.arrivals.profile)
        visits, times = np.zeros(unit.end - unit.first + 1, np.int64), np.empty(0, np.int64)
        if per_day is None:
            mean = self.setup.visits_per_user
            ids = self.ground.ids[unit.first : unit.end]
            visits, times = _by_user(
                [arrivals.visits_of_day(seed, ids, plan.day, mean, hours) for plan in unit.days]
            )
        codes = [
            plan.labels[ARM_COLUMN] if plan.in_experiment else np.full(len(plan.serving), -1)
            for plan in unit.days
        ]
        return arrays.Days(
            seed=seed,
            first=unit.first,
            first_day=first,
            end=first * MS_PER_DAY,
            until=first * MS_PER_DAY,
            last=(last + 1) * MS_PER_DAY,
            run_end=unit.run_days * MS_PER_DAY,
            last_step=scenario.listener.max_tracks - 1,
            skip_below=skip_below,
            keeps=self.keeps,
            looks_back=self.setup.looks_back,
            per_day=-1.0 if per_day is None else float(per_day),
            hours=hours,
            serving=np.array([plan.serving for plan in unit.days], np.int16),
            codes=np.array(codes, np.int16),
            visits=visits,
            times=times,
        )

    def _out(self, lookup: arrays.Index) -> arrays.Out:
        codes, tracks = len(self.unit.names[ARM_COLUMN]), len(self.setup.world.catalogue)
        return arrays.Out(
            sessions=np.empty((arrays.SHARED_COLUMNS, _ROOM), np.int64),
            plays=np.zeros((codes, tracks), np.int32),
            by_step=np.zeros((codes, HEARD_STEPS, 2), np.int64),
            filled=np.zeros(3, np.int64),
            scratch=np.zeros((2, HISTORY), np.int64),
            cursor=np.zeros(2, np.int64),
            fields=np.zeros(arrays.FIELDS, np.int64),
            lookup=lookup,
        )

    def _foreseen(self, day: int, place: int) -> Any:
        """(rows of users in the world, first tracks) of sessions that a day is known to have."""
        rows = np.flatnonzero(self.days.serving[day - self.days.first_day] == place)
        return shared_queue.foreseen(self.ground, self.days, self.people, rows, day)


def _services(setup: Setup) -> tuple[list[Any], list[int]]:
    """The services that have queues, and the place of each arm's among them, or -1."""
    common = setup.scenario.service
    services = [] if common is None else [common]
    places = []
    for arm in setup.arms:
        if arm.service is None:
            places.append(-1 if common is None else 0)
        else:
            places.append(len(services))
            services.append(arm.service)
    return services, places


def _by_user(days: Sequence[tuple[Any, Any]]) -> tuple[Any, Any]:
    """The visits of several days as one list for each user: offsets and times."""
    counts = np.array([np.diff(offsets) for offsets, _ in days])
    users = np.concatenate([np.repeat(np.arange(counts.shape[1]), row) for row in counts])
    order = np.argsort(users, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(counts.sum(axis=0))])
    return offsets, np.concatenate([times for _, times in days])[order]
