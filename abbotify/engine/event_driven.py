"""The reference engine: SimPy processes that read as the story.

A user is a process: wait for the next visit, play a session, wait again. A request to the
recommender takes time, alone or in the queue of a service; a track takes time to be heard.

Events of one millisecond come in the order of users, whoever scheduled them first: an event's
priority is the user's row. A user is never in two sessions, so that order is (user, session,
step), and nothing depends on the order in which processes were started.
"""

from __future__ import annotations

import gc
from array import array
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from heapq import heappush
from operator import attrgetter
from typing import Any, Final, NamedTuple

import numpy as np
import simpy
from simpy.events import Event

from abbotify.engine import results
from abbotify.engine.base import Setup, State, Unit, UnitResult, remembered
from abbotify.engine.queueing import Queue, Reply
from abbotify.engine.results import LATE, Played
from abbotify.errors import RecommenderFailure
from abbotify.events import MS_PER_DAY, Events
from abbotify.listener import arrivals
from abbotify.listener.latency import latency
from abbotify.listener.memory import Memory
from abbotify.listener.session import FULL, listen, play_ms, start
from abbotify.recommenders import HISTORY, Arm, Key, Pick, Play, Request
from abbotify.rng import Purpose, seed_word

Steps = Generator[Event, Any, None]
Morning = Callable[[int, Callable[[], Events]], Sequence[Arm]]  # day, the log so far -> arms

_FIRST_PRIORITY: Final = 2  # SimPy's own are 0 (urgent) and 1 (normal)
_RECOMMEND: Final = Purpose.RECOMMEND
_FRACTION: Final = tuple(h / 100 for h in range(FULL + 1))
_request: Final = tuple.__new__  # a named tuple's own constructor takes 0.2 us more


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

    name = "simpy"

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


class _Desk:
    """Where the requests of an arm go: its recommender, behind a queue or not."""

    def __init__(self, arm: Arm, queue: Queue | None) -> None:
        takes = latency(arm.latency)
        self.arm, self.queue = arm, queue
        self.fixed_ms = takes if isinstance(takes, int) else None
        self.draw_ms: Any = takes

    def answer(self, request: Request, reply: Reply) -> tuple[int, int]:
        """The next track and its outcome; who left the queue at the timeout gets the fallback."""
        if reply.served:
            return self.arm.recommend(request)
        track, outcome = self.arm.fallback(request)
        return track, outcome | LATE


class _Session(NamedTuple):
    """A session about to begin.

    Attributes:
        log: its part of the log, still empty.
        user: the user's id.
        row: the user's row in the world.
        interest: the track whose vector is the session's taste.
        first: the first track.
        memory: what the listener will remember of it.
        history: the last plays over sessions; empty when no recommender asks for them.
        desk: who serves it.
    """

    log: Played
    user: int
    row: int
    interest: int
    first: int
    memory: Memory
    history: Any
    desk: _Desk


class _Play:
    """One unit under way."""

    def __init__(self, setup: Setup, unit: Unit, state: State) -> None:
        self.setup, self.unit, self.state = setup, unit, state
        scenario, world = setup.scenario, setup.world
        self.seed = seed_word(scenario.seeds.dynamics)
        self.hours = arrivals.profile(scenario.arrivals.profile)
        self.end = (unit.days[-1].day + 1) * MS_PER_DAY
        self.run_end = unit.run_days * MS_PER_DAY
        self.max_tracks = scenario.listener.max_tracks
        self.vectors = world.catalogue.vectors
        # Memory views hand out Python numbers: a kernel takes six in 0.4 us, six of numpy's in 0.6.
        self.artist, self.track_ms = _views(world.catalogue.artist, world.catalogue.duration_ms)
        users = world.users
        (self.nearest,) = _views(world.nearest)
        self.offsets, self.interests = _views(*users.interests)
        self.ids, self.bias, self.sharpness = _views(users.ids, users.bias, users.sharpness)
        self.gamma, self.budget, self.neighbours = _views(
            users.gamma, users.budget, users.neighbours
        )
        self.serving = {plan.day: plan.serving.data for plan in unit.days}
        self.sessions = state.sessions.tolist()
        self.busy_until = state.busy_until.tolist()
        self.next_visit = state.next_visit.tolist()
        self.history: dict[int, deque[Play]] = {}
        self.remembers = any(_looks_back(arm) for arm in setup.arms)
        self.listens = any(arm.listens for arm in setup.arms)
        self.finished: list[Played] = []
        self.ending: dict[int, tuple[Played, tuple[int, int, int, int]]] = {}
        self.expected: dict[int, Any] = {}
        self.env = Clock(initial_time=unit.days[0].day * MS_PER_DAY)
        self.queues = self._queues()
        self.desks: dict[int, list[_Desk]] = {}
        self._start_users()

    def _queues(self) -> list[Queue | None]:
        common = self.setup.scenario.service
        shared = None if common is None else Queue(self.env, common)
        own = [arm.service for arm in self.setup.arms]
        return [shared if spec is None else Queue(self.env, spec) for spec in own]

    def open(self, day: int, arms: Sequence[Arm]) -> None:
        """Lets arms serve the sessions of a day; the queues before them go on."""
        pairs = zip(arms, self.queues, strict=True)
        self.desks[day] = [_Desk(arm, queue) for arm, queue in pairs]
        # Arms that learn are there only now.
        self.remembers = self.remembers or any(_looks_back(arm) for arm in arms)
        self.listens = self.listens or any(arm.listens for arm in arms)
        self._foresee(day, arms)

    # -- arrivals ---------------------------------------------------------------------------

    def _start_users(self) -> None:
        users = self.setup.world.users.ids[self.unit.first : self.unit.end]
        spec = self.setup.scenario.arrivals
        if spec.visits_per_day is not None:
            self._start_returning(users, spec.visits_per_day)
            return
        mean = (spec.sessions or 0.0) / len(self.setup.world.users)
        days = [
            (plan.day, *arrivals.visits_of_day(self.seed, users, plan.day, mean, self.hours))
            for plan in self.unit.days
        ]
        self.expected = {day: np.diff(offsets) for day, offsets, _ in days}
        for row in range(len(users)):
            visits = [
                (day, time)
                for day, offsets, times in days
                for time in times[offsets[row] : offsets[row + 1]].tolist()
            ]
            if visits:
                self.env.process(self._visits(row, visits, self._alarm(row)))

    def _start_returning(self, users: Any, per_day: float) -> None:
        if self.next_visit and self.next_visit[0] < 0:
            first = arrivals.first_visits(self.seed, users, per_day, self.hours)
            self.next_visit = first.tolist()
        for row, time in enumerate(self.next_visit):
            if time < self.end:
                self.env.process(self._returns(row, per_day, self._alarm(row)))

    def _alarm(self, row: int) -> Alarm:
        return Alarm(self.env, _FIRST_PRIORITY + row)

    def _visits(self, row: int, visits: list[tuple[int, int]], alarm: Alarm) -> Steps:
        for day, time in visits:
            begin = max(time, self.busy_until[row])
            if begin >= self.run_end:
                return
            if begin > self.env.ms:
                yield alarm.after(begin - self.env.ms)
            yield from self._listen(self._session(row, day), alarm)

    def _returns(self, row: int, per_day: float, alarm: Alarm) -> Steps:
        while (time := self.next_visit[row]) < self.end:
            yield alarm.after(time - self.env.ms)
            yield from self._listen(self._session(row, time // MS_PER_DAY), alarm)
            user, number = self.ids[self.unit.first + row], self.sessions[row]
            self.next_visit[row] = arrivals.next_visit(
                self.seed, user, number, self.env.ms, per_day, self.hours
            )

    # -- a session --------------------------------------------------------------------------

    def _session(self, row: int, day: int) -> _Session:
        """A session about to begin: who listens, to which taste, served by whom."""
        number, world_row = self.sessions[row], self.unit.first + row
        self.sessions[row] = number + 1
        interest, first = self._first(row, number)
        return _Session(
            Played(row, number, day),
            self.ids[world_row],
            world_row,
            interest,
            first,
            Memory(self.artist, self.gamma[world_row], first),
            self._history_of(row) if self.remembers else (),
            self.desks[day][self.serving[day][row]],
        )

    def _listen(self, session: _Session, alarm: Alarm) -> Steps:
        # The loop every track passes: locals, since each attribute look-up costs 20 ns of 5 us.
        log, user, row, interest, track, memory, history, desk = session
        env, seed, vectors, number = self.env, self.seed, self.vectors, log.number
        track_ms, bias, sharpness = self.track_ms, self.bias[row], self.sharpness[row]
        budget, last_step, remembers = self.budget[row], self.max_tracks - 1, self.remembers
        queue, fixed_ms, recommend = desk.queue, desk.fixed_ms, desk.arm.recommend
        hear, write, played, first = memory.hear, log.rows.extend, memory.played, track
        after, step, time = alarm.after, 0, FULL
        yield after(play_ms(time, track_ms[track]))
        while True:
            now = env.ms
            if remembers:
                history.append(Play(track, _FRACTION[time]))
            ms = desk.draw_ms(seed, user, number, step) if fixed_ms is None else fixed_ms
            ends = budget <= 0 or step >= last_step
            if ends:
                self.ending[log.row] = (log, (now, track, time, ms))
            if queue is None:
                reply = yield after(ms)
            else:
                reply = yield queue.request(user, number, step, ms, alarm.priority)
                ms = reply.latency
            write((now, track, time, ms))
            if ends:
                break
            step += 1
            request = _request(Request, (
                user, row, number, step, first, track, _FRACTION[time], played,
                history, seed, _RECOMMEND,
            ))  # fmt: skip
            if reply is None:
                track, outcome = recommend(request)
            else:
                track, outcome = desk.answer(request, reply)
                budget -= reply.impatient
            if outcome:
                log.count(outcome)
            discount = hear(track)
            heard = listen(
                vectors, interest, track, bias, sharpness, discount, seed, user, number, step
            )
            time = heard >> 1
            budget -= heard & 1
            # `play_ms`, written out: the call of a kernel costs 0.2 us.
            yield after((time * track_ms[track] + 50) // 100)
        if self.listens:
            desk.arm.end(_request(Request, (
                user, row, number, step + 1, first, track, _FRACTION[time], played,
                history, seed, _RECOMMEND,
            )))  # fmt: skip
        log.cut = budget > 0
        log.timeouts += reply is not None and not reply.served  # of the "last", without an answer
        self.busy_until[log.row] = env.ms
        del self.ending[log.row]
        self.finished.append(log)

    def _history_of(self, row: int) -> deque[Play]:
        if row not in self.history:
            tracks, times = self.state.tracks[row].tolist(), self.state.times[row].tolist()
            plays = (Play(t, _FRACTION[h]) for t, h in zip(tracks, times, strict=True) if t >= 0)
            self.history[row] = deque(plays, HISTORY)
        return self.history[row]

    # -- lists made on demand ---------------------------------------------------------------

    def _foresee(self, day: int, arms: Sequence[Arm]) -> None:
        """Lets rankers make the lists of a day's sessions at once: who comes is known."""
        rankers = [arm.chain[0].ranker for arm in arms]
        if not any(ranker is not None and ranker.anchor == Key.FIRST for ranker in rankers):
            return
        serving = np.asarray(self.serving[day])
        for place, ranker in enumerate(rankers):
            if ranker is not None and ranker.anchor == Key.FIRST:
                pairs = list(self._starts(day, np.flatnonzero(serving == place).tolist()))
                rows, firsts = np.array(pairs, np.int64).reshape(-1, 2).T
                ranker.foresee(rows, firsts)

    def _starts(self, day: int, users: Sequence[int]) -> Iterator[tuple[int, int]]:
        # A visit that an earlier session delays past the end of the run is foreseen in vain;
        # of several visits of a user who returns after gaps only the first is foreseen.
        for row in users:
            due = 1 if self.next_visit[row] < (day + 1) * MS_PER_DAY else 0
            for number in range(self.expected[day][row] if day in self.expected else due):
                yield self.unit.first + row, self._first(row, self.sessions[row] + number)[1]

    def _first(self, row: int, number: int) -> tuple[int, int]:
        """A session's interest and first track."""
        world_row = self.unit.first + row
        begin = self.offsets[world_row]
        interests = self.offsets[world_row + 1] - begin
        user, neighbours = self.ids[world_row], self.neighbours[world_row]
        pick, near = start(self.seed, user, number, interests, neighbours)
        interest = self.interests[begin + pick]
        return interest, self.nearest[interest, near]

    # -- results ----------------------------------------------------------------------------

    def events(self) -> Events:
        """The log of all sessions whose last event is by now, answered or not.

        The latency of a last request that waits for its answer is not what it will be.
        """
        ids = self.setup.world.users.ids[self.unit.first : self.unit.end]
        waiting = [
            replace(log, rows=log.rows + array("q", row)) for log, row in self.ending.values()
        ]
        return results.events(results.in_order(self.finished + waiting), self.unit, ids)

    def result(self) -> UnitResult:
        """What the unit came to, once no event is left."""
        sessions = results.in_order(self.finished)
        ids = self.setup.world.users.ids[self.unit.first : self.unit.end]
        events = results.events(sessions, self.unit, ids)
        tracks, times = remembered(self.state, np.searchsorted(ids, events.user), events)
        state = State(
            busy_until=np.array(self.busy_until, np.int64),
            next_visit=np.array(self.next_visit, np.int64),
            sessions=np.array(self.sessions, np.int64),
            tracks=tracks,
            times=times,
        )
        return UnitResult(events, results.facts(sessions), state)


def _views(*arrays: Any) -> list[Any]:
    return [np.ascontiguousarray(values).data for values in arrays]


def _looks_back(arm: Arm) -> bool:
    """Whether somebody of the arm's chain may ask for the listening history."""
    lists = [link.table or link.ranker for link in arm.chain]
    return any(table is None or table.pick == Pick.ANCHORED for table in lists)
