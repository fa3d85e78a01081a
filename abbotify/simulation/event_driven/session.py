"""A listening session as a process: tracks heard and requests sent until boredom or the limit."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from typing import Any, Final

from abbotify.recommenders.arms import Arm
from abbotify.recommenders.base import Play, Request
from abbotify.recommenders.candidate_table import HISTORY
from abbotify.rng import Purpose, seed_word
from abbotify.simulation.engine import Setup, State, Unit
from abbotify.simulation.event_driven.clock import FIRST_USER, Clock
from abbotify.simulation.event_driven.outputs import LATE, Played
from abbotify.simulation.event_driven.service_queue import Reply, ServiceQueue
from abbotify.simulation.listener.latency import latency
from abbotify.simulation.listener.session import FULL, Memory, listen, play_ms

_FRACTION: Final = tuple(h / 100 for h in range(FULL + 1))


class Endpoint:
    """Where the requests of an arm go: its recommender, behind a queue or not."""

    def __init__(self, arm: Arm, queue: ServiceQueue | None) -> None:
        self.arm, self.queue = arm, queue
        self._latency = latency(arm.latency)

    def latency_ms(self, seed: int, user: int, session: int, step: int) -> int:
        """How long the service of a request takes, in ms."""
        fixed = self._latency
        return fixed if isinstance(fixed, int) else fixed(seed, user, session, step)

    def answer(self, request: Request, reply: Reply) -> tuple[int, int]:
        """The next track and its outcome; who left the queue at the timeout gets the fallback."""
        if reply.served:
            return self.arm.recommend(request)
        track, outcome = self.arm.fallback(request)
        return track, outcome | LATE


class Sessions:
    """The sessions of a unit.

    Args:
        setup: the run.
        unit: whose users, on which days.
        state: what the day before has left.
        clock: the simulated time.

    Attributes:
        played: sessions begun, in the order in which they began.
        busy_until: when each user's last session ended, in ms, by the row in the unit.
    """

    def __init__(self, setup: Setup, unit: Unit, state: State, clock: Clock) -> None:
        self.setup, self.unit, self.state, self.clock = setup, unit, state, clock
        self.seed = seed_word(setup.scenario.seeds.dynamics)
        self.artist = setup.world.catalogue.artist.tolist()
        self.track_ms = setup.world.catalogue.duration_ms.tolist()
        self.busy_until: list[int] = state.busy_until.tolist()
        self.played: list[Played] = []
        self._history: dict[int, deque[Play]] = {}

    def listen(
        self, log: Played, interest: int, first: int, endpoint: Endpoint
    ) -> Generator[Any, Any, None]:
        """One session, from its first track to the reply to its last request.

        Args:
            log: its part of the log, still empty.
            interest: the track whose vector is the session's taste.
            first: the first track.
            endpoint: who serves it.
        """
        self.played.append(log)
        clock, rank, row = self.clock, FIRST_USER + log.row, self.unit.first + log.row
        users, vectors = self.setup.world.users, self.setup.world.catalogue.vectors
        user, budget = int(users.ids[row]), int(users.budget[row])
        bias, sharpness = float(users.bias[row]), float(users.sharpness[row])
        memory = Memory(self.artist, float(users.gamma[row]), first)
        history = self._plays_before(log.row)
        track, time, step = first, FULL, 0

        def request(step: int) -> Request:
            return Request(
                *(user, row, log.number, step, first, track, _FRACTION[time]),
                *(memory.played, history, self.seed, Purpose.RECOMMEND),
            )

        while True:
            yield clock.pause(play_ms(time, self.track_ms[track]), rank)
            if self.setup.looks_back:
                history.append(Play(track, _FRACTION[time]))
            ms = endpoint.latency_ms(self.seed, user, log.number, step)
            log.over = budget <= 0 or step + 1 >= self.setup.scenario.listener.max_tracks
            log.rows.extend((clock.ms, track, time, ms))
            reply = yield from self._reply(endpoint, log, step, user, ms)
            log.rows[-1] = reply.latency
            if log.over:
                break
            step += 1
            track, outcome = endpoint.answer(request(step), reply)
            if outcome:
                log.count(outcome)
            budget -= reply.impatient
            discount = memory.hear(track)
            outcome = listen(
                *(vectors, interest, track, bias, sharpness, discount),
                *(self.seed, user, log.number, step),
            )
            time = outcome >> 1
            budget -= outcome & 1
        if endpoint.arm.listens:
            endpoint.arm.end(request(step + 1))
        log.cut = budget > 0
        log.timeouts += not reply.served  # of the last request, which has no answer
        self.busy_until[log.row] = clock.ms

    def _reply(
        self, endpoint: Endpoint, log: Played, step: int, user: int, ms: int
    ) -> Generator[Any, Any, Reply]:
        rank = FIRST_USER + log.row
        if endpoint.queue is not None:
            return (yield from endpoint.queue.request(user, log.number, step, ms, rank))
        if ms:
            yield self.clock.pause(ms, rank)
        return Reply(0, ms, served=True)

    def _plays_before(self, row: int) -> Any:
        if not self.setup.looks_back:
            return ()
        if row not in self._history:
            tracks, times = self.state.tracks[row].tolist(), self.state.times[row].tolist()
            plays = (Play(t, _FRACTION[h]) for t, h in zip(tracks, times, strict=True) if t >= 0)
            self._history[row] = deque(plays, HISTORY)
        return self._history[row]

    def over(self) -> Sequence[Played]:
        """The sessions whose last event is by now, answered or not.

        The latency of a last request that waits for its answer is not what it will be.
        """
        return [log for log in self.played if log.over]
