"""What adds up over the tracks of a session: a column of the session table each.

Beside the sums a session is written with (`TOTALS` in its fields), as a tuple of numbers that the
loop keeps in registers.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from abbotify.jit import inlined_unmanaged
from abbotify.simulation.listener.session import FULL

Int = Any  # Python's or numpy's when interpreted, int64 in a compiled kernel
IntArray = Any

_FULL: Final = FULL
# Where they stand among the fields of a session; compiled into kernels.
TOTALS: Final = 10
HUNDREDTHS, SKIPS, REPEATS, ARTISTS, PLAY_MS = range(TOTALS, TOTALS + 5)


class Totals(NamedTuple):
    """Sums over a session's tracks, by the names of their columns in `SessionTable`."""

    hundredths: Int
    skips: Int
    repeats: Int
    artists: Int
    play_ms: Int


@inlined_unmanaged
def first_track(played_ms: Int) -> Totals:
    """The totals of a session that has had the track its user picked."""
    return Totals(_FULL, 0, 0, 1, played_ms)


@inlined_unmanaged
def add_track(
    totals: Totals, time: Int, played_ms: Int, skipped: bool, repeated: bool, known: bool
) -> Totals:
    """The totals with one more track.

    Args:
        totals: of the tracks before it.
        time: listened hundredths.
        played_ms: how long it was played.
        skipped: it was listened to for less than the threshold.
        repeated: the session had it before.
        known: the session had its artist before.
    """
    return Totals(
        totals.hundredths + time,
        totals.skips + skipped,
        totals.repeats + repeated,
        totals.artists + (not known),
        totals.play_ms + played_ms,
    )


@inlined_unmanaged
def totals_of(s: IntArray) -> Totals:
    """The totals in the fields of a session."""
    return Totals(s[HUNDREDTHS], s[SKIPS], s[REPEATS], s[ARTISTS], s[PLAY_MS])


@inlined_unmanaged
def keep_totals(s: IntArray, totals: Totals) -> None:
    """Puts totals into the fields of a session."""
    s[HUNDREDTHS], s[SKIPS], s[REPEATS] = totals.hundredths, totals.skips, totals.repeats
    s[ARTISTS], s[PLAY_MS] = totals.artists, totals.play_ms
