"""Sessions cut out of a log that only says who played what, when: up to each "last"."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.schema import MS_PER_DAY, NO_RECOMMENDATION, Events, IntArray

LATEST: Final = 10**17  # ms, three million years: the day still fits in 32 bits
EPOCH: Final = 10**9  # s, the year 2001: earlier timestamps are times since a log's begin
MICROSECONDS: Final = 10**15  # ms, the year 33 658: later ones are in microseconds


def sessionised(rows: Events, *, numbered: bool = False) -> Events:
    """Rows in the order of the log, with session, step and day derived.

    A user's rows are sorted by session and step, where the log has them and no place twice, else
    by timestamp; rows of one place stay in the order of the log. A session runs up to each "last";
    rows after a user's final "last" are an open session. A session's day is that of its first row,
    counted in 86 400 000 ms from the earliest timestamp of all (a log that starts elsewhere counts
    from elsewhere), and in as many us where the earliest is as late as `MICROSECONDS`. Zeros beside
    timestamps from `EPOCH` on are no times: such rows stay where the log has them among the user's.

    Args:
        rows: in the order of the log, timestamps in ms from 0 to `LATEST`; what a "last" row
            recommends is replaced by none.
        numbered: the log has numbers of sessions and steps.

    Returns:
        the rows sorted by (user, session, step).
    """
    dated = _dated(rows.timestamp, rows.user)
    # Stable sorts: ties keep the order of the log.
    places = _places(rows) if numbered else None
    if places is not None:
        order = places
    elif numbered:
        order = np.lexsort((rows.step, rows.session, dated, rows.user))
    else:
        order = np.lexsort((dated, rows.user))
    events, dated = rows.take(order), dated[order]
    session, step, day = _numbers(events, dated, given=places is not None)
    return replace(
        events,
        day=day,
        session=session,
        step=step,
        recommendation=np.where(events.last, NO_RECOMMENDATION, events.recommendation),
    )


def _places(rows: Events) -> npt.NDArray[np.intp] | None:
    """The order by session and step; None where files count sessions afresh, or rows are twice."""
    columns = (rows.user, rows.session, rows.step)
    order = np.lexsort(columns[::-1])
    differs = [np.diff(column[order]) != 0 for column in columns]
    return order if np.logical_or.reduce(differs).all() else None


def _dated(timestamp: IntArray, user: IntArray) -> IntArray:
    """The timestamps, zeros beside dates replaced by the user's one before them, or after."""
    known = timestamp > 0
    if known.all() or not known.any() or timestamp[known].min() < EPOCH:
        return timestamp
    import pandas as pd

    # Rows by number, as a date has too many digits for the floats that hold what is missing.
    places = pd.Series(np.arange(len(user))).where(known).groupby(user)
    nearest = places.ffill().fillna(places.bfill())
    dated = timestamp[nearest.fillna(0).to_numpy(np.int64)]
    return np.where(nearest.isna(), timestamp[known].min(), dated)


def _numbers(events: Events, timestamp: IntArray, given: bool) -> tuple[npt.NDArray[np.int32], ...]:
    """The session, step and day of sorted rows."""
    if not len(events):
        return events.session, events.step, events.day
    new_user = np.diff(events.user, prepend=-1) != 0
    starts = new_user | np.r_[True, events.last[:-1]]
    if given:
        starts |= np.diff(events.session, prepend=-1) != 0
    first = np.flatnonzero(starts)
    index = np.cumsum(starts) - 1  # of the session, over all users
    first_of_user = index[new_user][np.cumsum(new_user) - 1]
    day = _days(timestamp[first], timestamp)
    return (
        (index - first_of_user).astype(np.int32),
        (np.arange(len(events)) - first[index]).astype(np.int32),
        day[index].astype(np.int32),
    )


def _days(of: IntArray, timestamp: IntArray) -> IntArray:
    """The days of some timestamps."""
    first = timestamp.min()
    per_day = MS_PER_DAY * 1000 if first >= MICROSECONDS else MS_PER_DAY
    return (of - first) // per_day
