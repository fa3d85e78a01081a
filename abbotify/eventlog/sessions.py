"""One row per session, from the rows of the event log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from abbotify.eventlog import session_kernels
from abbotify.eventlog.schema import Columns, Events, IntArray, Labels

FloatArray = npt.NDArray[np.float64]

SKIP_BELOW: Final = 0.3
HEARD_STEPS: Final = 40  # steps of a session whose plays are counted; hardly any goes on for longer


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
    starts = session_kernels.starts_of(events.user, events.session)
    tracks = np.diff(starts, append=len(events))
    sums = session_kernels.sums(starts, events.step, events.time, events.latency_ms, skip_below)
    return SessionTable(
        user=events.user[starts],
        session=events.session[starts],
        day=events.day[starts],
        start=events.timestamp[starts],
        closed=events.last[starts + tracks - 1],
        tracks=tracks,
        **sums._asdict(),
        # The first play of a track is no repeat, and each later one is.
        repeats=tracks - session_kernels.distinct(starts, events.track),
        artists=None if artist is None else session_kernels.distinct(starts, artist),
        play_ms=None
        if play_ms is None
        else session_kernels.totals(starts, play_ms.astype(np.int64)),
        timeouts=None if timeouts is None else timeouts.astype(np.int64),
        arms={
            name: Labels(label.codes[starts], label.names) for name, label in events.arms.items()
        },
    )
