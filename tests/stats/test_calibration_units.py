"""Promises kept on known truth: error rates and coverage on generated tables of users.

2 000 replications each; the bands hold a right method with chance .999. Users are lognormal with
CV = 1, drawn anew every time, so the truth is the distribution's mean.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, norm

from abbotify.stats import (
    Moments,
    difference,
    mean,
    naive_relative,
    ratio_of_sums,
    relative,
)

Floats = NDArray[np.float64]

ALPHA = 0.05
REPLICATIONS = 2000
SIGMA = math.sqrt(math.log(2))  # lognormal of CV 1


def generators(key: int) -> list[np.random.Generator]:
    keys = [np.array([key, i], dtype=np.uint64) for i in range(REPLICATIONS)]
    return [np.random.Generator(np.random.Philox(key=pair)) for pair in keys]


def within_band(rate: float, expected: float) -> bool:
    low, high = binom.interval(0.999, REPLICATIONS, expected)
    return bool(low <= rate * REPLICATIONS <= high)


def excludes(lower: float | None, upper: float | None, truth: float) -> bool:
    assert lower is not None
    assert upper is not None
    return lower > truth or upper < truth


def lognormal_arms(generator: np.random.Generator, sizes: tuple[int, int]) -> tuple[Floats, Floats]:
    values = np.exp(SIGMA * generator.standard_normal(sum(sizes)))
    return values[: sizes[0]], values[sizes[0] :]


@pytest.mark.parametrize(("sizes", "key"), [((500, 500), 11), ((9000, 1000), 12)])
def test_no_difference_is_found_at_the_promised_rate(sizes: tuple[int, int], key: int) -> None:
    absolute = lifts = 0
    for generator in generators(key):
        control, treatment = (mean(Moments.of(v)) for v in lognormal_arms(generator, sizes))
        result = difference(control, treatment, ALPHA)
        lift = relative(control, treatment, ALPHA)
        assert result.p_value is not None
        absolute += result.p_value < ALPHA
        lifts += excludes(lift.lower, lift.upper, 0)
    assert within_band(absolute / REPLICATIONS, ALPHA)
    assert lifts == absolute


def sessions_of_users(generator: np.random.Generator, n: int) -> Floats:
    """Shape (n, 2): sum of session values and sessions; correlation .5 within a user."""
    counts = 1.0 + generator.poisson(2, n)
    person, noise = generator.standard_normal((2, n))
    # A sum of m values 3 + person + noise, without drawing each.
    return np.stack([counts * (3 + person) + np.sqrt(counts) * noise, counts], axis=1)


def test_no_difference_of_ratios_is_found_at_the_promised_rate() -> None:
    absolute = lifts = 0
    for generator in generators(13):
        table = sessions_of_users(generator, 1000)
        control, treatment = (ratio_of_sums(Moments.of(t)) for t in (table[:500], table[500:]))
        result = difference(control, treatment, ALPHA)
        assert result.p_value is not None
        absolute += result.p_value < ALPHA
        lift = relative(control, treatment, ALPHA)
        lifts += excludes(lift.lower, lift.upper, 0)
    assert within_band(absolute / REPLICATIONS, ALPHA)
    assert lifts == absolute


def known_control_coverage(lift: float, share: float) -> float:
    """Coverage, in theory, of an interval that takes the control's mean as known.

    At equal CV its variance lacks the factor (1 + lift)^2 on the control's part. `share` is the
    treatment's share of the users.
    """
    treated, control = (1 + lift) ** 2 / share, 1 / (1 - share)
    used = math.sqrt((treated + control) / (treated + (1 + lift) ** 2 * control))
    return float(1 - 2 * norm.sf(norm.isf(ALPHA / 2) * used))


def test_theory_of_the_naive_interval() -> None:
    # The figures known for the notebook's interval at +50 %, CV 1.
    assert known_control_coverage(0.5, 0.5) == pytest.approx(0.904, abs=0.002)
    assert known_control_coverage(0.5, 0.9) == pytest.approx(0.834, abs=0.001)


@pytest.mark.parametrize(
    ("sizes", "key", "naive"), [((1000, 1000), 14, 0.904), ((1000, 9000), 15, 0.834)]
)
def test_fieller_covers_a_lift_of_50_per_cent_and_the_naive_interval_does_not(
    sizes: tuple[int, int], key: int, naive: float
) -> None:
    fieller_misses = naive_misses = 0
    for generator in generators(key):
        control_values, treatment_values = lognormal_arms(generator, sizes)
        control = mean(Moments.of(control_values))
        treatment = mean(Moments.of(1.5 * treatment_values))
        lift = relative(control, treatment, ALPHA)
        fieller_misses += excludes(lift.lower, lift.upper, 50)
        ends = naive_relative(control, difference(control, treatment, ALPHA))
        naive_misses += excludes(*ends, 50)
    assert within_band(fieller_misses / REPLICATIONS, ALPHA)
    assert within_band(naive_misses / REPLICATIONS, 1 - naive)


@pytest.mark.parametrize(("lift", "key"), [(0.0, 16), (0.05, 17), (0.2, 18)])
def test_fieller_covers_smaller_lifts_of_ratios(lift: float, key: int) -> None:
    misses = 0
    for generator in generators(key):
        table = sessions_of_users(generator, 1000)
        control = ratio_of_sums(Moments.of(table[:500]))
        treatment = ratio_of_sums(Moments.of(table[500:] * [1 + lift, 1]))
        bounds = relative(control, treatment, ALPHA)
        misses += excludes(bounds.lower, bounds.upper, 100 * lift)
    assert within_band(misses / REPLICATIONS, ALPHA)
