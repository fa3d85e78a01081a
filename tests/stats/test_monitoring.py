"""Monitoring by day: promised error on known truth, duality, days that bring nothing."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import binom, ttest_ind

from abbotify.stats import Estimate, Moments, mean, welch
from abbotify.stats.group_sequential import Spending, boundaries, obrien_fleming, pocock
from abbotify.stats.monitoring import Pair, monitor, planned_information

ALPHA = 0.05
REPLICATIONS = 1000
LOOKS, BATCH = 5, 100

Floats = NDArray[np.float64]


def generator(key: int, replication: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=np.array([key, replication], dtype=np.uint64)))


def growing(values: Floats, other: Floats) -> list[Pair]:
    """The pairs after each batch; shapes (looks, users)."""
    merged, pairs = (Moments.empty(1), Moments.empty(1)), list[Pair]()
    for batch, new in zip(values, other, strict=True):
        merged = (merged[0].merge(Moments.of(batch)), merged[1].merge(Moments.of(new)))
        pairs.append((mean(merged[0]), mean(merged[1])))
    return pairs


def skewed(key: int, replication: int) -> list[Pair]:
    draws = generator(key, replication).standard_exponential((2, LOOKS, BATCH))
    return growing(draws[0], draws[1])


def within_band(hits: int, rate: float) -> bool:
    low, high = binom.interval(0.999, REPLICATIONS, rate)
    return bool(low <= hits <= high)


@pytest.mark.parametrize(("spending", "key"), [(obrien_fleming, 31), (pocock, 32)])
def test_error_over_all_looks_is_alpha_where_peeking_is_not(spending: Spending, key: int) -> None:
    planned = LOOKS * BATCH / 2  # exponential users have variance 1
    stopped = peeked = 0
    for replication in range(REPLICATIONS):
        pairs = skewed(key, replication)
        stopped += monitor(pairs, planned, ALPHA, spending, final=True).stopped is not None
        p_values = [welch_p(pair) for pair in pairs]
        peeked += min(p_values) < ALPHA
    assert within_band(stopped, ALPHA)
    assert within_band(peeked, 0.1417)


def welch_p(pair: Pair) -> float:
    variance = (pair[0].variance or 0) + (pair[1].variance or 0)
    z = ((pair[1].value or 0) - (pair[0].value or 0)) / variance**0.5
    return 2 * float(ndtr(-abs(z)))


def test_every_look_is_welch_at_its_boundarys_level() -> None:
    draws = generator(33, 0).standard_normal((2, 3, 60))
    pairs = growing(draws[0], draws[1] + 0.4)
    planned = planned_information(*pairs[-1], (180, 180))
    found = monitor(pairs, planned, ALPHA, pocock)
    plan = boundaries([look.information or 0 for look in found.looks], ALPHA, pocock)
    assert found.looks[-1].information == pytest.approx(1, rel=1e-12)
    assert found.spent == plan.spent[-1]
    for number, look in enumerate(found.looks):
        assert (look.critical, look.nominal) == (plan.critical[number], plan.nominal[number])
        assert look.nominal is not None
        control, treatment = (row[: number + 1].ravel() for row in draws)
        oracle = ttest_ind(treatment + 0.4, control, equal_var=False)
        interval = oracle.confidence_interval(1 - look.nominal)
        assert (look.effect.lower, look.effect.upper) == pytest.approx(tuple(interval), rel=1e-9)
        assert look.significant == (oracle.pvalue < look.nominal) == (interval.low > 0)
    assert found.stopped == [look.significant for look in found.looks].index(True)


def test_information_is_of_variance_not_of_days() -> None:
    pilot = (Estimate(50, 1.0, 4 / 50), Estimate(10, 1.0, 9 / 10))
    assert planned_information(*pilot, (400, 300)) == pytest.approx(1 / (4 / 400 + 9 / 300))
    found = monitor([pilot], 1.0, ALPHA)
    assert found.looks[0].information == pytest.approx(1 / 0.98)


def test_a_look_without_news_is_no_look() -> None:
    first = (Estimate(100, 1.0, 0.02), Estimate(100, 1.1, 0.02))
    later = (Estimate(200, 1.0, 0.01), Estimate(200, 1.1, 0.01))
    found = monitor([first, first, later], 50.0, ALPHA, pocock)
    without = monitor([first, later], 50.0, ALPHA, pocock)
    assert found.looks[1].note == "no new information since the last look"
    assert found.looks[1].significant is found.looks[1].effect.lower is None
    assert found.looks[1].effect.effect == pytest.approx(0.1)
    assert (found.looks[0], found.looks[2]) == without.looks
    assert found.spent == without.spent


def test_undefined_and_early_looks_say_why() -> None:
    nobody, steady = Estimate(0, None, None, "no users"), Estimate(9, 1.0, 0.0)
    early, late = Estimate(5, 1.0, 0.2), Estimate(5000, 1.0, 1e-5)
    found = monitor([(nobody, early), (steady, steady), (early, early), (late, late)], 1e3, ALPHA)
    assert [look.note for look in found.looks] == [
        "control: no users",
        "no variance in either arm: no test, no interval",
        "next to no error may be spent yet",
        "",
    ]
    after = monitor([(late, late), (steady, late)], 1e3, ALPHA)
    assert after.looks[1].note == "all error is spent"
    assert monitor([(nobody, nobody)], 1.0, ALPHA).stopped is None
    assert monitor([], 1.0, ALPHA).looks == ()


def test_refuses_what_means_nothing() -> None:
    good, steady = Estimate(9, 1.0, 1.0), Estimate(9, 1.0, 0.0)
    with pytest.raises(ValueError, match="planned information"):
        monitor([(good, good)], 0.0, ALPHA)
    with pytest.raises(ValueError, match="users must be planned"):
        planned_information(good, good, (10, 0))
    with pytest.raises(ValueError, match="one user"):
        planned_information(good, mean(Moments.of([1.0])), (10, 10))
    with pytest.raises(ValueError, match="either arm"):
        planned_information(steady, steady, (10, 10))


def test_one_look_at_the_planned_end_is_the_fixed_test() -> None:
    draws = generator(35, 0).standard_normal((2, 80))
    control, treatment = (Moments.of(row) for row in draws)
    pair = (mean(control), mean(treatment))
    look = monitor([pair], planned_information(*pair, (80, 80)), ALPHA, final=True).looks[0]
    fixed = welch(control, treatment, ALPHA)
    assert (look.effect.lower, look.effect.upper) == pytest.approx((fixed.lower, fixed.upper))
    assert look.effect.p_value == fixed.p_value


@pytest.mark.parametrize("planned", [1e9, 1e-3])
def test_the_last_look_spends_what_is_left_whatever_was_planned(planned: float) -> None:
    """Far too much planned: no look but the last may stop, and it is the fixed test."""
    pairs = [(Estimate(n, 1.0, 1 / n), Estimate(n, 1.2, 1 / n)) for n in (20, 40, 60)]
    looks = monitor(pairs, planned, ALPHA, final=True).looks
    if planned > 1:
        assert [look.critical is None for look in looks] == [True, True, False]
        assert looks[-1].critical == pytest.approx(1.959964, abs=1e-4)
    assert monitor(pairs, 1e9, ALPHA).looks[-1].critical is None
