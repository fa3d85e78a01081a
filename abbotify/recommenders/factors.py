"""Factors of users and tracks: what they are fitted to, and the exact lists they give."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse

from abbotify.errors import UserError
from abbotify.files.folders import Arrays
from abbotify.recommenders.candidate_table import CandidateTable, some_rows, table_of
from abbotify.recommenders.shipped import Factorisation
from abbotify.recommenders.training_log import TrainingLog
from abbotify.vectors import Matrix, padded, top_k
from abbotify.world.base import IntArray, World


class Listened(NamedTuple):
    """How long each user listened to each track; users and tracks without any are left out.

    Attributes:
        users: int64 (u), ascending: the rows of users who listened to something.
        tracks: int64 (t), ascending: the tracks somebody listened to.
        hundredths: scipy CSR matrix, int64 (u, t): listened hundredths, all above 0, sessions'
            first tracks included (the user picked them). Whole numbers, so the sums are exact.
    """

    users: IntArray
    tracks: IntArray
    hundredths: Any


def listened(log: TrainingLog) -> Listened:
    """The listened time of users and tracks.

    Raises:
        UserError: nobody listened to anything.
    """
    hundredths, listening = log.hundredths, log.listening()
    users, row = np.unique(log.row[listening], return_inverse=True)
    tracks, column = np.unique(log.track[listening], return_inverse=True)
    shape = (len(users), len(tracks))
    matrix = scipy.sparse.csr_array((hundredths[listening], (row, column)), shape=shape)
    matrix.sum_duplicates()
    return Listened(users, tracks, matrix)


def as_arrays(
    params: Factorisation, listening: Listened, users: npt.ArrayLike, tracks: npt.ArrayLike
) -> Arrays:
    """A model: the factors of those who have any, and the lists they give.

    Key user: a user's tracks with the largest inner product. Keys previous and first: the tracks
    whose factors point the same way as the anchor's (cosine), itself left out.

    Args:
        params: `key`, `size` and `factors` matter.
        listening: who and what the factors belong to.
        users: (u, d).
        tracks: (t, d).

    Returns:
        `users`, `tracks` int64, as in `Listened`; `user_factors` (u, d) and `track_factors`
        (t, d), float32; `lists` int32 (u or t, at most `size`), exact, by (-score, id). The
        lists are made here, once: 49 000 tracks take 20 s, and each process that serves would.

    Raises:
        UserError: the training went astray.
    """
    user_factors, track_factors = np.array(users, np.float32), np.array(tracks, np.float32)
    if not (np.isfinite(user_factors).all() and np.isfinite(track_factors).all()):
        what = "the training gave factors that are not finite"
        raise UserError(f"{what}: lower learning_rate or alpha, or raise regularization")
    if params.key == "user":
        size = min(params.size, len(track_factors))
        lists, _ = top_k(padded(user_factors), padded(track_factors), size)
    else:
        # What `bpr` has beyond the factors is a track's bias: no direction of taste.
        lists = _neighbours(track_factors[:, : params.factors], params.size)
    return {
        "users": listening.users,
        "tracks": listening.tracks,
        "user_factors": user_factors,
        "track_factors": track_factors,
        "lists": listening.tracks.astype(np.int32)[lists],
    }


def lowered(params: Factorisation, arrays: Arrays, world: World) -> CandidateTable:
    """The lists of a model as a table.

    Users and anchor tracks that the training did not see have no list: a miss. No list has a
    track that nobody listened to in the training.
    """
    users = params.key == "user"
    n, rows = len(world.users if users else world.catalogue), arrays["users" if users else "tracks"]
    return table_of(params.key, some_rows(n, rows, arrays["lists"]), params.pick)


def _neighbours(vectors: Matrix, size: int) -> npt.NDArray[np.int32]:
    """For each vector the others by cosine, int32 (n, at most `size`), itself left out."""
    lengths = np.sqrt((vectors.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
    unit = padded(vectors / np.where(lengths > 0.0, lengths, 1.0))
    count = len(unit)
    best, _ = top_k(unit, unit, min(size + 1, count))
    itself = best == np.arange(count)[:, None]
    # Among many equal vectors it may not be on its own list: then the last one goes.
    itself[~itself.any(axis=1), -1] = True
    return best[~itself].reshape(count, best.shape[1] - 1)
