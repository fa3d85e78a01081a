"""Checks of the data: their verdict by plain numbers, and the limits where it turns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from abbotify.eventlog.soundness import Repeats
from abbotify.metrics.definitions import Limits
from abbotify.report.checks import data
from abbotify.report.result import Arm, Check
from abbotify.stats import EFFECT_COLUMNS, Effect, GuardrailResult

ARMS = (Arm("base", "C", True, 900, sessions=10), Arm("neural", "T1", False, 900, sessions=10))


def only(checks: Iterable[Check]) -> Check:
    (check,) = checks
    return check


@pytest.mark.parametrize(
    ("counts", "weights", "status"),
    [
        ((500, 510), (1.0, 1.0), "pass"),
        ((500, 800), (1.0, 1.0), "fail"),
        ((500, 800), (5.0, 8.0), "pass"),
        ((500, 800), (None, None), "warn"),
        ((2, 3), (1.0, 1.0), "info"),
    ],
)
def test_sample_ratio(
    counts: tuple[int, ...], weights: tuple[float | None, ...], status: str
) -> None:
    check = data.sample_ratio(("a", "b"), counts, weights)
    assert check.status == status
    assert (check.details or {})["weights_known"] == (None not in weights)


@pytest.mark.parametrize(("users", "status"), [(0, "pass"), (10, "warn"), (11, "fail")])
def test_users_in_two_arms(users: int, status: str) -> None:
    assert data.two_arms(users, 990).status == status


@pytest.mark.parametrize(
    ("users", "status", "about"), [(100, "pass", ()), (99, "warn", ("neural",)), (0, "fail", None)]
)
def test_sizes_of_arms(users: int, status: str, about: tuple[str, ...] | None) -> None:
    check = data.sizes((ARMS[0], replace(ARMS[1], users=users)))
    assert check.status == status
    assert check.arms == (("neural",) if about is None else about)


def test_metrics_and_guardrails_without_a_test() -> None:
    row: dict[str, Any] = dict.fromkeys(EFFECT_COLUMNS)
    effect = Effect(**row | {"arm": "T", "metric": "time", "estimand": "mean", "note": "no users"})
    check = only(data.untested_metrics([effect], ["time"]))
    assert (check.name, check.status) == ("success_tested", "warn")
    assert "(no users)" in check.summary
    assert not list(data.untested_metrics([effect], ["skip_rate"]))
    assert not list(data.untested_metrics([replace(effect, p_value=0.2)], ["time"]))
    rail = GuardrailResult("T", "skip_rate", 5.0, "percent", note="no users")
    assert "T, skip rate (no users)" in only(data.untested_guardrails([rail])).summary
    assert not list(data.untested_guardrails([replace(rail, verdict="undecided")]))


@pytest.mark.parametrize(
    ("counters", "statuses"),
    [
        ({}, {}),
        ({"truncated_sessions": 0}, {"truncated_sessions": "pass"}),
        ({"truncated_sessions": 1}, {"truncated_sessions": "warn"}),
        ({"requests": 110, "errors": 1, "timeouts": 0}, {"errors": "warn", "timeouts": "pass"}),
        ({"requests": 110, "errors": 60}, {"errors": "fail"}),
        ({"requests": 110, "fallbacks": 1}, {"fallbacks": "info"}),
    ],
)
def test_counters(counters: Mapping[str, int], statuses: Mapping[str, str]) -> None:
    arms = (ARMS[0], replace(ARMS[1], counters=dict(counters)))
    checks = list(data.counted(arms, Limits(0.5, 0.5)))
    assert {check.name: check.status for check in checks} == statuses
    assert all(check.arms == ("neural",) for check in checks if check.status == "fail")


@pytest.mark.parametrize(
    ("repeats", "status"),
    [
        (Repeats(), "pass"),
        (Repeats(10, 10), "warn"),
        (Repeats(11, 11), "fail"),
        (Repeats(333, 0), "warn"),
        (Repeats(334, 0), "fail"),
    ],
)
def test_rows_given_twice(repeats: Repeats, status: str) -> None:
    assert data.rows_given_twice(repeats, 1000).status == status


def test_what_a_log_lacks() -> None:
    assert data.open_sessions(0, 5).status == "pass"
    assert data.open_sessions(2, 5).details == {"sessions": 2, "of": 5}
    assert data.broken_lines(0, 5, "").status == "pass"
    assert "the first one is no JSON" in data.broken_lines(1, 5, "is no JSON").summary
    assert data.timestamps(["odd"], derived=True).status == "warn"
    assert data.timestamps(["odd"], derived=False).status == "pass"
    assert not list(data.undetermined({}))
    assert "skip_rate: why" in only(data.undetermined({"skip_rate": "why"})).summary
    assert data.interference([]).status == "pass"
    assert data.interference(["Training: pooled"]).status == "warn"
    assert data.assigned(3).details == {"absent": 3}
