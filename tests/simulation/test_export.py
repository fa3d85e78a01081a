"""A trained arm's lists in botify's files, read back, are played as the arm itself is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abbotify import pipeline
from abbotify.errors import UserError
from abbotify.eventlog.log import open_log
from abbotify.eventlog.schema import Events
from abbotify.files.yaml import Source
from abbotify.recommenders.candidate_table import Key
from abbotify.scenario import Scenario
from abbotify.scenario.load import from_source
from abbotify.simulation import export
from tests.conftest import ROOT, learning_scenario

NEURAL = {
    "recommender": "neural",
    "embedding_size": 8,
    "epochs": 3,
    "size": 10,
    "user_aware": False,
    "anchor": "previous",
    "pick": "first_unseen",
    "fallback": "sticky_artist",
}
ITEMS = {"recommender": "item2item", "key": "previous", "size": 10, "pick": "rank"}
HISTORY = {"recommender": "item2item", "key": "history", "size": 10}
COLUMNS = ("timestamp", "user", "session", "step", "track", "time", "recommendation")


def scenario_of(arm: dict[str, Any]) -> Scenario:
    return from_source(Source("made", learning_scenario(120, 150, 400, {"it": arm}), {}), ROOT)


def played(scenario: Scenario, folder: Path) -> Events:
    pipeline.run(scenario, folder)
    return Events.concat(list(open_log(folder / "log").pieces()))


@pytest.mark.parametrize("form", ["tracks", "recommendations"])
@pytest.mark.parametrize("arm", [NEURAL, ITEMS, HISTORY], ids=["neural", "item2item", "history"])
def test_a_contextual_arm_of_the_file_is_the_live_arm(
    arm: dict[str, Any], form: export.Form, tmp_path: Path
) -> None:
    live = played(scenario_of(arm), tmp_path / "live")
    deployed = export.train(scenario_of(arm), "it")
    assert export.export(deployed, tmp_path / "lists.jsonl", form) == form
    file = dict(export.reader(deployed, tmp_path / "lists.jsonl"))
    assert file["recommender"] == ("i2i" if arm.get("key") == "history" else "contextual")
    if "fallback" in arm:
        file["fallback"] = arm["fallback"]
    again = played(scenario_of(file), tmp_path / "again")
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(live, name), getattr(again, name), err_msg=name)


@pytest.mark.extras
def test_an_indexed_arm_of_the_file_is_the_live_arm(tmp_path: Path) -> None:
    pytest.importorskip("implicit")
    als = {"recommender": "als", "factors": 8, "iterations": 3, "size": 10}
    live = played(scenario_of(als), tmp_path / "live")
    assert export.export(export.train(scenario_of(als), "it"), tmp_path / "lists.jsonl") == "users"
    indexed = export.reader(export.train(scenario_of(als), "it"), tmp_path / "lists.jsonl")
    again = played(scenario_of(indexed), tmp_path / "again")
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(live, name), getattr(again, name), err_msg=name)


def test_the_tracks_file_is_a_catalogue_with_lists(tmp_path: Path) -> None:
    deployed = export.train(scenario_of(NEURAL), "it")
    assert export.export(deployed, tmp_path / "tracks.jsonl") == "tracks"
    lines = [json.loads(line) for line in (tmp_path / "tracks.jsonl").read_text().splitlines()]
    assert [line["track"] for line in lines] == list(range(120))
    assert {len(line.get("recommendations", [])) for line in lines} <= {0, 10}
    assert {*lines[0]} >= {"artist", "title", "genre", "pop"}
    offsets, tracks = deployed.table.lists
    assert deployed.table.key == Key.PREVIOUS
    for line in lines:
        row = tracks[offsets[line["track"]] : offsets[line["track"] + 1]].tolist()
        assert line.get("recommendations", []) == row


def test_the_model_is_that_of_the_run(tmp_path: Path) -> None:
    pipeline.run(scenario_of(NEURAL), tmp_path / "run")
    kept = json.loads(next((tmp_path / "run" / "models").glob("*.json")).read_text())
    assert (
        export.train(scenario_of(NEURAL), "it", workers=2).training.model.digest == kept["digest"]
    )


@pytest.mark.parametrize(
    ("arm", "name", "what"),
    [
        (NEURAL, "its", "no arm is named 'its'; did you mean it"),
        (NEURAL, "sticky", "does not learn"),
        ({**NEURAL, "user_aware": True}, "it", "set user_aware: false"),
    ],
)
def test_what_has_no_lists_is_refused(arm: dict[str, Any], name: str, what: str) -> None:
    with pytest.raises(UserError, match=what):
        export.train(scenario_of(arm), name)


def test_a_scenario_without_a_training_is_refused() -> None:
    phases = [
        {"phase": "collect", "days": 1, "traffic": {"random": 0.5, "sticky": 0.5}},
        {"phase": "experiment", "days": 1},
    ]
    data = scenario_of(NEURAL).source.data
    arms = {**data["arms"], "it": {**NEURAL, "weight": 0}, "top": {"recommender": "top_pop"}}
    idle = from_source(Source("made", {**data, "timeline": phases, "arms": arms}, {}), ROOT)
    with pytest.raises(UserError, match="needs a phase: train"):
        export.train(idle, "it")


def test_a_form_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    deployed = export.train(scenario_of(ITEMS), "it")
    with pytest.raises(UserError, match="belong to tracks, got users"):
        export.export(deployed, tmp_path / "lists.jsonl", "users")
    assert not (tmp_path / "lists.jsonl").exists()
