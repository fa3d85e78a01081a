"""Users, lift and power: exact inverses, statsmodels' numbers, experiments drawn from the pilot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom
from statsmodels.stats.power import TTestIndPower

from abbotify.stats import Moments, cuped_means, cuped_ratios, difference, welch, with_indicator
from abbotify.stats.effects import Estimator
from abbotify.stats.power import Pilot, power
from abbotify.studies.power.design import (
    EXPLORATORY,
    LIFT,
    POWER,
    SUCCESS,
    USERS,
    PointSpec,
    Row,
    Terms,
    design,
    detectable,
    in_arms,
    needed,
    powered,
)
from abbotify.studies.power.pilot import Piloted, piloted
from tests.studies.tables import generator, table

ALPHA = 0.05
REPLICATIONS = 2000
METRICS = ("mean_time_per_session", "time", "sessions", "retained", "timeouts")
ALL = table()
TERMS = Terms(ALPHA, 0.8, ("mean_time_per_session", "time"), (("a", 1.0), ("b", 1.0), ("c", 2.0)))
TWO = Terms(ALPHA, 0.8, ("time",), (("a", 1.0),))


def rows(terms: Terms = TERMS, asked: PointSpec | None = None) -> tuple[Row, ...]:
    return design(piloted(ALL, METRICS, "assigned"), terms, asked or PointSpec())


@pytest.mark.parametrize("users", [60.0, 1500.0, 1e6])
def test_power_at_the_detectable_lift_is_the_wanted_one(users: float) -> None:
    for row in rows():
        point = detectable(row, users, TERMS.wanted)
        pilot = row.piloted.pilot
        if pilot is None or point.effect is None:
            assert point.note
            continue
        assert power(pilot, point.effect, in_arms(row, users), row.level) == pytest.approx(
            0.8, abs=1e-9
        )
        assert powered(row, point.lift or 0.0, users).power == pytest.approx(0.8, abs=1e-9)


@pytest.mark.parametrize("users", [300.0, 20_000.0])
def test_the_users_for_the_detectable_lift_are_those_it_was_found_with(users: float) -> None:
    told = 0
    for row in rows():
        lift = detectable(row, users, TERMS.wanted).lift
        if lift is not None:
            point = needed(row, lift, TERMS.wanted)
            assert point.users == pytest.approx(users, rel=1e-8)
            assert point.power == pytest.approx(0.8, abs=1e-9)
            told += 1
    assert told == 20  # five estimands, with CUPED and without, two sizes of treatments


def test_equal_arms_are_statsmodels() -> None:
    plain = Piloted("retained", "mean", False, "shift", 500, 1.0, 2.0, Pilot(2.0, 4.0))
    (row,) = design([plain], TWO, PointSpec(users=400.0, lifts=(20.0,), power_at=(20.0,)))
    lift, users, chance = row.points
    assert [point.solved for point in row.points] == [LIFT, USERS, POWER]
    oracle = TTestIndPower()  # a lift of 20 % is .4, a fifth of the standard deviation
    assert chance.power == pytest.approx(float(oracle.power(0.2, 200, ALPHA)), abs=1e-12)
    alone = oracle.solve_power(effect_size=0.2, alpha=ALPHA, power=0.8)
    assert users.users == pytest.approx(2 * float(alone), rel=1e-6)
    least = oracle.solve_power(nobs1=200, alpha=ALPHA, power=0.8)
    assert lift.lift == pytest.approx(100 * float(least), rel=1e-6)


def test_success_metrics_share_the_error_rate_and_come_first() -> None:
    found = rows()
    for row in found:
        success = row.piloted.metric in TERMS.success and row.piloted.estimand == "mean"
        assert row.role == (SUCCESS if success else EXPLORATORY)
        assert row.level == pytest.approx(ALPHA / 6 if success else ALPHA, rel=1e-15)
    roles = [row.role for row in found]
    assert roles == sorted(roles, key=lambda role: role != SUCCESS)


def test_what_decides_leads_and_is_named() -> None:
    estimators: tuple[Estimator, ...] = ("mean", "auto", "cuped")
    for estimator in estimators:
        found = [row for row in rows(replace(TERMS, estimator=estimator)) if row.role == SUCCESS]
        assert [row.decides for row in found] == [True, True, False, False] * 2
        for row in found:
            assert row.piloted.cuped == (row.decides == (estimator != "mean"))
    alone = design(
        piloted(table(pre=False), METRICS, "assigned"),
        replace(TERMS, estimator="auto"),
        PointSpec(),
    )
    assert {row.piloted.cuped for row in alone if row.decides} == {False}


def test_treatments_of_one_size_share_a_row() -> None:
    assert {(row.arms, row.shares) for row in rows()} == {
        (("a", "b"), (0.2, 0.2)),
        (("c",), (0.2, 0.4)),
    }


def test_users_without_the_metric_are_paid_for() -> None:
    # Of the assigned only 14 of 15 came, and the others have no mean.
    row = next(row for row in rows(TWO) if row.piloted.metric == "mean_time_per_session")
    assert in_arms(row, 1500) == pytest.approx((700, 700))
    came = design(piloted(ALL, METRICS), TWO, PointSpec())
    twin = next(row for row in came if row.piloted.metric == "mean_time_per_session")
    more, fewer = (needed(each, 5.0, 0.8).users for each in (row, twin))
    assert more == pytest.approx((fewer or 0) * 15 / 14, rel=1e-9)


def test_too_few_users_are_an_empty_cell_with_the_reason() -> None:
    (row,) = (r for r in rows(TWO) if (r.piloted.metric, r.piloted.cuped) == ("sessions", False))
    for point in (detectable(row, 3.0, 0.8), powered(row, 5.0, 3.0)):
        assert point.note == "fewer than 2 users in an arm"
    assert detectable(row, 3.0, 0.8).lift is None
    assert powered(row, 5.0, 3.0).power is None
    assert "no lift has this power" in detectable(row, 4.0, 0.999).note
    small = needed(row, 0.1, 0.8).users, needed(row, 1e4, 0.8).users
    assert small[1] is not None
    assert small[1] >= 4  # whatever the lift, an arm has 2 users
    assert small[0] is not None
    assert small[0] > 1e5


def test_a_metric_without_numbers_has_points_that_say_why() -> None:
    asked = PointSpec(users=400.0, lifts=(1.0,), power_at=(1.0,))
    row = next(row for row in rows(TWO, asked) if row.piloted.metric == "timeouts")
    assert [point.note for point in row.points] == ["no variance"] * 3
    assert [(p.effect, p.power if p.solved == POWER else None) for p in row.points] == [
        (None, None)
    ] * 3


Test = Callable[[np.ndarray, np.ndarray], float | None]


def by_welch(control: np.ndarray, treated: np.ndarray) -> float | None:
    return welch(Moments.of(control[:, 0]), Moments.of(treated[:, 0]), ALPHA).p_value


def by_cuped(control: np.ndarray, treated: np.ndarray) -> float | None:
    arms = [
        Moments.of(np.concatenate([arm[:, :1], with_indicator(arm[:, 1])], axis=1))
        for arm in (control, treated)
    ]
    return difference(*cuped_means(arms).pair(1), ALPHA).p_value


def by_ratio_cuped(control: np.ndarray, treated: np.ndarray) -> float | None:
    adjusted = cuped_ratios([Moments.of(control), Moments.of(treated)])
    return difference(*adjusted.pair(1), ALPHA).p_value


# With 400 users against 1,200 the skew of sums still costs .01 of the power (.694, not .702).
CELLS = {
    "mean": (("mean_time_per_session", "mean", False), by_welch, 10.0, 1000),
    "mean, CUPED": (("mean_time_per_session", "mean", True), by_cuped, 10.0, 1000),
    "sum, 1 to 3": (("time", "mean", False), by_welch, 7.5, 6400),
    "sum, 1 to 3, CUPED": (("time", "mean", True), by_cuped, 7.5, 6400),
    "ratio, CUPED": (("mean_time_per_session", "ratio", True), by_ratio_cuped, 8.0, 1200),
}
PARTS = ("time", "sessions", "pre_time", "pre_sessions")


@pytest.mark.parametrize("cell", CELLS)
def test_experiments_drawn_from_the_pilot_have_the_power(cell: str) -> None:
    """Users are drawn with replacement, and a lift multiplies the metric of the treated."""
    (metric, estimand, cuped), test, lift, users = CELLS[cell]
    weights = (("a", 3.0),) if "1 to 3" in cell else (("a", 1.0),)
    terms = Terms(ALPHA, 0.8, ("sessions",), weights)
    (row,) = (
        each
        for each in design(piloted(ALL, METRICS), terms, PointSpec())
        if (each.piloted.metric, each.piloted.estimand, each.piloted.cuped)
        == (metric, estimand, cuped)
    )
    columns = (metric, f"pre_{metric}") if estimand == "mean" else PARTS
    pool = np.stack([ALL.values[name][ALL.exposed] for name in columns], axis=1)
    control = round(users * row.shares[0])
    draws = generator(97, len(cell)).integers(len(pool), size=(REPLICATIONS, users))
    found = 0
    for drawn in draws:
        sample = pool[drawn]
        sample[control:, 0] *= 1 + lift / 100
        p_value = test(sample[:control], sample[control:])
        assert p_value is not None
        found += p_value < ALPHA
    planned = powered(row, lift, users).power
    assert planned is not None
    assert 0.2 < planned < 0.97  # where a wrong variance would show
    low, high = binom.interval(0.999, REPLICATIONS, planned)
    assert low <= found <= high
