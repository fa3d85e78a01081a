"""Looks by the adjusted estimate: parts of users, the estimator, days before that say nothing."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from itertools import pairwise

import numpy as np
import pytest

from abbotify import stats
from abbotify.eventlog.schema import ARM, Labels
from abbotify.eventlog.sessions import session_table
from abbotify.metrics.exposure_cohorts import MonitoringSpec, Watched, watched
from abbotify.metrics.user_sums import Course
from abbotify.metrics.users import UserTable, user_table
from abbotify.report.monitoring import MonitoringPlan, looks
from abbotify.report.result_rows import Look
from abbotify.stats import monitoring
from abbotify.stats.effects import CUPED, MEAN, Estimator
from abbotify.stats.moments import merged
from tests.report.tallied import DAYS, made

WHAT = MonitoringSpec("mean_time_per_session", 1, DAYS)


def users(pre: bool = True) -> UserTable:
    """Of 200 users a third comes on each of three days first; a quarter was not there before."""
    events = made()
    events = events.take((events.day == 0) | (events.day > events.user % 3))
    events = events.take((events.day > 0) | (events.user % 4 > 0))
    followed = WHAT.followed
    days_before = [0] if pre else []
    return user_table([session_table(events)], days=DAYS, pre_days=days_before, followed=followed)


def part(table: UserTable, rows: slice) -> UserTable:
    assert table.course is not None
    return UserTable(
        table.users[rows],
        {name: Labels(label.codes[rows], label.names) for name, label in table.arms.items()},
        table.exposed[rows],
        {name: values[rows] for name, values in table.values.items()},
        course=Course(**{name: values[rows] for name, values in vars(table.course).items()}),
    )


def plan(estimator: Estimator = "auto", arms: int = 2) -> MonitoringPlan:
    return MonitoringPlan(WHAT, (1.0,) * arms, 200, "obrien_fleming", 0.05, estimator)


def numbers(found: tuple[Look, ...]) -> list[list[float]]:
    keys = ("effect", "information", "lower", "upper", "valid_lower", "valid_upper", "valid_p")
    return [[float(getattr(look, key) or 0.0) for key in keys] for look in found]


@pytest.mark.parametrize("arms", [2, 3])
def test_parts_of_the_users_give_the_looks_of_the_whole(arms: int) -> None:
    table = users()
    whole = watched(table, arms, WHAT)
    bounds = [0, 0, 3, 60, 61, 150, len(table)]
    parts = [watched(part(table, slice(a, b)), arms, WHAT) for a, b in pairwise(bounds)]
    one, other = (looks(each, plan(arms=arms), 1) for each in (whole, reduce(merged, parts)))
    assert [look.users for look in one] == [look.users for look in other]
    assert len(one) == len(DAYS)
    np.testing.assert_allclose(numbers(other), numbers(one), rtol=1e-9)


def by_hand(table: UserTable, day: int) -> monitoring.Pair:
    """The pair of a look from the users themselves."""
    assert table.course is not None
    course, codes = table.course, table.arms[ARM].codes
    before = stats.with_indicator(table.values["pre_mean_time_per_session"])
    with np.errstate(invalid="ignore"):
        value = course.time[:, 0] / course.sessions[:, 0]
    rows = [
        np.flatnonzero((codes == arm) & table.exposed & (course.first <= day)) for arm in (0, 1)
    ]
    matrix = np.column_stack([value, before])
    return stats.cuped_means([stats.Moments.of(matrix[each]) for each in rows]).pair(1)


def test_looks_are_lins_estimates_with_their_whole_variance() -> None:
    table = users()
    found = looks(watched(table, 2, WHAT), plan(), 1)
    last = by_hand(table, DAYS[-1])
    assert any(each.common != (0.0, 0.0) for each in last)
    for look in found:
        pair = by_hand(table, look.day)
        one = stats.difference(*pair, 0.05)
        assert look.effect == pytest.approx(one.effect, rel=1e-9)
        variance = stats.variance_of_difference(*pair)
        planned = stats.variance_of_difference(*last) * sum(each.n for each in last) / 200
        # Planned arms are equal, drawn ones nearly so.
        assert look.information == pytest.approx(planned / variance, rel=0.05)


@pytest.mark.parametrize(("estimator", "pre"), [("mean", True), ("auto", False), ("mean", False)])
def test_the_plain_mean_is_looked_at_where_it_decides(estimator: Estimator, pre: bool) -> None:
    plain = watched(users(pre=False), 2, WHAT)
    found: Watched = watched(users(pre), 2, WHAT)
    assert plan(estimator).monitored(found).estimand == MEAN
    assert looks(found, plan(estimator), 1) == looks(plain, plan("mean"), 1)
    assert plan("auto").monitored(watched(users(), 2, WHAT)).estimand == CUPED


def test_days_before_that_say_nothing_change_nothing() -> None:
    table = users()
    same = dict.fromkeys(("pre_mean_time_per_session",), np.full(len(table), 3.0))
    table = replace(table, values={**table.values, **same})
    found = looks(watched(table, 2, WHAT), plan(), 1)
    plain = looks(watched(users(pre=False), 2, WHAT), plan("mean"), 1)
    np.testing.assert_allclose(numbers(found), numbers(plain), rtol=1e-9)
