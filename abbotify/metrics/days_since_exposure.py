"""What each user did on each day since the first session of the experiment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.schema import Columns, IntArray
from abbotify.eventlog.sessions import FloatArray, SessionTable
from abbotify.jit import kernel
from abbotify.metrics.user_sums import Rows

NEVER: Final = np.iinfo(np.int32).min
LONGEST: Final = 28  # days that are followed at most, unless a window is longer: 16 bytes each


@dataclass(frozen=True)
class Course(Columns):
    """Users' days since their first session, day 0 being that of the session.

    Attributes:
        first: int32 (users,), the day of the first session, `NEVER` for users without.
        time: float64 (users, days), listened fractions, added.
        sessions: int32 (users, days).
        tracks: int32 (users, days).
    """

    first: npt.NDArray[np.int32]
    time: FloatArray
    sessions: npt.NDArray[np.int32]
    tracks: npt.NDArray[np.int32]


class Courses:
    """Courses that grow session by session, each user's in order: so float sums have one value.

    Args:
        users: how many.
        days: to be followed.
        arrays: what `arrays` gave, to go on from there.

    Raises:
        ValueError: the arrays are of another number of users or days.
    """

    def __init__(
        self, users: int, days: int, arrays: Mapping[str, npt.NDArray[Any]] | None = None
    ) -> None:
        shape = (users, days)
        empty: dict[str, npt.NDArray[Any]] = {
            "first": np.full(users, NEVER, np.int32),
            "time": np.zeros(shape),
            "sessions": np.zeros(shape, np.int32),
            "tracks": np.zeros(shape, np.int32),
        }
        given = dict(arrays or empty)
        if any(given[name].shape != array.shape for name, array in empty.items()):
            raise ValueError(f"courses of other than {users} users and {days} days")
        self.course = Course(**{name: given[name] for name in empty})

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All that has been added up, by name."""
        return dict(vars(self.course))

    def add(self, rows: Rows, table: SessionTable) -> None:
        """Takes in sessions, those whose row is not -1."""
        own = self.course
        _follow(
            rows,
            table.day,
            table.hundredths,
            table.residual,
            table.tracks,
            own.first,
            own.time,
            own.sessions,
            own.tracks,
        )


@kernel
def _follow(
    rows: Rows,
    day: npt.NDArray[np.int32],
    hundredths: IntArray,
    residual: FloatArray,
    tracks: IntArray,
    first: npt.NDArray[np.int32],
    time: FloatArray,
    sessions: npt.NDArray[np.int32],
    played: npt.NDArray[np.int32],
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
            time[row, since] += hundredths[i] / 100.0 + residual[i]
            sessions[row, since] += 1
            played[row, since] += tracks[i]
