"""Sessions cut out of a log that only says who played what, when: up to each "last"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify.events import MS_PER_DAY, NO_RECOMMENDATION, Events, IntArray, Labels

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

    A user's rows are sorted by session and step, where the log has them, else by timestamp; rows
    of one place stay in the order of the log. A session runs up to each "last"; rows after a
    user's final "last" are an open session. A session's day is that of its first row, counted in
    86 400 000 ms from the earliest timestamp of all (a log that starts elsewhere counts from
    elsewhere), and in as many us where the earliest is as late as `MICROSECONDS`. Zeros beside
    timestamps from `EPOCH` on are left out of this; they count to the first day.

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
    # Stable sorts: ties keep the order of the log.
    if session is not None and step is not None:
        order = np.lexsort((step, session, user))
        given = session[order]
    else:
        order, given = np.lexsort((timestamp, user)), None
    numbers = _numbers(user[order], last[order], timestamp[order], given)
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
    """The days of some timestamps; zeros beside much later ones are no times."""
    first = timestamp.min()
    if first == 0 and (later := timestamp[timestamp > 0].min(initial=LATEST)) >= EPOCH:
        first = later if later < LATEST else first
    per_day = MS_PER_DAY * 1000 if first >= MICROSECONDS else MS_PER_DAY
    return np.maximum(of - first, 0) // per_day
