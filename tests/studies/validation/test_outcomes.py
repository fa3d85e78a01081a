"""Stored outcomes as columns: who counts, what is left out, what is known of the days before."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats as scipy_stats

from abbotify.metrics.aggregates import aggregate
from abbotify.metrics.users import Population
from abbotify.stats import Moments
from abbotify.studies.validation.outcomes import EXPOSED, stored
from tests.studies.validation.worlds import METRICS, made_up, outcomes, user_table


def test_columns_hold_the_values_less_their_means() -> None:
    tables, found = made_up(), outcomes()
    pool = tables["one"].exposed | tables["two"].exposed
    assert found.users == pool.sum()
    for arm, table in enumerate(tables.values()):
        group = found.group("time", "mean")
        values = table.values["time"][pool]
        assert (found.defined(group, arm) == ~np.isnan(values)).all()
        mean = np.nanmean(values)
        expected = np.where(np.isnan(values), 0.0, values - mean)
        assert found.values[arm, :, group.start + 1] == pytest.approx(expected, abs=1e-12)
        assert found.centres[arm, group.start + 1] == pytest.approx(mean, rel=1e-14)
        count = found.values[arm, :, found.group(EXPOSED, "mean").start]
        assert count.sum() == table.exposed.sum()


def test_moments_of_everybody_are_those_of_the_table() -> None:
    tables, found = made_up(), outcomes()
    for arm, table in enumerate(tables.values()):
        got = found.moments(found.group("mean_time_per_session", "ratio"), arm)
        names = ("time", "sessions", "pre_time", "pre_sessions")
        columns = np.stack([table.values[name][table.exposed] for name in names], 1)
        expected = Moments.of(columns)
        assert got.n == expected.n
        assert got.mean == pytest.approx(expected.mean, rel=1e-12)
        assert got.comoments == pytest.approx(expected.comoments, rel=1e-9)


def test_what_does_not_vary_is_left_out() -> None:
    found = stored(("one", "two"), made_up(), (*METRICS, "timeouts"))
    assert found.metrics == ("time", "mean_time_per_session", "retained")
    assert found.left_out == {
        "mean_request_latency": "the same for all users under one",
        "timeouts": "not measured in this world",
    }


def test_covariates_have_an_indicator_only_where_some_are_missing() -> None:
    found = outcomes()
    assert found.group("time", "mean").variables == 2
    assert found.group("mean_time_per_session", "mean").variables == 3
    assert found.group("mean_time_per_session", "ratio").variables == 4
    assert found.group("retained", "mean").variables == 1
    assert all(group.variables == group.own_variables for group in outcomes(pre=False).groups)


@pytest.mark.parametrize("population", ["exposed", "assigned"])
@pytest.mark.parametrize("named", [False, True])
def test_moments_are_those_of_the_report(population: Population, named: bool) -> None:
    tables = made_up()
    count = len(tables["one"])
    age = np.where(np.arange(count) % 3, np.arange(count) % 7, np.nan)
    known = {"age": age, "pre_sessions": tables["one"].values["pre_sessions"]} if named else {}
    found = stored(("one", "two"), tables, METRICS, population, known)
    for arm, table in enumerate(tables.values()):
        (told,) = aggregate(table, 1, METRICS, population, covariates=known).arms
        for metric in ("time", "mean_time_per_session"):
            got = found.moments(found.group(metric, "mean"), arm)
            expected = told.moments.adjusted[metric]
            there = np.diag(expected.comoments) > 0  # the report has an indicator in any case
            assert got.n == expected.n
            assert got.mean == pytest.approx(expected.mean[there])
            assert got.comoments == pytest.approx(expected.comoments[np.ix_(there, there)])


def test_the_assigned_count_absent_users_as_nothing() -> None:
    tables = made_up()
    found = stored(("one", "two"), tables, METRICS, "assigned")
    assert found.users == len(tables["one"])
    group = found.group("time", "mean")
    assert found.defined(group, 0).all()
    expected = np.nan_to_num(tables["one"].values["time"]).mean()
    assert found.centres[0, group.start + 1] == pytest.approx(expected)
    mean = found.group("mean_time_per_session", "mean")
    assert found.defined(mean, 0).sum() == tables["one"].exposed.sum()


def test_nobody_is_refused() -> None:
    table = user_table({"time": [1.0, 2.0]}, [False, False])
    with pytest.raises(ValueError, match="no user takes part"):
        stored(("one",), {"one": table}, ("time",))
    everybody = dataclasses.replace(table, exposed=np.ones(2, bool))
    assert stored(("one",), {"one": everybody}, ("time",)).left_out  # its values are NaN


def test_shapes_are_the_parts_of_estimates() -> None:
    found = outcomes()
    group = found.group("mean_time_per_session", "ratio")
    defined = found.defined(group, 0)
    table = (found.values[0] + found.centres[0])[defined][:, group.columns]
    y, d = table[:, 0], table[:, 1]
    parts = (y - y.sum() / d.sum() * d) / d.mean()
    plain = found.shapes(group, adjusted=False)[0]
    assert plain.value == pytest.approx(y.sum() / d.sum())
    assert plain.variance == pytest.approx(parts.var())
    assert plain.skewness == pytest.approx(scipy_stats.skew(parts))
    assert plain.fourth == pytest.approx(scipy_stats.kurtosis(parts) * parts.var() ** 2)
    mean = found.group("mean_time_per_session", "mean")
    columns = found.values[0][found.defined(mean, 0)][:, mean.columns]
    design = np.column_stack([np.ones(len(columns)), columns[:, 1:]])
    left = columns[:, 0] - design @ np.linalg.lstsq(design, columns[:, 0])[0]
    adjusted = found.shapes(mean, adjusted=True)[0]
    assert adjusted.variance == pytest.approx(left.var())
    assert adjusted.third == pytest.approx((left**3).mean())
    assert adjusted.variance < found.shapes(mean, adjusted=False)[0].variance
