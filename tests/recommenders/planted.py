"""Logs whose truth is known: tastes are vectors, listening is their inner product."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify.recommenders.training_log import TrainingLog

Floats = npt.NDArray[np.float64]


class Planted(NamedTuple):
    """A log, and the expected listened fraction of any (user, start, track)."""

    log: TrainingLog
    truth: Callable[[Any, Any, Any], Floats]


def planted_log(
    pairs: int = 60_000, users: int = 60, tracks: int = 150, user_share: float = 1.0, seed: int = 5
) -> Planted:
    """Sessions of a first track and one recommended one, any of them equally likely.

    `user_share` scales how much tastes differ by user.
    """
    draw = np.random.default_rng(seed)
    start, user, track = (draw.normal(size=(n, 4)) * 0.25 for n in (tracks, users, tracks))
    user *= user_share

    def truth(u: Any, s: Any, t: Any) -> Floats:
        return np.clip(0.5 + ((start[s] + user[u]) * track[t]).sum(axis=-1), 0, 1)

    row, first, later = (draw.integers(n, size=pairs) for n in (users, tracks, tracks))
    heard = np.clip(truth(row, first, later) + draw.normal(size=pairs) * 0.05, 0, 1).round(2)
    return Planted(log_of(row, first, later, heard, users, tracks), truth)


def log_of(row: Any, first: Any, track: Any, time: Any, users: int, tracks: int) -> TrainingLog:
    """One session for each pair, sorted as a log is."""
    order = np.argsort(row, kind="stable")
    n = len(row)
    row, first, track, time = (np.asarray(column)[order] for column in (row, first, track, time))
    session = np.arange(n) - np.searchsorted(row, row)
    return TrainingLog(
        row=np.repeat(row, 2).astype(np.int64),
        session=np.repeat(session, 2),
        step=np.tile([0, 1], n),
        first=np.repeat(first, 2).astype(np.int64),
        track=np.stack([first, track], axis=1).ravel().astype(np.int64),
        time=np.stack([np.ones(n), time], axis=1).ravel(),
        users=users,
        tracks=tracks,
    )
