"""What a training sees and what it leaves: plays of finished sessions in, arrays out.

A recommender that learns has two halves. `fit` is run once, in one process, and gives arrays;
whoever serves restores the recommender from these arrays, in this process or another, today or
in a later run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Arrays = Mapping[str, npt.NDArray[Any]]


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


class Epoch(NamedTuple):
    """One pass over the training pairs.

    Attributes:
        number: counted from 1.
        loss: what the training minimises (for `neural` the mean squared error), over the pairs
            trained on, as they were met in the pass.
        validation: the same over the pairs held out, after the pass; None without.
        learning_rate: during the pass.
    """

    number: int
    loss: float
    validation: float | None
    learning_rate: float


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a training leaves.

    Attributes:
        arrays: all that serving needs; no Python objects.
        curve: the passes in order; empty for trainings that have none.
    """

    arrays: Arrays
    curve: tuple[Epoch, ...] = ()


Told = Callable[[int, int, float | None], None]
"""Told of progress: the pass just ended, how many there may be, the loss."""
