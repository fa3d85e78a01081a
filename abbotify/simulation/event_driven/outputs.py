"""The sessions that the engine has played, as events and facts."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from abbotify.eventlog.schema import NO_RECOMMENDATION, Events, IntArray, Labels
from abbotify.recommenders.base import ERROR, MISS
from abbotify.simulation.engine import SessionFacts, Unit
from abbotify.simulation.unit_output import session_labels

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
        arms={
            name: Labels(np.repeat(label.codes, lengths), label.names)
            for name, label in session_labels(unit, rows, days).items()
        },
    )
