"""What the report's pictures and counts need of the sessions, added up piece by piece."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.schema import ARM, IntArray
from abbotify.eventlog.sessions import HEARD_STEPS, SessionTable
from abbotify.jit import kernel
from abbotify.stats import Moments
from abbotify.stats.moments import merged


class Counts(NamedTuple):
    """Distinct whole values, ascending, and how often each occurs: both int64 (n,)."""

    values: IntArray
    numbers: IntArray

    def merge(self, other: Counts) -> Counts:
        """The sum of both counts."""
        if not len(self.values) or not len(other.values):
            return other if not len(self.values) else self
        distinct, places = np.unique(np.r_[self.values, other.values], return_inverse=True)
        numbers = np.zeros(len(distinct), np.int64)
        np.add.at(numbers, places.reshape(-1), np.r_[self.numbers, other.numbers])
        return Counts(distinct, numbers)


NOTHING: Final = Counts(np.empty(0, np.int64), np.empty(0, np.int64))
_SMALL: Final = 1 << 16  # ids below have a place in a table from the start
_LARGE: Final = 1 << 24  # ids from here on never have one


class PlayCounts:
    """Plays by arm and track, for any ids.

    Small ids are counted in a table, ten times as fast as by sorting. The table never has more
    places than rows were counted (beyond half a megabyte an arm), so what it takes is of the
    order of the counts themselves; the other ids are sorted.
    """

    def __init__(self, arms: int) -> None:
        self._table: IntArray = np.zeros((arms, 0), np.int64)
        self._others: list[Counts] = [NOTHING] * arms
        self._rows = 0

    def add(self, tracks: npt.NDArray[Any], codes: npt.NDArray[Any]) -> None:
        """Counts rows.

        Args:
            tracks: int (n,), ids, not negative.
            codes: int (n,), arms; what is none of them does not count.
        """
        self._rows += len(tracks)
        width = int(tracks.max(initial=-1)) + 1
        if width > max(_SMALL, min(self._rows, _LARGE)):
            for arm in range(len(self._others)):
                self._others[arm] = self._others[arm].merge(counted(tracks[codes == arm]))
            return
        self._widen(width)
        _count(tracks, codes, self._table)

    def add_table(self, plays: IntArray) -> None:
        """Takes in counts.

        Args:
            plays: int64 (codes, tracks), how often each arm, the first codes, played each track.
        """
        arms, width = len(self._table), plays.shape[1]
        self._widen(width)
        self._table[:, :width] += plays[:arms]
        self._rows += int(plays[:arms].sum())

    def _widen(self, width: int) -> None:
        if width > self._table.shape[1]:
            # In strides, as the highest id of the next rows may be a little higher.
            wider = np.zeros((len(self._table), 1 << (width - 1).bit_length()), np.int64)
            wider[:, : self._table.shape[1]] = self._table
            self._table = wider

    def merge(self, other: PlayCounts) -> PlayCounts:
        """The plays of both."""
        both = PlayCounts(len(self._table))
        for part in (self, other):
            width = part._table.shape[1]
            both._widen(width)
            both._table[:, :width] += part._table
            both._rows += part._rows
        both._others = [
            first.merge(second) for first, second in zip(self._others, other._others, strict=True)
        ]
        return both

    def of(self, arm: int) -> Counts:
        """The tracks an arm played and how often."""
        seen = np.flatnonzero(self._table[arm])
        return self._others[arm].merge(Counts(seen, self._table[arm][seen]))


@kernel
def _count(tracks: npt.NDArray[Any], codes: npt.NDArray[Any], table: IntArray) -> None:
    for row in range(len(tracks)):
        if 0 <= codes[row] < len(table):
            table[codes[row], tracks[row]] += 1


@kernel
def count_step_plays(
    steps: npt.NDArray[Any],
    hundredths: npt.NDArray[Any],
    codes: npt.NDArray[Any],
    step_plays: IntArray,
) -> None:
    """Adds plays and listened hundredths, both of (n,), to (arms, steps from 1, 2)."""
    arms, longest = step_plays.shape[0], step_plays.shape[1]
    for row in range(len(steps)):
        if 0 <= codes[row] < arms and 1 <= steps[row] <= longest:
            step_plays[codes[row], steps[row] - 1, 0] += 1
            step_plays[codes[row], steps[row] - 1, 1] += hundredths[row]


def counted(values: npt.NDArray[Any]) -> Counts:
    """How often each whole value occurs."""
    if (
        len(values) and 0 <= int(values.min()) <= int(values.max()) < _SMALL
    ):  # lengths of sessions: no need to sort
        numbers = np.bincount(values)
        present = np.flatnonzero(numbers)
        return Counts(present.astype(np.int64), numbers[present].astype(np.int64))
    distinct, counts = np.unique(values.astype(np.int64), return_counts=True)
    return Counts(distinct, counts.astype(np.int64))


Plays = tuple[npt.NDArray[Any], npt.NDArray[Any]]  # track ids, codes of arms
StepPlays = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]  # steps, hundredths, codes


class SessionTotals:
    """Counts by arm that merge: lengths of sessions, days, plays of tracks and steps, counters.

    Only sessions of the given days in one of the arms count. All counts are independent of the
    order of adding; moments (of days, of sessions) are so up to the last bits, hence merge in
    shard order.

    Args:
        arms: names, the control first; they are the first codes of the column.
        column: the column of arms.
        days: the days of the experiment.
    """

    def __init__(self, arms: Sequence[str], column: str = ARM, days: Sequence[int] = ()) -> None:
        self.arms = tuple(arms)
        self.column = column
        self.days = tuple(days)
        self.ended = self.cut = (NOTHING,) * len(self.arms)
        self._plays = PlayCounts(len(self.arms))
        self.daily: dict[tuple[int, int], Moments] = {}
        self.session_times = (Moments.empty(1),) * len(self.arms)
        self.counters: dict[str, IntArray] = {}
        # By arm and step 1 .. HEARD_STEPS: plays, and their listened hundredths.
        self.step_plays: IntArray = np.zeros((len(self.arms), HEARD_STEPS, 2), np.int64)

    def add(
        self,
        sessions: SessionTable,
        cut: npt.NDArray[np.bool_] | None = None,
        counters: Mapping[str, npt.NDArray[Any]] | None = None,
        summed: tuple[IntArray, IntArray] | None = None,
    ) -> None:
        """Takes in some sessions: all those of their users on their days.

        Args:
            sessions: n rows; open ones count as cut off in the survival.
            cut: bool (n,), sessions that the limit of tracks ended.
            counters: name -> whole numbers (n,), counted of each session.
            summed: in place of rows given to `add_rows`, their numbers: int64 (codes, tracks),
                and int64 (codes, HEARD_STEPS, 2).
        """
        limited = np.zeros(len(sessions), np.bool_) if cut is None else cut
        codes = sessions.arms[self.column].codes
        counting = np.isin(sessions.day, self.days) & (codes >= 0) & (codes < len(self.arms))
        rows = slice(None) if counting.all() else counting
        sessions, codes = sessions.take(rows), codes[rows]
        for name, values in (counters or {}).items():
            self.counters = merged(self.counters, {name: self._by_arm(codes, values[rows])})
        self._add_lengths(sessions, codes, limited[rows] | ~sessions.closed)
        days = {key: Moments.of(means) for key, means in _means_by_day(sessions, codes)}
        self.daily = merged(self.daily, days)
        times = tuple(Moments.of(sessions.time[codes == arm]) for arm in range(len(self.arms)))
        self.session_times = merged(self.session_times, times)
        if summed is not None:
            self._plays.add_table(summed[0])
            self.step_plays += summed[1][: len(self.arms)]

    def add_rows(self, plays: Plays | None = None, step_plays: StepPlays | None = None) -> None:
        """Takes in played tracks, rows of the days only.

        Args:
            plays: track ids and codes of arms.
            step_plays: steps of sessions, listened hundredths (whole) and codes of arms; step 0,
                the user's own pick, does not count.
        """
        if plays is not None:
            self._plays.add(*plays)
        if step_plays is not None:
            count_step_plays(*step_plays, self.step_plays)

    @property
    def plays(self) -> list[Counts]:
        """By arm: the ids of the tracks played, and how often."""
        return [self._plays.of(arm) for arm in range(len(self.arms))]

    def merge(self, other: SessionTotals) -> SessionTotals:
        """The tally of both, this one's moments first.

        Raises:
            ValueError: they are about different arms or days.
        """
        about = (self.arms, self.column, self.days)
        if about != (other.arms, other.column, other.days):
            raise ValueError("tallies of different arms or days do not merge")
        both = SessionTotals(*about)
        for name in _SUMS:
            setattr(both, name, merged(getattr(self, name), getattr(other, name)))
        return both

    def _add_lengths(
        self,
        sessions: SessionTable,
        codes: npt.NDArray[np.int16],
        censored: npt.NDArray[np.bool_],
    ) -> None:
        def lengths(rows: npt.NDArray[np.bool_]) -> tuple[Counts, ...]:
            arms = range(len(self.arms))
            return tuple(counted(sessions.tracks[rows & (codes == arm)]) for arm in arms)

        self.ended = merged(self.ended, lengths(~censored))
        self.cut = merged(self.cut, lengths(censored))

    def _by_arm(self, codes: npt.NDArray[np.int16], values: npt.NDArray[Any]) -> IntArray:
        """The sum of whole values over each arm's sessions: int64 (arms,)."""
        if not values.any():  # as of most counters
            return np.zeros(len(self.arms), np.int64)
        return np.bincount(codes, weights=values, minlength=len(self.arms)).astype(np.int64)


_SUMS: Final = ("ended", "cut", "_plays", "daily", "session_times", "counters", "step_plays")


def _means_by_day(
    sessions: SessionTable, codes: npt.NDArray[np.int16]
) -> Iterator[tuple[tuple[int, int], npt.NDArray[np.float64]]]:
    """The mean time per session of each user on each day: (day, arm) -> one value per user."""
    if not len(sessions):
        return
    keys = (sessions.day, codes, sessions.user)
    order = _order(*keys)
    day, code, user = (key[order] for key in keys)
    new_block = _changes(day, code)
    starts = np.flatnonzero(new_block | _changes(user))
    hundredths = np.add.reduceat(sessions.hundredths[order], starts)
    residual = np.add.reduceat(sessions.residual[order], starts)
    means = (hundredths / 100.0 + residual) / np.diff(np.r_[starts, len(order)])
    firsts = np.flatnonzero(new_block[starts])
    for first, block in zip(firsts, np.split(means, firsts[1:]), strict=True):
        row = starts[first]
        yield (int(day[row]), int(code[row])), block


def _order(
    day: npt.NDArray[Any], code: npt.NDArray[Any], user: npt.NDArray[Any]
) -> npt.NDArray[np.intp]:
    """Rows by day, arm and user, rows alike in their order."""
    low = int(day.min())
    width = int(code.max()) + 1
    if (int(day.max()) - low + 1) * width <= np.iinfo(np.int16).max:
        # A sort of 16 bits by digits, since users are mostly in order: a fifth of sorting by all.
        block = ((day - low) * width + code).astype(np.int16)
        order = np.argsort(block, kind="stable")
        ordered, whose = block[order], user[order]
        if not ((ordered[1:] == ordered[:-1]) & (whose[1:] < whose[:-1])).any():
            return order
    return np.lexsort((user, code, day))


def _changes(*keys: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    return reduce(np.logical_or, (np.r_[True, key[1:] != key[:-1]] for key in keys))
