"""Moments: merging is exact in theory, stable in practice, and knows its empty cases."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from abbotify.stats import Moments

Floats = NDArray[np.float64]


def table(n: int, k: int = 3, seed: int = 7) -> Floats:
    keys = np.array([seed, 1], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=keys)).lognormal(size=(n, k))


def merged(matrix: Floats, size: int) -> Moments:
    parts = [Moments.of(matrix[i : i + size]) for i in range(0, len(matrix), size)]
    return reduce(Moments.merge, parts, Moments.empty(matrix.shape[1]))


def test_numpy_is_the_oracle() -> None:
    matrix = table(1001)
    moments = Moments.of(matrix)
    assert moments.n == 1001
    np.testing.assert_allclose(moments.mean, matrix.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(moments.covariance, np.cov(matrix.T), rtol=1e-12)
    np.testing.assert_allclose(moments.variance, matrix.var(axis=0, ddof=1), rtol=1e-12)


@pytest.mark.parametrize("size", [1, 2, 7, 100, 999, 2000])
def test_size_of_batches_does_not_show(size: int) -> None:
    matrix = table(1500)
    whole, parts = Moments.of(matrix), merged(matrix, size)
    assert parts.n == whole.n
    np.testing.assert_allclose(parts.mean, whole.mean, rtol=1e-12)
    np.testing.assert_allclose(parts.comoments, whole.comoments, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("size", [1, 64, 4096])
def test_huge_offset_costs_no_digits(size: int) -> None:
    # 0, 1, ..., 4095 has variance n (n + 1) / 12; the sum of squares around 0 would lose it all.
    values = np.arange(4096.0)[:, None] + 2.0**40
    variance = merged(values, size).variance
    np.testing.assert_allclose(variance, [4096 * 4097 / 12], rtol=1e-12)


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e17, -7.3e-9])
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_equal_values_have_no_variance_at_all(value: float, size: int) -> None:
    moments = merged(np.full((1000, 1), value), size)
    assert moments.mean[0] == value
    assert moments.variance[0] == 0


def test_merge_by_hand() -> None:
    # (1, 2), (3, 6) with (8, 1): means (4, 3), deviations (-3, -1), (-1, 3), (4, -2).
    moments = Moments.of([[1.0, 2.0], [3.0, 6.0]]).merge(Moments.of([[8.0, 1.0]]))
    np.testing.assert_allclose(moments.mean, [4, 3], rtol=1e-15)
    np.testing.assert_allclose(moments.comoments, [[26, -8], [-8, 14]], rtol=1e-15)


def test_empty_is_neutral_and_one_unit_has_no_variance() -> None:
    one = Moments.of([[2.0, 5.0]])
    assert one.merge(Moments.empty(2)) is one
    assert Moments.empty(2).merge(one) is one
    assert Moments.of(np.empty((0, 2))).n == 0
    assert Moments.empty(2).merge(Moments.empty(2)).n == 0
    for few in (one, Moments.empty(2)):
        with pytest.raises(ValueError, match="at least 2"):
            few.covariance  # noqa: B018
    assert one.comoments.tolist() == [[0, 0], [0, 0]]


def test_one_column_may_be_flat() -> None:
    assert Moments.of([1.0, 2.0, 6.0]).mean.tolist() == [3]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_refuses_undefined_values(bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Moments.of([[1.0], [bad]])


def test_refuses_wrong_shapes() -> None:
    with pytest.raises(ValueError, match="shape"):
        Moments.of(np.zeros((2, 2, 2)))
    with pytest.raises(ValueError, match="shapes"):
        Moments(1, np.zeros(2), np.zeros((1, 2)))
    with pytest.raises(ValueError, match="merge 1 with 2"):
        Moments.empty(1).merge(Moments.empty(2))
    with pytest.raises(ValueError, match="negative"):
        Moments(-1, np.zeros(1), np.zeros((1, 1)))
    with pytest.raises(ValueError, match="finite"):
        Moments(1, np.zeros(1), np.full((1, 1), np.nan))


@given(
    st.lists(st.lists(st.integers(-1000, 1000), max_size=5), min_size=1, max_size=6),
)
def test_any_split_into_batches_gives_the_whole(batches: list[list[int]]) -> None:
    parts = [Moments.of(np.array(batch, dtype=float).reshape(-1, 1)) for batch in batches]
    moments = reduce(Moments.merge, parts, Moments.empty(1))
    values = [value for batch in batches for value in batch]
    assert moments.n == len(values)
    if values:
        assert moments.mean[0] == pytest.approx(np.mean(values), rel=1e-12, abs=1e-12)
    if len(values) > 1:
        assert moments.variance[0] == pytest.approx(np.var(values, ddof=1), rel=1e-12, abs=1e-9)
