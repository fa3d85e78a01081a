"""All pairs of arms at once."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from abbotify.stats import Estimate, Moments, all_pairs, mean


def test_equals_tukeys_test_for_equal_arms() -> None:
    draws = np.random.default_rng(11)
    users = 20_000
    arms = [draws.normal(shift, 1, users) for shift in (0.0, 0.02, 0.05, 0.05)]
    found = all_pairs([mean(Moments.of(arm)) for arm in arms], 0.05)
    # Its variance is pooled, ours each pair's own, so they agree as far as variances do.
    theirs = stats.tukey_hsd(*arms)
    interval = theirs.confidence_interval(0.95)
    assert len(found) == 6
    for (i, j), pair in found.items():
        assert pair.p_value == pytest.approx(theirs.pvalue[i, j], rel=0.1)
        assert pair.lower == pytest.approx(interval.low[i, j], abs=5e-4)
        assert pair.upper == pytest.approx(interval.high[i, j], abs=5e-4)


@pytest.mark.parametrize("spread", [(1.0, 1.0, 1.0), (1.0, 4.0, 0.25)])
def test_all_intervals_hold_at_once(spread: tuple[float, ...]) -> None:
    """The share of families with a false pair: alpha for equal arms, at most alpha for others."""
    draws = np.random.default_rng(12)
    families = 600
    z = draws.normal(size=(families, 3)) * np.sqrt(spread)
    missed = 0
    for values in z:
        arms = [Estimate(1000, v, s) for v, s in zip(values.tolist(), spread, strict=True)]
        pairs = all_pairs(arms, 0.05).values()
        excludes = [
            (pair.lower is not None and pair.lower > 0) or (pair.upper or 0) < 0 for pair in pairs
        ]
        assert excludes == [(pair.p_value or 0) < 0.05 for pair in pairs]
        missed += any(excludes)
    band = 3.3 * math.sqrt(0.05 * 0.95 / families)
    assert missed / families < 0.05 + band
    if len(set(spread)) == 1:
        assert missed / families > 0.05 - band


def test_two_arms_are_one_comparison() -> None:
    arms = [Estimate(1000, 0.0, 1.0), Estimate(1000, 1.96, 1.0)]
    (pair,) = all_pairs(arms, 0.05).values()
    assert pair.p_value == pytest.approx(2 * stats.norm.sf(1.96 / math.sqrt(2)), rel=1e-9)


def test_an_arm_without_variance_has_no_test() -> None:
    arms = [Estimate(1, 0.0, None, "one user: no variance"), Estimate(9, 1.0, 1.0)]
    (pair,) = all_pairs(arms, 0.05).values()
    assert pair.p_value is None
    assert "one user" in pair.note


def test_refuses_one_arm() -> None:
    with pytest.raises(ValueError, match="two arms"):
        all_pairs([Estimate(9, 1.0, 1.0)], 0.05)
