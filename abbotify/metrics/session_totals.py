"""What the report's pictures and counts need of the sessions, added up piece by piece."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.schema import ARM, IntArray
from abbotify.eventlog.sessions import HEARD_STEPS, SessionTable
from abbotify.metrics.play_counts import (
    NOTHING,
    Counts,
    PlayCounts,
    count_step_plays,
    counted,
)
from abbotify.stats import Moments
from abbotify.stats.moments import merged

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
        ended_by_limit = np.zeros(len(sessions), np.bool_) if cut is None else cut
        counted_rows = np.isin(sessions.day, self.days) & self._in_arm(self._codes(sessions))
        everybody, codes = bool(counted_rows.all()), self._codes(sessions)[counted_rows]
        counts = {
            name: self._by_arm(codes, values if everybody else values[counted_rows])
            for name, values in (counters or {}).items()
        }
        self.counters = merged(self.counters, counts)
        if not everybody:
            sessions, ended_by_limit = sessions.take(counted_rows), ended_by_limit[counted_rows]
        self._add_lengths(sessions, ended_by_limit)
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

    def _codes(self, sessions: SessionTable) -> npt.NDArray[np.int16]:
        return sessions.arms[self.column].codes

    def _in_arm(self, codes: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        return (codes >= 0) & (codes < len(self.arms))

    def _add_lengths(self, sessions: SessionTable, limited: npt.NDArray[np.bool_]) -> None:
        codes, censored = self._codes(sessions), limited | ~sessions.closed

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


@dataclass(frozen=True)
class Limits:
    """Shares of requests above which an arm did not run as described."""

    errors: float = 0.01
    fallbacks: float = 0.1
