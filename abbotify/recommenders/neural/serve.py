"""What a trained network serves: exact best tracks for (user, anchor), or for the anchor alone.

A track that no training pair has is in no list: its embedding is noise. An anchor that no session
started from is a miss, and the arm's fallback answers. A user the training has not met counts as
the mean of those it has.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from abbotify.files.folders import Arrays
from abbotify.recommenders.candidate_table import CandidateTable, Key, Pick, some_rows, table_of
from abbotify.recommenders.ranked_lists import Best, Ranker
from abbotify.recommenders.shipped.neural import Neural
from abbotify.vectors import padded, top_k
from abbotify.world.base import IntArray, Lists, World


def lowered(params: Neural, arrays: Arrays, world: World) -> CandidateTable | Ranker:
    """The lists of a trained network.

    Args:
        params: its settings; `user_aware` decides between the two forms.
        arrays: as `fit` gave them.
        world: whom it serves.

    Returns:
        without users a table with one row for each track; with users a ranker.
    """
    best = BestTracks(arrays, params.size)
    if params.per_user:
        return ranker_of(params, best.of_pairs, world)
    return table_of(params.anchor, best.of_tracks(), params.pick)


def ranker_of(params: Neural, best: Best, world: World) -> Ranker:
    """A ranker of what a network finds best for (user, anchor)."""
    return Ranker(best, Pick[params.pick.upper()], Key[params.anchor.upper()], len(world.catalogue))


class BestTracks:
    """Exact top-k by the inner product.

    Args:
        arrays: as `fit` gave them.
        size: how many tracks a list holds, at most as many as were trained.
    """

    def __init__(self, arrays: Arrays, size: int) -> None:
        self.starts, self.known = arrays["start"], arrays["seen_start"]
        self.candidates = np.flatnonzero(arrays["seen_track"]).astype(np.int32)
        self.tracks = padded(arrays["track"][self.candidates])
        self.k = min(size, len(self.candidates))
        self.users = _means_for_unseen(arrays)

    def of_pairs(self, rows: IntArray, anchors: IntArray) -> npt.NDArray[np.int32]:
        """The lists of (user, anchor) pairs: int32 (n, k), -1 in rows of unknown anchors."""
        assert self.users is not None, "the network was trained without users"
        return self._best(self.starts[anchors] + self.users[rows], self.known[anchors])

    def of_tracks(self) -> Lists:
        """The list of every anchor, for the mean user where there are users."""
        known = np.flatnonzero(self.known)
        queries = self.starts[known]
        if self.users is not None:
            queries = queries + self.users.mean(axis=0, dtype=np.float64).astype(np.float32)
        lists = self._best(queries, np.ones(len(known), np.bool_))
        return some_rows(len(self.known), known, lists)

    def _best(
        self, queries: npt.NDArray[np.float32], known: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int32]:
        out = np.full((len(queries), self.k), -1, np.int32)
        if known.any():
            # Candidates ascend, so ties go to the smaller track id.
            out[known] = self.candidates[top_k(padded(queries[known]), self.tracks, self.k)[0]]
        return out


def _means_for_unseen(arrays: Arrays) -> npt.NDArray[np.float32] | None:
    if "user" not in arrays:
        return None
    users, seen = arrays["user"].copy(), arrays["seen_user"]
    if not seen.all():
        users[~seen] = users[seen].mean(axis=0, dtype=np.float64).astype(np.float32)
    return users
