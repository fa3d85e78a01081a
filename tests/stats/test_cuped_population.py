"""CUPED where slopes differ between arms: bootstrap of users, and coverage of known truth."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from abbotify.stats import Adjusted, Moments, cuped_means, difference, relative

Floats = NDArray[np.float64]
ALPHA = 0.05
REPLICATIONS = 2000


def generator(*key: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=np.array(key, dtype=np.uint64)))


def adjust(*tables: Floats) -> Adjusted:
    return cuped_means([Moments.of(table) for table in tables])


def users(g: np.random.Generator, n: int, factor: float, shift: float = 0.0) -> Floats:
    """Lognormal metric with its value before, correlation .9 of logarithms, times a factor."""
    before = g.standard_normal(n)
    now = 0.9 * before + np.sqrt(1 - 0.9**2) * g.standard_normal(n)
    return np.column_stack([shift + factor * np.exp(0.6 * now), np.exp(0.6 * before)])


def test_bootstrap_of_users_gives_error_and_relative_interval() -> None:
    # Additive and multiplicative at once, so both the difference and the lift feel the mean of x.
    g = generator(41, 1)
    control, treatment = users(g, 800, 1.0, 1.0), users(g, 400, 2.0, 0.0)
    pair = adjust(control, treatment).pair(1)
    absolute, lift = difference(*pair, ALPHA), relative(*pair, ALPHA)
    again = []
    for _ in range(4000):
        rows = control[g.integers(800, size=800)], treatment[g.integers(400, size=400)]
        values = [estimate.value for estimate in adjust(*rows).estimates]
        again.append(values)
    drawn = np.array(again, dtype=float)
    assert absolute.effect is not None
    assert absolute.statistic is not None
    effects = drawn[:, 1] - drawn[:, 0]
    error = absolute.effect / absolute.statistic
    assert error == pytest.approx(effects.std(), rel=0.05)  # two standard errors of it are 2.2 %
    own = np.sqrt(sum(estimate.variance or 0 for estimate in pair))
    assert own < 0.9 * effects.std()  # what HC2 would say
    lower, upper = np.quantile(100 * (drawn[:, 1] / drawn[:, 0] - 1), [0.025, 0.975])
    width = upper - lower
    assert lift.lower == pytest.approx(lower, abs=0.06 * width)
    assert lift.upper == pytest.approx(upper, abs=0.06 * width)


def test_covariance_of_arms_is_that_of_the_bootstrap() -> None:
    g = generator(42, 1)
    control, treatment = users(g, 500, 1.0), users(g, 500, 1.5)
    one, two = adjust(control, treatment).estimates
    drawn = np.array(
        [
            [estimate.value for estimate in adjust(*rows).estimates]
            for _ in range(4000)
            for rows in [(control[g.integers(500, size=500)], treatment[g.integers(500, size=500)])]
        ],
        dtype=float,
    )
    measured = np.cov(drawn.T)
    assert one.total == pytest.approx(measured[0, 0], rel=0.12)
    assert two.total == pytest.approx(measured[1, 1], rel=0.12)
    assert np.dot(one.common, two.common) == pytest.approx(measured[0, 1], rel=0.15)


@pytest.mark.parametrize(
    ("sizes", "factor", "key"),
    [((500, 500), 1.0, 43), ((9000, 1000), 1.0, 44), ((500, 500), 1.5, 45), ((500, 500), 3.0, 46)],
)
def test_intervals_cover_the_truth_at_the_promised_rate(
    sizes: tuple[int, int], factor: float, key: int
) -> None:
    truth = (factor - 1) * np.exp(0.18)  # mean of the lognormal: exp(.6^2 / 2)
    absolute_misses = lift_misses = naive_misses = 0
    for i in range(REPLICATIONS):
        g = generator(key, i)
        pair = adjust(users(g, sizes[0], 1.0), users(g, sizes[1], factor)).pair(1)
        result, lift = difference(*pair, ALPHA), relative(*pair, ALPHA)
        assert result.lower is not None
        assert result.upper is not None
        assert lift.lower is not None
        assert lift.upper is not None
        assert (lift.lower > 0 or lift.upper < 0) == ((result.p_value or 0) < ALPHA)
        absolute_misses += not result.lower <= truth <= result.upper
        lift_misses += not lift.lower <= 100 * (factor - 1) <= lift.upper
        half = 1.96 * np.sqrt(sum(estimate.variance or 0 for estimate in pair))
        naive_misses += abs((result.effect or 0) - truth) > half
    low, high = binom.interval(0.999, REPLICATIONS, ALPHA)
    assert low <= absolute_misses <= high
    assert low <= lift_misses <= high
    if factor == 3:
        assert naive_misses > high  # the users taken as fixed
