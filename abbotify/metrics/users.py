"""One row per user, from sessions: the metrics of the experiment and of the days before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from abbotify.events import ARM, NO_ARM, IntArray, Labels
from abbotify.metrics.definitions import COLUMNS, PRE
from abbotify.sessions import FloatArray, SessionTable

Population = Literal["exposed", "assigned"]

RETENTION_DAYS: Final = 1
_MS_PER_MINUTE: Final = 60_000.0
_ABOVE_ALL: Final = np.iinfo(np.int16).max


@dataclass(frozen=True)
class UserTable:
    """Users as numpy columns of one length, sorted by id.

    Attributes:
        users: int64 (n,) ids.
        arms: column name -> codes and names; -1 for a user in no arm or in two.
        exposed: bool (n,), users with a session of the experiment, in one arm.
        values: column name -> float64 (n,), NaN where there is no value: the determined ones of
            `COLUMNS` in that order, then `pre_<name>` of each when there were days before.
        in_two_arms: column name -> how many users were seen in two arms (part of no arm here).
    """

    users: IntArray
    arms: Mapping[str, Labels]
    exposed: npt.NDArray[np.bool_]
    values: Mapping[str, FloatArray]
    in_two_arms: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.users)

    def members(self, population: Population, column: str = ARM) -> npt.NDArray[np.bool_]:
        """Who belongs to a population: bool (n,), users in one arm of the column."""
        in_arm = self.arms[column].codes >= 0
        return in_arm & self.exposed if population == "exposed" else in_arm

    def column(self, name: str, population: Population = "exposed") -> FloatArray:
        """A column for a population: float64 (n,), NaN where there is no value.

        For the assigned, a user without sessions counts as 0 in a sum and has no mean.
        """
        values = self.values[name]
        if population == "assigned" and name in COLUMNS and COLUMNS[name].kind == "sum":
            return np.where(self.exposed, values, 0.0)
        return values

    @staticmethod
    def concat(parts: Sequence[UserTable]) -> UserTable:
        """The users of several shards, ids ascending from one to the next; equal columns."""
        first = parts[0]
        return UserTable(
            users=np.concatenate([part.users for part in parts]),
            arms={
                c: Labels(np.concatenate([part.arms[c].codes for part in parts]), label.names)
                for c, label in first.arms.items()
            },
            exposed=np.concatenate([part.exposed for part in parts]),
            values={c: np.concatenate([p.values[c] for p in parts]) for c in first.values},
            in_two_arms={c: sum(p.in_two_arms.get(c, 0) for p in parts) for c in first.in_two_arms},
        )


def user_table(
    tables: Iterable[SessionTable],
    *,
    days: Sequence[int],
    pre_days: Sequence[int] = (),
    users: IntArray | None = None,
    assigned: Mapping[str, Labels] | None = None,
    retention_days: int = RETENTION_DAYS,
    open_sessions: bool = False,
) -> UserTable:
    """The users of an experiment.

    A session counts when its day is one of the experiment's and it is in an arm. Tables are
    taken one by one, each user's sessions being added in order, so the result does not depend
    on how the sessions are spread over tables.

    Args:
        tables: sessions; each user's in order, all tables with the same columns.
        days: the days of the experiment.
        pre_days: the days before it, whose sessions count whatever their arm.
        users: int64 ids, ascending; default those of the tables, which are then all held.
        assigned: the arm of each user by column of arms, where known without the log.
        retention_days: k, the number of last days in which a session makes a user retained.
        open_sessions: count sessions without a "last" too; a log's end cut them off, so neither
            their time nor their tracks are complete.

    Returns:
        one row per user; sums and means of users without sessions are NaN, of the days before 0
        and NaN.

    Raises:
        ValueError: a session's user is not among the users, or tables differ in their arms' names.
    """
    if users is None:
        tables = list(tables)
        users = np.unique(np.concatenate([table.user for table in tables] or [np.empty(0, int)]))
    after, before, arms = _Totals(len(users)), _Totals(len(users)), _Arms(len(users))
    for table in tables:
        kept = table if open_sessions else table.take(table.closed)
        counted = kept.take(np.isin(kept.day, list(days)) & _in_an_arm(kept))
        rows = _rows(users, counted.user)
        after.add(rows, counted)
        arms.add(rows, counted)
        earlier = kept.take(np.isin(kept.day, list(pre_days)))
        before.add(_rows(users, earlier.user), earlier)
    return _joined(users, after, before, arms, assigned, days, pre_days, retention_days)


def _in_an_arm(table: SessionTable) -> npt.NDArray[np.bool_]:
    if not table.arms:
        return np.ones(len(table), np.bool_)
    return np.any([label.codes >= 0 for label in table.arms.values()], axis=0)


def _rows(users: IntArray, found: IntArray) -> IntArray:
    rows = np.searchsorted(users, found)
    if len(found) and (rows.max() >= len(users) or (users[rows] != found).any()):
        raise ValueError("a session's user is not among the users")
    return rows


def _joined(
    users: IntArray,
    after: _Totals,
    before: _Totals,
    arms: _Arms,
    assigned: Mapping[str, Labels] | None,
    days: Sequence[int],
    pre_days: Sequence[int],
    retention_days: int,
) -> UserTable:
    labels = arms.labels(assigned or {})
    in_arm = np.any([label.codes >= 0 for label in labels.values()], axis=0) | (not labels)
    exposed = (after.sums["sessions"] > 0) & in_arm
    values = after.metrics(exposed, max(days) - retention_days)
    if pre_days:
        seen = before.sums["sessions"] > 0
        earlier = before.metrics(seen, max(pre_days) - retention_days)
        for name, value in earlier.items():
            zero = COLUMNS[name].kind == "sum"
            values[PRE + name] = np.where(seen, value, 0.0) if zero else value
    return UserTable(users, labels, exposed, values, arms.in_two_arms())


class _Totals:
    """Sums per user, grown session by session."""

    def __init__(self, users: int) -> None:
        self.users = users
        self.sums = {"sessions": np.zeros(users)}
        self.last_day = np.full(users, np.iinfo(np.int64).min)

    def add(self, rows: IntArray, table: SessionTable) -> None:
        for name, column in _summands(table):
            total = self.sums.setdefault(name, np.zeros(self.users))
            np.add.at(total, rows, column)  # one by one, in order, whatever the batch
        np.maximum.at(self.last_day, rows, table.day.astype(np.int64))

    def metrics(self, seen: npt.NDArray[np.bool_], before_last: int) -> dict[str, FloatArray]:
        """The determined columns, NaN for users not seen."""
        columns = dict(self._columns(before_last))
        return {name: np.where(seen, columns[name], np.nan) for name in COLUMNS if name in columns}

    def _columns(self, before_last: int) -> Iterator[tuple[str, FloatArray]]:
        sums = self.sums
        zeros = np.zeros(self.users)
        plain = ("sessions", "tracks", "latency", "recommended", "skips", "repeats")
        columns = {name: sums.get(name, zeros) for name in plain}
        columns["time"] = sums.get("hundredths", zeros) / 100.0 + sums.get("residual", zeros)
        yield from columns.items()
        for name, metric in COLUMNS.items():
            if metric.ratio is not None:
                yield name, _divided(*(columns[part] for part in metric.ratio))
        yield "retained", (self.last_day > before_last).astype(np.float64)
        if "play_ms" in sums:
            yield "minutes", sums["play_ms"] / _MS_PER_MINUTE
        if "diversity" in sums:
            yield "artist_diversity", _divided(sums["diversity"], sums["sessions"])
        if "timeouts" in sums:
            yield "timeouts", sums["timeouts"]


def _summands(table: SessionTable) -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
    yield "sessions", np.ones(len(table))
    yield "latency", table.latency_ms
    for name in ("tracks", "hundredths", "residual", "recommended", "skips", "repeats"):
        yield name, getattr(table, name)
    for name in ("play_ms", "diversity", "timeouts"):
        if (column := getattr(table, name)) is not None:
            yield name, column


def _divided(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    out = np.full(len(numerator), np.nan)
    return np.divide(numerator, denominator, out=out, where=denominator > 0)


class _Arms:
    """The arms each user was seen in, as the lowest and the highest code."""

    def __init__(self, users: int) -> None:
        self.users = users
        self.names: dict[str, tuple[str, ...]] = {}
        self.low: dict[str, npt.NDArray[np.int16]] = {}
        self.high: dict[str, npt.NDArray[np.int16]] = {}

    def add(self, rows: IntArray, table: SessionTable) -> None:
        for column, label in table.arms.items():
            if self.names.setdefault(column, label.names) != label.names:
                raise ValueError(f"{column}: tables disagree about the names of the arms")
            low = self.low.setdefault(column, np.full(self.users, _ABOVE_ALL, np.int16))
            high = self.high.setdefault(column, np.full(self.users, NO_ARM, np.int16))
            known = label.codes >= 0
            np.minimum.at(low, rows[known], label.codes[known])
            np.maximum.at(high, rows[known], label.codes[known])

    def labels(self, assigned: Mapping[str, Labels]) -> dict[str, Labels]:
        seen = {c: Labels(high, self.names[c]) for c, high in self.high.items()}
        return {
            column: Labels(np.where(self._in_two(column), NO_ARM, label.codes), label.names)
            for column, label in {**seen, **assigned}.items()
        }

    def in_two_arms(self) -> dict[str, int]:
        return {column: int(np.count_nonzero(self._in_two(column))) for column in self.high}

    def _in_two(self, column: str) -> npt.NDArray[np.bool_]:
        if column not in self.high:
            return np.zeros(self.users, np.bool_)
        return (self.high[column] >= 0) & (self.low[column] < self.high[column])
