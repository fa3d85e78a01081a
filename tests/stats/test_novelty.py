"""Novelty: the planted fading lift, slopes of the users themselves, promised error."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, ttest_ind
from statsmodels.api import OLS, add_constant

from abbotify.stats import Moments, difference, relative, welch
from abbotify.stats.heterogeneity import Novelty, combined, novelty

ALPHA = 0.05
DAYS = 14
FADING = 1 + 0.1 * np.exp(-np.arange(DAYS) / 3)

Floats = NDArray[np.float64]


def users(key: int, n: int, days: int = DAYS) -> Floats:
    """Shape (n, days): days of one user hang together, and all tire of the catalogue."""
    philox = np.random.Philox(key=np.array([71, key], dtype=np.uint64))
    generator = np.random.Generator(philox)
    person = np.exp(0.5 * generator.standard_normal((n, 1)))
    return person * np.exp(0.2 * generator.standard_normal((n, days)) - 0.05 * np.arange(days))


def of_tables(control: Floats, treatment: Floats) -> Novelty:
    return novelty(Moments.of(control), Moments.of(treatment), ALPHA)


def test_planted_weeks() -> None:
    # 10 % exp(-d / 3) of users who all have one value: week 1 +4.55 %, week 2 +.44 %.
    flat = np.ones((4, DAYS))
    control, treatment = Moments.of(flat), Moments.of(flat * FADING)
    found = novelty(control, treatment, ALPHA)
    assert [lift.effect for lift in found.lifts] == pytest.approx(list(100 * (FADING - 1)))
    for week, lift in ((0, 4.55), (1, 0.44)):
        days = np.repeat([week == 0, week == 1], 7) / 7
        assert relative(
            combined(control, days), combined(treatment, days), ALPHA
        ).effect == pytest.approx(lift, abs=0.005)


def test_planted_fading_is_found_and_a_constant_lift_is_not() -> None:
    control, values = Moments.of(users(1, 4000)), users(2, 4000)
    fades = novelty(control, Moments.of(values * FADING), ALPHA)
    assert fades.fading is True
    stays = novelty(control, Moments.of(values * 1.5), ALPHA)
    # The control tires, so an effect of 50 % shrinks with it; the lift does not.
    assert stays.trend.p_value is not None
    assert stays.trend.p_value < 1e-6
    assert stays.fading is False
    grows = novelty(control, Moments.of(values * FADING[::-1]), ALPHA)
    assert grows.fading is False
    assert grows.relative_trend.p_value is not None
    assert grows.relative_trend.p_value < ALPHA


def test_trend_is_welch_of_the_users_own_slopes() -> None:
    arms = users(3, 80, 6), users(4, 120, 6) * FADING[:6]
    design = add_constant(np.arange(6.0))
    slopes = [[OLS(row, design).fit().params[1] for row in arm] for arm in arms]
    oracle = ttest_ind(slopes[1], slopes[0], equal_var=False)
    found = novelty(Moments.of(arms[0]), Moments.of(arms[1]), ALPHA).trend
    assert found.statistic == pytest.approx(oracle.statistic, rel=1e-10)
    assert found.p_value == pytest.approx(oracle.pvalue, rel=1e-10)
    assert found.effect == pytest.approx(np.mean(slopes[1]) - np.mean(slopes[0]), rel=1e-10)


def test_days_are_welchs_comparisons() -> None:
    arms = users(5, 50, 3), users(6, 60, 3)
    found = novelty(Moments.of(arms[0]), Moments.of(arms[1]), ALPHA)
    for day in range(3):
        oracle = welch(Moments.of(arms[0][:, day]), Moments.of(arms[1][:, day]), ALPHA)
        assert found.days[day].p_value == pytest.approx(oracle.p_value, rel=1e-10)


def test_relative_trend_by_hand() -> None:
    # Two days: the slope is log(T1 / C1) - log(T0 / C0), its variance by the delta method.
    arms = users(7, 300, 2), users(8, 200, 2)
    found = novelty(Moments.of(arms[0]), Moments.of(arms[1]), ALPHA).relative_trend
    effect = variance = 0.0
    for sign, arm in zip((-1, 1), arms, strict=True):
        means = arm.mean(axis=0)
        effect += sign * math.log(means[1] / means[0])
        residual = arm[:, 1] / means[1] - arm[:, 0] / means[0]
        variance += residual.var(ddof=1) / len(arm)
    assert found.effect == pytest.approx(100 * effect, rel=1e-10)
    assert found.statistic == pytest.approx(effect / math.sqrt(variance), rel=1e-10)


def test_shards_merge() -> None:
    arms = users(9, 70, 4), users(10, 90, 4)
    parts = [Moments.of(arm[:30]).merge(Moments.of(arm[30:])) for arm in arms]
    found, whole = novelty(parts[0], parts[1], ALPHA), of_tables(*arms)
    assert found.trend.p_value == pytest.approx(whole.trend.p_value, rel=1e-10)
    assert found.relative_trend.lower == pytest.approx(whole.relative_trend.lower, rel=1e-9)


def test_no_trend_is_found_at_the_promised_rate() -> None:
    replications = 1000
    absolute = relatively = 0
    for key in range(replications):
        found = of_tables(users(1000 + 2 * key, 300, 5), 1.3 * users(1001 + 2 * key, 300, 5))
        assert found.relative_trend.p_value is not None
        relatively += found.relative_trend.p_value < ALPHA
        assert found.trend.p_value is not None
        absolute += found.trend.p_value < ALPHA
    low, high = binom.interval(0.999, replications, ALPHA)
    assert low <= relatively <= high
    assert absolute > high  # a constant lift over a tiring control: why the lift's trend decides


def test_undefined_is_none_with_the_reason() -> None:
    some, nobody = Moments.of(users(1, 9, 2)), Moments.empty(2)
    found = novelty(some, nobody, ALPHA)
    assert found.trend.note == "treatment: no users with all days behind them"
    assert found.trend.effect is found.relative_trend.effect is found.fading is None
    single = novelty(some, Moments.of(np.ones((1, 2))), ALPHA)
    assert "one user" in single.trend.note
    silent = novelty(some, Moments.of([[1.0, 0.0], [2.0, 0.0], [1.0, 0.0]]), ALPHA)
    assert silent.relative_trend.note == "treatment: a day's mean is not positive"
    assert silent.fading is None  # days without plays have no lift, and a falling control no trend


@pytest.mark.parametrize("days", [(1, 1), (3, 2)])
def test_refuses(days: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="two days or more"):
        novelty(Moments.empty(days[0]), Moments.empty(days[1]), ALPHA)


def test_combined_is_the_mean_of_the_weighted_sum() -> None:
    table, weights = users(11, 40, 3), [0.5, -2.0, 1.0]
    sums = table @ np.array(weights)
    found = combined(Moments.of(table), weights)
    assert found.value == pytest.approx(sums.mean(), rel=1e-12)
    assert found.variance == pytest.approx(sums.var(ddof=1) / 40, rel=1e-10)
    assert difference(found, found, ALPHA).effect == 0
