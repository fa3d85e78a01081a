"""Compiled sums: to the last bit what numpy adds up itself, for any length and any values."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from abbotify.stats import Moments, moments
from abbotify.stats.sums import products

Floats = NDArray[np.float64]
LENGTHS = [0, 1, 7, 8, 9, 127, 128, 129, 135, 136, 1000, 4099, 100_003]


def columns(n: int, k: int = 2) -> Floats:
    """Shape (k, n): skewed, one far from 0, of either sign."""
    g = np.random.Generator(np.random.Philox(key=np.array([61, n], dtype=np.uint64)))
    return np.exp(2 * g.standard_normal((k, n))) * np.array([[1e-3], [-1e9]])[:k]


@pytest.mark.parametrize("n", LENGTHS)
def test_sums_are_numpys(n: int) -> None:
    x, y = columns(n)
    ones = np.broadcast_to(1.0, n)
    assert products(x, 0.3, ones, 0.0, 0, n) == (x - 0.3).sum()
    assert products(x, 0.3, y, -7e8, 0, n) == ((x - 0.3) * (y + 7e8)).sum()
    assert products(x, 0.0, ones, 0.0, 0, n) == x.sum()


def test_a_part_of_a_column_may_be_summed() -> None:
    x, y = columns(1000)
    assert products(x, 1.5, np.ones(1000), 0.0, 300, 451) == (x[300:751] - 1.5).sum()
    assert products(x, 1.5, y, 2.0, 300, 451) == ((x[300:751] - 1.5) * (y[300:751] - 2)).sum()


@pytest.mark.parametrize("n", [1000, 50_001])
@pytest.mark.parametrize("k", [1, 2])
def test_moments_of_many_units_are_those_of_the_uncompiled_way(
    n: int, k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = columns(n, k).T
    monkeypatch.setattr(moments, "_COMPILED", 0)
    compiled = Moments.of(table)
    monkeypatch.setattr(moments, "_COMPILED", n + 1)
    plain = Moments.of(table)
    assert compiled.mean.tobytes() == plain.mean.tobytes()
    assert compiled.comoments.tobytes() == plain.comoments.tobytes()


def test_many_equal_values_have_no_variance_at_all() -> None:
    found = Moments.of(np.full(100_000, 0.1))
    assert (found.mean[0], found.comoments[0, 0]) == (0.1, 0)


def test_moments_by_arm_are_those_of_each_arms_rows() -> None:
    x, y = columns(60_000)
    codes = np.arange(60_000) % 7 - 1  # -1: in no arm; the last arms have nobody
    found = Moments.by_arm([x, y], codes, 8)
    assert [arm.n for arm in found] == [np.count_nonzero(codes == arm) for arm in range(8)]
    for arm, mine in enumerate(found):
        wanted = Moments.of(np.stack([x, y], 1)[codes == arm])
        assert mine.mean.tobytes() == wanted.mean.tobytes()
        assert mine.comoments.tobytes() == wanted.comoments.tobytes()
        alone, told = Moments.of(x[codes == arm]), mine.leading(1)
        assert (told.n, told.mean.tobytes()) == (alone.n, alone.mean.tobytes())
        assert told.comoments.tobytes() == alone.comoments.tobytes()


def test_columns_must_be_as_long_as_the_codes() -> None:
    with pytest.raises(ValueError, match="shape"):
        Moments.by_arm([np.zeros(3), np.zeros(2)], np.zeros(3, dtype=int), 1)
    with pytest.raises(IndexError, match="rows up to 2 of a column of 2"):
        Moments.of_rows([np.zeros(3), np.zeros(2)], np.array([0, 2]))
    with pytest.raises(IndexError, match="rows"):
        Moments.of_rows([np.zeros(3)], np.array([-1]))
    with pytest.raises(ValueError, match="finite"):
        Moments.by_arm([np.array([1.0, np.nan])], np.zeros(2, dtype=int), 1)


def test_values_that_are_not_finite_are_refused_of_many_units_too() -> None:
    with pytest.raises(ValueError, match="finite"):
        Moments.of(np.append(np.zeros(100_000), np.inf))
