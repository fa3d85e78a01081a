"""Runs that train: however they are played they learn the same; what cannot be is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abbotify import pipeline
from abbotify.errors import ScenarioError
from abbotify.eventlog.log import open_log
from abbotify.eventlog.schema import Events
from abbotify.files.yaml import Source
from abbotify.scenario import Scenario
from abbotify.scenario.load import from_source
from tests.conftest import ROOT, assert_same_arrays
from tests.simulation.training.scenarios import COLLECT, LEARNS, daily, models, scenario_of


def test_workers_and_shards_change_no_model(
    daily_run: tuple[Scenario, Path], tmp_path: Path
) -> None:
    scenario, folder = daily_run
    pipeline.run(scenario, tmp_path / "two", workers=2)
    for name in ("report.json", "effects.csv", "users.parquet"):
        assert (tmp_path / "two" / name).read_bytes() == (folder / name).read_bytes()
    ours, theirs = models(folder), models(tmp_path / "two")
    assert ours.keys() == theirs.keys()
    for day, arrays in ours.items():
        assert_same_arrays(arrays, theirs[day])


@pytest.mark.parametrize("latency", [0, 3_600_000])
def test_the_same_log_is_played_when_users_meet(latency: int, tmp_path: Path) -> None:
    """With a queue that never makes anybody wait, days are one unit: the log stays the same.

    With an hour's latency many a session's last request is unanswered at midnight; its last event
    is before it all the same.
    """
    scenario = scenario_of(COLLECT, {"phase": "train"}, daily(), listener={"max_tracks": 5})
    data = scenario.source.data
    arms = {name: {**arm, "latency_ms": latency} for name, arm in data["arms"].items()}
    ours, theirs = (
        from_source(Source("made", {**data, "arms": arms, **more}, {}), ROOT)
        for more in ({"shards": 3}, {"service": {"replicas": 1_000_000}})
    )
    logs, plays = [], []
    for name, each in (("apart", ours), ("together", theirs)):
        pipeline.run(each, tmp_path / name)
        logs.append(Events.concat(list(open_log(tmp_path / name / "log").pieces())))
        manifest = json.loads((tmp_path / name / "manifest.json").read_text())
        plays.append([training["plays"] for training in manifest["trainings"]])
    assert plays[0] == plays[1]
    for name in ("timestamp", "user", "session", "step", "track", "time", "recommendation"):
        np.testing.assert_array_equal(getattr(logs[0], name), getattr(logs[1], name), err_msg=name)


ENDED = """
from pathlib import Path
class Learner:
    def __init__(self, params, world): self.file = Path(__file__).with_name("ended")
    def fit(self, log, catalogue): return {"file": log.track[:1], "allow_pickle": log.track[:1]}
    def restore(self, arrays): self.track = int(arrays["file"][0])
    def recommend(self, request): return self.track
    def ended(self, request):
        with self.file.open("a") as file:
            file.write(f"{request.user} {request.session}\\n")
"""


def test_a_plug_in_that_learns_is_told_of_the_end_of_each_session(tmp_path: Path) -> None:
    """Its arrays may have any name."""
    (tmp_path / "learner.py").write_text(ENDED)
    arms = {"it": {"recommender": f"{tmp_path}/learner.py:Learner"}}
    experiment = {"phase": "experiment", "days": 1}
    scenario = scenario_of(COLLECT, {"phase": "train"}, experiment, arms=arms)
    result = pipeline.run(scenario, tmp_path / "run")
    told = (tmp_path / "ended").read_text().splitlines()
    arm = next(arm for arm in result.arms if arm.name == "it")
    assert len(told) == len(set(told)) == arm.sessions


def test_a_repeated_run_takes_the_models_that_are_there(tmp_path: Path) -> None:
    arms = {
        "shipped": {"recommender": "item2item"},
        "own": LEARNS,  # what its code reads is not known, so it is trained again
        "idle": {"recommender": "neural", "weight": 0},  # serves nobody, so it is not
    }
    experiment = {"phase": "experiment", "days": 1}
    scenario = scenario_of(COLLECT, {"phase": "train"}, experiment, arms=arms)
    reused = []
    for _ in range(2):
        pipeline.run(scenario, tmp_path / "run")
        manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
        reused += [training["reused"] for training in manifest["trainings"]]
    assert reused == [False, False, True, False]
    data = {**scenario.source.data, "seeds": {"dynamics": 5}}
    pipeline.run(from_source(Source("made", data, {}), ROOT), tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert [training["reused"] for training in manifest["trainings"]] == [False, False]


@pytest.mark.parametrize(
    ("phases", "keys", "key", "what"),
    [
        ([{"phase": "train"}, daily()], {}, "timeline.0.phase", "collect before it"),
        ([COLLECT, daily()], {}, "timeline.1.phase", "next learns: it needs a phase: train"),
        (
            [{**COLLECT, "traffic": {"next": 1.0}}, {"phase": "train"}, daily()],
            {},
            "timeline.0.phase",
            "next learns",
        ),
        (
            [COLLECT, {"phase": "train"}, daily()],
            {"log": {"level": "users"}},
            "log.level",
            "events",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused(
    phases: list[dict[str, Any]], keys: dict[str, Any], key: str, what: str, tmp_path: Path
) -> None:
    learned = {"recommender": "item2item"}
    for arm in (LEARNS, learned):
        with pytest.raises(ScenarioError, match=what) as caught:
            pipeline.run(scenario_of(*phases, arms={"next": arm}, **keys), tmp_path / "run")
        assert caught.value.key == key
