"""The compiled engine: the same log as the event-driven one's, at memory speed.

Users who do not meet are played one by one by a kernel (`users`). It stops a session only where
Python has to answer; those sessions go on in rounds (`batched_requests`). Users who meet are played
by one clock (`shared_queue`), and Python answers one request at a time (`one_request`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.schema import ARM, MS_PER_DAY
from abbotify.eventlog.sessions import HEARD_STEPS
from abbotify.recommenders.candidate_table import HISTORY
from abbotify.recommenders.failures import merged
from abbotify.rng import seed_word
from abbotify.simulation.compiled import arrays as layout
from abbotify.simulation.compiled import users as loop
from abbotify.simulation.compiled.batched_requests import BatchedRequests
from abbotify.simulation.compiled.lowering import Lowering
from abbotify.simulation.compiled.outputs import UnitOutput
from abbotify.simulation.compiled.shared_unit import SharedUnit, users_meet
from abbotify.simulation.engine import COMPILED, ArmsForDay, Setup, State, Unit, UnitResult
from abbotify.simulation.listener import arrivals

IntArray = npt.NDArray[np.int64]

_NEAR: Final = 1 << 19  # bytes: half of a usual second-level cache
_TRAITS: Final = ("ids", "bias", "sharpness", "gamma", "budget", "neighbours")
_ROOM: Final = 1 << 16  # tracks kept at first; grows


class Compiled:
    """The numba engine; plays every scenario."""

    name = COMPILED

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
            arms_for_day: called before each day of a unit whose users meet for the arms that serve
                its sessions; default those of the setup.
        """
        self.setup, self.on_day_end = setup, on_day_end
        self.arms_for_day = arms_for_day or (lambda day, so_far: setup.arms)
        self.lowering = Lowering(setup.arms)
        self.ground = _ground(setup)
        self.looks_back = setup.looks_back
        self.keeps = setup.scenario.log.level == "events"
        # Kept for the next unit: fresh memory is paid for in page faults, 0.25 us for 4 kB.
        self.memory = layout.empty_memory(max(_ROOM if self.keeps else 0, self._longest))
        catalogue = setup.world.catalogue
        self.lookup = layout.Index(
            np.zeros(len(catalogue), np.int64),
            np.zeros(len(catalogue.artists), np.int64),
            np.zeros(len(catalogue.artists), np.int64),
            np.zeros(1, np.int64),
        )

    @property
    def _longest(self) -> int:
        return self.setup.scenario.listener.max_tracks

    def run(self, unit: Unit, state: State) -> UnitResult:
        """Plays one unit, see `Engine`."""
        if len(unit.days) > 1 or users_meet(self.setup, unit.days):
            return self.run_together(unit, state)
        for arm in self.setup.arms:
            arm.failures.day = unit.days[0].day
        day = self._day(unit)
        people = _people(state, day)
        if day.per_day >= 0.0 and len(people.next_visit) and people.next_visit[0] < 0:
            ids = self.ground.ids[unit.first : unit.end]
            people.next_visit[:] = arrivals.first_visits(day.seed, ids, day.per_day, day.hours)
        loop.starts(self.ground, day, people)
        output = self._output(unit, day)
        requests = BatchedRequests(self.setup, self.lowering, unit, people)
        rows = np.arange(unit.end - unit.first, dtype=np.int64)
        while len(rows):
            self._play(day, people, requests, output, rows)
            rows = requests.answer()
        self.on_day_end()
        after = State(
            people.busy_until, people.next_visit, people.sessions, people.tracks, people.times
        )
        failures = merged(failure for arm in self.setup.arms for failure in arm.failures.taken())
        return output.result(self.memory if self.keeps else None, after, failures)

    def run_together(self, unit: Unit, state: State) -> UnitResult:
        """Plays a unit whose users meet, or as if they did: slower, and the same."""
        skip_below = _hundredths_below(self.setup.scenario.listener.skip_below)
        playing = SharedUnit(self.setup, unit, state, self.ground, self.lookup, skip_below)
        for plan in unit.days:
            playing.open(plan.day, self.arms_for_day(plan.day, playing.events))
            end = (plan.day + 1) * MS_PER_DAY
            playing.play_until(end, end)
            self.on_day_end()
        playing.play_until((unit.days[-1].day + 1) * MS_PER_DAY)  # sessions under way end
        return playing.result()

    def compile(self, unit: Unit, state: State) -> None:
        """Compiles what plays users who do not meet, and plays nobody."""
        day = self._day(unit)
        people = _people(state, day)
        loop.starts(self.ground, day, people)
        requests = BatchedRequests(self.setup, self.lowering, unit, people)
        output = self._output(unit, day)
        loop.play(
            self.ground,
            self.lowering.program,
            requests.tables,
            day,
            people,
            requests.parked,
            self.memory,
            output.out,
            np.empty(0, np.int64),
            0,
        )

    def _play(
        self,
        day: layout.Day,
        people: layout.People,
        requests: BatchedRequests,
        output: UnitOutput,
        rows: Any,
    ) -> None:
        """Plays users until each is done or waits, giving the kernel room when it asks for it."""
        place = 0
        while True:
            place = loop.play(
                self.ground,
                self.lowering.program,
                requests.tables,
                day,
                people,
                requests.parked,
                self.memory,
                output.out,
                rows,
                place,
            )
            if place == len(rows):
                return
            if output.out.filled[layout.STUCK]:
                base = int(output.out.filled[layout.HEARD]) if self.keeps else 0
                requests.make_room(rows[place], self.memory, base, output.out)
                place += 1
            else:
                self._make_room(output)

    def _make_room(self, output: UnitOutput) -> None:
        kept = int(output.out.filled[layout.HEARD]) if self.keeps else 0
        if len(self.memory.tracks) - kept < self._longest:
            room = max(2 * len(self.memory.tracks), kept + self._longest)
            self.memory = layout.grown(self.memory, room)
        if output.full:
            output.grow()

    def _day(self, unit: Unit) -> layout.Day:
        scenario, plan = self.setup.scenario, unit.days[0]
        per_day = scenario.arrivals.visits_per_day
        seed = seed_word(scenario.seeds.dynamics)
        hours = arrivals.profile(scenario.arrivals.profile)
        visits, times = np.zeros(unit.end - unit.first + 1, np.int64), np.empty(0, np.int64)
        if per_day is None:
            mean = self.setup.visits_per_user
            ids = self.ground.ids[unit.first : unit.end]
            visits, times = arrivals.visits_of_day(seed, ids, plan.day, mean, hours)
        return layout.Day(
            seed=seed,
            first=unit.first,
            end=(plan.day + 1) * MS_PER_DAY,
            run_end=unit.run_days * MS_PER_DAY,
            last_step=self._longest - 1,
            skip_below=_hundredths_below(scenario.listener.skip_below),
            keeps=self.keeps,
            looks_back=self.looks_back,
            per_day=-1.0 if per_day is None else float(per_day),
            hours=hours,
            serving=np.ascontiguousarray(plan.serving, np.int16),
            codes=_experiment_codes(unit),
            visits=visits,
            times=times,
            interests=np.empty(len(times), np.int32),
            firsts=np.empty(len(times), np.int32),
        )

    def _output(self, unit: Unit, day: layout.Day) -> UnitOutput:
        codes, tracks = len(unit.names[ARM]), len(self.setup.world.catalogue)
        room = len(day.times) if day.per_day < 0.0 else 2 * (unit.end - unit.first)
        out = layout.Out(
            sessions=np.empty((layout.SESSION_COLUMNS, room + 1), np.int64),
            plays=np.zeros((codes, tracks), np.int32),
            by_step=np.zeros((codes, HEARD_STEPS, 2), np.int64),
            filled=np.zeros(3, np.int64),
            scratch=np.zeros((2, HISTORY), np.int64),
            cursor=np.zeros(2, np.int64),
            fields=np.zeros(layout.FIELDS, np.int64),
            lookup=self.lookup,
        )
        return UnitOutput(self.setup, unit, out)


def _experiment_codes(unit: Unit) -> npt.NDArray[np.int16]:
    plan = unit.days[0]
    codes = plan.labels[ARM] if plan.in_experiment else np.full(len(plan.serving), -1)
    return np.ascontiguousarray(codes, np.int16)


def _hundredths_below(share: float) -> int:
    """How many of the fractions 0, 1/100, ..., 1 are below a share."""
    return sum(h / 100.0 < share for h in range(101))


def _people(state: State, day: layout.Day) -> layout.People:
    return layout.People(
        state.busy_until.copy(),
        state.next_visit.copy(),
        state.sessions.copy(),
        state.tracks.copy(),
        state.times.copy(),
        day.visits[:-1].copy(),
    )


def _ground(setup: Setup) -> layout.Ground:
    catalogue, users = setup.world.catalogue, setup.world.users
    # In 32 bits: 2**31 ms are 24 days.
    tracks = np.stack([catalogue.artist, catalogue.duration_ms], axis=1).astype(np.int32)
    arrays = {
        "vectors": catalogue.vectors,
        "artist": catalogue.artist,
        "tracks": tracks,
        "nearest": setup.world.nearest,
        "offsets": users.interests.offsets,
        "interests": users.interests.tracks,
        **{name: getattr(users, name) for name in _TRAITS},
    }
    # One type for each: a read-only array would have the kernel compiled once more.
    writable: dict[str, Any] = {
        name: np.require(values, requirements=["C", "W"]) for name, values in arrays.items()
    }
    return layout.Ground(**writable, far=catalogue.vectors.nbytes > _NEAR)
