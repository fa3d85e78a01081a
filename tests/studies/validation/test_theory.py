"""What theory says of known worlds: published numbers, numerical integration, simulation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.optimize import brentq

from abbotify.stats import normal
from abbotify.studies.validation.outcomes import Shape
from abbotify.studies.validation.theory import Pair, naive_coverage


def lognormal(s: float, value: float = 1.0) -> Shape:
    law = stats.lognorm(s, scale=value / math.exp(s * s / 2))
    variance, skewness, excess = (float(x) for x in law.stats("vsk"))
    return Shape(1.0, value, variance, skewness * variance**1.5, excess * variance**2)


def pair(control: Shape, treatment: Shape, users: tuple[float, float]) -> Pair:
    return Pair(control, treatment, users, 0.05)


@pytest.mark.parametrize(("power", "expected"), [(0.2, 2.26), (0.5, 1.41), (0.8, 1.125)])
def test_the_winners_curse(power: float, expected: float) -> None:
    z = stats.norm.ppf(0.975)
    signal = brentq(lambda s: stats.norm.sf(z - s) + stats.norm.cdf(-z - s) - power, 0.1, 6)
    assert normal.sign_and_size_errors(signal, 0.05)[1] == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize("signal", [0.3, 1.0, 2.8])
def test_what_is_found_is_the_truncated_normals(signal: float) -> None:
    z, density = stats.norm.ppf(0.95), stats.norm(signal).pdf
    right, wrong = (quad(density, *ends)[0] for ends in ((z, 40), (-40, -z)))
    size = sum(quad(lambda x: abs(x) * density(x), *ends)[0] for ends in ((z, 40), (-40, -z)))
    expected = wrong / (right + wrong), size / (right + wrong) / signal
    assert normal.sign_and_size_errors(signal, 0.1) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(("users", "expected"), [((500, 500), 0.904), ((100, 900), 0.834)])
def test_the_naive_interval_of_a_lift_of_50_per_cent(
    users: tuple[float, float], expected: float
) -> None:
    half = pair(Shape(1, 1.0, 1.0, 0, 0), Shape(1, 1.5, 2.25, 0, 0), users)
    assert naive_coverage(half) == pytest.approx(expected, abs=5e-4)


def test_skewness_raises_the_level_of_unequal_arms() -> None:
    """Exponential values at 90/10: 40,000 experiments of 1,000 users."""
    generator = np.random.Generator(np.random.Philox(key=8))
    control = generator.standard_exponential((40_000, 900))
    treatment = generator.standard_exponential((40_000, 100))
    found = stats.ttest_ind(treatment, control, axis=1, equal_var=False).pvalue
    one = Shape(1.0, 1.0, 1.0, 2.0, 6.0)
    expected = 0.05 + pair(one, one, (900, 100)).departure()
    error = math.sqrt(0.05 * 0.95 / 40_000)
    assert expected > 0.05 + 4 * error
    assert (found < 0.05).mean() == pytest.approx(expected, abs=3 * error)


def test_gates_are_where_the_level_holds() -> None:
    one = lognormal(0.5)
    gated = {
        (500.0, 500.0): "",
        (490.0, 490.0): "fewer than 1,000 users",
        (8_000.0, 1_000.0): "unequal arms of fewer than 10,000 users",
        (9_000.0, 1_000.0): "",
        (60_000.0, 3_000.0): "an arm has less than a tenth of the users",
    }
    assert {users: pair(one, one, users).why_not_gated(2000) for users in gated} == gated
    heavy = pair(lognormal(1.0), lognormal(1.0), (9_000.0, 1_000.0))
    assert 0.05 + heavy.departure() == pytest.approx(0.054, abs=0.002)  # measured: .054
    assert heavy.why_not_gated(2000).startswith("skewness 6.2: a rate of about 0.055")
    assert heavy.why_not_gated(100) == ""


def test_power_is_that_of_unequal_variances() -> None:
    planned = pair(Shape(0.5, 1.0, 1.0, 0, 0), Shape(1.0, 1.1, 2.0, 0, 0), (2_000, 500))
    assert planned.counts == (1_000, 500)
    assert planned.error == pytest.approx(math.sqrt(1 / 1_000 + 2 / 500))
    z = stats.norm.ppf(0.975)
    expected = stats.norm.sf(z - 0.1 / planned.error) + stats.norm.cdf(-z - 0.1 / planned.error)
    assert planned.power() == pytest.approx(expected, abs=2e-3)


def test_unlike_slopes_share_the_error_of_the_covariates_mean() -> None:
    """Slopes -1 and 3 at 90/10 of 1,000 users, noise and covariate of variance 1: sd .164."""
    one, other = (Shape(1.0, 0.0, 1.0, 0.0, 0.0, (slope,)) for slope in (-1.0, 3.0))
    both = pair(one, other, (900, 100))
    assert both.error == pytest.approx(0.164, abs=0.001)
    assert both.without_effect().shared == 0
    assert replace(both, everybody=2_000).shared == pytest.approx(both.shared / 2)
    twice = pair(one.scaled(2.0), other.scaled(2.0), (900, 100))
    assert twice.error == pytest.approx(2 * both.error)
