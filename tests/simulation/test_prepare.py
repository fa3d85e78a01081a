"""A scenario made ready: who couples its users, and what `check` says of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from abbotify.simulation.prepare import Plan

Plain = dict[str, Any]
Ready = Callable[..., Plan]

QUEUE = {"replicas": 2}


def test_an_arm_that_serves_nobody_couples_nobody(ready: Ready) -> None:
    idle = {"idle": {"recommender": "random", "weight": 0, "service": QUEUE}}
    assert ready(idle, shards=3).coupled == ""
    assert len(ready(idle, shards=3).shards) == 3
    collect = {"phase": "collect", "days": 1, "traffic": {"idle": 1.0}}
    timeline = [collect, {"phase": "experiment", "days": 1}]
    assert "arms.idle.service" in ready(idle, timeline=timeline).coupled
