"""Boundaries of repeated looks: published tables, and the same integrals another way."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import dblquad, quad
from scipy.optimize import brentq
from scipy.stats import norm

from abbotify.stats.group_sequential import (
    PowerSpending,
    Spending,
    boundaries,
    crossing_chances,
    drift_of_power,
    inflation,
    obrien_fleming,
    pocock,
)

ALPHA = 0.05
FIXED = float(norm.isf(ALPHA / 2))


def equal(looks: int) -> list[float]:
    return [(look + 1) / looks for look in range(looks)]


def constant(looks: int, shape: Callable[[float], float]) -> list[float]:
    """Critical values c * shape(t) at equal steps, c such that alpha is kept."""
    times = equal(looks)

    def excess(c: float) -> float:
        found = crossing_chances(times, [c * shape(t) for t in times])
        return sum(found.upper + found.lower) - ALPHA

    c = float(brentq(excess, 1, 5, xtol=1e-12))
    return [c * shape(t) for t in times]


def test_lan_demets_obrien_fleming_table() -> None:
    # ldbounds and SAS, K = 5, two-sided .05.
    plan = boundaries(equal(5), ALPHA, obrien_fleming)
    assert plan.critical == pytest.approx((4.8769, 3.3570, 2.6803, 2.2898, 2.0310), abs=5e-5)
    assert plan.spent[-1] == pytest.approx(ALPHA, abs=1e-13)


def test_constants_of_pocock_and_of_obrien_fleming() -> None:
    # Jennison, Turnbull (2000), tables 2.1 and 2.3.
    assert constant(5, lambda t: 1)[0] == pytest.approx(2.4132, abs=5e-5)
    assert constant(5, lambda t: t**-0.5)[-1] == pytest.approx(2.0401, abs=5e-5)


@pytest.mark.parametrize(
    ("looks", "rate"), [(1, 0.05), (5, 0.1417), (10, 0.1934), (14, 0.2196), (100, 0.3736)]
)
def test_peeking_with_a_fixed_test(looks: int, rate: float) -> None:
    # Armitage, McPherson, Rowe (1969), table 2, to two more digits.
    found = crossing_chances(equal(looks), [FIXED] * looks)
    assert sum(found.upper + found.lower) == pytest.approx(rate, abs=6e-5)
    assert found.upper == pytest.approx(found.lower, abs=1e-14)


def test_design_of_four_pocock_looks_as_sas_has_it() -> None:
    # SAS SEQDESIGN, example 3; in per cent of a fixed sample of the same power, .9.
    critical = constant(4, lambda t: 1)
    drift = drift_of_power(equal(4), critical, 0.9)
    largest = 100 * inflation(equal(4), critical, 0.9, ALPHA)
    null = crossing_chances(equal(4), critical).information
    alternative = crossing_chances(equal(4), critical, drift).information
    assert largest == pytest.approx(118.3143, abs=1e-4)
    assert largest * null == pytest.approx(115.6074, abs=1e-4)
    assert largest * alternative == pytest.approx(69.74805, abs=2e-5)


@pytest.mark.parametrize("drift", [0.0, 1.7])
def test_two_uneven_looks_by_one_integral(drift: float) -> None:
    times, critical = [0.37, 1.0], [2.3, 2.1]
    found = crossing_chances(times, critical, drift)
    first, root = critical[0] * math.sqrt(0.37), math.sqrt(0.63)

    def crosses(score: float) -> float:
        density = norm.pdf(score, drift * 0.37, math.sqrt(0.37))
        return float(density * norm.sf((2.1 - score - drift * 0.63) / root))

    assert found.upper[0] == pytest.approx(norm.sf(2.3 - drift * math.sqrt(0.37)), rel=1e-12)
    assert found.lower[0] == pytest.approx(norm.cdf(-2.3 - drift * math.sqrt(0.37)), rel=1e-12)
    assert found.upper[1] == pytest.approx(quad(crosses, -first, first, epsabs=1e-13)[0], abs=1e-12)


def test_three_uneven_looks_by_a_double_integral() -> None:
    plan = boundaries([0.2, 0.55, 1.1], ALPHA, pocock)
    bounds = [c * math.sqrt(t) for c, t in zip(plan.critical, plan.fractions, strict=True) if c]

    def goes_on(second: float, first: float) -> float:
        step = norm.pdf(second - first, scale=math.sqrt(0.35))
        last = norm.cdf((bounds[2] - second) / math.sqrt(0.55))
        last -= norm.cdf((-bounds[2] - second) / math.sqrt(0.55))
        return float(norm.pdf(first, scale=math.sqrt(0.2)) * step * last)

    left, _ = dblquad(goes_on, -bounds[0], bounds[0], -bounds[1], bounds[1], epsabs=1e-10)
    assert 1 - left == pytest.approx(ALPHA, abs=1e-9)


SPENDING: list[Spending] = [obrien_fleming, pocock, PowerSpending(1), PowerSpending(3)]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(1e-3, 0.5), min_size=1, max_size=12),
    st.sampled_from(SPENDING),
    st.floats(1e-3, 0.2),
)
def test_what_is_spent_is_what_was_planned(
    steps: list[float], spending: Spending, alpha: float
) -> None:
    times = [sum(steps[: look + 1]) for look in range(len(steps))]
    plan = boundaries(times, alpha, spending)
    found = crossing_chances(times, plan.critical)
    for look, time in enumerate(times):
        assert plan.spent[look] == pytest.approx(2 * spending(alpha / 2, time), abs=1e-12)
        stopped = sum(found.upper[: look + 1] + found.lower[: look + 1])
        assert stopped == pytest.approx(plan.spent[look], abs=1e-12)
    one = boundaries(times, alpha, spending, final=True)
    assert one.spent[-1] == pytest.approx(alpha, abs=1e-12)
    assert one.critical[:-1] == plan.critical[:-1]


def test_spending_functions_by_hand() -> None:
    for spending in SPENDING:
        assert spending(0.025, 0) == 0
        assert spending(0.025, 1) == spending(0.025, 1.4) == 0.025
    assert obrien_fleming(0.025, 0.25) == pytest.approx(2 * norm.sf(2 * norm.isf(0.0125)))
    assert pocock(0.025, 0.5) == pytest.approx(0.025 * math.log(1 + (math.e - 1) / 2))
    assert PowerSpending(2)(0.025, 0.5) == pytest.approx(0.025 / 4)


def test_a_look_too_early_or_after_all_is_spent_may_not_stop() -> None:
    plan = boundaries([0.01, 0.5, 1.0, 1.2], ALPHA, obrien_fleming)
    assert plan.critical[0] is plan.critical[3] is plan.nominal[0] is plan.nominal[3] is None
    assert plan.spent[0] == 0
    later = boundaries([0.5, 1.0], ALPHA, obrien_fleming)
    assert plan.critical[1:3] == pytest.approx(later.critical, abs=1e-9)


def test_looks_close_together_are_resolved() -> None:
    plan = boundaries([0.5, 0.5001, 1.0], ALPHA, pocock)
    apart = boundaries([0.5, 1.0], ALPHA, pocock)
    assert plan.critical[0] == apart.critical[0]
    assert plan.critical[2] == pytest.approx(apart.critical[1], abs=1e-3)
    assert plan.spent[-1] == pytest.approx(ALPHA, abs=1e-12)


@given(st.floats(0.06, 0.999))
def test_power_and_drift_of_one_look_are_a_fixed_tests(power: float) -> None:
    drift = drift_of_power([1.0], [FIXED], power)
    assert drift == pytest.approx(FIXED - norm.isf(power), rel=1e-9)
    assert inflation([1.0], [FIXED], power, ALPHA) == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize(
    ("fractions", "what"),
    [
        ([], "no looks"),
        ([0.5, 0.5], "grow"),
        ([0.0, 1.0], "grow"),
        ([0.5, 0.3], "grow"),
        ([0.5, float("nan")], "grow"),
        ([0.5, math.inf], "finite"),
    ],
)
def test_refuses_fractions_that_do_not_grow(fractions: list[float], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        boundaries(fractions, ALPHA, pocock)


def test_refuses_what_means_nothing() -> None:
    with pytest.raises(ValueError, match="alpha"):
        boundaries([1.0], 1.0, pocock)
    with pytest.raises(ValueError, match="1 critical values for 2"):
        crossing_chances([0.5, 1.0], [2.0])
    with pytest.raises(ValueError, match="no look may stop"):
        drift_of_power([1.0], [None], 0.8)
    with pytest.raises(ValueError, match="power"):
        drift_of_power([1.0], [2.0], 1.0)
    with pytest.raises(ValueError, match="exponent"):
        PowerSpending(0)
    with pytest.raises(ValueError, match="level"):
        pocock(0.0, 0.5)
    with pytest.raises(ValueError, match="negative"):
        obrien_fleming(0.025, -0.1)
