"""The result built from users and a tally: curves by other means, checks, degenerate data."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_ind

from abbotify.eventlog.schema import ARM, Events, arm_column
from abbotify.eventlog.sessions import session_table
from abbotify.metrics.aggregates import UserAggregates, aggregate
from abbotify.metrics.definitions import METRICS
from abbotify.metrics.users import user_table
from abbotify.progress import Epoch
from abbotify.report.build import build, guardrail_results
from abbotify.report.inputs import ArmInfo, ReportInputs, ReportSpec
from abbotify.report.result import Result, loads
from abbotify.report.result_rows import Training
from abbotify.stats import ArmMoments, GuardrailSpec, Moments
from abbotify.stats.non_inferiority import INFERIOR, METRIC, NON_INFERIOR
from tests.report.tallied import DAYS, RUN, made, tallied


def judged_by(column: str, events: Events) -> UserAggregates:
    alone = replace(events, arms={ARM: events.arms[column]})
    users = user_table([session_table(alone)], days=DAYS, pre_days=[0])
    return aggregate(users, 2, ["mean_time_per_session"], "exposed", curve=False)


def built(events: Events, **options: Any) -> Result:
    users = user_table([session_table(events)], days=DAYS, pre_days=[0])
    arms = [ArmInfo("base", "C", "random", 1.0), ArmInfo("neural", "T1", "neural", 1.0)]
    further = {"PRICE": judged_by(arm_column("PRICE"), events)}
    found = aggregate(users, 2, list(METRICS), "exposed")
    told = options.pop("arms", arms)
    inputs = ReportInputs(found, tallied([events]), further, **options)
    spec = ReportSpec(list(METRICS), ["mean_time_per_session"])
    return build({"name": "x"}, RUN, told, spec, inputs)


def test_the_days_are_welchs_by_user() -> None:
    events = made()
    result, table = built(events), session_table(events)
    day = (table.day == 2) & table.closed
    groups = [table.time[day & (table.arms[ARM].codes == arm)] for arm in (0, 1)]
    found = (result.treatments[0].daily or ())[1]
    test = ttest_ind(groups[1], groups[0], equal_var=False).confidence_interval(0.95)
    assert (found.day, found.users) == (2, len(groups[1]))
    assert found.mean == pytest.approx(groups[1].mean(), rel=1e-12)
    assert [found.lower, found.upper] == pytest.approx([test.low, test.high], rel=1e-9)


def test_plays_are_those_of_the_arm_and_ties_go_by_id() -> None:
    events = made()
    result = built(events, titles=lambda track: (f"title {track}", None))
    inside = np.isin(events.day, DAYS) & (events.arms[ARM].codes == 1)
    expected = np.bincount(events.track[inside], minlength=40)
    best = sorted(range(40), key=lambda track: (-expected[track], track))[:10]
    found = result.treatments[0].top_tracks or ()
    assert [(top.track, top.plays) for top in found] == [(t, expected[t]) for t in best]
    assert found[0].title == f"title {best[0]}"
    assert found[0].share == expected[best[0]] / inside.sum()


def test_positions_are_means_over_those_who_got_there() -> None:
    events = made()
    inside = np.isin(events.day, DAYS) & (events.arms[ARM].codes == 1)
    found = built(events).treatments[0].by_position or ()
    assert [each.step for each in found] == list(range(1, len(found) + 1))
    for position in found:
        heard = events.time[inside & (events.step == position.step)]
        assert position.n == len(heard) >= 50
        assert position.mean == pytest.approx(heard.mean(), rel=1e-12)
    assert np.count_nonzero(inside & (events.step == len(found) + 1)) < 50


def test_trainings_are_told_of_their_arm() -> None:
    trainings = [Training(day, 10, (Epoch(1, 0.5, 0.6, 0.1),), "sha256:aa") for day in (1, 2)]
    result = built(made(), trainings={"neural": trainings, "base": []})
    assert [arm.trainings for arm in result.arms] == [None, tuple(trainings)]
    assert loads(result.dumps()) == result


def test_the_document_survives_its_own_form() -> None:
    result = built(made())
    assert loads(result.dumps()) == result
    assert "NaN" not in result.dumps()
    histogram = result.control.distribution
    assert histogram is not None
    assert sum(histogram.counts) == result.control.users


def test_a_further_layer_is_told_and_the_first_is_not_told_twice() -> None:
    checks = {check.name: check for check in built(made()).checks}
    assert [name for name in checks if name.startswith("layer")] == ["layer PRICE"]
    details = checks["layer PRICE"].details or {}
    assert {row["arm"] for row in details["effects"]} == {"high"}
    assert details["effects"][0]["metric"] == "mean_time_per_session"


def test_weights_that_were_not_kept_fail() -> None:
    weights = [ArmInfo("base", "C", None, 9.0), ArmInfo("neural", "T1", None, 1.0)]
    unknown = [ArmInfo("base", "C"), ArmInfo("neural", "T1")]
    status = {
        key: next(c.status for c in built(made(), arms=arms).checks if c.name == "sample_ratio")
        for key, arms in {"wrong": weights, "unknown": unknown}.items()
    }
    assert status == {"wrong": "fail", "unknown": "pass"}


def test_an_arm_without_users_is_told() -> None:
    events = made()
    result = built(events.take(events.arms[ARM].codes != 1))
    found = {check.name: check.status for check in result.checks}
    assert found["arm_sizes"] == "fail"
    assert found["success_tested"] == "warn"
    assert result.arms[1].users == 0
    assert result.arms[1].metrics is not None
    assert result.arms[1].metrics["time"].mean is None
    json.loads(result.dumps(), parse_constant=pytest.fail)


SPECS = (GuardrailSpec("time", 5.0), GuardrailSpec("skip_rate", 0.1, METRIC))


def guarded(name: str, time: float, skips: float) -> ArmMoments:
    spread = np.linspace(-1, 1, 400)
    means = {"time": Moments.of(time + spread), "skip_rate": Moments.of(skips + spread / 10)}
    return ArmMoments(name, means)


def test_a_fall_of_time_and_a_rise_of_skips_are_losses() -> None:
    arms = [guarded("C", 10, 0.5), guarded("T1", 8, 0.3), guarded("T2", 12, 0.7)]
    rows = {(row.arm, row.metric): row for row in guardrail_results(arms, SPECS, 0.05)}
    assert list(rows) == [(name, spec.metric) for name in ("T1", "T2") for spec in SPECS]
    assert rows["T1", "time"].verdict == INFERIOR
    assert rows["T1", "skip_rate"].verdict == NON_INFERIOR
    assert rows["T2", "time"].verdict == NON_INFERIOR
    assert rows["T2", "skip_rate"].verdict == INFERIOR
    assert rows["T1", "time"].loss is not None
    assert abs(rows["T1", "time"].loss - 20) < 1e-9
    assert (rows["T2", "skip_rate"].margin, rows["T2", "skip_rate"].unit) == (0.1, METRIC)
