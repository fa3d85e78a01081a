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
from abbotify.recommenders.pick import LIST_RULES
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
    _known: dict[int, list[int]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.anchor not in (Key.FIRST, Key.PREVIOUS):
            raise ValueError(f"the anchor must be FIRST or PREVIOUS, got {self.anchor!r}")
        if self.pick not in LIST_RULES:
            raise ValueError(f"a ranked list cannot be picked from by {self.pick!r}")

    def foresee(self, rows: IntArray, anchors: IntArray) -> None:
        """Makes the lists of pairs that will be asked for; forgets all others."""
        self._known.clear()
        pairs = np.unique(rows * self.tracks + anchors)
        if len(pairs):
            lists = self.best(pairs // self.tracks, pairs % self.tracks)
            rows_of = (row[row >= 0].tolist() for row in lists)
            self._known.update(zip(pairs.tolist(), rows_of, strict=True))

    def list_of(self, row: int, anchor: int) -> list[int]:
        """The list of one pair."""
        pair = row * self.tracks + anchor
        tracks_of_pair = self._known.get(pair)
        if tracks_of_pair is None:
            lists = self.best(np.array([row], np.int64), np.array([anchor], np.int64))
            tracks_of_pair = lists[0][lists[0] >= 0].tolist()
            if self.anchor == Key.FIRST:  # the rest of the session asks for the same one
                self._known[pair] = tracks_of_pair
        return tracks_of_pair


def ranked(ranker: Ranker, purpose: int) -> Callable[[Request], int | None]:
    """The pick from a ranker's lists: a track, or None on a miss.

    Args:
        ranker: the lists.
        purpose: what the draws are for, see `fallback_purpose`.
    """
    by_first, pick = ranker.anchor == Key.FIRST, LIST_RULES[ranker.pick]

    def answer(request: Request) -> int | None:
        anchor = request.first if by_first else request.previous
        tracks = ranker.list_of(request.row, anchor)
        return pick(tracks, request, purpose) if tracks else None

    return answer
