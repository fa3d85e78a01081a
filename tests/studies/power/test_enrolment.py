"""When the users of a longer experiment come, from those who came to its pilot."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from abbotify.scenario import load
from abbotify.studies.power.enrolment import Enrolment
from abbotify.studies.power.study import Question, power_study


def test_days_until_users_have_come() -> None:
    # Of 1,000 users a half has not come after 4 days, so a quarter not after 8.
    half = math.log(2) / 4
    enrolment = Enrolment(2000, 500, 4, (1000,) * 4, half)
    assert [enrolment.days_for(n) for n in (1, 159, 160, 500, 501, 749, 751, 999, 1000)] == [
        *(1, 1, 2, 4, 5, 8, 9),
        math.ceil(4 * math.log2(1000)),
        None,
    ]
    assert enrolment.never(1000.5) == "exceeds its 1,000 users"
    assert enrolment.never(999) == ""
    late = Enrolment(10, 0, 4, (10,) * 4, 1e-300)
    assert late.never(3) == "not in the 3,650 days that a run may have"
    assert Enrolment(10, 0, 4, (0,) * 4, 1.0).never(3) == "exceeds its 0 users"


def test_the_assigned_come_as_traffic_grows() -> None:
    enrolment = Enrolment(1000, 300, 2, (100, 300, 600, 900), 0.1, at_once=True)
    assert [enrolment.days_for(n) for n in (100, 101, 301, 900, 901)] == [1, 2, 3, 4, None]


COMING = {
    "sessions": [],
    "visits a day": ["arrivals={visits_per_day: 0.4}"],
    "a share of the users": ["experiment.traffic=0.6"],
    "traffic that grows for longer than the pilot": ["experiment.traffic=[0.1, 0.3, 0.6, 0.9, 1]"],
    "nothing watched day by day": ["metrics.success=[retained]"],
    "all admitted": ["metrics.population=assigned", "experiment.traffic=[0.1, 0.3, 0.6, 1.0]"],
}


@pytest.mark.parametrize("changes", COMING.values(), ids=COMING)
def test_users_come_when_a_longer_experiment_sees_them(path: Path, changes: list[str]) -> None:
    scenario = load(path, ["world.users.count=4000", "arrivals.sessions=1200", *changes])
    short = power_study(scenario, Question(days=3)).enrolment
    for days in (1, 2, 3, 4) if short.at_once else (1, 2, 3, 4, 6, 9):
        came = power_study(scenario, Question(days=days)).enrolment.enrolled
        # Binomial: four standard deviations of those who came, and of those in the pilot.
        away = 0.0 if short.at_once else 4 * 2 * math.sqrt(came * (1 - came / 4000))
        few, many = short.days_for(max(1.0, came - away)), short.days_for(came + away)
        assert few is not None
        assert few <= days
        assert many is None or many >= days
