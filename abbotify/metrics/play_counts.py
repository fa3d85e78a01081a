"""How often each arm played each track, and how long at each step: counted row by row."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.schema import IntArray
from abbotify.jit import kernel


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
