"""All checks of a report: their order, and a check that fails by itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from abbotify.eventlog.sessions import session_table
from abbotify.metrics.aggregates import aggregate
from abbotify.metrics.users import user_table
from abbotify.report.checks import data
from abbotify.report.checks.health import health
from abbotify.report.decision import UNDETERMINED
from abbotify.report.faults import Faults
from abbotify.report.inputs import ReportInputs, ReportSpec
from abbotify.report.result import Arm, Check
from tests.report.tallied import DAYS, RUN, made, tallied

ARMS = (Arm("base", "C", True, 120, weight=1.0), Arm("neural", "T1", False, 130, weight=1.0))


@pytest.fixture(scope="module")
def inputs() -> ReportInputs:
    events = made()
    users = user_table([session_table(events)], days=DAYS)
    return ReportInputs(aggregate(users, 2, ["time"], "exposed"), tallied([events]))


def checks_of(inputs: ReportInputs, faults: Faults | None = None) -> dict[str, Check]:
    spec = ReportSpec(["time", "minutes"], ["time"])
    rows: Iterable[Check] = health(inputs, spec, RUN, ARMS, (), (), faults)
    return {check.name: check for check in rows}


def test_checks_come_in_the_order_of_the_report(inputs: ReportInputs) -> None:
    checks = checks_of(replace(inputs, checks=[data.open_sessions(0, 5)]))
    order = ("sample_ratio", "users_in_two_arms", "arm_sizes", "open_sessions")
    assert [name for name in checks if name in order] == list(order)
    assert "minutes" in (checks["metrics_not_determined"].details or {})["reasons"]
    assert "population" not in checks


def test_a_check_that_fails_warns_and_is_kept(
    inputs: ReportInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(arms: object) -> Check:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(data, "sizes", fail)
    faults = Faults()
    check = checks_of(inputs, faults)["arm_sizes"]
    assert check.status == "warn"
    assert (check.details or {})[UNDETERMINED] == "ZeroDivisionError: by zero"
    assert "ZeroDivisionError" in faults.tracebacks["arm_sizes"]
