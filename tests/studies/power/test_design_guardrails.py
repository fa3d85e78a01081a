"""Guardrails planned: users and power are inverses, and margins are those of the report's test."""

from __future__ import annotations

import pytest

from abbotify.stats.non_inferiority import METRIC, PERCENT, GuardrailSpec
from abbotify.stats.power import non_inferiority_power
from abbotify.studies.power.design import (
    GUARDRAIL,
    POWER,
    USERS,
    PointSpec,
    Row,
    Terms,
    guarded,
    in_arms,
)
from abbotify.studies.power.pilot import piloted
from tests.studies.tables import table

METRICS = ("time", "sessions", "retained", "timeouts")
TERMS = Terms(0.1, 0.8, ("mean_time_per_session",), (("a", 1.0), ("b", 1.0), ("c", 2.0)))


def rows(
    *rails: GuardrailSpec, users: float | None = None, lifts: tuple[float, ...] = ()
) -> list[Row]:
    return list(guarded(piloted(table(), METRICS), rails, TERMS, PointSpec(users, lifts)))


def test_the_users_needed_have_the_power() -> None:
    found = rows(GuardrailSpec("time", 5.0), GuardrailSpec("sessions", 0.1, METRIC), lifts=(1.0,))
    assert [(row.arms, row.role, row.level) for row in found] == [
        (("a", "b"), GUARDRAIL, 0.1),
        (("c",), GUARDRAIL, 0.1),
    ] * 2
    for row in found:
        (point,) = row.points
        assert point.solved == USERS
        assert point.power == pytest.approx(0.8, abs=1e-9)
        assert point.users is not None
        assert row.rail is not None
        (again,) = next(
            r.points for r in rows(row.rail, users=point.users) if r.shares == row.shares
        )
        assert (again.solved, again.lift) == (POWER, 0.0)
        assert again.power == pytest.approx(0.8, abs=1e-9)


@pytest.mark.parametrize(
    ("rail", "ratio"),
    [(GuardrailSpec("time", 5.0, PERCENT), 0.95), (GuardrailSpec("sessions", 0.1, METRIC), 1.0)],
)
def test_a_relative_margin_moves_with_the_control(rail: GuardrailSpec, ratio: float) -> None:
    row = rows(rail, users=900.0)[0]
    pilot = row.piloted.pilot
    assert pilot is not None
    margin = 0.05 * pilot.value if rail.unit == PERCENT else 0.1
    wanted = non_inferiority_power(pilot, margin, in_arms(row, 900.0), 0.1, ratio)
    assert row.points[0].power == wanted


def test_what_cannot_be_told_says_why() -> None:
    (row, *_) = rows(GuardrailSpec("timeouts", 5.0), users=900.0, lifts=(1.0,))
    assert [(p.solved, p.note) for p in row.points] == [
        (POWER, "no variance"),
        (USERS, "no variance"),
    ]
    (row, *_) = rows(GuardrailSpec("time", 0.0), users=3.0, lifts=(1.0,))
    assert [point.note for point in row.points] == [
        "fewer than 2 users in an arm",
        "no number of users is enough",
    ]
    assert rows(GuardrailSpec("minutes", 5.0), users=900.0) == []
