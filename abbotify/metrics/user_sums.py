"""Sums per user that grow session by session, in all and by day; the arms each user was seen in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.schema import NO_ARM, Columns, IntArray, Labels
from abbotify.eventlog.sessions import FloatArray, SessionTable
from abbotify.jit import kernel
from abbotify.metrics.definitions import COLUMNS

Rows = npt.NDArray[np.int32]  # a user's row for each session, -1 where the session does not count
Codes = npt.NDArray[np.int16]
Days = npt.NDArray[np.int32]
Arrays = Mapping[str, npt.NDArray[Any]]

_MS_PER_MINUTE: Final = 60_000.0
NEVER: Final = np.iinfo(np.int32).min
LONGEST: Final = 28  # days that are followed at most, unless a window is longer: 16 bytes each
_NAMES: Final = "names"

# Columns of sessions that are added up for each user, so all but those that name a session.
_NAMING: Final = frozenset({"user", "session", "day", "start", "closed", "arms", "artists"})
_SUMMED: Final = (*(f.name for f in fields(SessionTable) if f.name not in _NAMING), "diversity")
_TYPES: Final[Mapping[str, type]] = {
    "hundredths": np.int64,
    "play_ms": np.int64,
    **dict.fromkeys(("residual", "latency_ms", "diversity"), np.float64),
}  # all others are counts; those of a user stay far below 2^31


class Sums:
    """Sums per user, grown session by session, in order: so float sums have one value.

    Args:
        users: how many.
        arrays: what `arrays` gave, to go on from there.

    Raises:
        ValueError: the arrays are of another number of users.
    """

    def __init__(self, users: int, arrays: Arrays | None = None) -> None:
        self.users = users
        self._sums: dict[str, npt.NDArray[Any]] = dict(arrays or {})
        self._last_day = self._sums.pop("last_day", np.full(users, NEVER, np.int32))
        self._sum("sessions")
        if any(len(array) != users for array in (*self._sums.values(), self._last_day)):
            raise ValueError(f"sums of other than {users} users")

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All that has been added up, by name."""
        return {**self._sums, "last_day": self._last_day}

    def add(self, rows: Rows, table: SessionTable) -> None:
        """Takes in sessions, those whose row is not -1."""
        for name in _SUMMED:
            column = getattr(table, name)
            if column is None or (name == "residual" and not column.any()):
                continue  # a simulation has no residuals
            _add(self._sum(name), rows, column)
        _add(self._sum("sessions"), rows, np.ones(len(rows), np.int64))
        _raise_to(self._last_day, rows, table.day)

    @property
    def seen(self) -> npt.NDArray[np.bool_]:
        """Who has a session: bool (users,)."""
        return self._sums["sessions"] > 0

    def metrics(self, seen: npt.NDArray[np.bool_], before_last: int) -> dict[str, FloatArray]:
        """The determined columns, NaN for users not seen.

        Args:
            seen: bool (users,).
            before_last: the day after which a session makes a user retained.
        """
        columns = dict(self._columns(before_last))
        return {name: np.where(seen, columns[name], np.nan) for name in COLUMNS if name in columns}

    def _sum(self, name: str) -> npt.NDArray[Any]:
        if name not in self._sums:
            self._sums[name] = np.zeros(self.users, _TYPES.get(name, np.int32))
        return self._sums[name]

    def _columns(self, before_last: int) -> Iterator[tuple[str, FloatArray]]:
        zeros = np.zeros(self.users)

        def known(name: str) -> FloatArray:
            return self._sums.get(name, zeros).astype(np.float64)

        always = {f.name for f in fields(SessionTable) if f.default is MISSING}
        columns = {name: known(name) for name in COLUMNS if name in always or name in self._sums}
        columns["time"] = known("hundredths") / 100.0 + known("residual")
        columns["latency"] = known("latency_ms")
        yield from columns.items()
        for name, metric in COLUMNS.items():
            if metric.ratio is not None:
                yield name, _divided(*(columns[part] for part in metric.ratio))
        yield "retained", (self._last_day > before_last).astype(np.float64)
        if "play_ms" in self._sums:
            yield "minutes", known("play_ms") / _MS_PER_MINUTE
        if "diversity" in self._sums:
            yield "artist_diversity", _divided(known("diversity"), columns["sessions"])


def _divided(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    out = np.full(len(numerator), np.nan)
    return np.divide(numerator, denominator, out=out, where=denominator > 0)


class ArmsSeen:
    """The arms each user was seen in, as the lowest and the highest code.

    Args:
        users: how many.
        arrays: what `arrays` gave, to go on from there.
    """

    def __init__(self, users: int, arrays: Arrays | None = None) -> None:
        self.users = users
        given = dict(arrays or {})
        names = json.loads(given[_NAMES].tobytes()) if given else {}
        self._names: dict[str, tuple[str, ...]] = {c: tuple(of) for c, of in names.items()}
        self._codes: dict[str, Codes] = {c: given[f"codes.{i}"] for i, c in enumerate(names)}

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All that was seen, by name."""
        # As bytes of their own: numpy's strings would lose zeros at the end of a name.
        names = np.frombuffer(json.dumps(self._names).encode(), np.uint8)
        return {_NAMES: names} | {f"codes.{i}": c for i, c in enumerate(self._codes.values())}

    def add(self, rows: Rows, table: SessionTable) -> None:
        """Takes in sessions, those whose row is not -1.

        Raises:
            ValueError: the arms' names are others than before.
        """
        for column, label in table.arms.items():
            if self._names.setdefault(column, label.names) != label.names:
                raise ValueError(f"{column}: tables disagree about the names of the arms")
            if column not in self._codes:
                start = np.array([[np.iinfo(np.int16).max], [NO_ARM]], np.int16)
                self._codes[column] = start.repeat(self.users, axis=1)
            low, high = self._codes[column]
            _widen(low, high, rows, label.codes)

    def labels(self, assigned: Mapping[str, Labels]) -> dict[str, Labels]:
        """The arm of each user by column: the one assigned, else the one seen; none for two."""
        seen = {c: Labels(codes[1], self._names[c]) for c, codes in self._codes.items()}
        return {
            column: Labels(np.where(self._in_two(column), NO_ARM, label.codes), label.names)
            for column, label in {**seen, **assigned}.items()
        }

    def in_two_arms(self) -> dict[str, int]:
        """How many users were seen in two arms, by column."""
        return {column: int(np.count_nonzero(self._in_two(column))) for column in self._codes}

    def _in_two(self, column: str) -> npt.NDArray[np.bool_]:
        if column not in self._codes:
            return np.zeros(self.users, np.bool_)
        low, high = self._codes[column]
        return (high >= 0) & (low < high)


@dataclass(frozen=True)
class Course(Columns):
    """Users' days since their first session, day 0 being that of the session.

    Attributes:
        first: int32 (users,), the day of the first session, `NEVER` for users without.
        time: float64 (users, days), listened fractions, added.
        sessions: int32 (users, days).
        tracks: int32 (users, days).
    """

    first: Days
    time: FloatArray
    sessions: Days
    tracks: Days

    @classmethod
    def start(cls, users: int, days: int, arrays: Arrays | None = None) -> Course:
        """The course before any session, or as far as its arrays go.

        Args:
            users: how many.
            days: to be followed.
            arrays: those of a course by name, to go on from there.

        Raises:
            ValueError: the arrays are of another number of users or days.
        """
        none = np.zeros((2, users, days), np.int32)
        empty = cls(np.full(users, NEVER, np.int32), np.zeros((users, days)), *none)
        course = cls(**arrays) if arrays else empty
        if any(vars(course)[name].shape != array.shape for name, array in vars(empty).items()):
            raise ValueError(f"courses of other than {users} users and {days} days")
        return course

    def add(self, rows: Rows, table: SessionTable) -> None:
        """Takes in sessions, those whose row is not -1, each user's in order: float sums."""
        _follow(rows, table.day, table.time, table.tracks, *vars(self).values())


# A loop for each column: 1 to 2 ns a session and column, where `np.add.at` takes 80.


@kernel
def _add(total: npt.NDArray[Any], rows: Rows, column: npt.NDArray[Any]) -> None:
    for i in range(len(rows)):
        if rows[i] >= 0:
            total[rows[i]] += column[i]


@kernel
def _raise_to(last: Days, rows: Rows, day: Days) -> None:
    for i in range(len(rows)):
        if rows[i] >= 0:
            last[rows[i]] = max(last[rows[i]], day[i])


@kernel
def _follow(
    rows: Rows,
    day: Days,
    listened: FloatArray,
    played: IntArray,
    first: Days,
    time: FloatArray,
    sessions: Days,
    tracks: Days,
) -> None:
    days = time.shape[1]
    for i in range(len(rows)):
        row = rows[i]
        if row < 0:
            continue
        if first[row] == NEVER:
            first[row] = day[i]
        since = day[i] - first[row]
        if 0 <= since < days:
            time[row, since] += listened[i]
            sessions[row, since] += 1
            tracks[row, since] += played[i]


@kernel
def _widen(low: Codes, high: Codes, rows: Rows, codes: Codes) -> None:
    for i in range(len(rows)):
        if rows[i] >= 0 and codes[i] >= 0:
            low[rows[i]] = min(low[rows[i]], codes[i])
            high[rows[i]] = max(high[rows[i]], codes[i])


@kernel
def places(
    users: IntArray,
    user: IntArray,
    day: Days,
    counts: npt.NDArray[np.bool_],
    days: IntArray,
    rows: Rows,
) -> int:
    """Finds the row of the user of each session that counts and is of one of the days.

    Args:
        users: int64 ids, ascending.
        user: int64 (n,), of each session.
        day: int32 (n,).
        counts: bool (n,), whether the session counts, if its day does.
        days: ascending.
        rows: (n,), takes the results, -1 for sessions that do not count.

    Returns:
        how many count; -1 when the user of one of them is not among the users.
    """
    count, inside, last = 0, False, 0
    for i in range(len(user)):
        rows[i] = -1
        if i == 0 or day[i] != last:  # days come in runs
            last = day[i]
            place = np.searchsorted(days, last)
            inside = place < len(days) and days[place] == last
        if inside and counts[i]:
            # Where ids have no gaps, as in made-up worlds, the guess is right: 1 ns, not 20.
            row = user[i] - users[0] if len(users) else 0
            if row < 0 or row >= len(users) or users[row] != user[i]:
                row = np.searchsorted(users, user[i])
                if row >= len(users) or users[row] != user[i]:
                    return -1
            rows[i] = row
            count += 1
    return count
