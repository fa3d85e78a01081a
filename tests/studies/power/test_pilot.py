"""A pilot's numbers: those of statsmodels' regression, and of the delta method."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from abbotify.metrics.users import UserTable
from abbotify.studies.power.pilot import NO_PRE_PERIOD, SCALE, SHIFT, Piloted, model_of, piloted
from tests.studies.tables import AWAY, USERS, table

METRICS = ("mean_time_per_session", "time", "sessions", "retained", "timeouts")
ALL = table()


def found(users: UserTable, metric: str, cuped: bool, estimand: str = "mean") -> Piloted:
    rows = [r for r in piloted(users, METRICS) if (r.metric, r.estimand) == (metric, estimand)]
    assert [row.cuped for row in rows] == [False, True]
    return rows[cuped]


def here(name: str) -> np.ndarray:
    return ALL.values[name][ALL.exposed]


@pytest.mark.parametrize("metric", ["mean_time_per_session", "time", "sessions", "retained"])
def test_the_plain_variance_is_that_of_the_users(metric: str) -> None:
    row = found(ALL, metric, False)
    assert row.pilot is not None
    assert row.value == pytest.approx(here(metric).mean(), rel=1e-12)
    assert row.pilot.variance == pytest.approx(here(metric).var(ddof=1), rel=1e-12)
    assert (row.n, row.share, row.removed) == (USERS - AWAY, 1.0, None)


@pytest.mark.parametrize("metric", ["mean_time_per_session", "time", "sessions", "retained"])
def test_cuped_leaves_the_residual_variance_of_the_regression(metric: str) -> None:
    before = here(f"pre_{metric}")
    columns = [np.nan_to_num(before)]
    if np.isnan(before).any():
        columns.append(np.isnan(before).astype(float))
    oracle = sm.OLS(here(metric), sm.add_constant(np.stack(columns, axis=1))).fit()
    row = found(ALL, metric, True)
    assert row.pilot is not None
    assert row.pilot.variance == pytest.approx(oracle.mse_resid, rel=1e-10)
    assert row.removed == pytest.approx(oracle.rsquared_adj, abs=1e-10)
    assert row.value == found(ALL, metric, False).value


def test_a_ratio_is_planned_by_the_delta_method_and_its_own_ratio_before() -> None:
    after, before = (
        (y - y.sum() / d.sum() * d) / d.mean()
        for y, d in (
            (here("time"), here("sessions")),
            (here("pre_time"), here("pre_sessions")),
        )
    )
    plain, with_cuped = (found(ALL, "mean_time_per_session", c, "ratio") for c in (False, True))
    assert plain.pilot is not None
    assert with_cuped.pilot is not None
    assert plain.value == pytest.approx(here("time").sum() / here("sessions").sum(), rel=1e-12)
    assert plain.pilot.variance == pytest.approx(after.var(ddof=1), rel=1e-10)
    oracle = sm.OLS(after, sm.add_constant(before)).fit()
    assert with_cuped.pilot.variance == pytest.approx(oracle.mse_resid, rel=1e-10)


def test_covariates_named_take_the_place_of_its_own() -> None:
    other = np.where(ALL.exposed, ALL.values["time"] ** 0.5, np.nan)
    other[200:300] = np.nan
    (_, row) = piloted(ALL, ["sessions"], covariates={"x": other, "y": ALL.values["pre_time"]})
    known = np.nan_to_num(other[ALL.exposed])
    unknown = np.isnan(other[ALL.exposed]).astype(float)
    columns = np.stack([known, unknown, here("pre_time")], axis=1)
    oracle = sm.OLS(here("sessions"), sm.add_constant(columns)).fit()
    assert row.pilot is not None
    assert row.pilot.variance == pytest.approx(oracle.mse_resid, rel=1e-10)


def test_without_days_before_there_is_no_guess() -> None:
    row = found(table(pre=False), "time", True)
    assert (row.pilot, row.removed, row.note) == (None, None, NO_PRE_PERIOD)
    assert found(table(pre=False), "time", False).pilot is not None


def test_a_metric_without_variance_says_so() -> None:
    for cuped in (False, True):
        row = found(ALL, "timeouts", cuped)
        assert (row.pilot, row.value, row.note) == (None, 0.0, "no variance")


def test_a_covariate_that_is_the_same_for_all_says_so() -> None:
    alike = {**ALL.values, "pre_time": np.full(USERS, 3.0)}
    users = UserTable(ALL.users, ALL.arms, ALL.exposed, alike)
    row = found(users, "time", True)
    assert row.pilot is None
    assert row.note == "no differences between users before the experiment"


def test_nobody_there_says_so() -> None:
    nobody = UserTable(ALL.users, ALL.arms, np.zeros(USERS, np.bool_), ALL.values)
    rows = piloted(nobody, METRICS)
    assert rows
    assert all(row.pilot is None and row.n == 0 and row.note for row in rows)


def test_the_assigned_count_as_0_in_sums_and_are_left_out_of_means() -> None:
    rows = {(r.metric, r.estimand, r.cuped): r for r in piloted(ALL, METRICS, "assigned")}
    time, mean = rows["time", "mean", False], rows["mean_time_per_session", "mean", False]
    filled = np.where(ALL.exposed, ALL.values["time"], 0.0)
    assert time.pilot is not None
    assert (time.n, time.share) == (USERS, 1.0)
    assert time.value == pytest.approx(filled.mean(), rel=1e-12)
    assert time.pilot.variance == pytest.approx(filled.var(ddof=1), rel=1e-12)
    assert (mean.n, mean.share) == (USERS - AWAY, (USERS - AWAY) / USERS)


def test_amounts_are_scaled_and_shares_shifted() -> None:
    assert {m: model_of(m) for m in ("time", "sessions", "mean_request_latency")} == {
        "time": SCALE,
        "sessions": SCALE,
        "mean_request_latency": SCALE,
    }
    assert {model_of(m) for m in ("retained", "skip_rate", "artist_diversity")} == {SHIFT}
    for metric, multiplicative in (("time", True), ("retained", False)):
        pilot = found(ALL, metric, True).pilot
        assert pilot is not None
        assert pilot.multiplicative is multiplicative
