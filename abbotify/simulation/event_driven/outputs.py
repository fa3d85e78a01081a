"""From the sessions an engine has played to events, facts and the state after them."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.schema import ARM, NO_ARM, NO_RECOMMENDATION, Events, IntArray, Labels
from abbotify.eventlog.sessions import HEARD_STEPS, SessionTable, session_table
from abbotify.recommenders.base import ERROR, MISS
from abbotify.recommenders.candidate_table import HISTORY
from abbotify.simulation.engine import Counts, SessionFacts, Setup, State, Unit

LATE: Final = 4  # a bit beside OK, MISS or ERROR: the request left the queue at its timeout
COLUMNS: Final = 4  # of a session's part of the log: timestamp, track, hundredths, latency


@dataclass(slots=True)
class Played:
    """A session and its part of the log.

    Attributes:
        row: the user's row in the unit.
        number: the user's own session number.
        day: the day it belongs to.
        rows: timestamp, track, hundredths, latency of each track, one after the other.
        over: its last track has been heard.
        cut: it was ended by `max_tracks`.
        timeouts: requests that waited past their timeout.
        misses: requests the recommender had nothing for.
        errors: requests at which it, or a fallback, failed.
        fallbacks: requests that a fallback answered.
    """

    row: int
    number: int
    day: int
    rows: array[int] = field(default_factory=lambda: array("q"))
    over: bool = False
    cut: bool = False
    timeouts: int = 0
    misses: int = 0
    errors: int = 0
    fallbacks: int = 0

    def count(self, outcome: int) -> None:
        """Notes that a fallback answered, and why: MISS or ERROR, or LATE with or without them."""
        self.misses += outcome & ~LATE == MISS
        self.errors += outcome & ~LATE == ERROR
        self.timeouts += outcome & LATE == LATE
        self.fallbacks += 1


def in_order(sessions: Sequence[Played]) -> list[Played]:
    """The sessions by user and number."""
    return sorted(sessions, key=lambda session: (session.row, session.number))


def facts(sessions: Sequence[Played]) -> SessionFacts:
    """What the log does not say about each session."""
    return SessionFacts(
        cut=np.array([session.cut for session in sessions], np.bool_),
        timeouts=np.array([session.timeouts for session in sessions], np.int64),
        misses=np.array([session.misses for session in sessions], np.int64),
        errors=np.array([session.errors for session in sessions], np.int64),
        fallbacks=np.array([session.fallbacks for session in sessions], np.int64),
    )


def events(sessions: Sequence[Played], unit: Unit, ids: IntArray) -> Events:
    """The log of a unit's sessions.

    Args:
        sessions: in order.
        unit: what was played.
        ids: int64, the ids of the unit's users.
    """
    buffer = b"".join([session.rows.tobytes() for session in sessions])
    steps = np.frombuffer(buffer, np.int64).reshape(-1, COLUMNS)
    lengths = np.array([len(session.rows) // COLUMNS for session in sessions], np.int64)
    starts = np.cumsum(lengths) - lengths
    rows = np.array([session.row for session in sessions], np.int64)
    days = np.array([session.day for session in sessions], np.int32)
    numbers = np.array([session.number for session in sessions], np.int32)
    last = np.zeros(len(steps), np.bool_)
    last[starts + lengths - 1] = True
    return Events(
        timestamp=steps[:, 0].copy(),
        day=np.repeat(days, lengths),
        user=np.repeat(ids[rows], lengths),
        session=np.repeat(numbers, lengths),
        step=(np.arange(len(steps)) - np.repeat(starts, lengths)).astype(np.int32),
        last=last,
        track=steps[:, 1].copy(),
        time=steps[:, 2] / 100.0,
        recommendation=np.where(last, NO_RECOMMENDATION, np.roll(steps[:, 1], -1)),
        latency_ms=steps[:, 3].copy(),
        arms=_labels(unit, rows, days, lengths),
    )


def _labels(unit: Unit, rows: IntArray, days: Any, lengths: IntArray) -> dict[str, Labels]:
    out = {}
    for column, names in unit.names.items():
        codes = np.full(len(rows), NO_ARM, np.int16)
        for plan in unit.days:
            here = days == plan.day
            codes[here] = plan.labels[column][rows[here]]
        out[column] = Labels(np.repeat(codes, lengths), names)
    return out


def session_rows(setup: Setup, events: Events, timeouts: IntArray) -> SessionTable:
    """The sessions of a unit's log.

    Args:
        setup: the run.
        events: of whole sessions, in order.
        timeouts: int64 (sessions,), requests past their timeout.
    """
    catalogue = setup.world.catalogue
    return session_table(
        events,
        skip_below=setup.scenario.listener.skip_below,
        artist=catalogue.artist[events.track].astype(np.int64),
        play_ms=(events.hundredths * catalogue.duration_ms[events.track] + 50) // 100,
        timeouts=timeouts,
    )


def counts(setup: Setup, unit: Unit, events: Events) -> Counts:
    """What was played on the unit's days of the experiment."""
    codes, tracks = len(unit.names[ARM]), len(setup.world.catalogue)
    served = events.arms[ARM].codes.astype(np.int64)
    counted = np.isin(events.day, [plan.day for plan in unit.days if plan.in_experiment]) & (
        served >= 0
    )
    plays = np.bincount(served[counted] * tracks + events.track[counted], minlength=codes * tracks)
    early = counted & (events.step >= 1) & (events.step <= HEARD_STEPS)
    cells = served[early] * HEARD_STEPS + events.step[early] - 1
    by_step = np.stack(
        [
            np.bincount(cells, minlength=codes * HEARD_STEPS),
            # Whole numbers, added as floats: exact up to 2^53.
            np.bincount(cells, events.hundredths[early], codes * HEARD_STEPS).astype(np.int64),
        ],
        axis=1,
    )
    return Counts(plays.reshape(codes, tracks), by_step.reshape(codes, HEARD_STEPS, 2))


def remembered(
    before: State, rows: IntArray, events: Events
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int16]]:
    """The last plays of each user after some events.

    Args:
        before: the state before them.
        rows: int64 (events), the user's row in the shard, ascending.
        events: the plays, each user's in order.

    Returns:
        tracks and times as in `State`.
    """
    users = len(before.tracks)
    ends = np.searchsorted(rows, np.arange(users), side="right")
    counts = np.minimum(ends - np.searchsorted(rows, np.arange(users)), HISTORY)
    tracks, times = before.tracks.copy(), before.times.copy()
    times_of_events = events.hundredths.astype(np.int16)
    for back in range(1, HISTORY + 1):  # the last play, the one before it, ...
        new = np.flatnonzero(back <= counts)
        tracks[new, HISTORY - back] = events.track[ends[new] - back]
        times[new, HISTORY - back] = times_of_events[ends[new] - back]
        old = np.flatnonzero((back > counts) & (counts > 0))
        place = HISTORY - back + counts[old]
        tracks[old, HISTORY - back] = before.tracks[old, place]
        times[old, HISTORY - back] = before.times[old, place]
    return tracks, times
