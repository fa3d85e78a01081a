"""The watched sample ratio: published evidence, exact fractions, and error over all looks."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, dirichlet_multinomial, multinomial

from abbotify.stats import sample_ratio
from abbotify.stats.sample_ratio import log_bayes_factor, watch_sample_ratio


@pytest.mark.parametrize(
    ("concentration", "evidence"), [(1, -7.965154), (100, -2.754605), (1e4, 0.615213)]
)
def test_known_evidence(concentration: float, evidence: float) -> None:
    # Three arms of a published example; from the Dirichlet-multinomial likelihood.
    found = log_bayes_factor([9850, 6050, 4100], [0.5, 0.3, 0.2], concentration)
    assert found == pytest.approx(evidence, abs=5e-7)


@given(st.lists(st.integers(0, 2000), min_size=3, max_size=3).filter(any), st.floats(0.5, 1e4))
def test_equals_the_ratio_of_scipys_likelihoods(counts: list[int], concentration: float) -> None:
    weights = np.array([0.5, 0.3, 0.2])
    n = sum(counts)
    oracle = dirichlet_multinomial.logpmf(counts, concentration * weights, n)
    oracle -= multinomial.logpmf(counts, n, weights)
    found = log_bayes_factor(counts, [5, 3, 2], concentration)
    assert found == pytest.approx(float(oracle), abs=1e-8)


@given(st.integers(0, 40), st.integers(0, 40))
def test_is_a_fair_bet_at_every_user(first: int, second: int) -> None:
    # Expected over the next user, drawn by the weights, evidence stays as it is: a martingale.
    weights = (Fraction(3, 4), Fraction(1, 4))
    now = math.exp(log_bayes_factor([first, second], [3, 1], 7))
    one, other = (
        math.exp(log_bayes_factor(counts, [3, 1], 7))
        for counts in ([first + 1, second], [first, second + 1])
    )
    assert float(weights[0]) * one + float(weights[1]) * other == pytest.approx(now, rel=1e-11)


def test_error_over_eighty_looks_is_at_most_alpha() -> None:
    alpha, replications, users = 0.05, 1000, 400
    wrong = peeked = 0
    n = np.arange(1, users + 1)
    for key in range(replications):
        philox = np.random.Philox(key=np.array([51, key], dtype=np.uint64))
        treated = (np.random.Generator(philox).random(users) < 0.5).cumsum()
        peeked += bool((np.abs(treated - n / 2) > 1.96 * np.sqrt(n) / 2)[20:].any())
        looks = np.stack([n - treated, treated], axis=1)[4::5].tolist()
        wrong += watch_sample_ratio(looks, [1, 1], alpha)[-1].mismatch
    assert wrong <= binom.ppf(0.999, replications, alpha)
    assert peeked > binom.ppf(0.999, replications, 0.25)


def test_finds_a_mismatch_and_keeps_it() -> None:
    looks = watch_sample_ratio([[50, 50], [6000, 4000], [10_000, 10_000]], [1, 1])
    assert [look.mismatch for look in looks] == [False, True, True]
    assert looks[0].p_value == 1
    assert (
        looks[2].p_value == looks[1].p_value == pytest.approx(math.exp(-looks[1].log_bayes_factor))
    )
    assert looks[2].log_bayes_factor < 0
    assert sample_ratio([10_000, 10_000], [1, 1]).mismatch is False


def test_no_looks_and_no_users() -> None:
    assert watch_sample_ratio([], [1, 1]) == ()
    assert watch_sample_ratio([[0, 0]], [1, 1])[0].log_bayes_factor == 0


@pytest.mark.parametrize(
    ("looks", "weights", "alpha", "concentration", "what"),
    [
        ([[3, 4], [2, 9]], [1, 1], 0.01, 1, "fall"),
        ([[3, -4]], [1, 1], 0.01, 1, "negative"),
        ([[3]], [1], 0.01, 1, "two arms"),
        ([[3, 4, 5]], [1, 1], 0.01, 1, "3 counts for 2"),
        ([[3, 4]], [1, 0], 0.01, 1, "positive"),
        ([[3, 4]], [1, 1], 0.01, math.inf, "positive"),
        ([[3, 4]], [1, 1], 1, 1, "alpha"),
    ],
)
def test_refuses(
    looks: list[list[int]], weights: list[float], alpha: float, concentration: float, what: str
) -> None:
    with pytest.raises(ValueError, match=what):
        watch_sample_ratio(looks, weights, alpha, concentration)
