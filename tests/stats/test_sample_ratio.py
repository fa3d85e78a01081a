"""Sample ratio: known splits, and the cases in which there is nothing to test."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from abbotify.stats import sample_ratio


@pytest.mark.parametrize(
    ("counts", "statistic", "p_value", "digits"),
    [
        # Pearson's statistic by hand; upper tails of chi-square(1) from its tables.
        ([600, 400], 40.0, 2.54e-10, 5e-13),
        ([44_000, 45_000], 1000**2 / 89_000, 0.0008023, 5e-8),
    ],
)
def test_known_splits(counts: list[int], statistic: float, p_value: float, digits: float) -> None:
    result = sample_ratio(counts, [1, 1])
    assert result.statistic == pytest.approx(statistic, rel=1e-12)
    assert result.p_value == pytest.approx(p_value, abs=digits)
    assert result.mismatch is True


@given(st.lists(st.integers(20, 30_000), min_size=2, max_size=7))
def test_equals_scipy_to_the_last_bit(counts: list[int]) -> None:
    result = sample_ratio(counts, [1.5 + place for place in range(len(counts))])
    if result.statistic is not None:
        oracle = chisquare(result.counts, result.expected)
        assert (result.statistic, result.p_value) == (oracle.statistic, oracle.pvalue)


def test_weights_are_on_any_scale() -> None:
    result = sample_ratio([902, 98], [9, 1])
    assert result.expected == (900, 100)
    assert result.statistic == pytest.approx(4 / 900 + 4 / 100, rel=1e-12)
    assert result.mismatch is False
    assert sample_ratio([902, 98], [0.9, 0.1]).statistic == pytest.approx(result.statistic)


def test_an_arm_that_got_nobody_is_a_mismatch() -> None:
    assert sample_ratio([100, 0], [1, 1]).mismatch is True


def test_level_is_strict() -> None:
    assert sample_ratio([44_000, 45_000], [1, 1], alpha=0.0005).mismatch is False


@pytest.mark.parametrize(
    ("counts", "weights", "note"),
    [
        ([100], [1.0], "fewer than two arms"),
        ([], [], "fewer than two arms"),
        ([0, 0], [1.0, 1.0], "too few"),
        ([5, 4], [1.0, 1.0], "too few"),
        ([1000, 0], [999.0, 1.0], "too few"),
    ],
)
def test_nothing_to_test(counts: list[int], weights: list[float], note: str) -> None:
    result = sample_ratio(counts, weights)
    assert result.statistic is result.p_value is result.mismatch is None
    assert note in result.note


@pytest.mark.parametrize(
    ("counts", "weights", "alpha", "what"),
    [
        ([1, 2], [1.0], 0.001, "2 counts for 1"),
        ([-1, 2], [1.0, 1.0], 0.001, "negative"),
        ([1, 2], [1.0, 0.0], 0.001, "positive"),
        ([1, 2], [1.0, float("nan")], 0.001, "positive"),
        ([1, 2], [1.0, float("inf")], 0.001, "positive"),
        ([1, 2], [1.0, 1.0], 0.0, "alpha"),
    ],
)
def test_refuses(counts: list[int], weights: list[float], alpha: float, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        sample_ratio(counts, weights, alpha)
