"""The reference engine: users' stories on SimPy's clock.

A user's story is a generator, as SimPy's processes are: a visit begins, a session is played, and
wherever the story yields, it waits for an event. A request to the recommender takes time, alone
or in the queue of a service; a track takes time to be heard.

Events of one millisecond come in the order of users, whoever scheduled them first: an event's
priority is the user's row. A user is never in two sessions, so that order is (user, session,
step), and nothing depends on the order in which stories were begun.
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

from abbotify.eventlog.schema import MS_PER_DAY, Events
from abbotify.recommenders import Arm, FailureBook, Key, merged
from abbotify.simulation.engine import SIMPY, Morning, Setup, State, Unit, UnitResult
from abbotify.simulation.event_driven import outputs
from abbotify.simulation.event_driven.outputs import Played
from abbotify.simulation.event_driven.service_queue import Queue, Reply
from abbotify.simulation.event_driven.session import Listening, RequestHandler, Steps
from abbotify.simulation.event_driven.visits import Visits

_FIRST_PRIORITY: Final = 2  # SimPy's own are 0 (urgent) and 1 (normal)


class Clock(simpy.Environment):
    """SimPy's environment with a clock of whole milliseconds and events ordered by users."""

    # The simulated time in ms from the start of the run: SimPy's `now`, as the integer it is here.
    ms: Any = property(attrgetter("_now"))

    def call(self, action: Callable[[Event], Any], delay: int, priority: int) -> None:
        """Calls an action in `delay` ms, at its place among the events of that millisecond."""
        event = self.event()
        event._ok, event._value = True, None
        event.callbacks.append(action)
        self.schedule(event, priority, delay)  # type: ignore[arg-type]


class Alarm(Event):
    """What a user waits for: SimPy's event, with the user's place in the order of its moment.

    A user waits for one thing at a time, so one event serves again and again; a new object for
    each pause took 0.3 us of the 2 us that an event takes. It sends itself to the user's story
    directly: SimPy's `Process` between them took 0.6 us of each event.

    Attributes:
        reply: to the user's last request of a service with a queue.
    """

    callbacks: Any

    def __init__(self, env: Clock, priority: int) -> None:
        self.env = env
        self.priority = priority
        self.reply: Reply | None = None
        self._value = None
        self._ok = True
        self._wake: tuple[Callable[[Event], Any], ...] = ()
        self._clock: Any = env
        self._heap: Any = env._queue

    def begin(self, story: Steps) -> None:
        """Starts a story, which runs to its first pause and goes on whenever the alarm goes off."""
        self._wake = (story.send,)
        next(story)

    def after(self, delay: int) -> Alarm:
        """Sets the alarm to go off in `delay` ms; it must not be set already."""
        self.callbacks = self._wake
        clock = self._clock
        # What `env.schedule` does, without the call: 0.2 us for each event of a run.
        heappush(self._heap, (clock._now + delay, self.priority, next(clock._eid), self))
        return self

    def never(self) -> Alarm:
        """Lets go of the story: once it pauses it is over, and nothing refers to it any more."""
        self._wake = ()
        return self


class EventDriven:
    """The SimPy engine; runs every scenario."""

    name = SIMPY

    def __init__(
        self,
        setup: Setup,
        on_day_end: Callable[[], None] = lambda: None,
        morning: Morning | None = None,
    ) -> None:
        """An engine for a run.

        Args:
            setup: what does not change during the run.
            on_day_end: called when a day of a unit is over.
            morning: asked before each day of a unit which arms serve the sessions of that day;
                default those of the setup.
        """
        self.setup = setup
        self.on_day_end = on_day_end
        self.morning = morning or (lambda day, so_far: setup.arms)

    def run(self, unit: Unit, state: State) -> UnitResult:
        """Plays one unit, see `Engine`."""
        play = _Play(self.setup, unit, state)
        with _without_collector():
            for plan in unit.days:
                play.open(plan.day, self.morning(plan.day, play.events))
                play.env.run(until=(plan.day + 1) * MS_PER_DAY)
                self.on_day_end()
            play.env.run()  # sessions under way are played to their end
        return play.result()


@contextmanager
def _without_collector() -> Iterator[None]:
    # Sessions hold no cycles, so reference counts free them; looking for cycles among ten thousand
    # users' stories took 12 % of a run.
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Play:
    """One unit under way: its users' stories."""

    def __init__(self, setup: Setup, unit: Unit, state: State) -> None:
        self.setup, self.unit, self.state = setup, unit, state
        self.end = (unit.days[-1].day + 1) * MS_PER_DAY
        self.run_end = unit.run_days * MS_PER_DAY
        self.env = Clock(initial_time=unit.days[0].day * MS_PER_DAY)
        self.visits = Visits(setup, unit, state)
        self.listening = Listening(setup, unit, state, self.env)
        self.serving = {plan.day: plan.serving for plan in unit.days}
        self.queues = self._queues()
        self.desks: dict[int, list[RequestHandler]] = {}
        self.here: dict[int, list[int]] = {}  # row -> the days of visits begun or waiting
        self.books: dict[int, FailureBook] = {}  # of all arms that have served, by identity
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
        self.books |= {id(arm.failures): arm.failures for arm in arms}
        for book in self.books.values():
            book.day = day
        pairs = zip(arms, self.queues, strict=True)
        self.desks[day] = [RequestHandler(arm, queue) for arm, queue in pairs]
        for place, ranker in enumerate(arm.chain[0].ranker for arm in arms):
            if ranker is not None and ranker.anchor == Key.FIRST:
                rows = np.flatnonzero(self.serving[day] == place).tolist()
                ranker.foresee(*self.visits.foreseen(day, rows))

    def _start_users(self) -> None:
        if self.visits.per_day is None:
            door = Alarm(self.env, _FIRST_PRIORITY)
            door.begin(self._comers(door))
            return
        for row, time in enumerate(self.visits.next_visit):
            if time < self.end:
                alarm = self._alarm(row)
                alarm.begin(self._returns(row, alarm))

    def _alarm(self, row: int) -> Alarm:
        return Alarm(self.env, _FIRST_PRIORITY + row)

    def _comers(self, door: Alarm) -> Steps:
        # One event for the next visit of all, not one for each user's: a hundred events ahead
        # instead of ten thousand, and SimPy's heap takes 0.5 us an event instead of 1.1.
        for time, row, day in self.visits.drawn():
            door.priority = _FIRST_PRIORITY + row
            yield door.after(time - self.env.ms)
            if row in self.here:
                self.here[row].append(day)  # comes again when the session under way is over
            else:
                alarm = self._alarm(row)
                alarm.begin(self._comes(row, day, alarm))
        yield door.never()

    def _comes(self, row: int, day: int, alarm: Alarm) -> Steps:
        days = self.here[row] = [day]
        for day in days:  # more may come meanwhile
            wait = max(0, self.listening.busy_until[row] - self.env.ms)  # for one of a unit before
            if self.env.ms + wait >= self.run_end:
                break
            if wait:
                yield alarm.after(wait)
            yield from self._listen(row, day, alarm)
        del self.here[row]
        yield alarm.never()

    def _returns(self, row: int, alarm: Alarm) -> Steps:
        while (time := self.visits.next_visit[row]) < self.end:
            yield alarm.after(time - self.env.ms)
            yield from self._listen(row, time // MS_PER_DAY, alarm)
            self.visits.end(row, self.env.ms)
        yield alarm.never()

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
        sessions = outputs.in_order(self.listening.finished)
        events = self._events(sessions)
        tracks, times = self.state.tracks, self.state.times
        if self.setup.looks_back:
            rows = np.searchsorted(self.visits.users, events.user)
            tracks, times = outputs.remembered(self.state, rows, events)
        state = State(
            busy_until=np.array(self.listening.busy_until, np.int64),
            next_visit=np.array(self.visits.next_visit, np.int64),
            sessions=np.array(self.visits.sessions, np.int64),
            tracks=tracks,
            times=times,
        )
        facts = outputs.facts(sessions)
        return UnitResult(
            sessions=outputs.session_rows(self.setup, events, facts.timeouts),
            facts=facts,
            counts=outputs.counts(self.setup, self.unit, events),
            state=state,
            events=events,
            failures=merged(failure for book in self.books.values() for failure in book.taken()),
        )

    def _events(self, sessions: Sequence[Played]) -> Events:
        return outputs.events(outputs.in_order(sessions), self.unit, self.visits.users)
