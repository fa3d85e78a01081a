from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from abbotify.errors import DataError
from abbotify.world.factorise import (
    Counts,
    Floats,
    counts_of,
    median_neighbour,
    scaled,
    track_vectors,
)

FILE = Path("plays.dat")
GROUPS = 4


def plays(listeners: int = 60, tracks: int = 40) -> np.ndarray:
    """Play counts of listeners and tracks in four groups that hardly mix."""
    rng = np.random.default_rng(5)
    mean = np.where(np.arange(listeners)[:, None] % GROUPS == np.arange(tracks) % GROUPS, 6, 0.1)
    return rng.poisson(mean)


def sparse(matrix: np.ndarray) -> Counts:
    rows, tracks = np.nonzero(matrix)
    return counts_of(rows, tracks, matrix[rows, tracks])


def oracle(matrix: np.ndarray, dims: int) -> Floats:
    """Cosines between unit columns projected on the top left singular vectors, by LAPACK."""
    columns = np.log1p(matrix)
    columns /= np.sqrt((columns**2).sum(axis=0))
    left = np.linalg.svd(columns, full_matrices=False)[0][:, :dims]
    projected = left.T @ columns
    projected /= np.sqrt((projected**2).sum(axis=0))
    return projected.T @ projected


def test_triples_are_added_and_sorted_whatever_their_order() -> None:
    rows, tracks, counts = np.array([[9, 2, 9, 2, 9], [1, 4, 0, 4, 1], [5, 1, 3, 2, 1]])
    result = counts_of(rows, tracks, counts)
    assert [part.tolist() for part in result] == [[0, 1, 3], [4, 0, 1], [3, 3, 6]]
    other = counts_of(rows[::-1], tracks[::-1], counts[::-1])
    assert all((a == b).all() for a, b in zip(result, other, strict=True))


def test_scores_are_those_of_the_singular_value_decomposition() -> None:
    matrix = plays()
    vectors = track_vectors(sparse(matrix), 40, GROUPS, seed=1)
    np.testing.assert_allclose(vectors @ vectors.T, oracle(matrix, GROUPS), atol=1e-9)


def test_all_dimensions_give_the_cosines_themselves() -> None:
    matrix = plays()
    vectors = track_vectors(sparse(matrix), 40, 64, seed=1)
    assert vectors.shape == (40, 64)
    assert not vectors[:, 40:].any()  # there are 40 columns, so no more dimensions than that
    np.testing.assert_allclose(vectors @ vectors.T, oracle(matrix, 40), atol=1e-9)


def test_more_dimensions_than_the_rank_do_no_harm() -> None:
    matrix = np.repeat(np.eye(3, dtype=int), 4, axis=1)  # three listeners, rank 3, 12 tracks
    matrix = np.concatenate([matrix, matrix, matrix])
    vectors = track_vectors(sparse(matrix), 12, 8, seed=1)
    expected = np.repeat(np.repeat(np.eye(3), 4, axis=0), 4, axis=1)
    np.testing.assert_allclose(vectors @ vectors.T, expected, atol=1e-9)


def test_another_start_turns_the_vectors_but_not_the_scores() -> None:
    counts = sparse(plays())
    one, two = (track_vectors(counts, 40, GROUPS, seed) for seed in (1, 2))
    assert not np.allclose(one, two)
    np.testing.assert_allclose(one @ one.T, two @ two.T, atol=1e-9)


def test_popularity_does_not_lengthen_vectors() -> None:
    vectors = track_vectors(sparse(plays() * np.arange(1, 41)), 40, GROUPS, seed=1)
    np.testing.assert_allclose((vectors**2).sum(axis=1), 1.0)


def test_unplayed_tracks_have_no_vector_and_lonely_ones_their_own() -> None:
    matrix = np.zeros((62, 45), int)
    matrix[:60, :40] = plays()
    matrix[60, 41] = matrix[61, 43] = 2  # each the only track of a listener with no other
    vectors = track_vectors(sparse(matrix), 45, GROUPS, seed=1)
    lengths = np.sqrt((vectors**2).sum(axis=1))
    np.testing.assert_allclose(lengths, [1.0] * 40 + [0, 1, 0, 1, 0], atol=1e-12)
    assert abs(vectors[41] @ vectors[43]) < 0.99


def top_neighbours(vectors: np.ndarray) -> Floats:
    scores = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    np.fill_diagonal(scores, -np.inf)
    fitted = np.any(vectors != 0, axis=1)
    return -np.sort(-scores[fitted][:, fitted], axis=1)[:, :10]


def test_the_median_of_the_ten_nearest_other_tracks_scores_seven() -> None:
    matrix = np.concatenate([plays(tracks=44), np.zeros((60, 3), int)], axis=1)
    vectors = scaled(track_vectors(sparse(matrix), 47, 6, seed=1), np.arange(44), FILE)
    assert vectors.dtype == np.float32
    assert vectors.shape == (47, 16)
    assert np.median(top_neighbours(vectors)) == pytest.approx(7.0, abs=1e-5)


def test_equal_tracks_do_not_hide_one_another() -> None:
    # 30 equal vectors: a track's own score may not be among the 11 best found.
    equal = np.zeros((30, 16), np.float32)
    equal[:, 0] = 2.0
    assert median_neighbour(equal) == 4.0


def test_few_tracks_have_few_neighbours() -> None:
    two = scaled(np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 0.0]]), np.arange(2), FILE)
    assert float(two[0] @ two[1]) == pytest.approx(7.0, abs=1e-5)


@pytest.mark.parametrize("raw", [np.eye(5), np.zeros((5, 2)), np.ones((1, 2))])
def test_there_is_no_scale_without_company(raw: Floats) -> None:
    with pytest.raises(DataError, match="too few tracks share a listener"):
        scaled(raw, np.arange(len(raw)), FILE)
