"""The made-up catalogue against its own specification."""

from __future__ import annotations

import numpy as np
import pytest

from abbotify.rng import Purpose
from abbotify.scenario.world import SyntheticCatalogue
from abbotify.world import synthetic
from abbotify.world.base import Catalogue

SMALL = SyntheticCatalogue(tracks=300, artists=40, genres=5, dims=10)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return synthetic.catalogue(SyntheticCatalogue(), seed=1)


def mean_score(catalogue: Catalogue, pairs: np.ndarray) -> float:
    products = catalogue.vectors[pairs[:, 0]] * catalogue.vectors[pairs[:, 1]]
    return float(products.sum(axis=1).mean())


def test_every_artist_and_genre_has_a_track(catalogue: Catalogue) -> None:
    assert set(catalogue.artist.tolist()) == set(range(8_000))
    assert set(catalogue.genre.tolist()) == set(range(30))


def test_an_artist_has_one_genre(catalogue: Catalogue) -> None:
    pairs = np.unique(np.stack([catalogue.artist, catalogue.genre]), axis=1)
    assert pairs.shape[1] == 8_000


def test_sizes_of_artists_are_skewed(catalogue: Catalogue) -> None:
    sizes = np.sort(np.bincount(catalogue.artist))[::-1]
    assert sizes[0] > 10 * np.median(sizes)
    assert sizes[0] < 200  # an artist with thousands of tracks would be a genre


def test_scores_are_those_of_the_shares(catalogue: Catalogue) -> None:
    # 10 in all, 7 within an artist, 3.5 within a genre, 0 +- 10 / sqrt(64) otherwise. Few
    # genres carry a third of the norm, so the means move by a few tenths from seed to seed.
    order = np.argsort(catalogue.artist, kind="stable")
    neighbours = np.stack([order[:-1], order[1:]], axis=1)
    same = catalogue.artist[neighbours[:, 0]] == catalogue.artist[neighbours[:, 1]]
    pairs = np.random.default_rng(0).integers(0, 50_000, (100_000, 2))
    genres, artists = catalogue.genre[pairs], catalogue.artist[pairs]
    genre = (genres[:, 0] == genres[:, 1]) & (artists[:, 0] != artists[:, 1])
    other = genres[:, 0] != genres[:, 1]
    itself = np.stack([order, order], axis=1)
    assert mean_score(catalogue, itself) == pytest.approx(10, abs=0.4)
    assert mean_score(catalogue, neighbours[same]) == pytest.approx(7, abs=0.4)
    assert mean_score(catalogue, pairs[genre]) == pytest.approx(3.5, abs=0.4)
    assert mean_score(catalogue, pairs[other]) == pytest.approx(0, abs=0.15)
    products = catalogue.vectors[pairs[other][:, 0]] * catalogue.vectors[pairs[other][:, 1]]
    assert products.sum(axis=1).std() == pytest.approx(1.25, abs=0.15)


def test_popularity_is_zipf_and_clusters_in_artists(catalogue: Catalogue) -> None:
    ranked = np.sort(catalogue.popularity)[::-1]
    np.testing.assert_allclose(ranked, 1.0 / np.arange(1, 50_001))
    rank = np.argsort(np.argsort(-catalogue.popularity))
    order = np.argsort(catalogue.artist, kind="stable")
    same = catalogue.artist[order[:-1]] == catalogue.artist[order[1:]]
    within = np.corrcoef(rank[order[:-1]][same], rank[order[1:]][same])[0, 1]
    # Half of the variance is the artist's; of ranks the correlation is (6 / pi) asin(1 / 4).
    assert within == pytest.approx(6 / np.pi * np.arcsin(0.25), abs=0.03)
    # The id itself says nothing.
    assert abs(np.corrcoef(np.arange(50_000), rank)[0, 1]) < 0.02


@pytest.mark.parametrize("exponent", [0.0, 0.5, 2.0])
def test_the_exponent_is_that_of_the_scenario(exponent: float) -> None:
    spec = SMALL.model_copy(update={"popularity_exponent": exponent})
    ranked = np.sort(synthetic.catalogue(spec, 1).popularity)[::-1]
    np.testing.assert_allclose(ranked, np.arange(1, 301) ** -exponent)


def test_shares_of_one_leave_tracks_nothing_of_their_own() -> None:
    spec = SMALL.model_copy(update={"genre_share": 0.9, "artist_share": 0.1})
    world = synthetic.catalogue(spec, 1)
    first = np.unique(world.artist, return_index=True)[1]
    np.testing.assert_allclose(world.vectors, world.vectors[first[world.artist]], rtol=1e-6)


def test_padding_is_zero() -> None:
    vectors = synthetic.catalogue(SMALL, 1).vectors
    assert vectors.shape == (300, 16)
    assert not vectors[:, 10:].any()
    assert vectors[:, :10].all()


def test_a_catalogue_is_the_same_in_any_number_of_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = synthetic.catalogue(SMALL, 1)
    monkeypatch.setattr(synthetic, "_CHUNK", 7)
    parts = synthetic.catalogue(SMALL, 1)
    assert whole.vectors.tobytes() == parts.vectors.tobytes()


def test_another_seed_is_another_catalogue() -> None:
    one, two = synthetic.catalogue(SMALL, 1), synthetic.catalogue(SMALL, 2)
    assert (one.vectors[:, :10] != two.vectors[:, :10]).all()
    assert (one.artist != two.artist).any()
    assert (one.popularity != two.popularity).any()


@pytest.mark.parametrize(("children", "count"), [(1, 1), (5, 5), (1000, 3)])
def test_every_parent_has_a_child(children: int, count: int) -> None:
    parents = synthetic.parents(1, Purpose.TRACK, children, count, 0.1)
    assert set(parents.tolist()) == set(range(count))
