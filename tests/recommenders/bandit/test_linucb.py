"""LinUCB: the closed form of ridge regression, the bound, and what the features say."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from abbotify.recommenders.bandit.linucb import DENSE, GENRES, LinUCB
from abbotify.testing import generated_requests
from abbotify.world.base import World


def whole(policy: LinUCB, tracks: npt.NDArray[np.int32], request: Any, world: World) -> Any:
    """All features, as a plain matrix: the dense ones and a column for each genre, as ranked."""
    counts = np.bincount(world.catalogue.genre)
    place = {genre: i for i, genre in enumerate(np.argsort(-counts, kind="stable").tolist())}
    hot = np.zeros((len(tracks), len(counts)))
    for row, genre in enumerate(world.catalogue.genre[tracks].tolist()):
        hot[row, place[genre]] = 1.0
    return np.hstack([policy.described(tracks, request), hot])


def test_it_is_ridge_regression_and_chooses_the_best_bound(world: World) -> None:
    generator, alpha = np.random.default_rng(3), 0.7
    policy = LinUCB(world.catalogue, alpha)
    chosen, times = np.empty((0, DENSE + 3)), np.empty(0)
    for request in generated_requests(world, 60)[:600]:
        tracks = generator.choice(60, 25, replace=False).astype(np.int32)
        features = whole(policy, tracks, request, world)
        gram = np.eye(DENSE + 3) + chosen.T @ chosen
        weights = np.linalg.solve(gram, chosen.T @ times)
        spread = np.einsum("ij,ji->i", features, np.linalg.solve(gram, features.T))
        bounds = features @ weights + alpha * np.sqrt(spread)
        np.testing.assert_allclose(policy.weights, weights, atol=1e-9)
        np.testing.assert_allclose(policy.inverse @ gram, np.eye(DENSE + 3), atol=1e-9)
        track, told = policy.choose(tracks, request)
        place = int(np.flatnonzero(tracks == track)[0])
        assert bounds[place] >= bounds.max() - 1e-12
        time = round(float(generator.random()), 2)
        policy.learn(told, time)
        chosen, times = np.vstack([chosen, features[place]]), np.append(times, time)
    np.testing.assert_array_equal(policy.inverse, policy.inverse.T)


def test_long_learning_stays_exact(world: World) -> None:
    policy = LinUCB(world.catalogue, 1.0)
    tracks, gram = np.arange(60, dtype=np.int32), np.eye(DENSE + 3)
    for request in generated_requests(world, 2000):
        track, told = policy.choose(tracks, request)
        row = whole(policy, np.array([track], np.int32), request, world)[0]
        gram += np.outer(row, row)
        policy.learn(told, 0.5)
    np.testing.assert_allclose(policy.inverse @ gram, np.eye(DENSE + 3), atol=1e-8)


def test_features_by_hand(world: World, ask: Any) -> None:
    policy, catalogue = LinUCB(world.catalogue, 1.0), world.catalogue
    previous, first = 3, 59
    plays = [(first, 1.0), (0, 0.5), (previous, 0.25)]
    own = int(np.flatnonzero(catalogue.artist == catalogue.artist[previous])[-1])
    assert catalogue.artist[0] == catalogue.artist[previous]
    other = int(np.flatnonzero(catalogue.genre == catalogue.genre[first])[0])
    assert catalogue.genre[own] != catalogue.genre[first]
    rows = policy.described(np.array([own, other], np.int32), ask(plays=plays))
    popularity = catalogue.popularity.tolist()
    below = [sum(other < mine for other in popularity) / 60 for mine in popularity]
    by_hand = [
        [1.0, below[own], 1.0, 0.25, 1.0, 0.25, 0.0, 2 / 3],  # two of the artist were played
        [1.0, below[other], 0.0, 0.0, 0.0, 0.0, 1.0, 0.0],
    ]
    np.testing.assert_allclose(rows, by_hand, rtol=1e-15)


def test_unknown_genres_are_like_nothing(world: World, ask: Any) -> None:
    unknown = dataclasses.replace(world.catalogue, genre=np.full(60, -1, np.int32))
    policy = LinUCB(unknown, 1.0)
    assert len(policy.weights) == DENSE
    rows = policy.described(np.arange(60, dtype=np.int32), ask(plays=[(0, 1.0), (1, 0.5)]))
    assert not rows[:, [2, 3, 6]].any()
    _, told = policy.choose(np.arange(60, dtype=np.int32), ask())
    assert told.column == -1
    policy.learn(told, 1.0)


def test_rare_genres_share_no_feature(world: World) -> None:
    genre = np.arange(60, dtype=np.int32) + 40  # genres 0 .. 39 have no track
    many = dataclasses.replace(world.catalogue, genre=genre, genres=[str(g) for g in range(100)])
    assert len(LinUCB(many, 1.0).weights) == DENSE + 60
    assert GENRES == 64


def test_popularity_may_have_any_scale(world: World, ask: Any) -> None:
    tracks, popularity = np.arange(60, dtype=np.int32), world.catalogue.popularity
    rows = []
    for scale in (1.0, 1e-9, 1e9):
        scaled = dataclasses.replace(world.catalogue, popularity=popularity * scale)
        rows.append(LinUCB(scaled, 1.0).described(tracks, ask()))
    np.testing.assert_array_equal(rows[0], rows[1])
    np.testing.assert_array_equal(rows[0], rows[2])
    silent = dataclasses.replace(world.catalogue, popularity=np.zeros(60))
    assert not LinUCB(silent, 1.0).described(tracks, ask())[:, 1].any()


def test_ties_go_to_the_smaller_id(world: World, ask: Any) -> None:
    alike = dataclasses.replace(
        world.catalogue,
        popularity=np.ones(60),
        genre=np.zeros(60, np.int32),
        artist=np.zeros(60, np.int32),
    )
    for tracks in ([9, 4, 30], [30, 4, 9], [4, 9, 30]):
        track, _ = LinUCB(alike, 1.0).choose(np.array(tracks, np.int32), ask(plays=[(50, 1.0)]))
        assert track == 4
