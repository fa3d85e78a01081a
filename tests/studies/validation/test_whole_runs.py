"""Experiments played as a whole: each is a run of its own, judged by its own truth."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from abbotify import pipeline
from abbotify.errors import UserError
from abbotify.progress import silent
from abbotify.scenario import Scenario, load
from abbotify.simulation.assignment import layers
from abbotify.simulation.prepare import Plan, prepare
from abbotify.studies.validation import study, whole_runs
from abbotify.studies.validation.trials import Experiment
from tests.conftest import Command, learning_scenario
from tests.studies.validation.worlds import scenario

METRIC = "mean_time_per_session"
QUEUE: dict[str, Any] = {
    "world": {
        "catalogue": {"tracks": 200, "artists": 40, "genres": 4, "dims": 8},
        "users": {"count": 60},
    },
    "arrivals": {"sessions": 120},
    "timeline": [{"phase": "experiment", "days": 1}],
    "arms": {
        "quick": {"recommender": "random", "latency_ms": 20, "weight": 2},
        "slow": {
            "recommender": "sticky_artist",
            "latency_ms": 4000,
            "service": {"replicas": 1, "timeout_ms": 20000, "patience_ms": 5000},
        },
        "unused": {"recommender": "top_pop", "weight": 0},
    },
    "experiment": {"name": "QUEUE", "control": "quick"},
    "metrics": {"report": [METRIC, "tracks"]},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    place = tmp_path / "queue.yaml"
    place.write_text(yaml.safe_dump(scenario(**QUEUE), sort_keys=False))
    return place


def plan_of(folder: Path, described: dict[str, Any]) -> Plan:
    place = folder / "learning.yaml"
    place.write_text(yaml.safe_dump({"name": "learning", **described}, sort_keys=False))
    return prepare(load(place))


def truths(described: Scenario, folder: Path) -> dict[tuple[str, str], Any]:
    result = pipeline.run(described.model_copy(update={"truth": True}), folder)
    rows = [row for row in result.truth if row.form == "total"]
    return {(row.method, row.metric): row for row in rows}


def test_an_interrupted_validation_goes_on_by_run(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, played = prepare(load(path)), []
    monkeypatch.setattr(whole_runs, "_played", lambda scenario, folder: played.append(folder))
    monkeypatch.setattr(whole_runs, "_estimates_of", lambda *both: whole_runs._Run(ONE, {}, (5, 7)))

    def interrupt(what: str, done: int, total: int, note: str = "") -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        whole_runs.replayed(plan, tmp_path, 5, 1, interrupt, plan.coupled)
    assert len(played) == 2 * 3
    validation = whole_runs.replayed(plan, tmp_path, 5, 1, silent, plan.coupled)
    assert len(played) == 2 * 5
    assert validation.replications == 5


ONE = Experiment({}, {}, mismatch=False)


def test_a_replication_is_a_run_of_its_own(path: Path, tmp_path: Path) -> None:
    plan, folder = prepare(load(path)), tmp_path / "scratch"
    folder.mkdir()
    found = whole_runs.replayed(plan, folder, 2, 1, silent, plan.coupled)
    assert [path.name for path in folder.iterdir()] == ["state"]
    runs = [
        truths(whole_runs.replication(plan.scenario, number), tmp_path / f"run-{number}")
        for number in (0, 1)
    ]
    rows = {(one.method, one.metric, one.quantity): one for one in found.rows}
    for method in ("welch", "fieller", "naive_relative", "delta", "sessions_as_independent"):
        own = [run[method, METRIC] for run in runs]
        covered = sum(row.covered for row in own) / 2
        assert rows[method, METRIC, "coverage"].measured == covered
        width = sum(row.upper - row.lower for row in own) / 2
        assert rows[method, METRIC, "mean_width"].measured == pytest.approx(width)
    assert found.coupled
    assert found.gated == 0


def test_replications_differ_in_luck_and_in_arms(path: Path) -> None:
    described = load(path)
    first, second = (whole_runs.replication(described, number) for number in (0, 1))
    assert first.seeds.dynamics != second.seeds.dynamics
    assert first.layers[0].name != second.layers[0].name
    assert first == whole_runs.replication(described, 0)


@pytest.mark.parametrize("changes", [[], ["seeds.split=3"]])
def test_replications_have_splits_of_their_own(path: Path, changes: list[str]) -> None:
    described, ids = load(path, changes), np.arange(2000)
    repeated = [whole_runs.replication(described, number) for number in range(3)]
    codes = [layers(each)[0].assign(ids) for each in (described, *repeated)]
    for i, one in enumerate(codes):
        for other in codes[:i]:
            assert 0.4 < (one == other).mean() < 0.6


def test_without_an_effect_all_arms_are_the_controls(path: Path) -> None:
    described = load(path)
    same = whole_runs.without_effect(described)
    control = described.arms["quick"]
    assert same.arms["slow"] == control.model_copy(update={"weight": 1.0})
    assert same.arms["quick"] == control
    assert same.arms["unused"] == described.arms["unused"]
    assert whole_runs.without_effect(same) == same


def test_the_command_plays_what_couples_users(
    abbotify: Command, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "FEWEST", 3)
    texts = []
    for workers in (1, 2):
        out = tmp_path / f"out-{workers}"
        finished = abbotify(
            "validate", path, "--replications", 3, "--workers", workers, "--out", out
        )
        assert (finished.code, finished.err) == (0, "")
        assert "No rate is promised" in finished.out
        texts.append((out / "validate.csv").read_text(encoding="utf-8"))
    assert texts[0] == texts[1]
    rows = list(csv.DictReader(texts[0].splitlines()))
    assert {row["metric"] for row in rows} == {METRIC, "tracks", "users"}
    page = (tmp_path / "out-1" / "validate.html").read_text(encoding="utf-8")
    assert "requests queue" in page
    finished = abbotify("validate", path, "--replications", 3, "--users", 50)
    assert finished.code == 2
    assert "users cannot be drawn apart" in finished.err


@pytest.mark.parametrize(
    ("days", "meet"),
    [
        ({"retrain": "daily"}, True),
        ({"retrain": "daily", "training": "own"}, True),
        ({"retrain": "daily", "training": "frozen"}, False),
        ({"days": 1, "retrain": "daily"}, False),  # trained in the morning, on the days before
        ({"days": 1, "retrain": "daily", "training": "own"}, False),
        ({}, False),
    ],
)
def test_trainings_on_the_experiment_couple_users(
    tmp_path: Path, days: dict[str, Any], meet: bool
) -> None:
    described = learning_scenario(60, 50, 100, {"together": {"recommender": "item2item"}})
    described["timeline"][-1] = {"phase": "experiment", "days": 2, **days}
    plan = plan_of(tmp_path, described)
    assert plan.coupled == ""
    expected = "together is trained on the days of the experiment" if meet else ""
    assert study.meets(plan) == expected


def test_a_world_without_differences_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    report = ["mean_request_latency"]
    described = scenario(metrics={"success": report, "report": report})
    path.write_text(yaml.safe_dump(described, sort_keys=False))
    with pytest.raises(UserError, match="no metric varies between the users of random"):
        study.validate(load(path), tmp_path / "out", 200)
    assert not (tmp_path / "out").exists()
