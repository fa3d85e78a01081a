"""Inner products in one fixed order, and nearest neighbours that are exact."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbotify import vectors as module
from abbotify.vectors import LANES, Matrix, dot, dot_reference, padded, top_k
from tests.conftest import printed_both_ways

DIMS = range(LANES, 257, LANES)


def matrix(rows: int, dims: int, seed: int = 0, scale: float = 1.0) -> Matrix:
    generator = np.random.default_rng(seed)
    return (generator.standard_normal((rows, dims)) * scale).astype(np.float32)


def same_bits(a: np.float32, b: np.float32) -> bool:
    return np.float32(a).tobytes() == np.float32(b).tobytes()


@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize("scale", [1.0, 1e-20, 1e18, 1e-38])
def test_the_compiled_product_has_the_references_bits(dims: int, scale: float) -> None:
    a, b = matrix(20, dims, 1, scale), matrix(20, dims, 2)
    for left, right in zip(a, b, strict=True):
        assert same_bits(dot(left, right), dot_reference(left, right))


def test_rows_need_no_alignment() -> None:
    a, b = matrix(1, 64, 1)[0], matrix(1, 64, 2)[0]
    expected = dot_reference(a, b)
    for offset in range(1, 9):
        moved = np.zeros(64 + offset, np.float32)
        moved[offset:] = a
        assert same_bits(dot(moved[offset:], b), expected)
        assert same_bits(dot(b, moved[offset:]), expected)


FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=True)


@given(st.lists(st.tuples(FINITE, FINITE), min_size=LANES, max_size=LANES).map(np.array))
def test_extreme_values_and_denormals(
    pairs: np.ndarray[tuple[int, int], np.dtype[np.float64]],
) -> None:
    a, b = np.ascontiguousarray(pairs.T, dtype=np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        expected = dot_reference(a, b)
    got = dot(a, b)
    assert same_bits(got, expected) or (np.isnan(got) and np.isnan(expected))


def test_denormals_are_not_flushed_to_zero() -> None:
    tiny = np.full(LANES, np.float32(1e-40))
    assert dot(tiny, np.ones(LANES, np.float32)) == dot_reference(tiny, np.ones_like(tiny)) > 0


def test_lanes_are_added_in_the_documented_tree() -> None:
    a = np.zeros(2 * LANES, np.float32)
    a[[0, LANES, 8, 4]] = 2.0**24, 1.0, 1.0, -(2.0**24)
    # Lane 0: 2**24 + 1 = 2**24 in float32; lanes 0 + 8: 2**24 again; minus 2**24 is 0.
    assert dot(a, np.ones_like(a)) == 0.0
    assert float(a.astype(np.float64).sum()) == 2.0


@pytest.mark.parametrize("dims", [0, 1, 15, 16, 17, 100])
def test_padding_adds_zeros_only(dims: int) -> None:
    source = matrix(3, dims, 4).astype(np.float64)
    out = padded(source)
    assert out.dtype == np.float32
    assert out.flags.c_contiguous
    assert out.shape == (3, max(1, -(-dims // LANES)) * LANES)
    assert np.array_equal(out[:, :dims], source.astype(np.float32))
    assert not out[:, dims:].any()
    assert not np.shares_memory(out, source)


def brute_force(
    queries: Matrix, vectors: Matrix, k: int
) -> tuple[list[list[int]], list[list[float]]]:
    rows = []
    for query in queries:
        scored = [(-float(dot_reference(query, v)), i) for i, v in enumerate(vectors)]
        rows.append(sorted(scored)[:k])
    return [[i for _, i in row] for row in rows], [[-score for score, _ in row] for row in rows]


def check(queries: Matrix, vectors: Matrix, k: int) -> None:
    indices, scores = top_k(queries, vectors, k)
    assert (indices.dtype, scores.dtype) == (np.dtype(np.int32), np.dtype(np.float32))
    assert (indices.tolist(), scores.tolist()) == brute_force(queries, vectors, k)


@pytest.mark.parametrize("k", [1, 2, 10, 99, 100])
def test_neighbours_are_those_of_brute_force(k: int) -> None:
    check(matrix(7, 32, 1), matrix(100, 32, 2), k)


@given(st.integers(1, 12), st.integers(0, 2**32 - 1), st.sampled_from([16, 48]))
def test_ties_go_to_the_smaller_index(k: int, seed: int, dims: int) -> None:
    generator = np.random.default_rng(seed)
    pool = generator.integers(-2, 3, (4, dims)).astype(np.float32)
    check(pool[generator.integers(0, 4, 3)], pool[generator.integers(0, 4, 12)], k)


def test_all_zeros_come_in_order() -> None:
    indices, scores = top_k(np.zeros((2, 16), np.float32), np.zeros((9, 16), np.float32), 4)
    assert indices.tolist() == [[0, 1, 2, 3]] * 2
    assert not scores.any()
    check(np.zeros((1, 16), np.float32), matrix(9, 16), 9)


@pytest.mark.parametrize("k", [1, 3, 20])
def test_the_best_in_one_column_of_the_preselection(k: int) -> None:
    # The preselection takes the largest of each of 4 k columns: all the best stand in one here.
    vectors = np.zeros((1000, 16), np.float32)
    vectors[:, 0] = -np.abs(matrix(1000, 1, 9)[:, 0])
    vectors[2 :: 4 * k, 0] *= -1
    query = np.zeros((1, 16), np.float32)
    query[0, 0] = 1
    check(query, vectors, k)


def test_one_vector_and_negative_scores() -> None:
    check(matrix(3, 16, 1), matrix(1, 16, 2), 1)
    check(np.ones((1, 16), np.float32), -np.abs(matrix(30, 16, 3)), 5)


def test_scores_that_blas_cannot_tell_apart() -> None:
    # All vectors within the preselection's margin: rounding alone decides, and must be dot's.
    base = matrix(1, 112, 5, 3.0)
    vectors = (base * (1 + 1e-7 * matrix(60, 1, 6))).astype(np.float32)
    check(np.concatenate([base, -base]), vectors, 7)


@pytest.mark.parametrize("scores", [1, 300, 256 * 300, 2**24])
def test_a_query_gets_the_same_answer_in_any_batch(
    scores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries, vectors = matrix(600, 64, 7), matrix(300, 64, 8)
    monkeypatch.setattr("abbotify.vectors._SCORES", scores)
    whole = top_k(queries, vectors, 6)
    for size in (1, 7, 255, 256, 257, 599):
        parts = [top_k(queries[at : at + size], vectors, 6) for at in range(0, 600, size)][:9]
        for column in (0, 1):
            got = np.concatenate([part[column] for part in parts])
            assert np.array_equal(got, whole[column][: len(got)])


def test_no_queries() -> None:
    indices, scores = top_k(np.empty((0, 16), np.float32), matrix(5, 16), 2)
    assert indices.shape == scores.shape == (0, 2)


@pytest.mark.parametrize("k", [0, -1, 6])
def test_k_out_of_range_is_refused(k: int) -> None:
    with pytest.raises(ValueError, match="is not between 1 and 5"):
        top_k(matrix(1, 16), matrix(5, 16), k)


PROBE = """
import numpy as np
from abbotify.vectors import dot, top_k
g = np.random.default_rng(3)
a, b = (g.standard_normal((20, 48)).astype(np.float32) for _ in range(2))
print([float(dot(x, y)).hex() for x, y in zip(a, b)])
indices, scores = top_k(a[:3], b, 5)
print(indices.tolist(), scores.tolist())
"""


def test_interpreted_and_compiled_products_are_the_same_bits() -> None:
    compiled, interpreted = printed_both_ways(PROBE)
    assert compiled == interpreted != ""


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    table = np.zeros((300, 16), np.float32)
    table[:, :9] = np.random.default_rng(3).standard_normal((300, 9), np.float32)
    alone = top_k(table, table, 7)
    monkeypatch.setattr(module, "_SCORES", 300 * 10)  # chunks of 10 queries
    for threads in (1, 2, 5):
        for part, expected in zip(top_k(table, table, 7, threads), alone, strict=True):
            np.testing.assert_array_equal(part, expected)
