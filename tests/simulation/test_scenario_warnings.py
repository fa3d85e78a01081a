"""What a run may be of no use for: users and sessions that are expected, warnings by key."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from abbotify.simulation.prepare import Plan
from abbotify.simulation.scenario_warnings import (
    cautions,
    expected_users,
    sessions_to_learn_from,
)

Ready = Callable[..., Plan]


def warnings_of(plan: Plan) -> list[str]:
    return cautions(plan.schedule, plan.world, plan.arms)


@pytest.mark.parametrize("sessions", [20, 100])
def test_users_come_as_poisson_visits_say(ready: Ready, sessions: float) -> None:
    plan = ready(arrivals={"sessions": sessions})
    codes = plan.schedule.experiment.codes(plan.world.users.ids, 0)
    share = 1 - math.exp(-2 * sessions / 100)  # two days, 100 users
    expected = [share * (codes == code).sum() for code in (0, 1)]
    assert expected_users(plan.schedule, plan.world) == pytest.approx(expected)


def test_only_collect_days_before_the_training_count(ready: Ready) -> None:
    collect = {"phase": "collect", "days": 3, "traffic": {"random": 1.0}}
    pre = {"phase": "pre", "days": 2, "recommender": "random"}
    timeline = [pre, collect, {"phase": "train"}, {"phase": "experiment", "days": 1}]
    plan = ready(timeline=timeline)
    assert sessions_to_learn_from(plan.scenario, 100) == pytest.approx(300)


@pytest.mark.parametrize(
    ("changes", "key", "text"),
    [
        ({"arrivals": {"sessions": 1}}, "arms.random", "a decision needs"),
        ({"listener": {"max_tracks": 1}}, "listener.max_tracks", "have no recommendation"),
        ({"monitoring": {"planned_users": 1000}}, "monitoring.planned_users", "never reach 1,000"),
        (
            {"metrics": {"guardrails": [{"metric": "time", "margin": 60.0}]}},
            "metrics.guardrails.0",
            "get worse by half",
        ),
    ],
)
def test_a_warning_names_its_key(
    ready: Ready, changes: dict[str, Any], key: str, text: str
) -> None:
    (line,) = [line for line in warnings_of(ready(**changes)) if f": {key}: " in line]
    assert text in line
