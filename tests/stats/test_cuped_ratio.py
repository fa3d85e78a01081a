"""CUPED of ratios of sums: tea-tasting's numbers, the four-by-four formula, a regression."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray

from abbotify.stats import (
    Adjusted,
    Estimate,
    Moments,
    cuped_means,
    cuped_ratios,
    difference,
    ratio_of_sums,
    relative,
    welch,
)

Floats = NDArray[np.float64]
ALPHA = 0.05


def arm(n: int, seed: int) -> Floats:
    """Shape (n, 4): numerator, denominator, and both before the experiment."""
    g = np.random.Generator(np.random.Philox(key=np.array([seed, 31], dtype=np.uint64)))
    before = 1.0 + np.floor(4 * g.random(n))
    now = before + np.floor(3 * g.random(n))
    taste = g.random(n)
    return np.column_stack([now * taste + g.random(n), now, before * taste + g.random(n), before])


CONTROL, TREATMENT = arm(300, 1), arm(200, 2) + np.array([0.5, 0, 0, 0])


def adjust(*tables: Floats) -> Adjusted:
    return cuped_ratios([Moments.of(table) for table in tables])


def with_fixed_slope(estimate: Estimate, kept: int) -> float:
    """The variance of users' residuals, ddof 1, as for a slope that is not fitted."""
    assert estimate.variance is not None
    return estimate.variance * estimate.n * (estimate.n - 1 - kept) / (estimate.n - 1)


# tea-tasting 1.14.0 on one arm's users alone: slope and users' variance of the adjusted metric.
TEA_TASTING = [
    (cuped_means, [0, 2], CONTROL, 1.116484004466767, 0.41464348053125955),
    (cuped_means, [0, 2], TREATMENT, 1.107197266794305, 0.4731106796095599),
    (cuped_ratios, [0, 1, 2, 3], CONTROL, 0.8281671550795264, 0.024815340084644644),
    (cuped_ratios, [0, 1, 2, 3], TREATMENT, 0.8629638786969868, 0.033728417141430184),
]


@pytest.mark.parametrize(("function", "columns", "table", "slope", "variance"), TEA_TASTING)
def test_slope_and_variance_are_tea_tastings(
    function: Callable[[Sequence[Moments]], Adjusted],
    columns: list[int],
    table: Floats,
    slope: float,
    variance: float,
) -> None:
    result = function([Moments.of(table[:, columns])])
    assert result.slopes[0, 0] == pytest.approx(slope, rel=1e-12)
    assert with_fixed_slope(result.estimates[0], 1) == pytest.approx(variance, rel=1e-10)


@pytest.mark.parametrize(
    ("function", "columns", "pooled", "error"),
    [
        # tea-tasting 1.14.0: effect, effect / statistic.
        (cuped_means, [0, 2], 0.4947894943511191, 0.4947894943511191 / 8.082123802565714),
        (cuped_ratios, [0, 1, 2, 3], 0.13362588030190692, 0.13362588030190692 / 8.421960940310461),
    ],
)
def test_tea_tasting_pools_the_slope(
    function: Callable[[Sequence[Moments]], Adjusted],
    columns: list[int],
    pooled: float,
    error: float,
) -> None:
    arms = [Moments.of(table[:, columns]) for table in (CONTROL, TREATMENT)]
    slope = function([arms[0].merge(arms[1])]).slopes[0, 0]
    control, treatment = function(arms).raw
    raw = difference(control, treatment, ALPHA)
    half = len(columns) // 2
    before = [arm.mean[half] / (arm.mean[3] if half == 2 else 1) for arm in arms]
    assert raw.effect is not None
    assert raw.effect - slope * (before[1] - before[0]) == pytest.approx(pooled, rel=1e-11)
    # With a slope for each arm the answer is another, by much less than its error.
    ours = difference(*function(arms).pair(1), ALPHA)
    assert ours.effect == pytest.approx(pooled, abs=0.01 * error)
    assert (ours.effect or 0) / (ours.statistic or 1) == pytest.approx(error, rel=0.01)


def test_without_adjustment_it_is_tea_tasting() -> None:
    # tea-tasting 1.14.0: Mean and RatioOfMeans with their defaults (Welch's t).
    means = welch(Moments.of(CONTROL[:, 0]), Moments.of(TREATMENT[:, 0]), ALPHA)
    assert means.effect == pytest.approx(0.4572063281486747, rel=1e-12)
    assert means.lower == pytest.approx(0.2184458302425518, rel=1e-10)
    assert means.upper == pytest.approx(0.6959668260547975, rel=1e-10)
    assert means.p_value == pytest.approx(0.00019019669953617842, rel=1e-9)
    ratios = [ratio_of_sums(Moments.of(table[:, :2])) for table in (CONTROL, TREATMENT)]
    result = difference(ratios[0], ratios[1], ALPHA)
    assert result.effect == pytest.approx(0.1402229976690944, rel=1e-12)
    assert result.lower == pytest.approx(0.08015577171625243, rel=1e-10)
    assert result.upper == pytest.approx(0.20029022362193638, rel=1e-10)
    assert result.p_value == pytest.approx(5.918584320172375e-06, rel=1e-9)


def test_four_by_four_formula_is_the_slope() -> None:
    mean, s = CONTROL.mean(axis=0), np.cov(CONTROL.T)
    b1 = np.array([1, -mean[0] / mean[1], 0, 0]) / mean[1]
    b2 = np.array([0, 0, 1, -mean[2] / mean[3]]) / mean[3]
    theta = b1 @ s @ b2 / (b2 @ s @ b2)
    assert adjust(CONTROL, TREATMENT).slopes[0, 0] == pytest.approx(theta, rel=1e-11)


def test_regression_of_residuals_gives_the_estimate() -> None:
    everybody = np.concatenate([CONTROL, TREATMENT]).sum(axis=0)
    overall = everybody[2] / everybody[3]
    adjusted = adjust(CONTROL, TREATMENT)
    for table, estimate in zip((CONTROL, TREATMENT), adjusted.estimates, strict=True):
        y, d, x, m = table.T
        ratio, before = y.sum() / d.sum(), x.sum() / m.sum()
        residual, covariate = (y - ratio * d) / d.mean(), (x - before * m) / m.mean()
        fit = sm.OLS(residual, sm.add_constant(covariate)).fit()
        line = fit.get_prediction(np.array([1.0, overall - before]))
        assert estimate.value == pytest.approx(ratio + line.predicted_mean[0], rel=1e-11)
        assert estimate.variance == pytest.approx(line.se_mean[0] ** 2, rel=1e-9)


def test_denominators_of_one_are_means() -> None:
    tables = [table[:, [0, 2]] for table in (CONTROL, TREATMENT)]
    means = cuped_means([Moments.of(table) for table in tables])
    ones = [np.insert(table, [1, 2], 1.0, axis=1) for table in tables]
    for one, two in zip(means.estimates, adjust(*ones).estimates, strict=True):
        assert one.value == pytest.approx(two.value, rel=1e-12)
        assert one.total == pytest.approx(two.total, rel=1e-10)


def test_error_of_simulated_experiments() -> None:
    # The spread of effects over 2 000 experiments; its own standard error is 1.6 %.
    effects, errors, raw = [], [], []
    for i in range(2000):
        control, treatment = arm(200, 1000 + i), arm(100, 5000 + i)
        pair = adjust(control, treatment)
        result = difference(*pair.pair(1), ALPHA)
        assert result.effect is not None
        assert result.statistic is not None
        effects.append(result.effect)
        errors.append((result.effect / result.statistic) ** 2)
        raw.append(difference(pair.raw[0], pair.raw[1], ALPHA).effect)
    assert np.std(effects) == pytest.approx(np.sqrt(np.mean(errors)), rel=0.06)
    assert np.std(effects) < 0.8 * np.std(np.array(raw, dtype=float))


@pytest.mark.parametrize("where", [slice(None), slice(0, 300)])
def test_nobody_there_before(where: slice) -> None:
    both = np.concatenate([CONTROL, TREATMENT])
    both[where, 2:] = 0
    adjusted = adjust(both[:300], both[300:])
    assert adjusted.estimates[0].value == adjusted.raw[0].value
    assert adjusted.estimates[0].variance == adjusted.raw[0].variance
    assert adjusted.notes[0] == "no differences between users before the experiment: not adjusted"
    assert difference(*adjusted.pair(1), ALPHA).p_value is not None
    assert relative(*adjusted.pair(1), ALPHA).lower is not None


def test_the_same_ratio_for_everybody_before_is_no_covariate() -> None:
    # 40 ms for each request of everybody: what is left of the residuals is rounding.
    tables = [table.copy() for table in (CONTROL, TREATMENT)]
    for table in tables:
        table[:, 2] = table[:, 3] * 40.1
    adjusted = adjust(*tables)
    assert not adjusted.slopes.any()
    assert adjusted.estimates[0].value == adjusted.raw[0].value


def test_no_denominator_is_undefined_with_the_reason() -> None:
    adjusted = adjust(CONTROL, np.zeros((5, 4)))
    result = difference(*adjusted.pair(1), ALPHA)
    assert result.effect is None
    assert result.note == "treatment: the denominator is 0"
    assert adjusted.reduction(1) is None


def test_refuses_other_than_four_variables() -> None:
    with pytest.raises(ValueError, match="4 variables"):
        cuped_ratios([Moments.empty(3)])
