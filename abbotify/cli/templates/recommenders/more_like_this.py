"""More like this: the unheard track nearest to what the user has just listened to.

In a scenario: `{recommender: recommenders/more_like_this.py:MoreLikeThis}`. It has no lists, since
the last plays differ with every request; it answers many requests by one product of matrices.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from abbotify import Request, Requests, World

STEPS = 2**15  # of the largest number in a vector


class MoreLikeThis:
    """The track with the largest inner product with the last 10 plays, weighted by listening.

    Vectors are rounded to whole numbers. Their sums are then exact in any order, so a request gets
    the same answer alone and in a batch of any size, which those of fractions would not promise.
    """

    def __init__(self, params: None, world: World) -> None:
        vectors = world.catalogue.vectors
        largest = max(float(np.abs(vectors).max()), 1e-9)
        self.vectors = np.rint(vectors * (STEPS / largest)).astype(np.float64)

    def recommend(self, request: Request) -> int | None:
        """The best track that the session has not had; a miss when it has had all."""
        tracks = [play.track for play in request.history]
        hundredths = np.rint([100 * play.time for play in request.history])
        scores = self.vectors @ (hundredths @ self.vectors[tracks]) if tracks else self.none()
        scores[list(request.played)] = -np.inf
        best = int(np.argmax(scores))
        return best if scores[best] > -np.inf else None

    def recommend_batch(self, requests: Requests) -> Any:
        """The same for many requests: int64, -1 for a miss."""
        n, plays = len(requests), requests.history
        owner = np.repeat(np.arange(n), np.diff(plays.offsets))
        hundredths = np.rint(100 * requests.history_times)
        tastes = np.zeros((n, self.vectors.shape[1]))
        np.add.at(tastes, owner, hundredths[:, None] * self.vectors[plays.tracks])
        scores = tastes @ self.vectors.T
        owner = np.repeat(np.arange(n), np.diff(requests.played.offsets))
        scores[owner, requests.played.tracks] = -np.inf
        best = scores.argmax(axis=1)
        return np.where(scores[np.arange(n), best] > -np.inf, best, -1)

    def none(self) -> Any:
        """The scores for a user who has played nothing: all alike."""
        return np.zeros(len(self.vectors))
