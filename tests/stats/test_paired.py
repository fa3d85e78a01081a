"""Pairs against scipy, and linearisations against numerical influence functions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats as scipy_stats

from abbotify.stats import Moments
from abbotify.stats.means import SAME, lift_terms, paired, paired_effects, ratio_terms

Floats = np.ndarray


def pairs(n: int, seed: int) -> tuple[Floats, Floats]:
    draws = np.random.default_rng(seed)
    first = draws.lognormal(0.5, 1.0, n)
    return first, 0.8 * first + draws.lognormal(0.0, 0.5, n)


@pytest.mark.parametrize("n", [2, 3, 17, 1000])
@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_pairs_are_scipys(n: int, alpha: float) -> None:
    first, second = pairs(n, n)
    found = paired(Moments.of(second - first), alpha)
    expected = scipy_stats.ttest_rel(second, first)
    interval = expected.confidence_interval(1 - alpha)
    got = (found.effect, found.lower, found.upper, found.statistic, found.df, found.p_value)
    want = (np.mean(second - first), *interval, expected.statistic, n - 1, expected.pvalue)
    assert got == pytest.approx(want, rel=1e-10)


def test_the_sleep_data_of_student() -> None:
    """R: t.test(extra ~ group, sleep, paired): t = -4.0621, df = 9, p = 0.002833."""
    first = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
    second = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])
    found = paired(Moments.of(first - second), 0.05)
    assert found.statistic == pytest.approx(-4.0621, abs=5e-5)
    assert found.df == 9
    assert found.p_value == pytest.approx(0.002833, abs=5e-7)
    assert found.lower == pytest.approx(-2.4598858, abs=5e-8)
    assert found.upper == pytest.approx(-0.7001142, abs=5e-8)


def test_pairs_without_spread_have_no_test() -> None:
    for values, effect, note in (
        (np.zeros(5), 0.0, SAME),
        (np.full(5, 0.1), 0.1, "the same difference for every user"),
    ):
        found = paired(Moments.of(values), 0.05)
        assert (found.effect, found.lower, found.p_value, found.note) == (effect, None, None, note)
    one = paired(Moments.of([2.0]), 0.05)
    assert (one.effect, one.lower) == (2.0, None)
    assert "one user" in one.note
    assert paired(Moments.empty(1), 0.05).effect is None


def test_effects_move_by_welch_on_the_pairs() -> None:
    control, treatment = pairs(40, 1), pairs(60, 2)
    moved = [second - first for first, second in (control, treatment)]
    found = paired_effects(Moments.of(moved[0]), Moments.of(moved[1]), 0.05)
    expected = scipy_stats.ttest_ind(moved[1], moved[0], equal_var=False)
    interval = expected.confidence_interval()
    assert (found.effect, found.lower, found.upper, found.p_value) == pytest.approx(
        (moved[1].mean() - moved[0].mean(), *interval, expected.pvalue), rel=1e-10
    )
    still = paired_effects(Moments.of(np.zeros(4)), Moments.of(np.zeros(4)), 0.05)
    assert (still.effect, still.p_value, still.note) == (0.0, None, SAME)


def influence(statistic: Callable[[Floats], float], n: int) -> Floats:
    """How the statistic answers to each user's weight, by central differences."""
    step, out = 1e-5, np.empty(n)
    for at in range(n):
        up, down = np.ones(n), np.ones(n)
        up[at] += step
        down[at] -= step
        out[at] = n * (statistic(up) - statistic(down)) / (2 * step)
    return out


@pytest.mark.parametrize("sign", [1, -1])
def test_terms_of_a_lift_are_its_influence(sign: int) -> None:
    control, treatment = sign * pairs(30, 3)[0], sign * pairs(20, 4)[1]

    def lift(of_control: Floats, of_treatment: Floats) -> float:
        base = np.average(control, weights=of_control)
        return float(100 * (np.average(treatment, weights=of_treatment) - base) / abs(base))

    terms = lift_terms(control, treatment)
    assert terms is not None
    assert terms[1].mean() - terms[0].mean() == pytest.approx(lift(np.ones(30), np.ones(20)))
    of_control = influence(lambda weights: lift(weights, np.ones(20)), 30)
    of_treatment = influence(lambda weights: lift(np.ones(30), weights), 20)
    assert terms[0].mean() - terms[0] == pytest.approx(of_control, rel=1e-5, abs=1e-5)
    assert terms[1] - terms[1].mean() == pytest.approx(of_treatment, rel=1e-5, abs=1e-5)


def test_terms_of_a_ratio_are_its_influence() -> None:
    denominator, numerator = pairs(25, 5)

    def ratio(weights: Floats) -> float:
        return float(np.sum(weights * numerator) / np.sum(weights * denominator))

    terms = ratio_terms(numerator, denominator)
    assert terms is not None
    assert terms.mean() == pytest.approx(ratio(np.ones(25)))
    assert terms - terms.mean() == pytest.approx(influence(ratio, 25), rel=1e-5, abs=1e-6)


def test_what_has_no_base_has_no_terms() -> None:
    assert lift_terms(np.zeros(3), np.ones(3)) is None
    assert lift_terms(np.empty(0), np.ones(3)) is None
    assert ratio_terms(np.ones(2), np.zeros(2)) is None
    assert ratio_terms(np.empty(0), np.empty(0)) is None
