"""Welch's difference and the lift: ours, tea-tasting's, splita's, scipy's, statsmodels'."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import splita
import tea_tasting
from scipy import stats as scipy_stats
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from abbotify.stats import Estimate, Moments, difference, mean, relative
from tests.peers.agreement import ALPHA, assert_agree, log_delta, numbers
from tests.peers.users import Users


def ours(users: Users, metric: str) -> tuple[Estimate, Estimate]:
    control, treatment = users.moments(metric)
    return mean(control), mean(treatment)


@pytest.mark.parametrize("metric", ["time", "sessions", "liked"])
def test_welch_is_tea_tastings(users: Users, metric: str) -> None:
    found = tea_tasting.Mean(metric).analyze(users.table(), 0, 1, "arm")
    control, treatment = ours(users, metric)
    mine = difference(control, treatment, ALPHA)
    assert_agree(
        (control.value, treatment.value, *numbers(mine)),
        (
            found.control,
            found.treatment,
            found.effect_size,
            found.effect_size_ci_lower,
            found.effect_size_ci_upper,
            found.statistic,
            found.pvalue,
        ),
    )


@pytest.mark.filterwarnings("ignore:.*skewness:RuntimeWarning")
@pytest.mark.parametrize("metric", ["time", "sessions"])
def test_welch_is_splitas(users: Users, metric: str) -> None:
    (control,), (treatment,) = users.of(0, metric), users.of(1, metric)
    found = splita.Experiment(control, treatment, metric="continuous", method="ttest").run()
    mine = difference(*ours(users, metric), ALPHA)
    theirs = (found.lift, found.ci_lower, found.ci_upper, found.statistic, found.pvalue)
    assert_agree(numbers(mine), theirs)


@pytest.mark.parametrize("metric", ["time", "sessions", "liked"])
def test_welch_is_scipys_and_statsmodels(users: Users, metric: str) -> None:
    (control,), (treatment,) = users.of(0, metric), users.of(1, metric)
    mine = difference(*ours(users, metric), ALPHA)
    test = scipy_stats.ttest_ind(treatment, control, equal_var=False)
    ends = test.confidence_interval(1 - ALPHA)
    assert_agree(numbers(mine)[1:], (ends.low, ends.high, test.statistic, test.pvalue))
    pair = CompareMeans(DescrStatsW(treatment), DescrStatsW(control))
    statistic, p_value, df = pair.ttest_ind(usevar="unequal")
    ends = pair.tconfint_diff(ALPHA, usevar="unequal")
    assert_agree((*numbers(mine)[1:], mine.df), (*ends, statistic, p_value, df))


@pytest.mark.parametrize("metric", ["time", "sessions", "liked"])
def test_the_lift_is_tea_tastings_and_its_interval_is_that_of_logarithms(
    users: Users, metric: str
) -> None:
    found = tea_tasting.Mean(metric).analyze(users.table(), 0, 1, "arm")
    pair = ours(users, metric)
    lift = relative(*pair, ALPHA)
    assert lift.effect is not None
    bounds = (found.rel_effect_size_ci_lower, found.rel_effect_size_ci_upper)
    assert_agree((lift.effect / 100, *log_delta(*pair)), (found.rel_effect_size, *bounds))
    # Fieller's differs from it in the second order of the standard error.
    width = bounds[1] - bounds[0]
    assert lift.lower is not None
    assert lift.upper is not None
    apart = np.abs(np.array([lift.lower, lift.upper]) / 100 - bounds)
    assert (apart > 1e-9).all()
    assert (apart < width**2).all()


def test_splita_has_the_lift_without_an_interval(users: Users) -> None:
    (control,), (treatment,) = users.of(0, "sessions"), users.of(1, "sessions")
    found = splita.Experiment(control, treatment, metric="continuous", method="ttest").run()
    lift = relative(*ours(users, "sessions"), ALPHA).effect
    assert lift is not None
    assert_agree((lift / 100,), (found.relative_lift,))


def test_shares_of_users_are_compared_like_means_and_not_with_a_pooled_variance(
    users: Users,
) -> None:
    """tea-tasting's and splita's tests of proportions pool the arms' variances: no duality."""
    (control,), (treatment,) = users.of(0, "liked"), users.of(1, "liked")
    found = splita.Experiment(control, treatment, metric="conversion").run()
    proportion = tea_tasting.Proportion("liked", method="norm", correction=False)
    other = proportion.analyze(users.table(), 0, 1, "arm")
    assert_agree((other.pvalue, other.effect_size), (found.pvalue, found.lift))
    mine = difference(*ours(users, "liked"), ALPHA)
    assert mine.p_value == pytest.approx(found.pvalue, rel=0.05)
    assert abs((mine.p_value or 0) / found.pvalue - 1) > 1e-4
    assert mine.effect == pytest.approx(found.lift, rel=1e-12)


def test_a_lift_of_a_negative_control_has_the_sign_of_its_effect() -> None:
    """tea-tasting divides by the mean itself: its better reads as less. splita as we."""
    values = -2 + 0.1 * (np.arange(400.0) % 3)
    arm = np.arange(400) % 2
    values[arm == 1] += 0.05
    found = tea_tasting.Mean("y").analyze(pa.table({"y": values, "arm": arm}), 0, 1, "arm")
    other = splita.Experiment(values[arm == 0], values[arm == 1], metric="continuous").run()
    control, treatment = (mean(arm) for arm in Moments.by_arm([values], arm, 2))
    lift = relative(control, treatment, ALPHA)
    assert lift.effect is not None
    assert lift.lower is not None
    assert lift.lower > 0
    assert found.effect_size > 0
    assert_agree((lift.effect / 100,) * 2, (-found.rel_effect_size, other.relative_lift))
