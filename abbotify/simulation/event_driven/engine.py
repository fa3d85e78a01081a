"""The reference engine: a process for each user on SimPy's clock.

A user comes at the times that are drawn, listens, and comes again. A request to the recommender
takes time, alone or in the queue of a service; a track takes time to be heard. `clock` has the
order of what happens at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Any

import numpy as np

from abbotify.eventlog.schema import MS_PER_DAY, Events
from abbotify.recommenders.arms import Arm
from abbotify.recommenders.failures import FailureBook, merged
from abbotify.simulation.engine import SIMPY, ArmsForDay, Setup, State, Unit, UnitResult
from abbotify.simulation.event_driven import outputs
from abbotify.simulation.event_driven.clock import FIRST_USER, Clock
from abbotify.simulation.event_driven.outputs import Played
from abbotify.simulation.event_driven.service_queue import ServiceQueue
from abbotify.simulation.event_driven.session import Endpoint, Sessions
from abbotify.simulation.event_driven.visits import Visits
from abbotify.simulation.unit_output import counts, remembered, session_rows


class EventDriven:
    """The SimPy engine; plays every scenario."""

    name = SIMPY

    def __init__(
        self,
        setup: Setup,
        on_day_end: Callable[[], None] = lambda: None,
        arms_for_day: ArmsForDay | None = None,
    ) -> None:
        """An engine for a run.

        Args:
            setup: what does not change during the run.
            on_day_end: called when a day of a unit is over.
            arms_for_day: called before each day of a unit for the arms that serve its sessions;
                default those of the setup.
        """
        self.setup = setup
        self.on_day_end = on_day_end
        self.arms_for_day = arms_for_day or (lambda day, so_far: setup.arms)

    def run(self, unit: Unit, state: State) -> UnitResult:
        """Plays one unit, see `Engine`."""
        simulation = _Simulation(self.setup, unit, state)
        for plan in unit.days:
            simulation.open(plan.day, self.arms_for_day(plan.day, simulation.events))
            simulation.run_until((plan.day + 1) * MS_PER_DAY)
            self.on_day_end()
        simulation.run_until(None)  # sessions under way are played to their end
        return simulation.result()


class _Simulation:
    """One unit under way."""

    def __init__(self, setup: Setup, unit: Unit, state: State) -> None:
        self.setup, self.unit, self.state = setup, unit, state
        self.run_end = unit.run_days * MS_PER_DAY
        self.clock = Clock(unit.days[0].day * MS_PER_DAY)
        self.visits = Visits(setup, unit, state)
        self.sessions = Sessions(setup, unit, state, self.clock)
        self.serving = {plan.day: plan.serving for plan in unit.days}
        self.queues = self._queues()
        self.endpoints: dict[int, list[Endpoint]] = {}
        self.failures: dict[int, FailureBook] = {}  # of all arms that have served, by identity
        self.error: BaseException | None = None
        for row in range(unit.end - unit.first):
            self.clock.process(self._user(row))

    def _queues(self) -> list[ServiceQueue | None]:
        service = self.setup.scenario.service
        shared = None if service is None else ServiceQueue(self.clock, service)
        by_arm = [arm.service for arm in self.setup.arms]
        return [shared if spec is None else ServiceQueue(self.clock, spec) for spec in by_arm]

    def open(self, day: int, arms: Sequence[Arm]) -> None:
        """Lets arms serve the sessions of a day; the queues before them go on."""
        self.failures |= {id(arm.failures): arm.failures for arm in arms}
        for book in self.failures.values():
            book.day = day
        pairs = zip(arms, self.queues, strict=True)
        self.endpoints[day] = [Endpoint(arm, queue) for arm, queue in pairs]

    def run_until(self, ms: int | None) -> None:
        """Goes on until a time, or until no event is left."""
        try:
            self.clock.run_until(ms)
        except BaseException:
            # SimPy raises a copy of what a process raised, made of its positional arguments.
            if self.error is not None:
                raise self.error from None
            raise

    def _user(self, row: int) -> Generator[Any, Any, None]:
        try:
            for day, time in self.visits.of(row, self.clock):
                begin = max(time, self.sessions.busy_until[row])
                if begin >= self.run_end:
                    return
                if begin > self.clock.ms:
                    yield self.clock.pause(begin - self.clock.ms, FIRST_USER + row)
                number = self.visits.begin(row)
                log = Played(row, number, day)
                endpoint = self.endpoints[day][self.serving[day][row]]
                yield from self.sessions.listen(
                    log, *self.visits.first_track(row, number), endpoint
                )
        except BaseException as error:
            self.error = error
            raise

    def events(self) -> Events:
        """The log of all sessions whose last event is by now."""
        return self._events(self.sessions.over())

    def result(self) -> UnitResult:
        """What the unit came to, once no event is left."""
        sessions = outputs.in_order(self.sessions.played)
        events = self._events(sessions)
        tracks, times = self.state.tracks, self.state.times
        if self.setup.looks_back:
            rows = np.searchsorted(self.visits.users, events.user)
            tracks, times = remembered(self.state, rows, events)
        state = State(
            busy_until=np.array(self.sessions.busy_until, np.int64),
            next_visit=np.array(self.visits.next_visit, np.int64),
            sessions=np.array(self.visits.sessions, np.int64),
            tracks=tracks,
            times=times,
        )
        facts = outputs.facts(sessions)
        books = self.failures.values()
        return UnitResult(
            sessions=session_rows(self.setup, events, facts.timeouts),
            facts=facts,
            counts=counts(self.setup, self.unit, events),
            state=state,
            events=events,
            failures=merged(failure for book in books for failure in book.taken()),
        )

    def _events(self, sessions: Sequence[Played]) -> Events:
        return outputs.events(outputs.in_order(sessions), self.unit, self.visits.users)
