"""Heard next: the tracks that listeners heard longest right after a track, learned from the log.

In a scenario, after a phase `train`: `{recommender: recommenders/heard_next.py:HeardNext}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from abbotify import CandidateTable, Catalogue, Key, Lists, Pick, Request, TrainingLog, World


class HeardNext:
    """For each track those heard right after it, by their mean listened fraction."""

    @dataclass(frozen=True)
    class Params:
        """The keys of an arm.

        Attributes:
            size: how many tracks a list holds at most.
            doubt: plays of no listening at all that every pair starts with: one lucky play is
                no proof.
        """

        size: int = 20
        doubt: float = 1.0

    def __init__(self, params: Params, world: World) -> None:
        self.params = params
        self.tracks = len(world.catalogue)

    def fit(self, log: TrainingLog, catalogue: Catalogue) -> dict[str, Any]:
        """The lists, from pairs of a track and the one after it in a session."""
        later = np.flatnonzero(log.step > 0)
        pair = log.track[later - 1] * self.tracks + log.track[later]
        pairs, place = np.unique(pair, return_inverse=True)
        heard = np.bincount(place, log.time[later], len(pairs))
        score = heard / (np.bincount(place, minlength=len(pairs)) + self.params.doubt)
        order = np.lexsort((pairs, -score, pairs // self.tracks))
        before = pairs[order] // self.tracks
        rank = np.arange(len(order)) - np.searchsorted(before, before)
        kept = (rank < self.params.size) & (score[order] > 0)
        counts = np.bincount(before[kept], minlength=self.tracks)
        offsets = np.concatenate([[0], np.cumsum(counts)])
        return {"offsets": offsets, "tracks": (pairs[order] % self.tracks)[kept].astype(np.int32)}

    def restore(self, arrays: Mapping[str, Any]) -> None:
        """Takes over what `fit` returned."""
        self.lists = Lists(arrays["offsets"], arrays["tracks"])

    def recommend(self, request: Request) -> int | None:
        """A uniform track of the previous track's list."""
        start, end = self.lists.offsets[request.previous : request.previous + 2]
        return self.lists.tracks[start + request.choice(int(end - start))] if end > start else None

    def candidates(self) -> CandidateTable:
        """The same as a table."""
        return CandidateTable(Key.PREVIOUS, self.lists, Pick.UNIFORM)
