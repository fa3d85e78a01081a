"""How long requests take: moments, bounds and words of the three distributions."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from abbotify.scenario.base import Exponential, Latency, Lognormal, Uniform
from abbotify.simulation.listener.latency import latency

Words = Callable[[int, int, int, int, int], list[int]]
SEED, N = 31337, 20_000


def drawn(spec: Latency) -> npt.NDArray[np.int64]:
    draw = latency(spec)
    assert callable(draw)
    return np.array([draw(SEED, user, 4, 2) for user in range(N)])


def test_a_number_is_fixed() -> None:
    assert latency(40) == 40
    assert latency(0) == 0


@pytest.mark.parametrize("mean", [200.0, 4000.0])
def test_exponential(mean: float) -> None:
    values = drawn(Exponential(distribution="exponential", mean=mean))
    assert values.min() >= 0
    assert abs(values.mean() - mean) < 4 * mean / math.sqrt(N)
    assert abs(values.var() / mean**2 - 1) < 4 * math.sqrt(8 / N)  # fourth moment 9
    jittered = values + np.random.default_rng(1).uniform(-0.5, 0.5, N)
    assert stats.kstest(jittered, stats.expon(scale=mean).cdf).pvalue > 1e-3


def test_the_longest_latency_is_a_day() -> None:
    values = drawn(Exponential(distribution="exponential", mean=86_400_000.0))
    assert values.max() == 86_400_000
    assert abs((values == 86_400_000).mean() - math.exp(-1)) < 4 * 0.5 / math.sqrt(N)
    wide = drawn(Lognormal(distribution="lognormal", median=86_400_000.0, sigma=5.0))
    assert wide.max() == 86_400_000
    assert abs((wide == 86_400_000).mean() - 0.5) < 4 * 0.5 / math.sqrt(N)


def test_uniform() -> None:
    values = drawn(Uniform(distribution="uniform", low=3, high=12))
    assert (values.min(), values.max()) == (3, 12)
    assert stats.chisquare(np.bincount(values)[3:]).pvalue > 1e-3
    assert set(drawn(Uniform(distribution="uniform", low=7, high=7))) == {7}


def test_lognormal() -> None:
    values = drawn(Lognormal(distribution="lognormal", median=5000.0, sigma=0.5))
    logs = np.log(values / 5000.0)
    assert abs(logs.mean()) < 4 * 0.5 / math.sqrt(N)
    assert abs(logs.var() / 0.25 - 1) < 4 * math.sqrt(2 / N)
    assert stats.kstest(logs / 0.5, stats.norm.cdf).pvalue > 1e-3
    certain = drawn(Lognormal(distribution="lognormal", median=80.0, sigma=0.0))
    assert set(certain) == {80}


def test_draws_are_keyed_by_user_session_and_step(words: Words) -> None:
    exponential = latency(Exponential(distribution="exponential", mean=300.0))
    uniform = latency(Uniform(distribution="uniform", low=10, high=500))
    lognormal = latency(Lognormal(distribution="lognormal", median=70.0, sigma=1.2))
    assert callable(exponential)
    assert callable(uniform)
    assert callable(lognormal)
    for user, session, step in [(0, 0, 0), (7, 1, 3), (2**40, 12, 999)]:
        drawn = words(SEED, step, user, 4, session)
        u, v = ((word >> 11) * 2.0**-53 for word in drawn[:2])
        assert exponential(SEED, user, session, step) == round(-300 * math.log1p(-u))
        assert uniform(SEED, user, session, step) == 10 + (drawn[0] * 491 >> 64)
        normal = math.sqrt(-2 * math.log(1 - u)) * math.cos(2 * math.pi * v)
        assert lognormal(SEED, user, session, step) == round(70 * math.exp(1.2 * normal))
