"""Sessions cut out of a log that only says who played what, when: up to each "last"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.schema import MS_PER_DAY, NO_RECOMMENDATION, Events, IntArray, Labels

LATEST: Final = 10**17  # ms, three million years: the day still fits in 32 bits
EPOCH: Final = 10**9  # s, the year 2001: earlier timestamps are times since a log's begin
MICROSECONDS: Final = 10**15  # ms, the year 33 658: later ones are in microseconds


def sessionised(
    *,
    timestamp: IntArray,
    user: IntArray,
    last: npt.NDArray[np.bool_],
    track: IntArray,
    time: npt.NDArray[np.float64],
    recommendation: IntArray,
    latency_ms: npt.NDArray[Any],
    arms: Mapping[str, Labels],
    session: IntArray | None = None,
    step: IntArray | None = None,
) -> Events:
    """Rows in the order of the log as `Events`, with session, step and day derived.

    A user's rows are sorted by session and step, where the log has them and no place twice, else
    by timestamp; rows of one place stay in the order of the log. A session runs up to each "last";
    rows after a user's final "last" are an open session. A session's day is that of its first row,
    counted in 86 400 000 ms from the earliest timestamp of all (a log that starts elsewhere counts
    from elsewhere), and in as many us where the earliest is as late as `MICROSECONDS`. Zeros beside
    timestamps from `EPOCH` on are no times: such rows stay where the log has them among the user's.

    Args:
        timestamp: int64 (n,), ms, from 0 to `LATEST`.
        user: int64 (n,), ids.
        last: bool (n,).
        track: int64 (n,), ids.
        time: float64 (n,), listened fractions.
        recommendation: int64 (n,), ids; what a "last" row holds is replaced by none.
        latency_ms: (n,), ms.
        arms: column name -> codes (n,) and names.
        session: int (n,), the number of the user's session, and
        step: int (n,), the place in it; None where the log does not have both.

    Returns:
        the rows sorted by (user, session, step).
    """
    dated, given = _dated(timestamp, user), None
    # Stable sorts: ties keep the order of the log.
    if session is None or step is None:
        order = np.lexsort((dated, user))
    elif (places := _places(user, session, step)) is not None:
        order, given = places, session[places]
    else:
        order = np.lexsort((step, session, dated, user))
    numbers = _numbers(user[order], last[order], dated[order], given)
    return Events(
        timestamp=timestamp[order],
        day=numbers.day,
        user=user[order],
        session=numbers.session,
        step=numbers.step,
        last=last[order],
        track=track[order],
        time=time[order],
        recommendation=np.where(last, NO_RECOMMENDATION, recommendation)[order],
        latency_ms=latency_ms[order],
        arms={name: Labels(label.codes[order], label.names) for name, label in arms.items()},
    )


def _places(user: IntArray, session: IntArray, step: IntArray) -> IntArray | None:
    """The order by session and step; None where files count sessions afresh, or rows are twice."""
    order = np.lexsort((step, session, user))
    differs = [np.diff(column[order]) != 0 for column in (user, session, step)]
    return order if np.logical_or.reduce(differs).all() else None


def _dated(timestamp: IntArray, user: IntArray) -> IntArray:
    """The timestamps, zeros beside dates replaced by the user's one before them, or after."""
    known = timestamp > 0
    if known.all() or not known.any() or timestamp[known].min() < EPOCH:
        return timestamp
    order = np.argsort(user, kind="stable")
    known, user, place = known[order], user[order], np.arange(len(user))
    start = np.maximum.accumulate(np.where(np.diff(user, prepend=-1) != 0, place, 0))
    before = np.maximum.accumulate(np.where(known, place, -1))
    after = np.minimum.accumulate(np.where(known, place, len(user) - 1)[::-1])[::-1]
    nearest = np.where(before >= start, before, after)
    of_user = known[nearest] & (user[nearest] == user)
    earliest = timestamp[timestamp > 0].min()
    dated = np.empty_like(timestamp)
    dated[order] = np.where(of_user, timestamp[order][nearest], earliest)
    return dated


class _Numbers(NamedTuple):
    session: npt.NDArray[np.int32]
    step: npt.NDArray[np.int32]
    day: npt.NDArray[np.int32]


def _numbers(
    user: IntArray, last: npt.NDArray[np.bool_], timestamp: IntArray, given: IntArray | None
) -> _Numbers:
    if not len(user):
        return _Numbers(*(np.empty(0, np.int32) for _ in range(3)))
    new_user = np.r_[True, user[1:] != user[:-1]]
    starts = new_user | np.r_[True, last[:-1]]
    if given is not None:
        starts |= np.r_[True, given[1:] != given[:-1]]
    first = np.flatnonzero(starts)
    index = np.cumsum(starts) - 1  # of the session, over all users
    first_of_user = index[new_user][np.cumsum(new_user) - 1]
    day = _days(timestamp[first], timestamp)
    return _Numbers(
        (index - first_of_user).astype(np.int32),
        (np.arange(len(user)) - first[index]).astype(np.int32),
        day[index].astype(np.int32),
    )


def _days(of: IntArray, timestamp: IntArray) -> IntArray:
    """The days of some timestamps."""
    first = timestamp.min()
    per_day = MS_PER_DAY * 1000 if first >= MICROSECONDS else MS_PER_DAY
    return (of - first) // per_day
