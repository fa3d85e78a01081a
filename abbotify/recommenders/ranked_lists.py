"""Exact best lists that are made when somebody asks: too many pairs exist to make all of them.

A list depends on a user and an anchor track. A unit of work meets a small part of all pairs, and
an engine that can foresee them asks for them at once, since a batch is ten times as fast as one
pair at a time; any other pair is ranked when it is asked for. Lists are exact, so neither changes
an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from abbotify.recommenders.base import Request
from abbotify.recommenders.candidate_table import Key, Pick
from abbotify.recommenders.pick import pick_from
from abbotify.world.base import IntArray

Best = Callable[[IntArray, IntArray], npt.NDArray[np.int32]]


@dataclass(frozen=True, eq=False)
class Ranker:
    """Lists for (user, anchor track), made on demand.

    Attributes:
        best: int64 rows of users (n,), int64 anchor tracks (n,) -> int32 (n, k), each pair's
            list, best first, -1 behind its end; it depends on the pair alone, not on the batch.
        pick: UNIFORM, RANK or FIRST_UNSEEN.
        anchor: FIRST or PREVIOUS: which track of the session is the anchor.
        tracks: how many tracks the catalogue has.
    """

    best: Best
    pick: Pick
    anchor: Key
    tracks: int
    _known: dict[int, npt.NDArray[np.int32]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.anchor not in (Key.FIRST, Key.PREVIOUS):
            raise ValueError(f"the anchor must be FIRST or PREVIOUS, got {self.anchor!r}")
        if self.pick not in (Pick.UNIFORM, Pick.RANK, Pick.FIRST_UNSEEN):
            raise ValueError(f"a ranked list cannot be picked from by {self.pick!r}")

    def foresee(self, rows: IntArray, anchors: IntArray) -> None:
        """Makes the lists of pairs that will be asked for; forgets all others."""
        self._known.clear()
        pairs = np.unique(rows * self.tracks + anchors)
        if len(pairs):
            lists = self.best(pairs // self.tracks, pairs % self.tracks)
            self._known.update(zip(pairs.tolist(), map(_filled, lists), strict=True))

    def list_of(self, row: int, anchor: int) -> npt.NDArray[np.int32]:
        """The list of one pair: int32, best first."""
        pair = row * self.tracks + anchor
        tracks = self._known.get(pair)
        if tracks is None:
            best = self.best(np.array([row], np.int64), np.array([anchor], np.int64))[0]
            tracks = _filled(best)
            if self.anchor == Key.FIRST:  # the rest of the session asks for the same one
                self._known[pair] = tracks
        return tracks


def _filled(best: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    tracks = best[best >= 0]
    tracks.setflags(write=False)
    return tracks


def ranked(ranker: Ranker, purpose: int) -> Callable[[Request], int | None]:
    """The pick from a ranker's lists: a track, or None on a miss.

    Args:
        ranker: the lists.
        purpose: what the draws are for, see `fallback_purpose`.
    """
    by_first = ranker.anchor == Key.FIRST

    def answer(request: Request) -> int | None:
        anchor = request.first if by_first else request.previous
        tracks = ranker.list_of(request.row, anchor)
        return pick_from(tracks, 0, len(tracks), ranker.pick, request, purpose)

    return answer
