"""Exact best lists that are made when somebody asks: too many pairs exist to make all of them.

A list depends on a user and an anchor track. A unit of work meets a small part of all pairs, and
an engine that can foresee them asks for them at once, since a batch is ten times as fast as one
pair at a time; any other pair is ranked when it is asked for. Lists are exact, so neither changes
an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from abbotify import rng
from abbotify.recommenders.base import Request
from abbotify.recommenders.candidates import CandidateTable, Key, Pick
from abbotify.world.base import IntArray, Lists

Best = Callable[[IntArray, IntArray], npt.NDArray[np.int32]]

_FEW: Final = 8  # up to this many, a scan of a list is faster than making a set


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
    _known: dict[int, list[int]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.anchor not in (Key.FIRST, Key.PREVIOUS):
            raise ValueError(f"the anchor must be FIRST or PREVIOUS, got {self.anchor!r}")
        if self.pick not in (Pick.UNIFORM, Pick.RANK, Pick.FIRST_UNSEEN):
            raise ValueError(f"a ranked list cannot be picked from by {self.pick!r}")

    def table(self, rows: IntArray, anchors: IntArray) -> CandidateTable:
        """The lists of some pairs as a table with the key USER_FIRST (anchor FIRST only).

        Args:
            rows: int64 (n,), rows of users.
            anchors: int64 (n,), first tracks.
        """
        pairs = np.unique(rows * self.tracks + anchors)
        lists = self.best(pairs // self.tracks, pairs % self.tracks)
        there = lists >= 0
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(there.sum(axis=1))])
        row = Lists(offsets, lists[there])
        return CandidateTable(Key.USER_FIRST, row, self.pick, pairs=pairs)

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
        found = self._known.get(pair)
        if found is None:
            lists = self.best(np.array([row], np.int64), np.array([anchor], np.int64))
            found = lists[0][lists[0] >= 0].tolist()
            if self.anchor == Key.FIRST:  # the rest of the session asks for the same one
                self._known[pair] = found
        return found


def ranked(ranker: Ranker, purpose: int) -> Callable[[Request], int | None]:
    """The pick from a ranker's lists: a track, or None on a miss.

    Args:
        ranker: the lists.
        purpose: what the draws are for, see `fallback_purpose`.
    """
    by_first, pick = ranker.anchor == Key.FIRST, _PICKS[ranker.pick]

    def answer(request: Request) -> int | None:
        anchor = request.first if by_first else request.previous
        tracks = ranker.list_of(request.row, anchor)
        return pick(tracks, request, purpose) if tracks else None

    return answer


def _uniform(tracks: list[int], request: Request, purpose: int) -> int | None:
    user, step, session = request.user, request.step, request.session
    drawn = rng.choice(request.seed, rng.Stream.USERS, step, user, purpose, session, len(tracks))
    return tracks[drawn]


def _rank(tracks: list[int], request: Request, purpose: int) -> int | None:
    place = request.step - 1
    return tracks[place] if place < len(tracks) else None


def _first_unseen(tracks: list[int], request: Request, purpose: int) -> int | None:
    heard: Any = request.played
    if len(heard) > _FEW:
        heard = set(heard)
    return next((track for track in tracks if track not in heard), None)


_PICKS: Final[dict[Pick, Callable[[list[int], Request, int], int | None]]] = {
    Pick.UNIFORM: _uniform,
    Pick.RANK: _rank,
    Pick.FIRST_UNSEEN: _first_unseen,
}
