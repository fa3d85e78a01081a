"""Welch's difference of means from sums, against scipy, statsmodels and R."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy.stats import ttest_ind

from abbotify.stats import Moments, mean, welch

Floats = NDArray[np.float64]

# Student's sleep data as in R's `datasets::sleep`: extra hours, first and second drug.
FIRST = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SECOND = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


def arms(n_control: int, n_treatment: int) -> tuple[Floats, Floats]:
    generator = np.random.Generator(np.random.Philox(key=np.array([3, 1], dtype=np.uint64)))
    control = generator.lognormal(1.0, 0.8, n_control)
    return control, generator.normal(3.0, 0.5, n_treatment)


def test_sleep_data_as_printed_by_r() -> None:
    # R: t.test(extra ~ group, data = sleep)
    result = welch(Moments.of(SECOND), Moments.of(FIRST), 0.05)
    assert result.statistic == pytest.approx(-1.86081, abs=5e-6)
    assert result.df == pytest.approx(17.77647, abs=5e-6)
    assert result.p_value == pytest.approx(0.07939, abs=5e-6)
    assert result.lower == pytest.approx(-3.36548, abs=5e-6)
    assert result.upper == pytest.approx(0.20548, abs=5e-6)


@pytest.mark.parametrize("sizes", [(2, 2), (2, 50), (1000, 40), (5000, 5000)])
@pytest.mark.parametrize("alpha", [0.05, 0.001, 0.5])
def test_scipy_is_the_oracle(sizes: tuple[int, int], alpha: float) -> None:
    control, treatment = arms(*sizes)
    result = welch(Moments.of(control), Moments.of(treatment), alpha)
    oracle = ttest_ind(treatment, control, equal_var=False)
    interval = oracle.confidence_interval(1 - alpha)
    assert result.statistic == pytest.approx(oracle.statistic, rel=1e-12)
    assert result.df == pytest.approx(oracle.df, rel=1e-12)
    assert result.p_value == pytest.approx(oracle.pvalue, rel=1e-11)
    assert result.lower == pytest.approx(interval.low, rel=1e-12)
    assert result.upper == pytest.approx(interval.high, rel=1e-12)


def test_error_is_the_robust_regressions() -> None:
    control, treatment = arms(300, 70)
    result = welch(Moments.of(control), Moments.of(treatment), 0.05)
    dummy = np.repeat([0.0, 1.0], [300, 70])
    fit = sm.OLS(np.concatenate([control, treatment]), sm.add_constant(dummy)).fit(cov_type="HC2")
    assert result.effect == pytest.approx(fit.params[1], rel=1e-12)
    assert result.effect is not None
    assert result.statistic is not None
    assert result.effect / result.statistic == pytest.approx(fit.bse[1], rel=1e-12)


def test_one_constant_arm_still_gives_a_test() -> None:
    # By hand: variance 1 / 3 from the treatment alone, df 2, t = 1 / sqrt(1 / 3).
    result = welch(Moments.of([1.0, 1.0]), Moments.of([1.0, 2.0, 3.0]), 0.05)
    assert result.df == pytest.approx(2, rel=1e-15)
    assert result.statistic == pytest.approx(3**0.5, rel=1e-15)


@pytest.mark.parametrize(
    ("control", "treatment", "effect", "note"),
    [
        ([], [1.0, 2.0], None, "control: no users with the metric defined"),
        ([1.0, 2.0], [], None, "treatment: no users with the metric defined"),
        ([1.0], [1.0, 2.0], 0.5, "control: one user: no variance"),
        ([1.0, 1.0], [3.0, 3.0], 2.0, "no variance in either arm: no test, no interval"),
    ],
)
def test_undefined_is_none_with_the_reason(
    control: list[float], treatment: list[float], effect: float | None, note: str
) -> None:
    result = welch(Moments.of(control), Moments.of(treatment), 0.05)
    assert result.effect == effect
    assert result.lower is result.upper is result.p_value is result.df is None
    assert result.note == note


def test_refuses_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="1 variable"):
        mean(Moments.empty(2))
    for alpha in (0.0, 1.0, float("nan")):
        with pytest.raises(ValueError, match="alpha"):
            welch(Moments.of([1.0, 2.0]), Moments.of([1.0, 2.0]), alpha)
