"""Everybody under one arm: users' own arms give what the run gave them, to the last bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abbotify import pipeline
from abbotify.eventlog.schema import ARM
from abbotify.files.yaml import Source
from abbotify.metrics.users import UserTable
from abbotify.scenario import Scenario
from abbotify.scenario.load import from_source
from abbotify.simulation.assignment import layers
from abbotify.simulation.potential_outcomes import potential_outcomes, subsample
from abbotify.simulation.prepare import prepare
from abbotify.simulation.timeline import Schedule
from tests.conftest import ROOT, assert_same_arrays, small_scenario
from tests.simulation.training.scenarios import COLLECT, daily, scenario_of

QUEUED: dict[str, Any] = {
    "recommender": "sticky_artist",
    "latency_ms": 9000,
    "service": {"replicas": 1},
}
PHASES = [
    {"phase": "pre", "days": 1, "recommender": "random"},
    {"phase": "experiment", "days": 2},
]


def scenario(**keys: Any) -> Scenario:
    return from_source(Source("made", small_scenario() | keys, {}), ROOT)


def outcomes(of: Scenario, folder: Path, workers: int = 1, engine: str = "auto") -> Any:
    folder.mkdir()
    plan = prepare(of, engine)
    found = potential_outcomes(plan, folder, layers(of)[0].arms, workers)
    assert not list(folder.iterdir())
    return found


def actual(of: Scenario, folder: Path) -> pd.DataFrame:
    pipeline.run(of, folder)
    return pd.read_parquet(folder / "users.parquet")


def assert_own_arm_is_the_run(run: pd.DataFrame, found: dict[str, UserTable]) -> None:
    assert {*run["arm"].dropna()} == {*found}
    for arm, table in found.items():
        own = (run["arm"] == arm).to_numpy()
        assert (run["exposed"].to_numpy()[own] == table.exposed[own]).all()
        for name, values in table.values.items():
            expected = run[name].to_numpy(np.float64)
            np.testing.assert_array_equal(expected[own], values[own], err_msg=name)


def differ(found: dict[str, UserTable], name: str = "time") -> bool:
    one, other = (table.values[name] for table in found.values())
    return not np.array_equal(one, other, equal_nan=True)


RAMP = {"experiment": {"name": "SMALL", "control": "random", "traffic": [0.3, 0.8]}}
LAYERS = {
    "experiments": [
        {"name": "SMALL", "control": "random", "arms": ["random", "sticky"]},
        {"name": "OTHER", "control": "random", "arms": ["random", "top"]},
    ],
    "arms": small_scenario()["arms"] | {"top": {"recommender": "top_pop"}},
    "experiment": None,
}


@pytest.mark.parametrize(
    "keys",
    [
        {"timeline": PHASES, "shards": 3},
        {"arrivals": {"visits_per_day": 1.5}, "timeline": PHASES},
        RAMP,
        LAYERS,
        {"log": {"level": "users"}},
    ],
    ids=["before", "returning", "ramp", "layers", "no log"],
)
def test_a_users_own_arm_gives_what_the_run_gave(keys: Any, tmp_path: Path) -> None:
    of = scenario(**keys)
    found = outcomes(of, tmp_path / "worlds")
    assert_own_arm_is_the_run(actual(of, tmp_path / "run"), found)
    assert differ(found)
    assert len(found["sticky"]) == 100


def test_a_model_trained_once_gives_what_the_run_gave(tmp_path: Path) -> None:
    phases: list[dict[str, Any]] = [
        COLLECT,
        {"phase": "train"},
        {"phase": "experiment", "days": 2},
    ]
    of = scenario_of(*phases, shards=2)
    found = outcomes(of, tmp_path / "worlds")
    assert_own_arm_is_the_run(actual(of, tmp_path / "run"), found)
    assert differ(found)


def test_users_outside_a_ramp_are_in_no_arm(tmp_path: Path) -> None:
    found = outcomes(scenario(**RAMP), tmp_path / "worlds")
    inside = layers(scenario(**RAMP))[0].admitted(found["sticky"].users, 1)
    for place, table in enumerate(found.values()):
        np.testing.assert_array_equal(table.arms[ARM].codes, np.where(inside, place, -1))
        assert not table.exposed[~inside].any()
        assert table.exposed[inside].any()


def test_days_before_are_the_same_in_all_worlds(tmp_path: Path) -> None:
    found = outcomes(scenario(timeline=PHASES), tmp_path / "worlds")
    pre = [
        {name: values for name, values in table.values.items() if name.startswith("pre_")}
        for table in found.values()
    ]
    assert len(pre[0]) > 10
    assert_same_arrays(pre[0], pre[1])


def assert_same(one: dict[str, UserTable], other: dict[str, UserTable]) -> None:
    assert list(one) == list(other)
    for arm in one:
        assert_same_arrays(one[arm].values, other[arm].values)


def test_engines_and_workers_agree(tmp_path: Path) -> None:
    of = scenario(timeline=PHASES, shards=3)
    alone = outcomes(of, tmp_path / "alone")
    assert_same(alone, outcomes(of, tmp_path / "simpy", engine="simpy"))
    assert_same(alone, outcomes(of, tmp_path / "two", workers=2))


def test_a_queue_is_full_when_everybody_waits_in_it(tmp_path: Path) -> None:
    """One replica serves half of the users in the run, all of them in the arm's own world."""
    arms = {"random": {"recommender": "random"}, "queued": QUEUED}
    of = scenario(arms=arms, timeline=PHASES, arrivals={"sessions": 400})
    found = outcomes(of, tmp_path / "worlds")
    run = actual(of, tmp_path / "run")
    latency = run.groupby("arm")["mean_request_latency"].mean()
    worlds = {arm: table.values["mean_request_latency"] for arm, table in found.items()}
    alone = QUEUED["latency_ms"]
    assert np.nanmean(worlds["queued"]) - alone > 1.5 * (latency["queued"] - alone)
    own = (run["arm"] == "random").to_numpy()  # never waits, so never meets anybody
    np.testing.assert_array_equal(run["time"].to_numpy()[own], time(found, "random")[own])


def time(found: dict[str, UserTable], arm: str) -> Any:
    table: UserTable = found[arm]
    return table.values["time"]


@pytest.mark.parametrize("training", ["pooled", "own"])
def test_worlds_learn_from_themselves(tmp_path: Path, training: str) -> None:
    """On the first day models are the run's, afterwards the world's own."""
    first = scenario_of(COLLECT, {"phase": "train"}, daily(training) | {"days": 1}, shards=2)
    found = outcomes(first, tmp_path / "first")
    assert_own_arm_is_the_run(actual(first, tmp_path / "run"), found)
    later = scenario_of(COLLECT, {"phase": "train"}, daily(training), shards=2)
    found = outcomes(later, tmp_path / "later")
    run = actual(later, tmp_path / "later run")
    own = (run["arm"] == "next").to_numpy()
    assert not np.array_equal(run["time"].to_numpy()[own], time(found, "next")[own], equal_nan=True)
    own = (run["arm"] == "sticky").to_numpy()
    np.testing.assert_array_equal(run["time"].to_numpy()[own], time(found, "sticky")[own])
    if training == "own":
        assert_same(found, outcomes(later, tmp_path / "two", workers=2))


def test_a_subsample_has_the_size_of_the_arm() -> None:
    of = scenario(arms={"random": {"recommender": "random", "weight": 3}, "sticky": QUEUED}, **RAMP)
    ids = np.arange(5, 1005)
    layer = layers(of)[0]
    codes = layer.codes(ids, 1)
    for place, arm in enumerate(layer.arms):
        chosen = subsample(Schedule(of), ids, arm)
        assert chosen.sum() == (codes == place).sum() > 0
        assert not chosen[codes < 0].any()
        mixed = np.bincount(codes[chosen], minlength=2)
        assert (mixed > 0).all()
    assert (subsample(Schedule(of), ids, "sticky") <= subsample(Schedule(of), ids, "random")).all()


def test_an_arm_that_is_none_is_refused(tmp_path: Path) -> None:
    plan = prepare(scenario())
    with pytest.raises(ValueError, match="top"):
        potential_outcomes(plan, tmp_path, ["top"])
    day = plan.schedule.days[0]
    with pytest.raises(ValueError, match="top"):
        plan.schedule.plan_day(day, plan.world.users.ids, "top")
