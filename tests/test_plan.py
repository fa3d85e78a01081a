"""A scenario made ready: who couples its users, and what `check` says of it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from abbotify.plan import Plan, describe, prepare
from abbotify.scenario import load

Plain = dict[str, Any]
Ready = Callable[..., Plan]

QUEUE = {"replicas": 2}


@pytest.fixture
def ready(small: Plain, tmp_path: Path) -> Ready:
    def made(arms: Plain | None = None, **changes: Any) -> Plan:
        scenario = copy.deepcopy(small) | changes
        scenario["arms"] |= arms or {}
        path = tmp_path / "scenario.yaml"
        path.write_text(yaml.safe_dump(scenario, sort_keys=False))
        return prepare(load(path))

    return made


def test_users_meet_in_queues_only(ready: Ready) -> None:
    assert ready().coupled == ""
    assert "(service)" in ready(service=QUEUE).coupled
    queued = ready({"slow": {"recommender": "random", "service": QUEUE}})
    assert "arms.slow.service" in queued.coupled


def test_an_arm_that_serves_nobody_couples_nobody(ready: Ready) -> None:
    idle = {"idle": {"recommender": "random", "weight": 0, "service": QUEUE}}
    assert ready(idle, shards=3).coupled == ""
    assert len(ready(idle, shards=3).shards) == 3
    collect = {"phase": "collect", "days": 1, "traffic": {"idle": 1.0}}
    timeline = [collect, {"phase": "experiment", "days": 1}]
    assert "arms.idle.service" in ready(idle, timeline=timeline).coupled


def test_check_tells_arms_queues_and_phases(ready: Ready) -> None:
    arms = {
        "old": {"recommender": "top_pop", "weight": 0, "service": QUEUE, "latency_ms": 7},
        "idle": {"recommender": "random", "weight": 0},
    }
    timeline = [
        {"phase": "pre", "days": 1, "recommender": "old"},
        {"phase": "collect", "days": 2, "traffic": {"old": 0.25, "idle": 0.0, "random": 0.75}},
        {"phase": "experiment", "days": 1},
    ]
    text = describe(ready(arms, timeline=timeline, arrivals={"visits_per_day": 0.5}))
    assert "pre: everybody gets old" in text
    assert "days 1-2     collect: old 0.25, idle 0, random 0.75" in text
    assert "top_pop > random, 7 ms, 2 replicas with a queue" in text
    assert "random, 0 ms (serves nobody)" in text
    assert "up to 50 expected a day (200 in all)" in text  # 100 users, four days
