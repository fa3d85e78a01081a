"""The nearest tracks of every track that is somebody's interest: where sessions may start."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from abbotify import vectors
from abbotify.world.base import Catalogue, Users


def nearest_tracks(catalogue: Catalogue, users: Users) -> npt.NDArray[np.int32]:
    """The tracks with the largest scores for each interest, the interest usually among them.

    Returns:
        int32 (tracks, k), sorted by (-score, id), -1 in rows of tracks that are nobody's
        interest. k is the largest number of neighbours of a user, at most the catalogue's size.
    """
    k = min(int(users.neighbours.max()), len(catalogue))
    wanted = np.zeros(len(catalogue), np.bool_)
    wanted[users.interests.tracks] = True  # 30 million take 0.05 s, sorting them a second
    interests = np.flatnonzero(wanted)
    table = np.full((len(catalogue), k), -1, np.int32)
    table[interests] = vectors.top_k(catalogue.vectors[interests], catalogue.vectors, k)[0]
    return table
