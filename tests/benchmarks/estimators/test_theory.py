"""The closed forms against the figures of the literature."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from abbotify.stats.normal import sign_and_size_errors
from benchmarks.estimators import theory


@pytest.mark.parametrize(("arms", "error"), [(1, 0.05), (2, 0.0907), (3, 0.1254)])
def test_many_arms(arms: int, error: float) -> None:
    assert theory.any_arm(arms) == pytest.approx(error, abs=6e-5)


def test_many_metrics() -> None:
    assert theory.any_of(10, 0.05) == pytest.approx(1 - 0.95**10, rel=1e-12)
    assert theory.any_of(20, 0.05) == pytest.approx(1 - 0.95**20, rel=1e-12)


def test_sessions_taken_as_independent() -> None:
    assert theory.clustered(1.0) == pytest.approx(0.05, rel=1e-12)
    wanted = 2 * stats.norm.sf(stats.norm.isf(0.025) / math.sqrt(1.65))
    assert theory.clustered(1.65) == pytest.approx(wanted, rel=1e-12)
    assert theory.clustered(1.65) == pytest.approx(0.127, abs=5e-4)


@pytest.mark.parametrize(("lift", "share", "cover"), [(0.5, 0.5, 0.904), (0.5, 0.9, 0.834)])
def test_the_naive_interval(lift: float, share: float, cover: float) -> None:
    assert theory.naive_coverage(lift, share) == pytest.approx(cover, abs=5e-4)
    assert theory.naive_coverage(0.0, share) == pytest.approx(0.95, rel=1e-12)


@pytest.mark.parametrize(("power", "factor"), [(0.2, 2.26), (0.5, 1.41), (0.8, 1.125)])
def test_the_winners_curse(power: float, factor: float) -> None:
    drift = theory.drift_for(power)
    sign_error, exaggeration = sign_and_size_errors(drift, 0.05)
    assert exaggeration == pytest.approx(factor, abs=5e-3)
    z = np.linspace(-12, 16, 560_001)
    weight = stats.norm.pdf(z - drift) * (np.abs(z) > stats.norm.isf(0.025))
    assert weight.sum() * 5e-5 == pytest.approx(power, abs=1e-4)
    mean = (np.abs(z) * weight).sum() / weight.sum() / drift
    assert exaggeration == pytest.approx(mean, abs=1e-4)
    wrong = weight[z < 0].sum() / weight.sum()
    assert sign_error == pytest.approx(wrong, rel=1e-3)
