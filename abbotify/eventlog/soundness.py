"""Whether a log's rows can be what they say: none there twice, timestamps in milliseconds.

For logs whose sessions are derived from users and timestamps; where session and step are numbered,
a row that is there twice is refused by its number.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from abbotify.events import Events

# Of the earliest timestamp: those of the years 2001 to 2128 in other units than milliseconds.
_SECONDS: Final = (10**9, 5 * 10**9)
_MICROSECONDS: Final = 10**15
_OFTEN: Final = 0.5  # of the sessions


def repeated_rows(events: Events) -> int:
    """How many rows are copies of others: those beyond the first of each.

    Rows of one user and one timestamp are taken together; they count as given k times when each of
    them is there a multiple of k times, as in a log that was read twice. Ties by themselves, such
    as a burst in which one request equals another, are none.

    Args:
        events: whole users, sorted by (user, session, step), with derived sessions.
    """
    user, timestamp = events.user, events.timestamp
    tied = (user[1:] == user[:-1]) & (timestamp[1:] == timestamp[:-1])
    if not tied.any():
        return 0
    inside = np.r_[tied, False] | np.r_[False, tied]
    rows = np.flatnonzero(inside)
    group = np.cumsum(np.r_[True, ~tied])[rows]
    content = [
        getattr(events, name)[rows]
        for name in ("track", "time", "last", "recommendation", "latency_ms")
    ]
    order = np.lexsort((*content, group))
    group = group[order]
    equal = group[1:] == group[:-1]
    for column in content:
        equal &= column[order][1:] == column[order][:-1]
    first = np.flatnonzero(np.r_[True, ~equal])
    counts = np.diff(np.r_[first, len(order)])  # of each distinct row
    starts = np.flatnonzero(np.r_[True, np.diff(group[first]) != 0])
    copies = np.gcd.reduceat(counts, starts)  # the greatest number that divides all of a group's
    sizes = np.add.reduceat(counts, starts)
    return int((sizes - sizes // copies).sum())


def doubtful_timestamps(events: Events) -> list[str]:
    """What is odd about the timestamps, a clause each; none in a sound log.

    Args:
        events: a whole log with derived sessions.
    """
    timestamp = events.timestamp
    if len(timestamp) < 2:
        return []
    first, last = int(timestamp.min()), int(timestamp.max())
    if first == last:
        return ["all are equal, so rows are in the order of the log"]
    doubts = []
    zeros = int(np.count_nonzero(timestamp == 0))
    above = timestamp[timestamp > 0].min()
    if zeros and above >= _SECONDS[0]:
        doubts.append(f"{zeros:,} are 0, and so the first of their users' rows")
        first = int(above)
    if _SECONDS[0] <= first < _SECONDS[1]:
        doubts.append("they look like seconds, not milliseconds, so a day seems to last years")
    elif first >= _MICROSECONDS:
        doubts.append("they look like microseconds, not milliseconds")
    share = _without_time(events)
    if share > _OFTEN:
        doubts.append(f"{share:.0%} of the sessions of several tracks take no time at all")
    return doubts


def _without_time(events: Events) -> float:
    """The share of sessions of several rows whose timestamps are all equal."""
    starts = np.flatnonzero(events.step == 0)
    ends: npt.NDArray[np.int64] = np.r_[starts[1:], len(events)] - 1
    several = ends > starts
    if not several.any():
        return 0.0
    none = events.timestamp[ends[several]] == events.timestamp[starts[several]]
    return float(none.mean())
