"""The output of the compiled kernel, as sessions, events and facts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.schema import NO_RECOMMENDATION, Events, IntArray, Labels
from abbotify.eventlog.sessions import SessionTable
from abbotify.jit import kernel
from abbotify.recommenders.failures import Failure
from abbotify.simulation.compiled import arrays
from abbotify.simulation.engine import Counts, SessionFacts, Setup, State, Unit, UnitResult
from abbotify.simulation.unit_output import session_labels


class UnitOutput:
    """The output of a unit.

    Args:
        setup: the run.
        unit: what is played.
        out: where the kernel writes.
    """

    def __init__(self, setup: Setup, unit: Unit, out: arrays.Out) -> None:
        self.setup, self.unit, self.out = setup, unit, out

    @property
    def full(self) -> bool:
        """Whether there is no room for another session."""
        return int(self.out.filled[arrays.ENDED]) == self.out.sessions.shape[1]

    def grow(self) -> None:
        """Makes room for twice as many sessions."""
        old = self.out.sessions
        sessions = np.empty((len(old), 2 * old.shape[1]), np.int64)
        sessions[:, : old.shape[1]] = old
        self.out = self.out._replace(sessions=sessions)

    def columns(self) -> Any:
        """The finished sessions, int64 (columns, sessions)."""
        return self.out.sessions[:, : self.out.filled[arrays.ENDED]]

    def result(
        self, memory: arrays.Memory | None, state: State, failures: tuple[Failure, ...]
    ) -> UnitResult:
        """The unit's result.

        Args:
            memory: the tracks of all sessions, or None when they were not kept.
            state: of the users after it.
            failures: of recommenders.
        """
        columns = _in_order(self.columns())
        sessions = self._sessions(columns)
        return UnitResult(
            sessions=sessions,
            facts=_facts(columns),
            counts=Counts(self.out.plays.astype(np.int64), self.out.by_step),
            state=state,
            events=None if memory is None else _events(sessions, columns, memory),
            failures=failures,
        )

    def events(self, columns: Any, memory: arrays.Memory) -> Events:
        """The log of some sessions, whose columns may be in any order."""
        columns = _in_order(columns)
        return _events(self._sessions(columns), columns, memory)

    def _sessions(self, columns: Any) -> SessionTable:
        unit, n = self.unit, columns.shape[1]
        row, tracks, days = columns[arrays.ROW], columns[arrays.TRACKS], self._days(columns)
        ids = self.setup.world.users.ids[unit.first : unit.end]
        return SessionTable(
            user=ids[row],
            session=columns[arrays.NUMBER].astype(np.int32),
            day=days,
            closed=np.ones(n, np.bool_),
            **{name: columns[place] for name, place in arrays.LOGGED.items()},
            residual=np.zeros(n),
            latency_ms=columns[arrays.LATENCY].astype(np.float64),
            recommended=tracks - 1,
            timeouts=_timeouts(columns),
            arms=session_labels(unit, row, days),
        )

    def _days(self, columns: Any) -> npt.NDArray[np.int32]:
        if len(columns) == arrays.SESSION_COLUMNS:
            return np.full(columns.shape[1], self.unit.days[0].day, np.int32)
        days: npt.NDArray[np.int32] = columns[arrays.DAY].astype(np.int32)
        return days


def _in_order(columns: Any) -> Any:
    """Sessions by user and number: those that waited for an answer have ended out of order."""
    row, number = columns[arrays.ROW], columns[arrays.NUMBER]
    late = (np.diff(row) < 0) | ((np.diff(row) == 0) & (np.diff(number) < 0))
    return columns[:, np.lexsort((number, row))] if late.any() else columns


def _timeouts(columns: Any) -> IntArray:
    if len(columns) == arrays.SESSION_COLUMNS:  # nobody waits where users do not meet
        return np.zeros(columns.shape[1], np.int64)
    timeouts: IntArray = columns[arrays.TIMEOUTS]
    return timeouts


def _facts(columns: Any) -> SessionFacts:
    return SessionFacts(
        cut=columns[arrays.CUT] != 0,
        timeouts=_timeouts(columns),
        misses=columns[arrays.MISSES],
        errors=columns[arrays.ERRORS],
        fallbacks=columns[arrays.FALLBACKS],
    )


def _events(sessions: SessionTable, columns: Any, memory: arrays.Memory) -> Events:
    n = int(sessions.tracks.sum())
    events = Events(
        timestamp=np.empty(n, np.int64),
        day=np.empty(n, np.int32),
        user=np.empty(n, np.int64),
        session=np.empty(n, np.int32),
        step=np.empty(n, np.int32),
        last=np.empty(n, np.bool_),
        track=np.empty(n, np.int64),
        time=np.empty(n, np.float64),
        recommendation=np.empty(n, np.int64),
        latency_ms=np.empty(n, np.int64),
        arms={
            name: Labels(np.repeat(label.codes, sessions.tracks), label.names)
            for name, label in sessions.arms.items()
        },
    )
    _unroll(
        columns[arrays.EVENTS], sessions.tracks, sessions.user, sessions.session, sessions.day,
        memory.stamps, memory.tracks, memory.times, memory.took,
        events.timestamp, events.day, events.user, events.session, events.step, events.last,
        events.track, events.time, events.recommendation, events.latency_ms,
    )  # fmt: skip
    return events


# One pass over the tracks: a pass for each of ten columns takes twice as long.
@kernel
def _unroll(
    places: IntArray, tracks: IntArray, users: IntArray, numbers: Any, days: Any,
    stamps: IntArray, played: Any, times: Any, took: IntArray,
    timestamp: IntArray, day: Any, user: IntArray, session: Any, step: Any, last: Any,
    track: IntArray, time: Any, recommendation: IntArray, latency_ms: IntArray,
) -> None:  # fmt: skip
    row = 0
    for i in range(len(places)):
        for j in range(tracks[i]):
            place, ends = places[i] + j, j + 1 == tracks[i]
            timestamp[row], day[row], user[row] = stamps[place], days[i], users[i]
            session[row], step[row], last[row] = numbers[i], j, ends
            track[row], time[row] = played[place], times[place] / 100.0
            recommendation[row] = NO_RECOMMENDATION if ends else played[place + 1]
            latency_ms[row] = took[place]
            row += 1
