"""One row per session, from the rows of the event log.

Rows are in order: a session is rows `starts[i]` up to `starts[i + 1]`, the last one up to the
end. Sums are added in the order of the rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.schema import Columns, Events, IntArray, Labels
from abbotify.jit import inlined, kernel

FloatArray = npt.NDArray[np.float64]

SKIP_BELOW: Final = 0.3
HEARD_STEPS: Final = 40  # steps of a session whose plays are counted; hardly any goes on for longer

_MIX = 0x9E3779B1  # 2^32 / golden ratio: Fibonacci hashing
_WORD = 0xFFFFFFFF


@dataclass(frozen=True)
class SessionTable(Columns):
    """Sessions as numpy columns of one length, in the order of their events.

    Attributes:
        user: int64 ids.
        session: int32, the user's own session number.
        day: int32.
        start: int64 ms, the timestamp of the first row.
        closed: bool, the session has its "last" row.
        arms: column name -> codes and names, those of the first row.
        tracks: int64, rows.
        hundredths: int64, listened hundredths.
        residual: float64, what the listened fractions have beyond whole hundredths (0 in a
            simulation; apart, so that sums of hundredths are exact).
        latency_ms: float64, added over all requests.
        recommended: int64, rows but the first (step >= 1).
        skips: int64, recommended ones listened to for less than the threshold.
        repeats: int64, recommended ones already played in the session.
        artists: int64, distinct ones; None where the log names none.
        play_ms: int64, None without lengths of tracks.
        timeouts: int64, None where they were not counted.
    """

    user: IntArray
    session: npt.NDArray[np.int32]
    day: npt.NDArray[np.int32]
    start: IntArray
    closed: npt.NDArray[np.bool_]
    tracks: IntArray
    hundredths: IntArray
    residual: FloatArray
    latency_ms: FloatArray
    recommended: IntArray
    skips: IntArray
    repeats: IntArray
    artists: IntArray | None = None
    play_ms: IntArray | None = None
    timeouts: IntArray | None = None
    arms: Mapping[str, Labels] = field(default_factory=dict)

    @property
    def time(self) -> FloatArray:
        """float64, the sum of the listened fractions."""
        return self.hundredths / 100.0 + self.residual

    @property
    def diversity(self) -> FloatArray | None:
        """float64, distinct artists / tracks; None where the log names no artists."""
        return None if self.artists is None else self.artists / self.tracks


def session_table(
    events: Events,
    *,
    skip_below: float = SKIP_BELOW,
    artist: IntArray | None = None,
    play_ms: IntArray | None = None,
    timeouts: IntArray | None = None,
) -> SessionTable:
    """The sessions of some events.

    Args:
        events: n rows sorted by (user, session, step), whole sessions.
        skip_below: a recommended track listened to for less than this fraction is a skip.
        artist: int (n,), a number from 0 for the artist of each row's track.
        play_ms: int (n,), how long each row's track played, ms.
        timeouts: int (sessions,), requests past their timeout.

    Returns:
        one row per session, in order.
    """
    changes = (events.session[1:] != events.session[:-1]) | (events.user[1:] != events.user[:-1])
    starts = np.flatnonzero(np.append(len(events) > 0, changes))
    tracks = np.diff(starts, append=len(events))
    return SessionTable(
        user=events.user[starts],
        session=events.session[starts],
        day=events.day[starts],
        start=events.timestamp[starts],
        closed=events.last[starts + tracks - 1],
        tracks=tracks,
        **sums(starts, events.step, events.time, events.latency_ms, skip_below)._asdict(),
        # The first play of a track is no repeat, and each later one is.
        repeats=tracks - distinct(starts, events.track),
        artists=None if artist is None else distinct(starts, artist),
        play_ms=None if play_ms is None else np.add.reduceat(play_ms.astype(np.int64), starts),
        timeouts=None if timeouts is None else timeouts.astype(np.int64),
        arms={
            name: Labels(label.codes[starts], label.names) for name, label in events.arms.items()
        },
    )


class Sums(NamedTuple):
    """What is added up over each session: see `SessionTable`."""

    hundredths: IntArray
    residual: FloatArray
    latency_ms: FloatArray
    recommended: IntArray
    skips: IntArray


@kernel
def sums(
    starts: IntArray,
    step: npt.NDArray[np.int32],
    time: FloatArray,
    latency: npt.NDArray[Any],
    skip_below: float,
) -> Sums:
    """What is added up over the rows of each session.

    Args:
        starts: int64 (sessions,), the first rows.
        step: int32 (n,).
        time: float64 (n,), listened fractions.
        latency: (n,), ms; sums of whole ms are exact up to 2^53.
        skip_below: a recommended track listened to for less than this fraction is a skip.
    """
    sessions, rows = len(starts), len(time)
    hundredths = np.empty(sessions, np.int64)
    residual = np.empty(sessions, np.float64)
    waited = np.empty(sessions, np.float64)
    recommended = np.empty(sessions, np.int64)
    skips = np.empty(sessions, np.int64)
    for i in range(sessions):
        end = starts[i + 1] if i + 1 < sessions else rows
        whole, skipped, chosen, beyond, wait = 0, 0, 0, 0.0, 0.0
        for row in range(starts[i], end):
            nearest = np.rint(time[row] * 100.0)
            whole += int(nearest)
            beyond += time[row] - nearest / 100.0
            wait += latency[row]
            later = step[row] >= 1
            chosen += later
            skipped += later and time[row] < skip_below
        hundredths[i], residual[i], waited[i] = whole, beyond, wait
        recommended[i], skips[i] = chosen, skipped
    return Sums(hundredths, residual, waited, recommended, skips)


@inlined
def _first_seen(value: Any, stamp: int, shift: int, stamps: Any, kept: Any) -> bool:
    # A slot belongs to the session that stamped it last, so nothing is cleared between sessions.
    mask = len(kept) - 1
    # 32 bits times 32 bits: interpreted, a product that overflows would be warned of.
    mixed = ((value ^ value >> 32) & _WORD >> 1) * _MIX & _WORD
    slot = (mixed >> shift) & mask
    while stamps[slot] == stamp:
        if kept[slot] == value:
            return False
        slot = (slot + 1) & mask
    stamps[slot], kept[slot] = stamp, value
    return True


@kernel
def distinct(starts: IntArray, values: npt.NDArray[Any]) -> IntArray:
    """How many distinct whole values of (n,) each session has: int64 (sessions,).

    A hash table of the longest session's size, so the time is linear whatever the values and the
    lengths: 2 ns a row where sorting by session and value takes 40.
    """
    sessions, longest = len(starts), 0
    for i in range(sessions):
        end = starts[i + 1] if i + 1 < sessions else len(values)
        longest = max(longest, end - starts[i])
    bits = 3
    while 1 << bits < 2 * longest:
        bits += 1
    kept = np.empty(1 << bits, np.int64)
    stamps = np.full(1 << bits, -1, np.int64)
    counts = np.empty(sessions, np.int64)
    for i in range(sessions):
        end = starts[i + 1] if i + 1 < sessions else len(values)
        count = 0
        for row in range(starts[i], end):
            count += _first_seen(np.int64(values[row]), i, max(0, 32 - bits), stamps, kept)
        counts[i] = count
    return counts
