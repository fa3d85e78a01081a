"""The days of a run: phases, who is served by whom, columns of the log, shards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mmh3
import numpy as np
import pytest
from scipy import stats

from abbotify.files.yaml import Source
from abbotify.scenario import Scenario
from abbotify.scenario.load import from_source
from abbotify.simulation.engine import DayPlan
from abbotify.simulation.timeline import Schedule, Shard, shards

IDS = np.arange(0, 30_000, 3)
ARMS = {name: {"recommender": "random"} for name in ("one", "two", "three")}
MIX = {"three": 0.5, "one": 0.5}
PHASES = [
    {"phase": "pre", "days": 2, "recommender": "two"},
    {"phase": "collect", "days": 1, "traffic": MIX},
    {"phase": "pre", "days": 1, "recommender": "one"},
    {"phase": "collect", "days": 2, "traffic": MIX},
    {"phase": "experiment", "days": 3},
]


def scenario_of(**keys: Any) -> Scenario:
    data = {
        "arrivals": {"sessions": 10},
        "timeline": PHASES,
        "arms": ARMS,
        "experiment": {"name": "AB", "control": "two"},
        **keys,
    }
    data = {key: value for key, value in data.items() if value is not None}
    return from_source(Source("made", data, {}), Path())


def plans(scenario: Scenario) -> list[DayPlan]:
    return [Schedule(scenario).plan_day(day, IDS) for day in Schedule(scenario).days]


def hashed(user: int, salt: str) -> int:
    return mmh3.hash(str(user), seed=mmh3.hash(salt, signed=False), signed=False)


def test_the_calendar_has_every_day_of_every_phase() -> None:
    days = Schedule(scenario_of()).days
    assert [day.number for day in days] == list(range(9))
    assert [(day.phase.phase, day.nth) for day in days] == [
        ("pre", 0), ("pre", 1), ("collect", 0), ("pre", 2), ("collect", 1), ("collect", 2),
        ("experiment", 0), ("experiment", 1), ("experiment", 2),
    ]  # fmt: skip


def test_the_experiment_is_on_the_last_days() -> None:
    assert Schedule(scenario_of()).experiment_days == range(6, 9)
    alone = scenario_of(timeline=[{"phase": "experiment", "days": 4}])
    assert Schedule(alone).experiment_days == range(4)


def test_columns_of_the_log() -> None:
    assert Schedule(scenario_of()).arm_columns == {"arm": ("two", "one", "three")}
    weightless = {**ARMS, "one": {"recommender": "random", "weight": 0}}
    assert Schedule(scenario_of(arms=weightless)).arm_columns == {"arm": ("two", "three", "one")}
    layered = scenario_of(
        experiment=None,
        experiments=[
            {"name": "B", "control": "three", "arms": ["one", "three"]},
            {"name": "A", "control": "two", "arms": ["two", "one"]},
        ],
    )
    assert Schedule(layered).arm_columns == {
        "arm": ("three", "one", "two"),
        "arm_B": ("three", "one"),
        "arm_A": ("two", "one"),
    }


def test_everybody_gets_the_recommender_of_a_pre_day() -> None:
    scenario = scenario_of()
    for number, name in [(0, "two"), (1, "two"), (3, "one")]:
        plan = plans(scenario)[number]
        assert plan.day == number
        assert set(plan.serving.tolist()) == {list(ARMS).index(name)}
        assert {Schedule(scenario).arm_columns["arm"][c] for c in plan.labels["arm"]} == {name}


def test_a_collect_mix_has_its_shares_and_a_salt_of_its_own() -> None:
    scenario = scenario_of()
    plan, later = plans(scenario)[2], plans(scenario)[5]
    expected = [[2, 0][hashed(user, "AB:collect") % 2] for user in IDS.tolist()]
    assert plan.serving.tolist() == expected
    assert later.serving.tolist() == expected  # the same on every day of the mix
    names = Schedule(scenario).arm_columns["arm"]
    assert [names[c] for c in plan.labels["arm"]] == [list(ARMS)[p] for p in plan.serving]
    in_experiment = plans(scenario)[6].labels["arm"]
    table = np.histogram2d(plan.serving, in_experiment, bins=(2, 3))[0]
    assert stats.chi2_contingency(table).pvalue > 1e-3


def test_unequal_shares_of_a_mix() -> None:
    phase = {"phase": "collect", "days": 1, "traffic": {"two": 0.2, "three": 0.7, "one": 0.1}}
    scenario = scenario_of(timeline=[phase, {"phase": "experiment", "days": 1}])
    plan = plans(scenario)[0]
    counts = np.bincount(plan.serving, minlength=3)  # places: one, two, three
    assert stats.chisquare(counts, np.array([0.1, 0.2, 0.7]) * len(IDS)).pvalue > 1e-3
    x = [hashed(user, "AB:collect") / 2**32 for user in IDS.tolist()]
    assert plan.serving.tolist() == [1 if v < 0.2 else 2 if v < 0.9 else 0 for v in x]


def test_in_the_experiment_the_arm_serves() -> None:
    for plan in plans(scenario_of())[6:]:
        codes = [hashed(user, "AB") % 3 for user in IDS.tolist()]
        assert plan.labels["arm"].tolist() == codes
        assert plan.serving.tolist() == [[1, 0, 2][code] for code in codes]


def test_on_a_ramp_nobody_leaves_and_nobody_changes_arm() -> None:
    shares = [0.1, 0.3, 0.3, 0.8]
    experiment = {"name": "AB", "control": "two", "traffic": shares}
    days = [*PHASES[:1], {"phase": "experiment", "days": 6}]
    scenario = scenario_of(experiment=experiment, timeline=days)
    ramp = plans(scenario)[2:]
    arms = np.array([hashed(user, "AB") % 3 for user in IDS.tolist()])
    before = np.zeros(len(IDS), bool)
    for plan, share in zip(ramp, [*shares, 0.8, 0.8], strict=True):
        inside = plan.labels["arm"] >= 0
        assert inside.tolist() == [
            hashed(user, "AB:traffic") / 2**32 < share for user in IDS.tolist()
        ]
        assert abs(inside.mean() - share) < 4 * np.sqrt(0.25 / len(IDS))
        assert not (before & ~inside).any()
        assert (plan.labels["arm"][inside] == arms[inside]).all()
        assert set(plan.serving[~inside].tolist()) == {1}  # the control's recommender
        assert (plan.serving[inside] == np.array([1, 0, 2])[arms[inside]]).all()
        before = inside


def test_layers_split_independently_and_the_first_treatment_serves() -> None:
    scenario = scenario_of(
        experiment=None,
        experiments=[
            {"name": "A", "control": "one", "arms": ["one", "two"]},
            {"name": "B", "control": "one", "arms": ["one", "three"], "traffic": 0.5},
        ],
    )
    before, plan = plans(scenario)[2], plans(scenario)[7]
    assert set(before.labels) == set(plan.labels) == {"arm", "arm_A", "arm_B"}
    # Before the experiments there is no arm in them; `arm` is who served.
    assert set(before.labels["arm_A"].tolist()) == set(before.labels["arm_B"].tolist()) == {-1}
    assert set(before.labels["arm"].tolist()) == {0, 2}
    a, b = plan.labels["arm_A"], plan.labels["arm_B"]
    assert plan.labels["arm"].tolist() == a.tolist()
    assert a.tolist() == [hashed(user, "A") % 2 for user in IDS.tolist()]
    expected = [
        hashed(user, "B") % 2 if hashed(user, "B:traffic") / 2**32 < 0.5 else -1
        for user in IDS.tolist()
    ]
    assert b.tolist() == expected
    for treated, other, place in zip(a.tolist(), b.tolist(), plan.serving.tolist(), strict=True):
        assert place == (1 if treated == 1 else 2 if other == 1 else 0)
    assert stats.chi2_contingency(np.histogram2d(a, b, bins=(2, 3))[0]).pvalue > 1e-3


def test_a_plan_does_not_depend_on_who_else_is_asked_for() -> None:
    schedule = Schedule(scenario_of())
    for day in schedule.days:
        whole, part = schedule.plan_day(day, IDS), schedule.plan_day(day, IDS[100:200])
        assert part.serving.tolist() == whole.serving[100:200].tolist()
        assert part.labels["arm"].tolist() == whole.labels["arm"][100:200].tolist()


@pytest.mark.parametrize(
    ("wanted", "users", "sizes"),
    [
        ("auto", 1, [1]),
        ("auto", 16_384, [16_384]),
        ("auto", 16_385, [8192, 8193]),
        ("auto", 100_000, [14_285, 14_286, 14_286, 14_285, 14_286, 14_286, 14_286]),
        (3, 10, [3, 3, 4]),
        (5, 3, [1, 1, 1]),
        (1, 100_000, [100_000]),
    ],
)
def test_the_number_of_shards_belongs_to_the_scenario(
    wanted: Any, users: int, sizes: list[int]
) -> None:
    parts = shards(scenario_of(shards=wanted), users, coupled=False)
    assert [len(part.rows) for part in parts] == sizes
    assert [part.number for part in parts] == list(range(len(sizes)))
    assert [row for part in parts for row in part.rows] == list(range(users))


@pytest.mark.parametrize("wanted", ["auto", 7])
def test_coupled_users_are_one_shard(wanted: Any) -> None:
    assert shards(scenario_of(shards=wanted), 50_000, coupled=True) == (Shard(0, range(50_000)),)
