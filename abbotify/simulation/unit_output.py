"""What follows from the sessions and events of a unit: labels, session rows, counts, last plays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.schema import ARM, NO_ARM, Events, IntArray, Labels
from abbotify.eventlog.sessions import HEARD_STEPS, SessionTable, session_table
from abbotify.recommenders.candidate_table import HISTORY
from abbotify.simulation.engine import Counts, Setup, State, Unit


def session_labels(
    unit: Unit, rows: IntArray, days: npt.NDArray[np.integer[Any]]
) -> dict[str, Labels]:
    """The columns of arms of some sessions.

    Args:
        unit: what was played.
        rows: int64 (sessions), the users' in the unit.
        days: (sessions), the day that each belongs to.
    """
    labels = {}
    for column, names in unit.names.items():
        codes = np.full(len(rows), NO_ARM, np.int16)
        for plan in unit.days:
            here = days == plan.day
            codes[here] = plan.labels[column][rows[here]]
        labels[column] = Labels(codes, names)
    return labels


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
