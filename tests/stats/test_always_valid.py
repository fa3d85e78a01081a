"""Always-valid monitoring: published bounds, duality, its inverse p-value, and error on truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import binom, norm

from abbotify.stats import Estimate, difference
from abbotify.stats.monitoring import always_valid
from abbotify.stats.normal import best_rho, one_sided_bound, two_sided_bound

ALPHA = 0.05
REPLICATIONS = 2000


def test_the_normal_mixture_of_the_package_confseq() -> None:
    rho = best_rho(100, ALPHA)
    assert rho == pytest.approx(12.60056, abs=5e-6)
    assert two_sided_bound(100, rho, ALPHA) == pytest.approx(30.35209, abs=5e-6)
    one = one_sided_bound(100, best_rho(100, 2 * ALPHA), ALPHA)
    assert one == pytest.approx(27.66071, abs=5e-6)


@pytest.mark.parametrize(("time", "rho", "alpha"), [(100, 12.6, 0.05), (7, 30, 0.01)])
def test_bounds_are_where_the_mixture_of_likelihood_ratios_is_one_over_alpha(
    time: float, rho: float, alpha: float
) -> None:
    def mixed(score: float, lower: float, weight: float) -> float:
        def integrand(drift: float) -> float:
            ratio = math.exp(drift * score - drift * drift * time / 2)
            return weight * float(norm.pdf(drift, scale=rho**-0.5)) * ratio

        return quad(integrand, lower, 5, epsabs=1e-13, limit=200)[0]

    both = mixed(two_sided_bound(time, rho, alpha), -5, 1)
    assert both == pytest.approx(1 / alpha, rel=1e-8)
    assert mixed(one_sided_bound(time, rho, alpha), 0, 2) == pytest.approx(1 / alpha, rel=1e-8)


@given(st.integers(2, 100_000), st.integers(2, 100_000), st.floats(100, 1e6), st.floats(0.001, 0.2))
def test_half_width_is_that_of_the_paper(
    n_control: int, n_treatment: int, planned: float, alpha: float
) -> None:
    n = n_control + n_treatment
    pair = (Estimate(n_control, 3.0, 0.7), Estimate(n_treatment, 3.5, 0.4))
    (look,) = always_valid([pair], planned, alpha)
    sd = math.sqrt(1.1) * math.sqrt(n)
    r2 = (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / planned
    half = sd * math.sqrt(2 * (n * r2 + 1) / (n**2 * r2) * math.log(math.sqrt(n * r2 + 1) / alpha))
    assert look.n == n
    assert look.effect.lower == pytest.approx(0.5 - half, rel=1e-9, abs=1e-9)
    assert look.effect.upper == pytest.approx(0.5 + half, rel=1e-9, abs=1e-9)


@given(st.integers(20, 10_000), st.floats(-8, 8), st.floats(100, 1e5), st.floats(2, 100))
def test_interval_and_p_value_decide_alike(n: int, z: float, planned: float, mean: float) -> None:
    pair = (Estimate(n, mean, 1e-4), Estimate(n, mean + z * 0.02, 3e-4))
    (look,) = always_valid([pair], planned, ALPHA)
    p = look.effect.p_value
    assert p is not None
    assert look.effect.lower is not None
    assert look.effect.upper is not None
    if abs(p - ALPHA) > 1e-9:
        excluded = look.effect.lower > 0 or look.effect.upper < 0
        assert excluded == (p < ALPHA) == look.significant


@given(st.integers(50, 5000), st.floats(2.5, 12))
def test_p_value_is_the_level_whose_interval_touches_zero(n: int, z: float) -> None:
    (look,) = always_valid([(Estimate(n, 0, 0.5), Estimate(n, z, 0.5))], 1000, ALPHA)
    p = look.effect.p_value
    assert p is not None
    if 1e-12 < p < 1:
        rho = best_rho(1000, ALPHA)
        assert two_sided_bound(2 * n, rho, p) == pytest.approx(z * math.sqrt(2 * n), rel=1e-9)


def test_a_decision_stands() -> None:
    def pair(n: int, effect: float) -> tuple[Estimate, Estimate]:
        return Estimate(n, 1.0, 1 / n), Estimate(n, 1 + effect, 1 / n)

    looks = always_valid([pair(100, 0.1), pair(200, 0.5), pair(400, 0.05)], 800, ALPHA)
    own = [look.effect.p_value for look in looks]
    assert [look.significant for look in looks] == [False, True, True]
    assert [look.p_value for look in looks] == [own[0], own[1], own[1]]


def test_narrowest_about_the_planned_users() -> None:
    # There the critical value is confseq's bound over the root of its time: 30.35209 / 10.
    def factor(n: int) -> float:
        pair = (Estimate(n, 0.0, 1.0), Estimate(n, 0.0, 1.0))
        return (always_valid([pair], 20_000, ALPHA)[0].effect.upper or 0) / math.sqrt(2) / 1.96

    assert factor(10_000) == pytest.approx(3.035209 / 1.96, abs=1e-6)
    assert factor(10_000) < min(factor(2_500), factor(40_000))


def lognormal_looks(key: int) -> list[tuple[Estimate, Estimate]]:
    """One experiment of 5 000 users an arm, CV 1, looked at after every 50th from the 250th."""
    philox = np.random.Philox(key=np.array([41, key], dtype=np.uint64))
    values = np.exp(math.sqrt(math.log(2)) * np.random.Generator(philox).standard_normal((2, 5000)))
    at = np.arange(250, 5001, 50)
    means = values.cumsum(axis=1)[:, at - 1] / at
    squares = (values**2).cumsum(axis=1)[:, at - 1] / at
    variances = (squares - means**2) / (at - 1)
    arms = [
        [Estimate(*row) for row in zip(at.tolist(), means[arm], variances[arm], strict=True)]
        for arm in (0, 1)
    ]
    return list(zip(arms[0], arms[1], strict=True))


def test_error_over_a_hundred_looks_is_at_most_alpha() -> None:
    wrong = peeked = 0
    for key in range(REPLICATIONS // 4):
        looks = lognormal_looks(key)
        final = always_valid(looks, 10_000, ALPHA)[-1]
        wrong += bool(final.significant)
        peeked += any(abs(z_of(*pair)) > 1.96 for pair in looks)
    replications = REPLICATIONS // 4
    assert wrong <= binom.ppf(0.999, replications, ALPHA)
    assert peeked > binom.ppf(0.999, replications, 0.2)


def z_of(control: Estimate, treatment: Estimate) -> float:
    error = math.sqrt((control.variance or 0) + (treatment.variance or 0))
    return ((treatment.value or 0) - (control.value or 0)) / error


def test_undefined_is_none_with_the_reason() -> None:
    nobody, some = Estimate(0, None, None, "no users"), Estimate(9, 1.0, 0.1)
    steady = Estimate(9, 1.0, 0.0)
    first, second, third = always_valid(
        [(nobody, some), (steady, steady), (some, some)], 100, ALPHA
    )
    assert first.effect == difference(nobody, some, ALPHA)
    assert "no variance" in second.effect.note
    assert first.p_value is second.p_value is second.significant is None
    assert third.p_value == third.effect.p_value == 1


def test_refuses_what_means_nothing() -> None:
    with pytest.raises(ValueError, match="positive"):
        always_valid([], 0, ALPHA)
    with pytest.raises(ValueError, match="alpha"):
        always_valid([], 100, 1.0)
    with pytest.raises(ValueError, match="positive"):
        two_sided_bound(0, 1, ALPHA)
