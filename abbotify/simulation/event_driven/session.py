"""Sessions under way: the loop that every track passes, and what is written down of it."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Generator
from dataclasses import replace
from typing import Any, Final, NamedTuple

from abbotify.recommenders import HISTORY, Arm, Play, Request
from abbotify.rng import Purpose, seed_word
from abbotify.simulation.engine import Setup, State, Unit
from abbotify.simulation.event_driven.outputs import LATE, Played
from abbotify.simulation.event_driven.service_queue import Clock, Queue, Reply
from abbotify.simulation.event_driven.views import views
from abbotify.simulation.listener.latency import latency
from abbotify.simulation.listener.memory import Memory
from abbotify.simulation.listener.session import FULL, listen, play_ms

Steps = Generator[Any, Any, None]  # yields what is waited for

_RECOMMEND: Final = Purpose.RECOMMEND
_FRACTION: Final = tuple(h / 100 for h in range(FULL + 1))
_request: Final = tuple.__new__  # a named tuple's own constructor takes 0.2 us more


class RequestHandler:
    """Where the requests of an arm go: its recommender, behind a queue or not.

    Attributes:
        prompt: it has to be asked at its moment, since others may change what it answers.
    """

    def __init__(self, arm: Arm, queue: Queue | None) -> None:
        takes = latency(arm.latency)
        self.arm, self.queue = arm, queue
        self.recommend = arm.recommend
        self.prompt = bool(arm.couples)
        self.fixed_ms = takes if isinstance(takes, int) else None
        self.draw_ms: Any = takes
        self.ended = arm.end if arm.listens else None

    def answer(self, request: Request, reply: Reply) -> tuple[int, int]:
        """The next track and its outcome; who left the queue at the timeout gets the fallback."""
        if reply.served:
            return self.arm.recommend(request)
        track, outcome = self.arm.fallback(request)
        return track, outcome | LATE


class Session(NamedTuple):
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
    desk: RequestHandler


class Listening:
    """The sessions of a unit.

    Args:
        setup: the run.
        unit: whose users, on which days.
        state: what the day before has left.
        clock: the simulated time.

    Attributes:
        finished: sessions that are over.
        busy_until: when each user's last session ended, by the row in the unit.
    """

    def __init__(self, setup: Setup, unit: Unit, state: State, clock: Clock) -> None:
        self.unit, self.state, self.env = unit, state, clock
        catalogue, users = setup.world.catalogue, setup.world.users
        self.seed = seed_word(setup.scenario.seeds.dynamics)
        self.max_tracks = setup.scenario.listener.max_tracks
        self.vectors = catalogue.vectors
        self.artist, self.track_ms = views(catalogue.artist, catalogue.duration_ms)
        self.ids, self.bias, self.sharpness = views(users.ids, users.bias, users.sharpness)
        self.gamma, self.budget = views(users.gamma, users.budget)
        self.busy_until: list[int] = state.busy_until.tolist()
        self.history: dict[int, deque[Play]] = {}
        self.remembers = setup.looks_back
        self.finished: list[Played] = []
        self.ending: dict[int, tuple[Played, tuple[int, int, int, int]]] = {}

    def over(self) -> list[Played]:
        """The sessions whose last event is by now, answered or not.

        The latency of a last request that waits for its answer is not what it will be.
        """
        waiting = [
            replace(log, rows=log.rows + array("q", row)) for log, row in self.ending.values()
        ]
        return self.finished + waiting

    def session(
        self, row: int, number: int, day: int, start: tuple[int, int], desk: RequestHandler
    ) -> Session:
        """A session about to begin: who listens, to which taste, served by whom."""
        world_row = self.unit.first + row
        interest, first = start
        return Session(
            Played(row, number, day),
            self.ids[world_row],
            world_row,
            interest,
            first,
            Memory(self.artist, self.gamma[world_row], first),
            self._history_of(row) if self.remembers else (),
            desk,
        )

    def listen(self, session: Session, alarm: Any) -> Steps:
        """A session as a story: tracks are heard, requests sent, until boredom or the limit.

        Args:
            session: about to begin.
            alarm: the user's, for pauses; `alarm.after(ms)` is waited for.
        """
        # The loop every track passes: locals, since each attribute look-up costs 20 ns of 5 us.
        log, user, row, interest, track, memory, history, desk = session
        seed, vectors, number = self.seed, self.vectors, log.number
        track_ms, bias, sharpness = self.track_ms, self.bias[row], self.sharpness[row]
        budget, last_step, remembers = self.budget[row], self.max_tracks - 1, self.remembers
        queue, fixed_ms, recommend, prompt = desk.queue, desk.fixed_ms, desk.recommend, desk.prompt
        hear, write, played, first = memory.hear, log.rows.extend, memory.played, track
        after, step, time, reply = alarm.after, 0, FULL, None
        heard_ms = play_ms(time, track_ms[track])
        now = self.env.ms + heard_ms
        yield after(heard_ms)
        while True:
            if remembers:
                history.append(Play(track, _FRACTION[time]))
            ms = desk.draw_ms(seed, user, number, step) if fixed_ms is None else fixed_ms
            ends = budget <= 0 or step >= last_step
            if ends:
                self.ending[log.row] = (log, (now, track, time, ms))
            pause = 0
            if queue is not None:
                yield queue.request(user, number, step, ms, alarm)
                reply = alarm.reply
                ms = reply.latency
            elif ms and (ends or prompt):
                yield after(ms)
            else:
                # An answer that nobody can change meanwhile needs no event of its own: 0.5 us.
                pause = ms
            write((now, track, time, ms))
            now += ms
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
            heard_ms = (time * track_ms[track] + 50) // 100
            now += heard_ms
            yield after(pause + heard_ms)
        if desk.ended is not None:
            desk.ended(_request(Request, (
                user, row, number, step + 1, first, track, _FRACTION[time], played,
                history, seed, _RECOMMEND,
            )))  # fmt: skip
        log.cut = budget > 0
        log.timeouts += reply is not None and not reply.served  # of the "last", without an answer
        self.busy_until[log.row] = now
        del self.ending[log.row]
        self.finished.append(log)

    def _history_of(self, row: int) -> deque[Play]:
        if row not in self.history:
            tracks, times = self.state.tracks[row].tolist(), self.state.times[row].tolist()
            plays = (Play(t, _FRACTION[h]) for t, h in zip(tracks, times, strict=True) if t >= 0)
            self.history[row] = deque(plays, HISTORY)
        return self.history[row]
