"""CUPED: the peers' one slope for all arms, made of our moments; ours beside it."""

from __future__ import annotations

import numpy as np
import pytest
import splita
import statsmodels.api as sm
import tea_tasting

from abbotify.stats import (
    Estimate,
    cuped_means,
    cuped_ratios,
    difference,
    relative,
)
from tests.peers.agreement import ALPHA, assert_agree, log_delta, numbers, pooled
from tests.peers.users import Users

RATIO = ("time", "sessions", "time_before", "sessions_before")


def lift_of(control: Estimate, treatment: Estimate) -> float:
    lift = relative(control, treatment, ALPHA).effect
    assert lift is not None
    return lift / 100


@pytest.mark.parametrize(
    ("metric", "columns"),
    [
        (tea_tasting.Mean("time", "time_before"), ("time", "time_before")),
        (tea_tasting.Mean("sessions", "sessions_before"), ("sessions", "sessions_before")),
        (tea_tasting.RatioOfMeans(*RATIO), RATIO),
    ],
)
def test_tea_tastings_is_one_slope_for_both_arms(
    users: Users, metric: tea_tasting.RatioOfMeans, columns: tuple[str, ...]
) -> None:
    found = metric.analyze(users.table(), 0, 1, "arm")
    pair = pooled(users.moments(*columns))
    assert_agree(
        (*numbers(difference(*pair, ALPHA)), lift_of(*pair), *log_delta(*pair)),
        (
            found.effect_size,
            found.effect_size_ci_lower,
            found.effect_size_ci_upper,
            found.statistic,
            found.pvalue,
            found.rel_effect_size,
            found.rel_effect_size_ci_lower,
            found.rel_effect_size_ci_upper,
        ),
    )


@pytest.mark.filterwarnings("ignore:.*skewness:RuntimeWarning")
def test_splitas_is_one_slope_for_both_arms(users: Users) -> None:
    (y, x), (y_treated, x_treated) = (users.of(arm, "time", "time_before") for arm in (0, 1))
    adjusted = splita.CUPED().fit_transform(y, y_treated, x, x_treated)
    found = splita.Experiment(*adjusted, metric="continuous", method="ttest").run()
    mine = numbers(difference(*pooled(users.moments("time", "time_before")), ALPHA))
    theirs = (found.lift, found.ci_lower, found.ci_upper, found.statistic, found.pvalue)
    assert_agree(mine, theirs)


def test_with_equal_slopes_all_definitions_are_one(users: Users) -> None:
    """A treatment of the control's own users and a constant: the slopes are the same in both."""
    y, x = users.of(0, "time", "time_before")
    n = len(y)
    both = Users(
        np.repeat(np.arange(2), n),
        np.concatenate([y, y + 3]),
        *(np.concatenate([x, x]) for _ in range(4)),
    )
    found = tea_tasting.Mean("time", "time_before").analyze(both.table(), 0, 1, "arm")
    mine = difference(*cuped_means(both.moments("time", "time_before")).pair(1), ALPHA)
    assert mine.effect is not None
    assert mine.statistic is not None
    # One more parameter is fitted in an arm than they count.
    theirs = found.statistic * np.sqrt((n - 2) / (n - 1))
    assert_agree((mine.effect, mine.statistic), (found.effect_size, theirs))


def test_ours_is_the_regression_with_a_slope_for_each_arm(users: Users) -> None:
    arm, y, x = users.arm, users.time, users.time_before - users.time_before.mean()
    fit = sm.OLS(y, np.column_stack([np.ones(len(y)), arm, x, arm * x])).fit()
    adjusted = cuped_means(users.moments("time", "time_before"))
    effect = difference(*adjusted.pair(1), ALPHA).effect
    slopes = adjusted.slopes[:, 0]
    assert_agree((effect, *slopes), (fit.params[1], fit.params[2], fit.params[2:].sum()))


def test_with_slopes_alike_ours_and_theirs_differ_by_little_of_the_error(users: Users) -> None:
    for columns, adjust in ((("time", "time_before"), cuped_means), (RATIO, cuped_ratios)):
        arms = users.moments(*columns)
        mine = difference(*adjust(arms).pair(1), ALPHA)
        theirs = difference(*pooled(arms), ALPHA)
        ends = (mine.effect, mine.statistic, theirs.effect, theirs.statistic)
        effect, statistic, other, other_statistic = (end or 0 for end in ends)
        error = effect / statistic
        assert 1e-6 < abs(effect - other) / error < 0.2, columns
        assert error == pytest.approx(other / other_statistic, rel=0.03)
