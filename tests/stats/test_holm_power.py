"""Power under Holm: closed forms for independent hypotheses, `holm` itself, one shared control."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from abbotify.stats import Moments, holm, mean
from abbotify.stats.holm_power import DRAWS, holm_power, shared_control
from abbotify.stats.power import Pilot, power

ALPHA = 0.05
BAND = 4 * 0.5 / math.sqrt(DRAWS)  # four standard errors at the most


def found(shift: float, level: float) -> float:
    """Two-sided power of one z test."""
    critical = norm.isf(level / 2)
    return float(norm.sf(critical - shift) + norm.sf(critical + shift))


def test_one_hypothesis_is_the_plain_test() -> None:
    result = holm_power([2.5], [[1.0]], ALPHA)
    assert result.each == (result.some,) == (result.all,)
    assert result.some == pytest.approx(found(2.5, ALPHA), abs=BAND)


def test_two_independent_hypotheses() -> None:
    # Rejected are: the first at alpha / 2, or at alpha when the second is below alpha / 2.
    a, b = 2.0, 3.0
    strict, loose = [found(x, ALPHA / 2) for x in (a, b)], [found(x, ALPHA) for x in (a, b)]
    result = holm_power([a, b], np.eye(2), ALPHA)
    assert result.some == pytest.approx(1 - (1 - strict[0]) * (1 - strict[1]), abs=BAND)
    each = (
        strict[0] + strict[1] * (loose[0] - strict[0]),
        strict[1] + strict[0] * (loose[1] - strict[1]),
    )
    assert result.each == pytest.approx(each, abs=BAND)
    every = loose[0] * loose[1] - (loose[0] - strict[0]) * (loose[1] - strict[1])
    assert result.all == pytest.approx(every, abs=BAND)


@pytest.mark.parametrize(("metrics", "uncorrected"), [(10, 0.401), (20, 0.642)])
def test_without_effects_it_is_the_error_over_the_family(metrics: int, uncorrected: float) -> None:
    assert 1 - (1 - ALPHA) ** metrics == pytest.approx(uncorrected, abs=5e-4)
    result = holm_power([0.0] * metrics, np.eye(metrics), ALPHA)
    assert result.some == pytest.approx(1 - (1 - ALPHA / metrics) ** metrics, abs=BAND)


def test_two_treatments_of_one_control_without_effects() -> None:
    matrix = shared_control(0.1, [0.1, 0.1])
    assert matrix == pytest.approx(np.array([[1, 0.5], [0.5, 1]]), rel=1e-12)
    c = norm.isf(ALPHA / 4)
    inside = multivariate_normal(cov=matrix).cdf([c, c], lower_limit=[-c, -c])
    assert holm_power([0, 0], matrix, ALPHA).some == pytest.approx(1 - inside, abs=BAND)


def test_perfectly_correlated_hypotheses_stand_and_fall_together() -> None:
    result = holm_power([2.0, 2.0], np.ones((2, 2)), ALPHA)
    assert result.each[0] == result.each[1] == result.some == result.all
    assert result.some == pytest.approx(found(2.0, ALPHA / 2), abs=BAND)


def test_planning_at_alpha_over_h_is_a_lower_bound() -> None:
    pilot, users = Pilot(1.0, 1.0), (5000.0, 5000.0)
    shifts = [effect / math.sqrt(2 / 5000) for effect in (0.05, 0.06, 0.0)]
    matrix = shared_control(1 / 5000, [1 / 5000] * 3)
    result = holm_power(shifts, matrix, ALPHA)
    for chance, effect in zip(result.each, (0.05, 0.06, 0.0), strict=True):
        assert chance > power(pilot, effect, users, ALPHA / 3) - BAND


def test_simulated_experiments_decided_by_holm() -> None:
    # Three arms of 200 users, shifts .3 and .2 against one control.
    replications, hits = 1000, np.zeros(4)
    for key in range(replications):
        philox = np.random.Philox(key=np.array([91, key], dtype=np.uint64))
        draws = np.random.Generator(philox).standard_normal((3, 200))
        arms = [mean(Moments.of(draws[arm] + (0, 0.3, 0.2)[arm])) for arm in range(3)]
        z = [
            ((arm.value or 0) - (arms[0].value or 0))
            / math.sqrt((arm.variance or 0) + (arms[0].variance or 0))
            for arm in arms[1:]
        ]
        adjusted = holm([2 * float(norm.sf(abs(value))) for value in z])
        passed = np.array([p is not None and p < ALPHA for p in adjusted])
        hits += [*passed, passed.any(), passed.all()]
    result = holm_power([3.0, 2.0], shared_control(1.0, [1.0, 1.0]), ALPHA)
    expected = [*result.each, result.some, result.all]
    assert hits / replications == pytest.approx(expected, abs=3.3 * 0.5 / math.sqrt(replications))


def test_same_input_same_figures() -> None:
    assert holm_power([1.0, 2.0], np.eye(2), ALPHA) == holm_power([1.0, 2.0], np.eye(2), ALPHA)


def test_refuses_what_means_nothing() -> None:
    with pytest.raises(ValueError, match="0 hypotheses"):
        holm_power([], np.empty((0, 0)), ALPHA)
    with pytest.raises(ValueError, match="2 hypotheses"):
        holm_power([1, 2], np.eye(3), ALPHA)
    with pytest.raises(ValueError, match="ones on its diagonal"):
        holm_power([1, 2], 2 * np.eye(2), ALPHA)
    with pytest.raises(ValueError, match="eigenvalue"):
        holm_power([1, 2], [[1, 1.5], [1.5, 1]], ALPHA)
    with pytest.raises(ValueError, match="alpha"):
        holm_power([1], [[1]], 0)
