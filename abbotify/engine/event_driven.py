"""The reference engine: SimPy processes that read as the story.

A user is a process: wait for the next visit, play a session, wait again. A request to the
recommender takes time, alone or in the queue of a service; a track takes time to be heard.

Events of one millisecond come in the order of users, whoever scheduled them first: an event's
priority is the user's row. A user is never in two sessions, so that order is (user, session,
step), and nothing depends on the order in which processes were started.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from heapq import heappush
from operator import attrgetter
from typing import Any, Final

import numpy as np
import simpy
from simpy.events import Event

from abbotify.engine import results
from abbotify.engine.base import SIMPY, Morning, Setup, State, Unit, UnitResult, remembered
from abbotify.engine.listening import Desk, Listening, Steps
from abbotify.engine.queueing import Queue
from abbotify.engine.results import Played
from abbotify.engine.visits import Visits
from abbotify.errors import RecommenderFailure
from abbotify.events import MS_PER_DAY, Events
from abbotify.recommenders import Arm, Key

_FIRST_PRIORITY: Final = 2  # SimPy's own are 0 (urgent) and 1 (normal)


class Clock(simpy.Environment):
    """SimPy's environment with a clock of whole milliseconds and events ordered by users."""

    # The simulated time in ms from the start of the run: SimPy's `now`, as the integer it is here.
    ms: Any = property(attrgetter("_now"))

    def run(self, until: Any = None) -> Any:
        """As SimPy's; a failure in a process is raised itself, not as a copy without its key."""
        try:
            return super().run(until)
        except RecommenderFailure as copy:
            original = copy.__cause__
            if not isinstance(original, RecommenderFailure):
                raise
        raise original

    def at(self, event: Event, delay: int, priority: int) -> None:
        """Schedules an event in `delay` ms, at its place among those of that millisecond."""
        self.schedule(event, priority, delay)  # type: ignore[arg-type]


class Alarm(Event):
    """A user's pauses: SimPy's timeout, with the user's place in the order of its moment.

    A user waits for one thing at a time, so one event serves again and again; a new object for
    each pause took 0.3 us of the 2 us that an event takes.
    """

    callbacks: Any

    def __init__(self, env: Clock, priority: int) -> None:
        self.env = env
        self.priority = priority
        self._value = None
        self._ok = True
        self._clock: Any = env
        self._heap: Any = env._queue

    def after(self, delay: int) -> Alarm:
        """The alarm, set to go off in `delay` ms; it must not be set already."""
        self.callbacks = []
        clock = self._clock
        # What `env.schedule` does, without the call: 0.2 us for each event of a run.
        heappush(self._heap, (clock._now + delay, self.priority, next(clock._eid), self))
        return self


class EventDriven:
    """The SimPy engine; runs every scenario."""

    name = SIMPY

    def __init__(
        self,
        setup: Setup,
        midnight: Callable[[], None] = lambda: None,
        morning: Morning | None = None,
    ) -> None:
        """An engine for a run.

        Args:
            setup: what does not change during the run.
            midnight: called when a day of a unit is over.
            morning: asked before each day of a unit which arms serve the sessions of that day;
                default those of the setup.
        """
        self.setup = setup
        self.midnight = midnight
        self.morning = morning or (lambda day, so_far: setup.arms)

    def run(self, unit: Unit, state: State) -> UnitResult:
        """Plays one unit, see `Engine`."""
        play = _Play(self.setup, unit, state)
        with _without_collector():
            for plan in unit.days:
                play.open(plan.day, self.morning(plan.day, play.events))
                play.env.run(until=(plan.day + 1) * MS_PER_DAY)
                self.midnight()
            play.env.run()  # sessions under way are played to their end
        return play.result()


@contextmanager
def _without_collector() -> Iterator[None]:
    # Sessions hold no cycles, so reference counts free them; looking for cycles among ten thousand
    # live processes took 12 % of a run.
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Play:
    """One unit under way: its users as processes."""

    def __init__(self, setup: Setup, unit: Unit, state: State) -> None:
        self.setup, self.unit, self.state = setup, unit, state
        self.end = (unit.days[-1].day + 1) * MS_PER_DAY
        self.run_end = unit.run_days * MS_PER_DAY
        self.env = Clock(initial_time=unit.days[0].day * MS_PER_DAY)
        self.visits = Visits(setup, unit, state)
        self.listening = Listening(setup, unit, state, self.env)
        self.serving = {plan.day: plan.serving for plan in unit.days}
        self.queues = self._queues()
        self.desks: dict[int, list[Desk]] = {}
        self._start_users()

    def _queues(self) -> list[Queue | None]:
        common = self.setup.scenario.service
        shared = None if common is None else Queue(self.env, common)
        own = [arm.service for arm in self.setup.arms]
        return [shared if spec is None else Queue(self.env, spec) for spec in own]

    def open(self, day: int, arms: Sequence[Arm]) -> None:
        """Lets arms serve the sessions of a day; the queues before them go on.

        Rankers make the lists of the sessions that can be foreseen at once.
        """
        pairs = zip(arms, self.queues, strict=True)
        self.desks[day] = [Desk(arm, queue) for arm, queue in pairs]
        for place, ranker in enumerate(arm.chain[0].ranker for arm in arms):
            if ranker is not None and ranker.anchor == Key.FIRST:
                rows = np.flatnonzero(self.serving[day] == place).tolist()
                ranker.foresee(*self.visits.foreseen(day, rows))

    def _start_users(self) -> None:
        if self.visits.per_day is None:
            for row, visits in self.visits.drawn():
                self.env.process(self._comes(row, visits, self._alarm(row)))
            return
        for row, time in enumerate(self.visits.next_visit):
            if time < self.end:
                self.env.process(self._returns(row, self._alarm(row)))

    def _alarm(self, row: int) -> Alarm:
        return Alarm(self.env, _FIRST_PRIORITY + row)

    def _comes(self, row: int, visits: list[tuple[int, int]], alarm: Alarm) -> Steps:
        for day, time in visits:
            begin = max(time, self.listening.busy_until[row])
            if begin >= self.run_end:
                return
            if begin > self.env.ms:
                yield alarm.after(begin - self.env.ms)
            yield from self._listen(row, day, alarm)

    def _returns(self, row: int, alarm: Alarm) -> Steps:
        while (time := self.visits.next_visit[row]) < self.end:
            yield alarm.after(time - self.env.ms)
            yield from self._listen(row, time // MS_PER_DAY, alarm)
            self.visits.end(row, self.env.ms)

    def _listen(self, row: int, day: int, alarm: Alarm) -> Steps:
        number = self.visits.begin(row)
        start = self.visits.first_track(row, number)
        desk = self.desks[day][self.serving[day][row]]
        session = self.listening.session(row, number, day, start, desk)
        return self.listening.listen(session, alarm)

    def events(self) -> Events:
        """The log of all sessions whose last event is by now."""
        return self._events(self.listening.over())

    def result(self) -> UnitResult:
        """What the unit came to, once no event is left."""
        sessions = results.in_order(self.listening.finished)
        events = self._events(sessions)
        tracks, times = remembered(
            self.state, np.searchsorted(self.visits.users, events.user), events
        )
        state = State(
            busy_until=np.array(self.listening.busy_until, np.int64),
            next_visit=np.array(self.visits.next_visit, np.int64),
            sessions=np.array(self.visits.sessions, np.int64),
            tracks=tracks,
            times=times,
        )
        facts = results.facts(sessions)
        return UnitResult(
            sessions=results.session_rows(self.setup, events, facts.timeouts),
            facts=facts,
            counts=results.counts(self.setup, self.unit, events),
            state=state,
            events=events,
        )

    def _events(self, sessions: Sequence[Played]) -> Events:
        return results.events(results.in_order(sessions), self.unit, self.visits.users)
