"""One row per user, from sessions: the metrics of the experiment and of the days before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.schema import ARM, IntArray, Labels
from abbotify.eventlog.sessions import FloatArray, SessionTable
from abbotify.metrics.definitions import COLUMNS, METRICS, PRE
from abbotify.metrics.user_sums import ArmsSeen, Course, Rows, Sums, places
from abbotify.stats import with_indicator

Population = Literal["exposed", "assigned"]

RETENTION_DAYS: Final = 1
_PARTS: Final = ("after", "before", "arms", "course")  # of the arrays' names


class Users:
    """Users of some experiments, whole or read column by column.

    Attributes:
        exposed: bool (n,), users with a session of the experiment, in one arm.
    """

    exposed: npt.NDArray[np.bool_]

    def label(self, column: str = ARM) -> Labels:
        """The arm of each user in an experiment."""
        raise NotImplementedError

    def stored(self, name: str) -> FloatArray:
        """A column as it is kept: float64 (n,), NaN where there is no value."""
        raise NotImplementedError

    def members(self, population: Population) -> npt.NDArray[np.bool_]:
        """Who belongs to a population: bool (n,), users in one arm of the first experiment."""
        in_arm = self.label().codes >= 0
        return in_arm & self.exposed if population == "exposed" else in_arm

    def column(self, name: str, population: Population = "exposed") -> FloatArray:
        """A column for a population: float64 (n,), NaN where there is no value.

        For the assigned, a user without sessions counts as 0 in a sum and has no mean.
        """
        values = self.stored(name)
        if population == "assigned" and name in COLUMNS and COLUMNS[name].kind == "sum":
            return np.where(self.exposed, values, 0.0)
        return values


@dataclass(frozen=True)
class UserTable(Users):
    """Users as numpy columns of one length, sorted by id.

    Attributes:
        users: int64 (n,) ids.
        arms: column name -> codes and names; -1 for a user in no arm or in two.
        exposed: bool (n,), users with a session of the experiment, in one arm.
        values: column name -> float64 (n,), NaN where there is no value: the determined ones of
            `COLUMNS` in that order, then `pre_<name>` of each when there were days before.
        in_two_arms: column name -> how many users were seen in two arms (part of no arm here).
        course: the users' days since their first session, where they were followed.
    """

    users: IntArray
    arms: Mapping[str, Labels]
    exposed: npt.NDArray[np.bool_]
    values: Mapping[str, FloatArray]
    in_two_arms: Mapping[str, int] = field(default_factory=dict)
    course: Course | None = None

    def __len__(self) -> int:
        return len(self.users)

    def label(self, column: str = ARM) -> Labels:
        """The arm of each user in an experiment."""
        return self.arms[column]

    def stored(self, name: str) -> FloatArray:
        """A column as it is kept: float64 (n,), NaN where there is no value."""
        return self.values[name]

    def covariates(self, metric: str, known: Sequence[FloatArray] = ()) -> Sequence[FloatArray]:
        """What a metric's mean is adjusted for, all of it defined; empty for nothing.

        Args:
            metric: its name.
            known: covariates that all means are adjusted for; default the metric's own from the
                days before, if there were any.
        """
        before = self.values.get(PRE + metric)
        if known or before is None:
            return known
        # A sum of the days before is defined for everybody; a mean needs sessions.
        is_sum = METRICS[metric].kind == "sum"
        return [before] if is_sum else list(with_indicator(before).T)

    @staticmethod
    def concat(parts: Sequence[UserTable]) -> UserTable:
        """The users of several shards, ids ascending from one to the next; equal columns."""
        first, courses = parts[0], [part.course for part in parts if part.course is not None]
        return UserTable(
            users=np.concatenate([part.users for part in parts]),
            arms={
                c: Labels(np.concatenate([part.arms[c].codes for part in parts]), label.names)
                for c, label in first.arms.items()
            },
            exposed=np.concatenate([part.exposed for part in parts]),
            values={c: np.concatenate([p.values[c] for p in parts]) for c in first.values},
            in_two_arms={c: sum(p.in_two_arms.get(c, 0) for p in parts) for c in first.in_two_arms},
            course=None if len(courses) < len(parts) else Course.concat(courses),
        )


def covariate_columns(covariates: Mapping[str, FloatArray]) -> list[FloatArray]:
    """Covariates that a scenario names, each as columns that are defined for everybody.

    Args:
        covariates: name -> float64 (users,), NaN where unknown.
    """
    return [column for values in covariates.values() for column in with_indicator(values).T]


class UserTotals:
    """Users' sessions so far, as sums per user: all that its end needs.

    A session counts when its day is one of the experiment's and it is in an arm; on the days
    before, whatever its arm. Each user's sessions being added in order, the result does not
    depend on how the sessions are spread over tables.

    Args:
        users: int64 ids, ascending.
        days: the days of the experiment.
        pre_days: the days before it.
        retention_days: k, the number of last days in which a session makes a user retained.
        open_sessions: count sessions without a "last" too; a log's end cut them off, so neither
            their time nor their tracks are complete.
        arrays: what `arrays` gave, to go on from there.
        followed: how many days since the first session are kept of each user; 0: none.
    """

    def __init__(
        self,
        users: IntArray,
        days: Sequence[int],
        pre_days: Sequence[int] = (),
        retention_days: int = RETENTION_DAYS,
        open_sessions: bool = False,
        arrays: Mapping[str, npt.NDArray[Any]] | None = None,
        followed: int = 0,
    ) -> None:
        self.users = users
        self._days, self._pre_days = _ascending(days), _ascending(pre_days)
        self._retention_days, self._open_sessions = retention_days, open_sessions
        after, before, arms, course = (part(arrays or {}, name) for name in _PARTS)
        self._after, self._before = Sums(len(users), after), Sums(len(users), before)
        self._arms = ArmsSeen(len(users), arms)
        self._course = Course.start(len(users), followed, course) if followed else None

    def add(self, table: SessionTable) -> None:
        """Takes in sessions, each user's in order and after those taken in before.

        Raises:
            ValueError: a session's user is not among the users, or the names of its arms are
                others than before.
        """
        whole = np.ones(len(table), np.bool_) if self._open_sessions else table.closed
        rows = self._rows(table, whole & _in_an_arm(table), self._days)
        self._arms.add(rows, table)
        self._after.add(rows, table)
        if self._course is not None:
            self._course.add(rows, table)
        if len(self._pre_days):
            self._before.add(self._rows(table, whole, self._pre_days), table)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All that has been added up, by name: numbers only."""
        course = {} if self._course is None else vars(self._course)
        kept = (self._after.arrays(), self._before.arrays(), self._arms.arrays(), course)
        parts = zip(_PARTS, kept, strict=True)
        return {f"{name}.{key}": array for name, part in parts for key, array in part.items()}

    def table(self, assigned: Mapping[str, Labels] | None = None) -> UserTable:
        """The users by the sessions so far.

        Args:
            assigned: the arm of each user by column of arms, where known without the sessions.

        Returns:
            one row per user; sums and means of users without sessions are NaN, of the days
            before 0 and NaN.
        """
        labels = self._arms.labels(assigned or {})
        in_arm = np.any([label.codes >= 0 for label in labels.values()], axis=0) | (not labels)
        exposed = self._after.seen & in_arm
        values = self._after.metrics(exposed, int(self._days[-1]) - self._retention_days)
        if len(self._pre_days):
            seen = self._before.seen
            last = int(self._pre_days[-1]) - self._retention_days
            for name, value in self._before.metrics(seen, last).items():
                zero = COLUMNS[name].kind == "sum"
                values[PRE + name] = np.where(seen, value, 0.0) if zero else value
        two = self._arms.in_two_arms()
        return UserTable(self.users, labels, exposed, values, two, self._course)

    def _rows(self, table: SessionTable, counts: npt.NDArray[np.bool_], days: IntArray) -> Rows:
        rows = np.empty(len(table), np.int32)
        if places(self.users, table.user, table.day, counts, days, rows) < 0:
            raise ValueError("a session's user is not among the users")
        return rows


def _ascending(days: Sequence[int]) -> IntArray:
    return np.unique(np.array(list(days), np.int64))


def part(arrays: Mapping[str, npt.NDArray[Any]], name: str) -> dict[str, npt.NDArray[Any]]:
    """The arrays whose names begin with a part's name and a dot, without these."""
    start = f"{name}."
    return {key.removeprefix(start): a for key, a in arrays.items() if key.startswith(start)}


def _in_an_arm(table: SessionTable) -> npt.NDArray[np.bool_]:
    if not table.arms:
        return np.ones(len(table), np.bool_)
    return np.any([label.codes >= 0 for label in table.arms.values()], axis=0)


def user_table(
    tables: Iterable[SessionTable],
    *,
    days: Sequence[int],
    pre_days: Sequence[int] = (),
    users: IntArray | None = None,
    assigned: Mapping[str, Labels] | None = None,
    retention_days: int = RETENTION_DAYS,
    open_sessions: bool = False,
    followed: int = 0,
) -> UserTable:
    """The users of an experiment, see `UserTotals`.

    Args:
        tables: sessions, taken one by one; each user's in order, all with the same columns.
        days: the days of the experiment.
        pre_days: the days before it, whose sessions count whatever their arm.
        users: int64 ids, ascending; default those of the tables, which are then all held.
        assigned: the arm of each user by column of arms, where known without the log.
        retention_days: k, the number of last days in which a session makes a user retained.
        open_sessions: count sessions without a "last" too.
        followed: how many days since the first session are kept of each user.

    Raises:
        ValueError: a session's user is not among the users, or tables differ in their arms' names.
    """
    if users is None:
        tables = list(tables)
        users = np.unique(np.concatenate([table.user for table in tables] or [np.empty(0, int)]))
    totals = UserTotals(users, days, pre_days, retention_days, open_sessions, followed=followed)
    for table in tables:
        totals.add(table)
    return totals.table(assigned)
