"""Heard next: the tracks that listeners heard longest right after a track, learned from the log.

In a scenario, after a phase `train`: `{recommender: recommenders/heard_next.py:HeardNext}`. With
`strangers: 1` every list also holds a random track, drawn anew in each training: what is never
played is never learned.
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
            strangers: how many random tracks are added to a list.
        """

        size: int = 20
        doubt: float = 1.0
        strangers: int = 0

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
        return self._with_strangers(before[kept], (pairs[order] % self.tracks)[kept], len(log))

    def _with_strangers(self, before: Any, after: Any, seed: int) -> dict[str, Any]:
        """Lists of pairs (track, the one after it), each with its strangers at the end."""
        drawn = np.random.default_rng(seed).integers(
            0, self.tracks, (self.tracks, self.params.strangers)
        )
        before = np.concatenate([before, np.repeat(np.arange(self.tracks), drawn.shape[1])])
        after = np.concatenate([after, drawn.ravel()])
        order = np.argsort(before, kind="stable")
        offsets = np.concatenate([[0], np.cumsum(np.bincount(before, minlength=self.tracks))])
        return {"offsets": offsets, "tracks": after[order].astype(np.int32)}

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
