"""CUPED of means: regressions by statsmodels, identities, and arms that cannot be adjusted."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray
from statsmodels.formula.api import ols

from abbotify.stats import (
    Adjusted,
    Contrast,
    Moments,
    cuped_means,
    difference,
    mean,
    relative,
    sign_flip,
    welch,
    with_indicator,
)

Floats = NDArray[np.float64]
ALPHA = 0.05


def arm(n: int, seed: int, slope: float = 1.0, effect: float = 0.0) -> Floats:
    """Shape (n, 3): a skewed metric and two covariates."""
    generator = np.random.Generator(np.random.Philox(key=np.array([seed, 21], dtype=np.uint64)))
    before = np.exp(0.7 * generator.standard_normal((n, 2)))
    noise = np.exp(0.5 * generator.standard_normal(n))
    return np.column_stack([effect + slope * before[:, 0] - 0.4 * before[:, 1] + noise, before])


def adjust(*tables: Floats) -> Adjusted:
    return cuped_means([Moments.of(table) for table in tables])


def frame(*tables: Floats) -> pd.DataFrame:
    """All arms in one table, covariates centred over all."""
    rows = pd.DataFrame(np.concatenate(tables), columns=["y", "x", "w"][: tables[0].shape[1]])
    rows.iloc[:, 1:] -= rows.iloc[:, 1:].mean()
    return rows.assign(T=np.repeat(np.arange(len(tables)), [len(table) for table in tables]))


@pytest.mark.parametrize("sizes", [(2000, 2000, 2000), (400, 3600, 800), (40, 30, 20)])
def test_one_model_over_all_arms_gives_the_effects(sizes: tuple[int, int, int]) -> None:
    tables = [arm(n, i, slope=1 + i) for i, n in enumerate(sizes)]
    adjusted = adjust(*tables)
    fit = ols("y ~ C(T) * (x + w)", frame(*tables)).fit()
    values = [estimate.value or math.nan for estimate in adjusted.estimates]
    assert values[0] == pytest.approx(fit.params["Intercept"], rel=1e-11)
    for i in (1, 2):
        assert values[i] - values[0] == pytest.approx(fit.params[f"C(T)[T.{i}]"], rel=1e-10)
    assert adjusted.slopes[0].tolist() == pytest.approx(
        [fit.params["x"], fit.params["w"]], rel=1e-10
    )


@pytest.mark.parametrize("sizes", [(2000, 2000), (400, 3600), (8, 6)])
def test_own_variance_is_that_of_the_arms_regression(sizes: tuple[int, int]) -> None:
    tables = [arm(n, i) for i, n in enumerate(sizes)]
    overall = np.concatenate(tables)[:, 1:].mean(axis=0)
    for table, estimate in zip(tables, adjust(*tables).estimates, strict=True):
        fit = sm.OLS(table[:, 0], sm.add_constant(table[:, 1:])).fit()
        line = fit.get_prediction(np.concatenate([[1.0], overall]))
        assert estimate.value == pytest.approx(line.predicted_mean[0], rel=1e-11)
        assert estimate.variance == pytest.approx(line.se_mean[0] ** 2, rel=1e-10)
        assert estimate.n - estimate.fitted == fit.df_resid


@pytest.mark.parametrize(("n", "tolerance"), [(200, 2e-2), (20_000, 2e-4)])
def test_hc2_gives_the_error(n: int, tolerance: float) -> None:
    # The difference falls as 1/n of the variance; the tolerance with it.
    generator = np.random.Generator(np.random.Philox(key=np.array([n, 22], dtype=np.uint64)))
    before, noise = generator.standard_normal((2, 2 * n))
    tables = [np.column_stack([before + noise, before])[i * n : (i + 1) * n] for i in (0, 1)]
    fit = ols("y ~ T * x", frame(*tables)).fit(cov_type="HC2")
    control, treatment = adjust(*tables).estimates
    own = (control.variance or 0) + (treatment.variance or 0)
    assert own == pytest.approx(fit.bse["T"] ** 2, rel=tolerance)
    assert difference(control, treatment, ALPHA).effect == pytest.approx(fit.params["T"], rel=1e-9)


def test_equal_slopes_are_the_analysis_of_covariance() -> None:
    # Treatment is the control moved along the line and by 2: one common slope, an effect of 2.
    control = arm(500, 3)[:, :2]
    slope = float(np.cov(control.T)[0, 1] / control[:, 1].var(ddof=1))
    treatment = control + np.array([2 + slope * 0.3, 0.3])
    fit = ols("y ~ T + x", frame(control, treatment)).fit()
    result = difference(*adjust(control, treatment).pair(1), ALPHA)
    assert result.effect == pytest.approx(2, rel=1e-11)
    assert fit.params["T"] == pytest.approx(2, rel=1e-11)


def test_variance_falls_by_the_squared_correlation() -> None:
    control = arm(4000, 4)[:, :2]
    treatment = control + np.array([5.0, 0.0])
    rho = np.asarray(np.corrcoef(control.T))[0, 1]
    # Two parameters instead of one: (n - 1) / (n - 2).
    expected = 1 - (1 - rho**2) * 3999 / 3998
    assert adjust(control, treatment).reduction(1) == pytest.approx(expected, rel=1e-10)


def test_unlike_slopes_at_10_90_help_here_and_harm_when_pooled() -> None:
    generator = np.random.Generator(np.random.Philox(key=np.array([5, 23], dtype=np.uint64)))
    effects = []
    for _ in range(400):
        before, noise = generator.standard_normal((2, 1000))
        share = np.repeat([0, 1], [900, 100])
        y = np.where(share, 0.5, 2.0) * before + 0.3 * noise
        table = np.column_stack([y, before])
        lin = difference(*adjust(table[:900], table[900:]).pair(1), ALPHA).effect
        raw = y[900:].mean() - y[:900].mean()
        theta = np.cov(y, before)[0, 1] / before.var(ddof=1)
        pooled = raw - theta * (before[900:].mean() - before[:900].mean())
        effects.append([raw, pooled, lin])
    raw_sd, pooled_sd, lin_sd = np.std(effects, axis=0)
    assert lin_sd < 0.9 * raw_sd < raw_sd < 0.9 * pooled_sd


def test_shards_merge() -> None:
    tables = [arm(900, 6), arm(700, 7)]
    whole = adjust(*tables)
    parts = cuped_means(
        [
            reduce(Moments.merge, [Moments.of(table[i : i + 64]) for i in range(0, len(table), 64)])
            for table in tables
        ]
    )
    for one, two in zip(whole.estimates, parts.estimates, strict=True):
        assert one.value == pytest.approx(two.value, rel=1e-12)
        assert one.total == pytest.approx(two.total, rel=1e-11)


@pytest.mark.parametrize("offset", [1e6, 1e9])
def test_an_offset_of_the_covariate_changes_nothing(offset: float) -> None:
    tables = [arm(300, 8), arm(300, 9, effect=1.0)]
    near = difference(*adjust(*tables).pair(1), ALPHA)
    moved = [table + np.array([0, offset, 0]) for table in tables]
    far = difference(*adjust(*moved).pair(1), ALPHA)
    assert far.effect == pytest.approx(near.effect, rel=1e-13 * offset)
    assert far.p_value == pytest.approx(near.p_value, rel=1e-12 * offset)


def test_missing_values_filled_with_0_or_the_mean_say_the_same() -> None:
    tables = [arm(400, 10)[:, :2], arm(300, 11)[:, :2]]
    for table in tables:
        table[::7, 1] = np.nan
    fill = np.nanmean(np.concatenate(tables)[:, 1])
    filled = []
    for table in tables:
        missing = np.isnan(table[:, 1])
        filled.append(np.column_stack([table[:, 0], np.where(missing, fill, table[:, 1]), missing]))
    fit = ols("y ~ T * (x + w)", frame(*filled)).fit()
    ours = adjust(*(np.column_stack([t[:, 0], with_indicator(t[:, 1])]) for t in tables))
    theirs = adjust(*filled)
    result = difference(*ours.pair(1), ALPHA)
    assert result.effect == pytest.approx(fit.params["T"], rel=1e-10)
    assert result.p_value == pytest.approx(difference(*theirs.pair(1), ALPHA).p_value, rel=1e-9)
    assert [estimate.n for estimate in ours.estimates] == [400, 300]


def raws(adjusted: Adjusted) -> None:
    for raw, estimate in zip(adjusted.raw, adjusted.estimates, strict=True):
        assert (raw.value, raw.variance, raw.fitted) == (
            estimate.value,
            estimate.variance,
            estimate.fitted,
        )
        assert set(estimate.common) <= {0.0}
    assert not adjusted.slopes.any()


def test_without_a_pre_period_it_is_welch() -> None:
    tables = [arm(50, 12)[:, :1], arm(60, 13)[:, :1]]
    adjusted = adjust(*tables)
    raws(adjusted)
    assert adjusted.notes == ("no pre-period: not adjusted",) * 2
    assert difference(*adjusted.pair(1), ALPHA) == welch(
        Moments.of(tables[0]), Moments.of(tables[1]), ALPHA
    )
    assert adjusted.reduction(1) == 0


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e9])
def test_a_constant_covariate_is_left_out(constant: float) -> None:
    tables = [arm(50, 14), arm(60, 15)]
    for table in tables:
        table[:, 1:] = constant
    adjusted = adjust(*tables)
    raws(adjusted)
    assert adjusted.notes[0] == "no differences between users before the experiment: not adjusted"


def test_a_covariate_given_twice_counts_once() -> None:
    tables = [arm(50, 16)[:, [0, 1, 1]], arm(60, 17)[:, [0, 1, 1]]]
    twice, once = adjust(*tables), adjust(*(table[:, :2] for table in tables))
    assert twice.notes == ("", "")
    for one, two in zip(once.estimates, twice.estimates, strict=True):
        assert (one.value, one.variance, one.fitted) == (two.value, two.variance, two.fitted)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_an_arm_of_few_users_is_not_adjusted(n: int) -> None:
    adjusted = adjust(arm(50, 18), arm(n, 19))
    assert adjusted.notes == ("", "too few users to adjust")
    few = mean(Moments.of(arm(n, 19)[:, 0]))
    assert adjusted.estimates[1].value == few.value
    assert adjusted.estimates[1].note == few.note
    result = difference(*adjusted.pair(1), ALPHA)
    assert (result.p_value is None) == (n < 2)
    assert (adjusted.reduction(1) is None) == (n < 2)
    assert (relative(*adjusted.pair(1), ALPHA).effect is None) == (n < 1)


def test_a_metric_known_from_before_has_no_variance_left() -> None:
    control = arm(50, 20)[:, :2]
    control[:, 0] = 2 * control[:, 1]
    treatment = control + np.array([0.25, 0.0])
    adjusted = adjust(control, treatment)
    assert [estimate.variance for estimate in adjusted.estimates] == [0, 0]
    result = difference(*adjusted.pair(1), ALPHA)
    assert result.effect == pytest.approx(0.25, rel=1e-12)


def test_sign_flip_is_told_only_when_one_of_both_is_sure() -> None:
    up, down = (Contrast(effect, p_value=0.001) for effect in (1.0, -1.0))
    unsure, undefined = Contrast(-1.0, p_value=0.5), Contrast(None)
    assert sign_flip(up, down, ALPHA)
    assert sign_flip(up, unsure, ALPHA)
    assert sign_flip(unsure, up, ALPHA)
    assert not sign_flip(up, up, ALPHA)
    assert not sign_flip(Contrast(1.0, p_value=0.5), unsure, ALPHA)
    assert not sign_flip(up, undefined, ALPHA)


def test_refuses_wrong_shapes() -> None:
    with pytest.raises(ValueError, match="no arms"):
        cuped_means([])
    with pytest.raises(ValueError, match="different numbers"):
        cuped_means([Moments.empty(2), Moments.empty(3)])
    with pytest.raises(ValueError, match="at least 1"):
        cuped_means([Moments.empty(0)])
