"""Scenarios that train, the models their runs leave, and events for a training to see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.schema import Events, Labels
from abbotify.files.yaml import Source
from abbotify.scenario import Scenario
from abbotify.scenario.load import from_source
from abbotify.simulation.model_store import load_model
from tests.conftest import ROOT, learning_scenario

LEARNS = {"recommender": "recommenders/heard_next.py:HeardNext"}
COLLECT = {"phase": "collect", "days": 2, "traffic": {"random": 0.5, "sticky": 0.5}}


def scenario_of(*phases: dict[str, Any], **keys: Any) -> Scenario:
    arms = keys.pop("arms", {"next": LEARNS})
    data = learning_scenario(60, 40, 60, arms, timeline=list(phases), **keys)
    return from_source(Source("made", data, {}), ROOT)


def daily(training: str = "pooled") -> dict[str, Any]:
    return {"phase": "experiment", "days": 3, "retrain": "daily", "training": training}


def models(folder: Path) -> dict[int, dict[str, npt.NDArray[Any]]]:
    """The arrays of each day on which one arm trains."""
    found = {}
    for path in (folder / "models").glob("*.json"):
        entry = json.loads(path.read_text())
        found[entry["day"]] = dict(load_model(path.with_name(entry["file"])))
    return found


def made(sessions: list[tuple[int, int, int, int]]) -> Events:
    """Events of two tracks a session: (user, session, day, end in ms)."""
    user, session, day, end = (np.repeat(column, 2) for column in np.array(sessions).T)
    n = len(user)
    step = np.tile([0, 1], n // 2)
    return Events(
        timestamp=end - (1 - step) * 1000,
        day=day.astype(np.int32),
        user=user.astype(np.int64),
        session=session.astype(np.int32),
        step=step.astype(np.int32),
        last=step == 1,
        track=np.arange(n) % 60,
        time=np.where(step == 0, 1.0, 0.37),
        recommendation=np.full(n, -1),
        latency_ms=np.zeros(n, np.int64),
        arms={"arm": Labels(np.zeros(n, np.int16), ("sticky", "next"))},
    )
