"""The truth beside each method: by hand, by an independent t-test, and as plain data."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats as scipy_stats

from abbotify import stats
from abbotify.errors import DataError
from abbotify.eventlog.sessions import session_table
from abbotify.metrics.aggregates import Joint, Truth
from abbotify.metrics.session_totals import SessionTotals
from abbotify.report.result import Result
from abbotify.report.true_effects import TruthRow, truth_rows
from abbotify.stats import Effect, Moments
from tests.report.tallied import ARMS, DAYS, made

METRIC = "mean_time_per_session"
HAND = Effect(
    arm="neural",
    metric=METRIC,
    estimand="mean",
    n_control=4,
    n_treatment=4,
    control_mean=2.0,
    treatment_mean=3.0,
    effect=1.0,
    lower=0.5,
    upper=1.5,
    relative_effect=50.0,
    relative_lower=20.0,
    relative_upper=90.0,
    naive_lower=25.0,
    naive_upper=75.0,
    p_value=0.01,
    p_adjusted=0.01,
    significant=True,
    note="as noted",
)
# Means 2 and 3.6; sums 10 / 4 = 2.5 and 12 / 6 = 2 by 5 users each.
JOINT = Joint(
    {METRIC: Moments.of([[1.0, 3.2], [3.0, 4.0]])},
    {METRIC: Moments.of([[10.0, 4.0, 0.0, 0.0], *[[0.0, 0.0, 3.0, 1.5]] * 4])},
)
TIMES = {"base": Moments.of([1.0, 2.0, 4.0]), "neural": Moments.of([2.0, 5.0, 9.0, 1.0])}


def rows(effect: Effect = HAND, truth: Joint = JOINT, note: str = "") -> dict[str, TruthRow]:
    truths = [Truth("total", {"neural": truth}, note)]
    found = truth_rows([effect], truths, TIMES, "base", 0.05)
    return {row.method: row for row in found}


def test_means_by_hand() -> None:
    found = rows(note="of all")
    assert list(found) == ["welch", "fieller", "naive_relative"]
    assert found["welch"].unit == "metric"
    assert found["welch"].truth == pytest.approx(1.6, rel=1e-15)
    assert found["welch"].bias == pytest.approx(-0.6, rel=1e-15)
    assert found["welch"].covered is False
    assert found["fieller"].unit == found["naive_relative"].unit == "percent"
    assert found["fieller"].truth == pytest.approx(80.0, rel=1e-15)
    assert found["fieller"].covered is True
    assert found["naive_relative"].covered is False
    assert {row.note for row in found.values()} == {"as noted; of all"}
    assert {row.form for row in found.values()} == {"total"}


def test_ratios_by_hand() -> None:
    found = rows(replace(HAND, estimand="ratio"))
    assert list(found) == ["delta", "delta_fieller", "sessions_as_independent"]
    assert found["delta"].truth == pytest.approx(-0.5, rel=1e-14)
    assert found["delta_fieller"].truth == pytest.approx(-20.0, rel=1e-14)
    assert found["sessions_as_independent"].truth == found["delta"].truth


def test_sessions_as_independent_is_a_t_test_over_sessions() -> None:
    row = rows(replace(HAND, estimand="ratio"))["sessions_as_independent"]
    expected = scipy_stats.ttest_ind([2.0, 5.0, 9.0, 1.0], [1.0, 2.0, 4.0], equal_var=False)
    low, high = expected.confidence_interval()
    assert (row.lower, row.upper) == pytest.approx((low, high), rel=1e-12)
    assert row.estimate == pytest.approx(4.25 - 7 / 3, rel=1e-14)


@pytest.mark.parametrize(
    ("estimand", "truth"),
    [("cuped", 1.6), ("ratio_cuped", -0.5)],
)
def test_further_estimands_are_held_against_their_truth(estimand: str, truth: float) -> None:
    found = rows(replace(HAND, estimand=estimand))
    assert list(found) == [estimand, f"{estimand}_fieller"]
    assert found[estimand].truth == pytest.approx(truth, rel=1e-14)


def test_what_is_undefined_is_empty_and_says_so() -> None:
    nobody = Joint({METRIC: Moments.empty(2)}, {METRIC: Moments.of([[1.0, 1.0, 0.0, 0.0]])})
    for effect in (HAND, replace(HAND, estimand="ratio")):
        for row in rows(effect, nobody).values():
            assert (row.truth, row.bias, row.covered) == (None, None, None)
            assert row.note == "as noted; no user has the metric under both arms"
    unknown = replace(HAND, lower=None, upper=None, relative_effect=None)
    found = rows(unknown)
    assert found["welch"].covered is None
    assert found["welch"].bias is not None
    assert found["fieller"].bias is None
    zero = Joint({METRIC: Moments.of([[0.0, 1.0], [0.0, 2.0]])}, {})
    assert rows(truth=zero)["welch"].truth == 1.5
    assert rows(truth=zero)["fieller"].truth is None


def test_a_negative_control_keeps_the_effects_sign() -> None:
    negative = Joint({METRIC: Moments.of([[-2.0, -1.0]])}, {})
    assert rows(truth=negative)["fieller"].truth == pytest.approx(50.0, rel=1e-15)


def test_rows_come_by_form_then_as_the_effects() -> None:
    truths = [Truth("total", {"neural": JOINT}), Truth("equal_data", {"neural": JOINT})]
    effects = [HAND, replace(HAND, estimand="ratio"), replace(HAND, metric="tracks")]
    found = truth_rows(effects, truths, TIMES, "base", 0.05)
    assert [row.form for row in found] == ["total"] * 6 + ["equal_data"] * 6
    assert {row.metric for row in found} == {METRIC}


def test_joint_outcomes_merge() -> None:
    values = np.random.default_rng(1).normal(size=(40, 2))
    whole = Joint({METRIC: Moments.of(values)}, {})
    parts = [
        Truth("total", {"neural": Joint({METRIC: Moments.of(part)}, {})})
        for part in (values[:7], values[7:])
    ]
    merged = parts[0].merge(parts[1])
    assert merged.arms["neural"].mean(METRIC) == pytest.approx(whole.mean(METRIC), rel=1e-13)


def test_the_tally_has_the_moments_of_sessions() -> None:
    events = made()
    table = session_table(events)
    tally = SessionTotals(ARMS, "arm", DAYS)
    half = len(table) // 2
    first, second = SessionTotals(ARMS, "arm", DAYS), SessionTotals(ARMS, "arm", DAYS)
    for part, rows in ((tally, slice(None)), (first, slice(half)), (second, slice(half, None))):
        part.add(table.take(rows))
    inside = np.isin(table.day, DAYS)
    for code in range(len(ARMS)):
        times = table.time[inside & (table.arms["arm"].codes == code)]
        for found in (tally, first.merge(second)):
            moments = found.session_times[code]
            assert moments.n == len(times) > 10
            assert moments.mean[0] == pytest.approx(times.mean(), rel=1e-12)
            assert moments.variance[0] == pytest.approx(times.var(ddof=1), rel=1e-12)


def test_a_document_with_truth_is_read_back(small: Result) -> None:
    arm = small.treatments[0].name
    told = replace(small, truth=tuple(replace(row, arm=arm) for row in rows().values()))
    assert Result.from_dict(json.loads(told.dumps())) == told
    data = small.to_dict()
    del data["truth"]
    assert Result.from_dict(data) == small


@pytest.mark.parametrize(
    ("key", "value"),
    [("form", "half"), ("unit", "%"), ("truth", float("nan")), ("covered", 1), ("arm", "nobody")],
)
def test_broken_rows_are_refused(small: Result, key: str, value: object) -> None:
    arm = small.treatments[0].name
    data = replace(small, truth=(replace(rows()["welch"], arm=arm),)).to_dict()
    data["truth"][0][key] = value
    with pytest.raises(DataError) as caught:
        Result.from_dict(data)
    assert caught.value.key == f"truth[0].{key}"


def test_effects_are_those_of_stats() -> None:
    """The names the rows are made by are those of the table of effects."""
    arms = [
        stats.ArmMoments(name, {METRIC: Moments.of(values)}, {METRIC: Moments.of(pairs)})
        for name, values, pairs in (
            ("base", [1.0, 2.0, 4.0], [[1.0, 1.0], [4.0, 2.0]]),
            ("neural", [2.0, 3.0, 7.0], [[2.0, 1.0], [9.0, 2.0]]),
        )
    ]
    effects = stats.compare(arms, [METRIC], [], 0.05)
    truths = [Truth("total", {"neural": JOINT})]
    methods = {row.method for row in truth_rows(effects, truths, TIMES, "base", 0.05)}
    assert methods >= {"welch", "fieller", "naive_relative", "delta", "delta_fieller"}
