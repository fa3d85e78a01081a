"""What is needed to tell how an experiment looked day by day, as sums that merge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from abbotify import stats
from abbotify.eventlog.schema import ARM, IntArray
from abbotify.eventlog.sessions import FloatArray
from abbotify.metrics.definitions import METRICS
from abbotify.metrics.user_sums import LONGEST, NEVER, Course
from abbotify.metrics.users import UserTable
from abbotify.stats.moments import Mergeable

Rows = npt.NDArray[np.bool_]

WATCHABLE: Final = (
    "time",
    "sessions",
    "tracks",
    "mean_time_per_session",
    "mean_tracks_per_session",
)
LONGEST_TREND: Final = 14  # days since exposure over which an effect's trend is looked for


@dataclass(frozen=True)
class MonitoringSpec:
    """What is watched.

    Attributes:
        metric: one of `WATCHABLE`, whose value over a user's window is frozen.
        window_days: length of the window, from the first session on.
        days: of the experiment.
    """

    metric: str
    window_days: int
    days: range

    @property
    def followed(self) -> int:
        """Days since exposure that must be known of each user."""
        return max(self.window_days, min(len(self.days), LONGEST))

    @property
    def trend_days(self) -> int:
        """Days of the trend: those that users who came in the first half have behind them."""
        return min(LONGEST_TREND, (len(self.days) + 1) // 2)


def watching(success: Sequence[str], window_days: int, days: range) -> MonitoringSpec | None:
    """What to watch: the first success metric that days add up to; None when none does."""
    known = [name for name in success if name in WATCHABLE]
    return MonitoringSpec(known[0], min(window_days, len(days)), days) if known else None


@dataclass(frozen=True)
class ArmWatched(Mergeable):
    """An arm's users, by the day of their first session.

    Attributes:
        came: day -> users whose first session was on it.
        entered: day -> moments of the values over their windows of those who came on it, and of
            what these are adjusted for; only days whose windows are complete.
        trend: moments of listened time by day since exposure, over users with all these days
            behind them.
        active: int64 (days, 2): by day since exposure, users who have it behind them, and those
            of them with a session on it.
        back: int64 (days, 2): by day since exposure, users who had their next session on it, and
            users who had none and of whom no more is known.
    """

    came: Mapping[int, int]
    entered: Mapping[int, stats.Moments]
    trend: stats.Moments
    active: IntArray
    back: IntArray

    @property
    def variables(self) -> int:
        """How many `entered` is about: the value and its covariates."""
        return max((len(moments.mean) for moments in self.entered.values()), default=1)

    def until(self, day: int, variables: int = 1) -> stats.Moments:
        """The moments of the first variables over those who came on a day at the latest."""
        total = stats.Moments.empty(variables)
        for first in sorted(self.entered):
            if first <= day:
                total = total.merge(self.entered[first].leading(variables))
        return total


Watched = tuple[ArmWatched, ...]


def watched(
    users: UserTable, arms: int, what: MonitoringSpec, known: Sequence[FloatArray] = ()
) -> Watched:
    """How the exposed users of the first arms came and went.

    Args:
        users: some or all, with their courses.
        arms: how many of the first arms of the column `arm`.
        what: what is watched.
        known: covariates of the users, see `UserTable.covariates`.

    Raises:
        ValueError: the courses of the users are not known.
    """
    course = users.course
    if course is None:
        raise ValueError("users without courses cannot be watched")
    label, exposed = users.arms[ARM], users.members("exposed") & (course.first != NEVER)
    before = users.covariates(what.metric, known)
    return tuple(
        _arm(course, exposed & (label.codes == code), what, before) for code in range(arms)
    )


def _arm(
    whole: Course, rows: Rows, what: MonitoringSpec, before: Sequence[FloatArray]
) -> ArmWatched:
    course = whole.take(rows)
    last = what.days[-1]
    came, entered = {}, {}
    value = _value(course, what)
    values = np.stack([value, *(column[rows] for column in before)], 1)
    for day in np.unique(course.first).tolist():
        here = course.first == day
        came[day] = int(np.count_nonzero(here))
        if day + what.window_days - 1 <= last:
            entered[day] = stats.Moments.of(values[here])
    behind = last - course.first.astype(np.int64)  # days after that of the first session
    settled = behind >= what.trend_days - 1
    return ArmWatched(
        came,
        entered,
        stats.Moments.of(course.time[settled, : what.trend_days]),
        _active(course, behind),
        _back(course, behind),
    )


def _value(course: Course, what: MonitoringSpec) -> FloatArray:
    """The metric over each user's window; nobody is without a session, as the first is on day 0."""
    parts = METRICS[what.metric].ratio or (what.metric,)
    sums = [getattr(course, part)[:, : what.window_days].sum(axis=1) for part in parts]
    return sums[0] / sums[1] if len(sums) > 1 else sums[0].astype(np.float64)


def _active(course: Course, behind: IntArray) -> IntArray:
    known = behind[:, None] >= np.arange(course.sessions.shape[1])
    return np.stack([known.sum(axis=0), (known & (course.sessions > 0)).sum(axis=0)], 1)


def _back(course: Course, behind: IntArray) -> IntArray:
    users, days = course.sessions.shape
    # A column beyond the last day, so that everybody has a next session somewhere.
    later = np.hstack([course.sessions[:, 1:] > 0, np.ones((users, 1), np.bool_)])
    when = 1 + later.argmax(axis=1)
    returned = when < days
    until = np.minimum(behind, days - 1)[~returned]
    counts = [np.bincount(each, minlength=days) for each in (when[returned], until)]
    return np.stack(counts, 1).astype(np.int64)
