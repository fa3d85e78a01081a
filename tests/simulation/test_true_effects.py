"""True effects in a run's report: nothing in A/A, the closed form, and what the users did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abbotify import pipeline
from abbotify.cli.check import describe
from abbotify.files.yaml import Source
from abbotify.metrics.users import UserTable
from abbotify.report import Result, TruthRow
from abbotify.scenario import Scenario, load
from abbotify.scenario.load import from_source
from abbotify.simulation.assignment import layers
from abbotify.simulation.potential_outcomes import POOLED, potential_outcomes
from abbotify.simulation.prepare import prepare
from tests.conftest import ROOT, small_scenario
from tests.simulation.training.scenarios import COLLECT, daily, scenario_of

TIME = "mean_time_per_session"
FILES = ("report.json", "effects.csv", "users.parquet")
TRAIN = {"phase": "train"}


def scenario(**keys: Any) -> Scenario:
    data = small_scenario() | {"truth": "on"} | keys
    return from_source(Source("made", data, {}), ROOT)


def row(result: Result, method: str, metric: str = TIME, form: str = "total") -> TruthRow:
    (found,) = (
        row for row in result.truth if (row.method, row.metric, row.form) == (method, metric, form)
    )
    return found


def outcomes(of: Scenario, folder: Path) -> dict[str, UserTable]:
    folder.mkdir()
    return potential_outcomes(prepare(of), folder, layers(of)[0].arms)


def test_nothing_is_different_between_equal_arms(tmp_path: Path) -> None:
    arms = {name: {"recommender": "random"} for name in ("random", "same", "too")}
    result = pipeline.run(scenario(arms=arms, shards=3), tmp_path)
    assert {row.arm for row in result.truth} == {"same", "too"}
    assert {row.truth for row in result.truth} <= {0.0, None}
    assert row_count(result) == {"same": len(result.truth) / 2, "too": len(result.truth) / 2}
    told = [row for row in result.truth if row.metric == TIME]
    assert all(row.truth == 0.0 and row.bias == row.estimate != 0 for row in told)


def row_count(result: Result) -> dict[str, int]:
    arms = [row.arm for row in result.truth]
    return {arm: arms.count(arm) for arm in arms}


def test_the_planted_effect_is_the_truth(tmp_path: Path) -> None:
    """Sessions last 1 + 0.80 * 25 = 21 and 1 + 0.82 * 27.78 = 23.78, see the scenario."""
    path = ROOT / "scenarios" / "geometric.yaml"
    sets = ["truth=on", "world.users.count=4000", "arrivals.sessions=20000"]
    result = pipeline.run(load(path, sets), tmp_path / "run")
    # The variance of p N is p^2 b p / (1 - p)^2 each; 20 000 sessions, users' means over 5.
    error = np.sqrt(sum(p**2 * 5 * p / (1 - p) ** 2 for p in (0.8, 0.82)) / 20_000)
    expected = (1 + 0.82 * 5 / 0.18) - (1 + 0.80 * 5 / 0.2)
    assert row(result, "delta").truth == pytest.approx(expected, abs=4 * error)
    assert row(result, "delta_fieller").truth == pytest.approx(13.23, abs=400 * error / 21)
    assert row(result, "welch").truth == pytest.approx(expected, abs=6 * error)
    for method in ("welch", "fieller", "delta", "delta_fieller", "sessions_as_independent"):
        assert row(result, method).covered is not None
    sessions = row(result, "sessions_as_independent")
    assert sessions.estimate == pytest.approx(row(result, "delta").estimate, rel=1e-12)
    assert sessions.truth == row(result, "delta").truth


RAMP = {"name": "SMALL", "control": "random", "traffic": [0.4, 0.7]}
RETURNING: dict[str, Any] = {"visits_per_day": 1.0}


@pytest.mark.parametrize(
    "keys",
    [
        {"shards": 3},
        {"experiment": RAMP, "shards": 2},
        {"arrivals": RETURNING, "metrics": {"population": "assigned"}},
    ],
    ids=["plain", "ramp", "assigned"],
)
def test_the_truth_is_that_of_the_runs_users(keys: dict[str, Any], tmp_path: Path) -> None:
    """Recomputed by pandas from the worlds and users.parquet."""
    of = scenario(**keys)
    result = pipeline.run(of, tmp_path / "run")
    run = pd.read_parquet(tmp_path / "run" / "users.parquet")
    worlds = outcomes(of, tmp_path / "worlds")
    one, other = (
        pd.DataFrame(worlds[arm].values).assign(arm=run["arm"], exposed=run["exposed"])
        for arm in ("random", "sticky")
    )
    exposed = run["exposed"]
    both = exposed & one[TIME].notna() & other[TIME].notna()
    expected = (other[TIME] - one[TIME])[both].mean()
    assert 0 < both.sum() < len(run)
    assert row(result, "welch").truth == pytest.approx(expected, rel=1e-9)
    assert row(result, "fieller").truth == pytest.approx(
        100 * expected / one[TIME][both].mean(), rel=1e-9
    )
    ratios = [w["time"][exposed].sum() / w["sessions"][exposed].sum() for w in (one, other)]
    assert row(result, "delta").truth == pytest.approx(ratios[1] - ratios[0], rel=1e-9)
    if of.metrics.population == "assigned":
        inside = run["arm"].notna()
        assert not exposed[inside].all()
        sums = [w["time"][inside].fillna(0).mean() for w in (one, other)]
        assert row(result, "welch", "time").truth == pytest.approx(sums[1] - sums[0], rel=1e-9)


def test_every_effect_has_its_rows(tmp_path: Path) -> None:
    result = pipeline.run(scenario(), tmp_path)
    told = {(row.arm, row.metric) for row in result.truth}
    assert told == {(effect.arm, effect.metric) for effect in result.effects}
    for effect in result.effects:
        if effect.estimand == "mean":
            welch = row(result, "welch", effect.metric)
            assert (welch.estimate, welch.lower) == (effect.effect, effect.lower)
    assert {row.form for row in result.truth} == {"total"}
    assert {row.note for row in result.truth if row.metric == TIME} == {""}


def test_the_run_itself_is_what_it_is_without_truth(tmp_path: Path) -> None:
    for name, truth in (("with", "on"), ("without", "off")):
        phases: list[Any] = [COLLECT, TRAIN, daily()]
        pipeline.run(scenario_of(*phases, shards=2, truth=truth), tmp_path / name)
    for name in FILES[1:]:
        assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes()
    ours, theirs = ({*(tmp_path / name).rglob("*")} for name in ("with", "without"))
    assert {path.relative_to(tmp_path / "with") for path in ours} == {
        path.relative_to(tmp_path / "without") for path in theirs
    }


def test_workers_and_engines_give_the_same_bytes(tmp_path: Path) -> None:
    of = scenario_of(COLLECT, TRAIN, daily("own") | {"days": 2}, shards=2, truth="on")
    pipeline.run(of, tmp_path / "alone")
    pipeline.run(of, tmp_path / "two", workers=2)
    pipeline.run(of, tmp_path / "simpy", engine="simpy")
    for name in FILES:
        expected = (tmp_path / "alone" / name).read_bytes()
        assert (tmp_path / "two" / name).read_bytes() == expected
        assert (tmp_path / "simpy" / name).read_bytes() == expected


def test_own_training_has_a_truth_of_equal_data(tmp_path: Path) -> None:
    of = scenario_of(COLLECT, TRAIN, daily("own"), truth="on")
    result = pipeline.run(of, tmp_path)
    total, equal = (row(result, "welch", TIME, form) for form in ("total", "equal_data"))
    assert total.estimate == equal.estimate
    assert total.truth != equal.truth
    assert POOLED not in {row.note for row in result.truth}
    text = describe(prepare(of))
    assert "3 more runs of the experiment's days (3): everybody under each of 2 arms, 1 of" in text
    assert "4 more trainings." in text  # days 2 and 3, in two worlds


def test_pooled_training_has_one_truth(tmp_path: Path) -> None:
    of = scenario_of(COLLECT, TRAIN, daily(), truth="on")
    result = pipeline.run(of, tmp_path)
    assert {row.form for row in result.truth} == {"total"}
    assert row(result, "welch").note == POOLED
    text = describe(prepare(of))
    assert "2 more runs of the experiment's days (3)" in text
    assert "2 more trainings." in text
    assert "Equal-data is the same" in text


def test_when_users_meet_days_are_one_unit_and_the_truth_the_same(tmp_path: Path) -> None:
    """With a queue that never makes anybody wait."""
    phases: list[Any] = [COLLECT, TRAIN, daily("own")]
    apart = pipeline.run(scenario_of(*phases, truth="on"), tmp_path / "apart")
    queue = {"replicas": 1_000_000}
    of = scenario_of(*phases, truth="on", service=queue)
    together = pipeline.run(of, tmp_path / "together")
    assert len(apart.truth) == len(together.truth)
    ours, theirs = (
        [row.truth for row in result.truth if row.metric == TIME] for result in (apart, together)
    )
    assert ours == pytest.approx(theirs, rel=1e-12)
    assert None not in ours
    assert "more runs of all days, since users are coupled (5)" in describe(prepare(of))


def test_a_scenario_without_truth_says_nothing_of_it() -> None:
    assert "Truth" not in describe(prepare(scenario(truth="off")))
