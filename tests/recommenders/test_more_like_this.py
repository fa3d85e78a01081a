"""The example of a plug-in that answers batches keeps the contract and finds the nearest track."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from abbotify.testing import RecommenderContract, generated_requests, small_world

ROOT = Path(__file__).parents[2]


class TestMoreLikeThis(RecommenderContract):
    recommender = "recommenders/more_like_this.py:MoreLikeThis"
    root = ROOT


def test_it_is_the_unheard_track_nearest_to_the_last_plays() -> None:
    recommender = TestMoreLikeThis().build()
    vectors = small_world().catalogue.vectors.astype(np.float64)
    for request in generated_requests(small_world(), sessions=30):
        taste = np.sum([time * vectors[track] for track, time in request.history], axis=0)
        scores = vectors @ taste
        scores[list(request.played)] = -np.inf
        answer = recommender.recommend(request)
        assert answer is not None
        assert scores[answer] >= scores.max() - 1e-2  # rounded


def test_a_session_that_has_had_all_is_missed() -> None:
    request = generated_requests(small_world())[0]
    recommender = TestMoreLikeThis().build()
    assert recommender.recommend(request._replace(played=range(60))) is None
