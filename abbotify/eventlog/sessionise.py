"""Sessions cut out of a log that only says who played what, when: up to each "last"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify.events import MS_PER_DAY, NO_RECOMMENDATION, Events, IntArray, Labels

LATEST: Final = 10**17  # ms, three million years: the day still fits in 32 bits


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
) -> Events:
    """Rows in the order of the log as `Events`, with session, step and day derived.

    A user's rows are sorted by timestamp; rows of one millisecond stay in the order of the log.
    A session runs up to each "last"; rows after a user's final "last" are an open session. A
    session's day is that of its first row, counted in 86 400 000 ms from the earliest timestamp
    of all (a log that starts elsewhere counts from elsewhere).

    Args:
        timestamp: int64 (n,), ms, from 0 to `LATEST`.
        user: int64 (n,), ids.
        last: bool (n,).
        track: int64 (n,), ids.
        time: float64 (n,), listened fractions.
        recommendation: int64 (n,), ids; what a "last" row holds is replaced by none.
        latency_ms: (n,), ms.
        arms: column name -> codes (n,) and names.

    Returns:
        the rows sorted by (user, session, step).
    """
    order = np.lexsort((timestamp, user))  # a stable sort: ties keep the order of the log
    numbers = _numbers(user[order], last[order], timestamp[order])
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


def _numbers(user: IntArray, last: npt.NDArray[np.bool_], timestamp: IntArray) -> _Numbers:
    if not len(user):
        return _Numbers(*(np.empty(0, np.int32) for _ in range(3)))
    new_user = np.r_[True, user[1:] != user[:-1]]
    starts = new_user | np.r_[True, last[:-1]]
    first = np.flatnonzero(starts)
    index = np.cumsum(starts) - 1  # of the session, over all users
    first_of_user = index[new_user][np.cumsum(new_user) - 1]
    day = (timestamp[first] - timestamp.min()) // MS_PER_DAY
    return _Numbers(
        (index - first_of_user).astype(np.int32),
        (np.arange(len(user)) - first[index]).astype(np.int32),
        day[index].astype(np.int32),
    )
