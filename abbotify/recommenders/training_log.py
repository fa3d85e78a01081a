"""What a training sees and what it leaves: plays of finished sessions in, arrays out.

A recommender that learns has two halves. `fit` is run once, in one process, and gives arrays;
whoever serves restores the recommender from these arrays, in this process or another, today or
in a later run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abbotify.errors import UserError
from abbotify.files.folders import Arrays
from abbotify.progress import Epoch

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TrainingLog:
    """Played tracks of finished sessions, in the order (user, session, step).

    Attributes:
        row: int64 (plays), the user's row in the world, 0 .. users - 1.
        session: int64 (plays), the user's own session number.
        step: int64 (plays), 0 for a session's first track, which the user picked.
        first: int64 (plays), the first track of the play's session.
        track: int64 (plays).
        time: float64 (plays), the listened fraction, 0 .. 1 in hundredths.
        users: how many users the world has.
        tracks: how many tracks the catalogue has.
    """

    row: IntArray
    session: IntArray
    step: IntArray
    first: IntArray
    track: IntArray
    time: FloatArray
    users: int
    tracks: int

    def __len__(self) -> int:
        return len(self.row)

    @property
    def hundredths(self) -> IntArray:
        """int64 (plays), the listened fractions in hundredths."""
        return np.rint(100.0 * self.time).astype(np.int64)

    def listening(self) -> npt.NDArray[np.bool_]:
        """Bool (plays), which were listened to at all.

        Raises:
            UserError: none was.
        """
        listening = self.hundredths > 0
        if not listening.any():
            raise UserError(f"nothing to learn from: no time listened in {len(self)} plays")
        return listening


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a training leaves.

    Attributes:
        arrays: all that serving needs; no Python objects.
        curve: the passes in order; empty for trainings that have none.
    """

    arrays: Arrays
    curve: tuple[Epoch, ...] = ()


OnPass = Callable[[int, int, float | None], None]
"""Told of each pass: its number, how many there may be, the loss."""
