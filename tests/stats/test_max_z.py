"""max-z: Dunnett's published values, an integral over the control's error, promised error rates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import binom, norm

from abbotify.stats import (
    Contrast,
    Estimate,
    Moments,
    cuped_means,
    difference,
    max_z,
    mean,
    relative,
)
from abbotify.stats.multiplicity import covariance_of_differences, largest_below

Floats = NDArray[np.float64]
ALPHA = 0.05


def estimates(*variances: float, values: tuple[float, ...] | None = None) -> list[Estimate]:
    at = values or tuple(10.0 + i for i in range(len(variances)))
    return [Estimate(1000, value, v) for value, v in zip(at, variances, strict=True)]


def inside(control: float, own: list[float], z: float) -> float:
    """P(max |z| <= z) where only the control's error is shared, by one integral over it."""
    total = [control + v for v in own]

    def at(x: float) -> float:
        shares = 1.0
        for v, all_ in zip(own, total, strict=True):
            middle, wide = -x * np.sqrt(control / v), z * np.sqrt(all_ / v)
            shares *= norm.cdf(middle + wide) - norm.cdf(middle - wide)
        return float(shares * norm.pdf(x))

    return float(quad(at, -9, 9, epsabs=1e-12, limit=200)[0])


@pytest.mark.parametrize(("k", "critical"), [(2, 2.212), (3, 2.349), (4, 2.442), (5, 2.511)])
def test_published_critical_values(k: int, critical: float) -> None:
    # Dunnett (1964), Biometrics 20, two-sided 5 %, infinitely many degrees of freedom.
    control, *others = estimates(*[2.0] * (k + 1))
    assert max_z(control, others, ALPHA).critical == pytest.approx(critical, abs=6e-4)


@pytest.mark.parametrize("own", [[1.0, 1.0], [0.1, 3.0], [0.5, 1, 2], [0.05, 0.05, 9, 1]])
def test_integral_over_the_controls_error_is_the_oracle(own: list[float]) -> None:
    control, *others = estimates(1.0, *own)
    result = max_z(control, others, ALPHA)
    assert result.critical is not None
    assert inside(1.0, own, result.critical) == pytest.approx(1 - ALPHA, abs=2e-5)
    for one in result.contrasts:
        assert one.p_value is not None
        assert one.p_value == pytest.approx(1 - inside(1.0, own, abs(one.statistic or 0)), abs=2e-5)


def test_one_treatment_is_the_normal_test() -> None:
    control, treatment = estimates(0.1, 0.2)
    result = max_z(control, [treatment], ALPHA)
    (one,) = result.contrasts
    assert result.critical == pytest.approx(norm.isf(ALPHA / 2), rel=1e-14)
    assert one.p_value == pytest.approx(2 * norm.sf(1 / np.sqrt(0.3)), rel=1e-12)
    assert one.effect == 1


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(-5, 5), min_size=1, max_size=2),
    st.floats(0.01, 4),
    st.floats(0.01, 4),
)
def test_interval_excludes_zero_exactly_when_significant(
    effects: list[float], control_variance: float, variance: float
) -> None:
    control = Estimate(100, 20.0, control_variance)
    others = [Estimate(100, 20 + effect, variance * (i + 1)) for i, effect in enumerate(effects)]
    result = max_z(control, others, ALPHA)
    for one, lift in zip(result.contrasts, result.lifts, strict=True):
        assert one.lower is not None
        assert one.upper is not None
        assert one.p_value is not None
        significant = one.p_value < ALPHA
        assert (one.lower > 0 or one.upper < 0) == significant
        assert lift.lower is not None
        assert lift.upper is not None
        assert (lift.lower > 0 or lift.upper < 0) == significant


def test_three_comparisons_agree_on_the_decision_near_the_edge() -> None:
    for shift in np.linspace(2.30, 2.40, 21):
        values = (0.0, 0.5, 1.0, float(shift) * np.sqrt(2))
        control, *others = estimates(1, 1, 1, 1, values=values)
        last = max_z(control, others, ALPHA).contrasts[-1]
        assert last.lower is not None
        assert (last.lower > 0) == ((last.p_value or 0) < ALPHA)


def test_tiny_p_values_keep_their_digits() -> None:
    control, *others = estimates(1, 1, 1, values=(0, 20, 12))
    for one in max_z(control, others, ALPHA).contrasts:
        alone = 2 * norm.sf(abs(one.statistic or 0))
        assert 0 < alone <= (one.p_value or 0) <= 2 * alone * (1 + 1e-12)


def test_undefined_leaves_the_family() -> None:
    control, first, second = estimates(1, 1, 1)
    nobody = Estimate(0, None, None, "no users with the metric defined")
    single = Estimate(1, 3.0, None, "one user: no variance")
    result = max_z(control, [first, nobody, second, single], ALPHA)
    both = max_z(control, [first, second], ALPHA)
    assert (result.contrasts[0], result.contrasts[2]) == both.contrasts
    assert result.critical == both.critical
    assert result.contrasts[1].note == "treatment: no users with the metric defined"
    assert result.contrasts[3] == Contrast(-7.0, note="treatment: one user: no variance")
    assert max_z(nobody, [first], ALPHA).critical is None
    assert max_z(nobody, [first], ALPHA).lifts == (relative(nobody, first, ALPHA),)
    assert max_z(control, [], ALPHA).contrasts == ()


def test_treatments_without_variance_share_all_of_the_error() -> None:
    control, *others = estimates(1, 0, 0, values=(0, 1, 2))
    assert max_z(control, others, ALPHA).critical == pytest.approx(norm.isf(0.025), abs=1e-4)


def test_adjusted_arms_share_the_covariates_error() -> None:
    # Covariance of differences of draws of users, adjusted anew each time.
    g = np.random.Generator(np.random.Philox(key=np.array([2, 61], dtype=np.uint64)))
    tables = []
    for slope in (0.0, 2.0, 3.0):
        before, noise = g.standard_normal((2, 400))
        tables.append(np.column_stack([slope * before + noise, before]))
    arms = cuped_means([Moments.of(table) for table in tables]).estimates
    drawn = []
    for _ in range(4000):
        rows = [Moments.of(table[g.integers(400, size=400)]) for table in tables]
        values = [estimate.value for estimate in cuped_means(rows).estimates]
        drawn.append(np.array(values[1:], dtype=float) - np.array(values[0], dtype=float))
    measured = np.cov(np.array(drawn).T)
    np.testing.assert_allclose(covariance_of_differences(arms[0], arms[1:]), measured, rtol=0.1)


def test_family_errs_at_the_promised_rate() -> None:
    singles = together = 0
    replications = 2000
    for i in range(replications):
        g = np.random.Generator(np.random.Philox(key=np.array([i, 62], dtype=np.uint64)))
        values = np.exp(g.standard_normal((3, 500)) * 0.5)
        control, *others = (mean(Moments.of(row)) for row in values)
        singles += any((difference(control, one, ALPHA).p_value or 0) < ALPHA for one in others)
        result = max_z(control, others, ALPHA)
        together += any((one.p_value or 0) < ALPHA for one in result.contrasts)
    bands = [binom.interval(0.999, replications, rate) for rate in (0.0907, ALPHA)]
    assert bands[0][0] <= singles <= bands[0][1]
    assert bands[1][0] <= together <= bands[1][1]


def test_uncorrected_rates_of_theory() -> None:
    # 2 and 3 arms against one control, equal arms.
    below = [largest_below(np.full((k, k), 0.5) + 0.5 * np.eye(k)) for k in (2, 3)]
    z = float(norm.isf(ALPHA / 2))
    assert 1 - below[0](z) == pytest.approx(0.0907, abs=5e-5)
    assert 1 - below[1](z) == pytest.approx(0.1254, abs=8e-5)


def test_refuses_a_wrong_alpha() -> None:
    control, treatment = estimates(1, 1)
    with pytest.raises(ValueError, match="alpha"):
        max_z(control, [treatment], 1.0)
