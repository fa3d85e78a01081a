"""Differences from intervals alone: published shares, symmetric intervals, duality."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from abbotify.stats.means import Bounded, independent


def wilson(count: int, n: int) -> Bounded:
    return Bounded(count / n, *proportion_confint(count, n, method="wilson"))


def test_shares_of_newcombe() -> None:
    """Newcombe (1998), Statistics in Medicine 17, method 10: 56/70 - 48/80."""
    found = independent(wilson(48, 80), wilson(56, 70), 0.05)
    assert found.effect == pytest.approx(0.2)
    assert found.lower == pytest.approx(0.0524, abs=5e-5)
    assert found.upper == pytest.approx(0.3339, abs=5e-5)
    same = confint_proportions_2indep(56, 70, 48, 80, method="newcomb", compare="diff")
    assert (found.lower, found.upper) == pytest.approx(same, rel=1e-12)


def test_even_intervals_are_the_z_test() -> None:
    alpha, errors, effect = 0.1, (0.3, 0.4), 1.2
    z = scipy_stats.norm.isf(alpha / 2)
    first = Bounded(1.0, 1 - z * errors[0], 1 + z * errors[0])
    second = Bounded(1 + effect, 1 + effect - z * errors[1], 1 + effect + z * errors[1])
    found = independent(first, second, alpha)
    error = math.hypot(*errors)
    want = (effect / error, 2 * scipy_stats.norm.sf(effect / error), effect - z * error)
    assert (found.statistic, found.p_value, found.lower) == pytest.approx(want, rel=1e-12)


Half = st.floats(0.01, 10)


@given(st.floats(-5, 5), Half, Half, Half, Half, st.sampled_from([0.01, 0.05, 0.3]))
def test_the_interval_excludes_0_when_p_is_small(
    effect: float, a: float, b: float, c: float, d: float, alpha: float
) -> None:
    found = independent(Bounded(0, -a, b), Bounded(effect, effect - c, effect + d), alpha)
    assert found.lower is not None
    assert found.upper is not None
    assert found.p_value is not None
    nearest = min(abs(found.lower), abs(found.upper))
    if nearest > 1e-9:  # on the edge both are true to rounding
        assert (found.lower > 0 or found.upper < 0) == (found.p_value < alpha)


def test_points_have_no_test() -> None:
    found = independent(Bounded(1, 1, 1), Bounded(1, 1, 1), 0.05)
    assert (found.effect, found.lower, found.p_value) == (0.0, None, None)
    with pytest.raises(ValueError, match="alpha"):
        independent(Bounded(1, 0, 2), Bounded(1, 0, 2), 0.0)
