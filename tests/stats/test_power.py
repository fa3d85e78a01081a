"""Design before the run: statsmodels, an integral, exact inverses, experiments simulated."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import binom, chi, norm
from scipy.stats import t as student
from statsmodels.stats.power import NormalIndPower, TTestIndPower

from abbotify.stats import Estimate, Moments, fieller, mean, ratio_of_sums, relative, welch
from abbotify.stats.contrast import t_quantile, welch_df
from abbotify.stats.power import Pilot, detectable_effect, half_width, power, sample_size

ALPHA = 0.05
REPLICATIONS = 2000
UNIT = Pilot(0.0, 1.0)


def test_known_sample_size() -> None:
    # Cohen (1988), as G*Power and statsmodels have it.
    total = sample_size(UNIT, 0.5, 0.8, ALPHA)
    assert total is not None
    assert total / 2 == pytest.approx(63.7656, abs=5e-5)
    oracle = TTestIndPower().solve_power(effect_size=0.5, alpha=ALPHA, power=0.8)
    assert total / 2 == pytest.approx(float(oracle), rel=1e-6)


@given(st.floats(3, 1e5), st.floats(0, 6), st.floats(1e-4, 0.3))
def test_equals_statsmodels_for_equal_arms(n: float, shift: float, alpha: float) -> None:
    effect = shift / math.sqrt(n)
    oracle = TTestIndPower().power(effect, n, alpha)
    assert power(UNIT, effect, (n, n), alpha) == pytest.approx(float(oracle), abs=1e-12)


@settings(max_examples=60)
@given(st.floats(3, 1e4), st.floats(3, 1e4), st.floats(0.1, 10), st.floats(0, 20))
def test_equals_welchs_test_integrated_over_the_estimated_error(
    n: float, m: float, sd: float, shift: float
) -> None:
    a, b = 1 / n, sd**2 / m
    df = (a + b) ** 2 / (a**2 / (n - 1) + b**2 / (m - 1))
    critical = student.isf(ALPHA / 2, df)

    def rejects(error: float) -> float:
        """An estimated standard error, in units of the true one, and a rejection."""
        tails = norm.sf(critical * error - shift) + norm.sf(critical * error + shift)
        return float(chi.pdf(error * math.sqrt(df), df) * math.sqrt(df) * tails)

    ends = (chi.ppf(1e-14, df) / math.sqrt(df), chi.isf(1e-14, df) / math.sqrt(df))
    oracle = quad(rejects, *ends, epsabs=1e-11, limit=200)[0]
    found = power(Pilot(0.0, 1.0, sd**2), shift * math.sqrt(a + b), (n, m), ALPHA)
    assert found == pytest.approx(oracle, abs=1e-9)


@pytest.mark.parametrize("ratio", [0.11, 1.0, 4.0])
def test_many_users_in_unequal_arms_are_the_normal_formula(ratio: float) -> None:
    n = 200_000
    oracle = NormalIndPower().power(0.01, n, ALPHA, ratio=ratio)
    assert power(UNIT, 0.01, (n, ratio * n), ALPHA) == pytest.approx(float(oracle), abs=2e-5)


PILOTS = st.builds(Pilot, st.floats(0.5, 50), st.floats(0.1, 90), st.floats(0.1, 90), st.booleans())
ARMS = st.tuples(st.floats(2, 1e6), st.floats(2, 1e6))
LEVELS = st.floats(1e-4, 0.2)


@settings(max_examples=60)
@given(PILOTS, ARMS, st.floats(0.25, 0.999), LEVELS)
def test_detectable_effect_inverts_power(
    pilot: Pilot, users: tuple[float, float], wanted: float, alpha: float
) -> None:
    effect = detectable_effect(pilot, wanted, users, alpha)
    if effect is None:
        assert pilot.multiplicative
        # However large the effect, in units of its own noise it is at most sqrt(n) / CV.
        assert power(pilot, 1e9 * pilot.value, users, alpha) < wanted
        return
    assert power(pilot, effect, users, alpha) == pytest.approx(wanted, abs=1e-9)


@settings(max_examples=60)
@given(PILOTS, st.floats(-0.9, 3).filter(lambda m: abs(m) > 1e-3), st.floats(0.25, 0.999), LEVELS)
def test_sample_size_inverts_power_and_detectable_effect(
    pilot: Pilot, lift: float, wanted: float, alpha: float
) -> None:
    effect, shares = lift * pilot.value, (0.7, 0.2)
    total = sample_size(pilot, effect, wanted, alpha, shares)
    assert total is not None
    assert total >= 10
    if total > 10.001:  # else the fewest users are more than enough
        users = (total * shares[0], total * shares[1])
        assert power(pilot, effect, users, alpha) == pytest.approx(wanted, abs=1e-9)
        if effect > 0 and (min(users) > 20 or not pilot.multiplicative):
            detected = detectable_effect(pilot, wanted, users, alpha)
            assert detected == pytest.approx(effect, rel=1e-6)


@given(PILOTS, st.floats(-80, 200))
def test_lifts_and_effects_are_each_others_inverses(pilot: Pilot, lift: float) -> None:
    assert pilot.lift_of(pilot.effect_of(lift)) == pytest.approx(lift, abs=1e-10)
    assert Pilot(-4.0, 1.0).effect_of(lift) == pytest.approx(lift / 25)


@given(st.floats(-0.99, 0.99), st.floats(0.01, 0.3))
def test_cuped_saves_the_share_of_variance_it_explains(rho: float, effect: float) -> None:
    plain = sample_size(UNIT, effect, 0.8, ALPHA)
    less = sample_size(UNIT.adjusted(rho), effect, 0.8, ALPHA)
    equivalent = sample_size(UNIT, effect / math.sqrt(1 - rho * rho), 0.8, ALPHA)
    assert plain is not None
    assert less == pytest.approx(equivalent, rel=1e-9)
    if less is not None and less > 1000:
        assert less / plain == pytest.approx(1 - rho * rho, rel=0.01)
    both = Pilot(1.0, 2.0, 3.0).adjusted(0.5)
    assert (both.variance, both.treatment_variance) == (1.5, 2.25)


def significant(arms: tuple[np.ndarray, np.ndarray]) -> bool:
    p_value = welch(Moments.of(arms[0]), Moments.of(arms[1]), ALPHA).p_value
    assert p_value is not None
    return p_value < ALPHA


@pytest.mark.parametrize(
    ("lift", "users", "multiplicative", "key"),
    [
        (25.0, (150, 150), False, 81),
        (40.0, (40, 40), False, 82),  # where sqrt(V1 + (1 + m)^2 V0) would say .31, not .42
        (50.0, (90, 30), True, 83),
        (-30.0, (30, 120), True, 84),
    ],
)
def test_simulated_experiments_have_the_power(
    lift: float, users: tuple[int, int], multiplicative: bool, key: int
) -> None:
    pilot = Pilot(1.0, 1.0, multiplicative=multiplicative)
    effect, found = pilot.effect_of(lift), 0
    for replication in range(REPLICATIONS):
        philox = np.random.Philox(key=np.array([key, replication], dtype=np.uint64))
        draws = 1 + np.random.Generator(philox).standard_normal(sum(users))
        treated = draws[users[0] :]
        treated = treated * (1 + effect) if multiplicative else treated + effect
        found += significant((draws[: users[0]], treated))
    low, high = binom.interval(0.999, REPLICATIONS, power(pilot, effect, users, ALPHA))
    assert low <= found <= high


def test_half_width_is_fiellers_where_the_control_is_sure() -> None:
    pilot, users = Pilot(10.0, 4.0, 9.0), (40_000.0, 30_000.0)
    for lift in (-20.0, 0.0, 60.0):
        v0, v1 = 4 / users[0], 9 / users[1]
        quantile = t_quantile(welch_df(v0, users[0], v1, users[1]), ALPHA)
        bounds = fieller(10.0, v0, 10 + lift / 10, v1, quantile)
        assert bounds is not None
        width = 100 * (bounds[1] - bounds[0]) / 2
        assert half_width(pilot, lift, users, ALPHA) == pytest.approx(width, rel=1e-5)


def test_a_pilot_of_an_estimate_plans_that_estimates_test() -> None:
    # The same users again, whatever the estimate is: the pilot's own standard error comes back.
    table = np.stack([np.arange(40.0) % 7, 1 + np.arange(40.0) % 3], axis=1)
    for estimate in (mean(Moments.of(table[:, 0])), ratio_of_sums(Moments.of(table))):
        pilot = Pilot.of(estimate)
        assert pilot.value == estimate.value
        assert estimate.variance is not None
        error = half_width(pilot, 0.0, (40, 40), ALPHA) / 100 * pilot.value
        same = relative(estimate, estimate, ALPHA)
        assert same.effect == 0
        assert error == pytest.approx(
            student.isf(ALPHA / 2, 78) * math.sqrt(2 * estimate.variance), rel=1e-9
        )


def test_no_effect_is_found_as_often_as_alpha() -> None:
    assert power(UNIT, 0.0, (30, 50), 0.01) == pytest.approx(0.01, rel=1e-9)
    assert power(UNIT, 1e6, (30, 50), 0.01) == 1
    assert power(UNIT, -0.3, (30, 50), 0.01) == power(UNIT, 0.3, (30, 50), 0.01)


def test_few_users_of_a_multiplicative_effect_still_have_the_wanted_power() -> None:
    # Here power is .5 at an effect of 18, falls, and is .5 again at 38.
    pilot, users = Pilot(6.0, 13.0, 2.0, True), (7.420282182373395, 2.120080623535256)
    effect = detectable_effect(pilot, 0.5, users, 0.0625)
    assert effect is not None
    assert power(pilot, 18.0, users, 0.0625) > power(pilot, 30.0, users, 0.0625)
    assert power(pilot, effect, users, 0.0625) == pytest.approx(0.5, abs=1e-9)


def test_a_share_of_ones_own_noise_may_never_be_found() -> None:
    assert detectable_effect(Pilot(0.1, 1.0, multiplicative=True), 0.8, (200, 200), ALPHA) is None
    assert UNIT.lift_of(1.0) is None


@pytest.mark.parametrize("users", [4.0, 11.0, 500.0])
def test_what_is_certain_has_the_power_1(users: float) -> None:
    error = math.sqrt(2 / users)
    for shift in np.linspace(36, 60, 500):  # the noncentral distribution is NaN at some
        assert power(Pilot(0.0, 1.0), shift * error, (users, users), 0.05) == pytest.approx(1.0)


def test_refuses_what_means_nothing() -> None:
    with pytest.raises(ValueError, match="positive variances"):
        Pilot(1.0, 0.0)
    with pytest.raises(ValueError, match="multiplies"):
        Pilot(0.0, 1.0, multiplicative=True)
    with pytest.raises(ValueError, match="one user"):
        Pilot.of(Estimate(1, 2.0, None, "one user"))
    with pytest.raises(ValueError, match="correlation"):
        UNIT.adjusted(1.0)
    with pytest.raises(ValueError, match="at least 2"):
        power(UNIT, 1.0, (1, 9), ALPHA)
    with pytest.raises(ValueError, match="alpha"):
        power(UNIT, 1.0, (9, 9), 0.0)
    with pytest.raises(ValueError, match="between alpha and 1"):
        detectable_effect(UNIT, 0.04, (9, 9), ALPHA)
    with pytest.raises(ValueError, match="effect of 0"):
        sample_size(UNIT, 0, 0.8, ALPHA)
    with pytest.raises(ValueError, match="shares"):
        sample_size(UNIT, 1, 0.8, ALPHA, (0.9, 0.2))
    with pytest.raises(ValueError, match="control is 0"):
        half_width(UNIT, 0, (9, 9), ALPHA)
