"""Guardrails' power: published sample sizes, exact inverses, the program's own test simulated."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm
from statsmodels.stats.power import TTestIndPower

from abbotify.stats import Moments, mean
from abbotify.stats.non_inferiority import (
    METRIC,
    NON_INFERIOR,
    PERCENT,
    GuardrailSpec,
    guardrail,
)
from abbotify.stats.power import Pilot, non_inferiority_power, non_inferiority_users

REPLICATIONS = 2000


@given(st.floats(3, 1e5), st.floats(0, 6), st.floats(1e-3, 0.3))
def test_is_statsmodels_one_sided_test_against_the_margin(
    n: float, shift: float, alpha: float
) -> None:
    margin = shift / math.sqrt(n)
    oracle = TTestIndPower().power(margin, n, alpha, alternative="larger")
    found = non_inferiority_power(Pilot(3.0, 1.0), margin, (n, n), alpha)
    assert found == pytest.approx(float(oracle), abs=1e-9)


def test_known_sample_size() -> None:
    # The normal formula, 2 (z_.975 + z_.9)^2 sd^2 / margin^2: 84.06 an arm; t takes 1 more.
    total = non_inferiority_users(Pilot(3.0, 4.0), 1.0, 0.9, 0.025)
    assert total is not None
    normal = 2 * (norm.isf(0.025) + norm.isf(0.1)) ** 2 * 4
    assert normal == pytest.approx(84.06, abs=0.01)
    assert total / 2 == pytest.approx(normal + 1, abs=0.1)


@settings(max_examples=60)
@given(
    st.floats(0.01, 5),
    st.floats(0.1, 20),
    st.floats(0.35, 0.99),
    st.floats(0.5, 1.5),
    st.booleans(),
)
def test_users_invert_power(
    margin: float, variance: float, wanted: float, ratio: float, multiplicative: bool
) -> None:
    pilot, shares = Pilot(4.0, variance, multiplicative=multiplicative), (0.6, 0.3)
    total = non_inferiority_users(pilot, margin, wanted, 0.05, shares, ratio)
    assert total is not None
    users = (max(2.0, shares[0] * total), max(2.0, shares[1] * total))
    found = non_inferiority_power(pilot, margin, users, 0.05, ratio)
    if min(users) > 2:
        assert found == pytest.approx(wanted, abs=1e-9)
    else:
        assert found >= wanted


@pytest.mark.parametrize(
    ("margin", "relative", "higher", "key"),
    [(0.5, False, True, 1), (5.0, True, True, 2), (5.0, True, False, 3)],
)
def test_simulated_guardrails_hold_as_often(
    margin: float, relative: bool, higher: bool, key: int
) -> None:
    pilot, users, alpha = Pilot(10.0, 9.0), (400, 250), 0.05
    generator = np.random.Generator(np.random.Philox(key=np.array([83, key], dtype=np.uint64)))
    spec, found = GuardrailSpec("time", margin, PERCENT if relative else METRIC), 0
    for _ in range(REPLICATIONS):
        draws = generator.normal(10.0, 3.0, sum(users))
        control, treatment = (
            mean(Moments.of(part)) for part in (draws[: users[0]], draws[users[0] :])
        )
        verdict = guardrail(spec, control, treatment, alpha, higher).verdict
        found += verdict == NON_INFERIOR
    ratio = 1 + (-1 if higher else 1) * margin / 100 if relative else 1.0
    planned = non_inferiority_power(pilot, 0.5, users, alpha, ratio)
    assert 0.3 < planned < 0.95
    low, high = binom.interval(0.999, REPLICATIONS, planned)
    assert low <= found <= high


def test_extremes_and_refusals() -> None:
    pilot = Pilot(10.0, 9.0)
    assert non_inferiority_power(pilot, 0.0, (50, 60), 0.05) == pytest.approx(0.05, rel=1e-9)
    assert non_inferiority_power(pilot, 1e6, (50, 60), 0.05) == 1
    assert non_inferiority_users(pilot, 0.0, 0.8, 0.05) is None
    with pytest.raises(ValueError, match="margin must not be negative"):
        non_inferiority_power(pilot, -1.0, (50, 60), 0.05)
    with pytest.raises(ValueError, match="at least 2 users"):
        non_inferiority_power(pilot, 1.0, (1, 60), 0.05)
    with pytest.raises(ValueError, match="one-sided alpha"):
        non_inferiority_power(pilot, 1.0, (50, 60), 0.5)
    with pytest.raises(ValueError, match="between alpha and 1"):
        non_inferiority_users(pilot, 1.0, 0.05, 0.05)
