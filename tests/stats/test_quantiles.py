"""Differences of quantiles: the bootstrap they stand for, promised coverage, few users."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, norm

from abbotify.stats import quantile_effect

Floats = NDArray[np.float64]
ALPHA = 0.05


def generator(*key: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=np.array(key, dtype=np.uint64)))


def bootstrap(control: Floats, treatment: Floats, q: float, draws: int) -> Floats:
    """Replicates of (control, treatment) quantiles by resampling users, shape (draws, 2)."""
    g = generator(71, 1)
    return np.array(
        [
            [
                np.quantile(arm[g.integers(len(arm), size=len(arm))], q, method="weibull")
                for arm in (control, treatment)
            ]
            for _ in range(draws)
        ]
    )


@pytest.mark.parametrize(("q", "key"), [(0.5, 1), (0.9, 2), (0.1, 3)])
def test_bootstrap_of_users_gives_the_interval(q: float, key: int) -> None:
    g = generator(72, key)
    control, treatment = np.exp(g.standard_normal(1500)), 1.2 * np.exp(g.standard_normal(900))
    result = quantile_effect(control, treatment, q, ALPHA, seed=1)
    again = bootstrap(control, treatment, q, 4000)
    differences, lifts = again[:, 1] - again[:, 0], 100 * (again[:, 1] / again[:, 0] - 1)
    for ours, theirs in ((result.difference, differences), (result.lift, lifts)):
        lower, upper = np.quantile(theirs, [0.025, 0.975])
        assert ours.lower == pytest.approx(lower, abs=0.06 * (upper - lower))
        assert ours.upper == pytest.approx(upper, abs=0.06 * (upper - lower))


def test_numpy_gives_the_quantiles() -> None:
    g = generator(73, 1)
    control, treatment = g.standard_normal(101) + 9, g.standard_normal(77) + 9
    result = quantile_effect(control, treatment, 0.25, ALPHA, seed=1)
    assert result.control == np.quantile(control, 0.25, method="weibull")
    assert result.treatment == np.quantile(treatment, 0.25, method="weibull")
    assert result.difference.effect == (result.treatment or 0) - (result.control or 0)
    assert result.difference.p_value is None


def test_error_of_the_median_of_normals() -> None:
    # Asymptotically sqrt(pi / 2 n) each; the mean width of 200 experiments is good to 1 %.
    widths = []
    for i in range(200):
        values = generator(74, i).standard_normal((2, 2000)) + 5
        one = quantile_effect(values[0], values[1], 0.5, ALPHA, seed=i, draws=2000).difference
        assert one.lower is not None
        assert one.upper is not None
        widths.append(one.upper - one.lower)
    expected = 2 * norm.isf(ALPHA / 2) * math.sqrt(2 * math.pi / 2 / 2000)
    assert np.mean(widths) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize(("q", "sizes"), [(0.5, (400, 400)), (0.9, (1800, 200))])
def test_no_difference_is_found_at_the_promised_rate(q: float, sizes: tuple[int, int]) -> None:
    replications, found = 1000, 0
    for i in range(replications):
        values = np.exp(generator(75, i).standard_normal(sum(sizes)))
        arms = values[: sizes[0]], values[sizes[0] :]
        one = quantile_effect(*arms, q, ALPHA, seed=i, draws=1000).difference
        assert one.lower is not None
        assert one.upper is not None
        found += one.lower > 0 or one.upper < 0
    low, high = binom.interval(0.999, replications, ALPHA)
    assert low <= found <= high


def test_same_seed_same_interval_whatever_the_order_of_users() -> None:
    values = generator(76, 1).standard_normal((2, 300))
    one = quantile_effect(values[0], values[1], 0.5, ALPHA, seed=3)
    assert quantile_effect(values[0][::-1], values[1], 0.5, ALPHA, seed=3) == one
    assert quantile_effect(values[0], values[1], 0.5, ALPHA, seed=4) != one


def test_equal_values_have_an_interval_of_one_point() -> None:
    result = quantile_effect(np.full(50, 2.0), np.full(60, 3.0), 0.5, ALPHA, seed=1)
    ends = result.difference.effect, result.difference.lower, result.difference.upper
    assert ends == (1, 1, 1)
    assert (result.lift.lower, result.lift.upper) == (50, 50)


@pytest.mark.parametrize(("n", "q", "enough"), [(4, 0.5, False), (5, 0.5, True), (30, 0.9, False)])
def test_few_users_give_no_interval(n: int, q: float, enough: bool) -> None:
    # Nobody stands beyond the ends: .5^5 = .031 > .025 > .5^6; .9^31 = .038.
    values = np.arange(1.0, 101)
    result = quantile_effect(values, values[:n], q, ALPHA, seed=1)
    assert (result.difference.lower is not None) == enough
    assert result.difference.effect is not None
    note = "" if enough else "treatment: too few users for an interval of this quantile"
    assert result.difference.note == result.lift.note == note


def test_undefined_is_none_with_the_reason() -> None:
    result = quantile_effect([], np.arange(50.0), 0.5, ALPHA, seed=1)
    assert result.control is result.difference.effect is result.lift.effect is None
    assert result.difference.note == "control: no users with the metric defined"
    zeros = quantile_effect(np.zeros(50), np.arange(50.0), 0.5, ALPHA, seed=1)
    assert zeros.lift.note == "control is 0: no relative effect"
    assert zeros.difference.lower is not None
    around = quantile_effect(np.linspace(-1, 1.1, 50), np.arange(50.0), 0.5, ALPHA, seed=1)
    assert around.lift.lower is None
    assert "unbounded" in around.lift.note


@pytest.mark.parametrize(("q", "alpha"), [(0.0, ALPHA), (1.0, ALPHA), (0.5, 0.0)])
def test_refuses_what_is_no_share(q: float, alpha: float) -> None:
    with pytest.raises(ValueError, match="lie between"):
        quantile_effect([1.0], [1.0], q, alpha, seed=1)


def test_refuses_undefined_values() -> None:
    with pytest.raises(ValueError, match="finite"):
        quantile_effect([1.0, math.nan], [1.0], 0.5, ALPHA, seed=1)
