"""The plan of a run in text."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from abbotify.cli.check import describe
from abbotify.scenario import load
from abbotify.simulation.prepare import prepare

QUEUE = {"replicas": 2}


def described(folder: Path, scenario: dict[str, Any], engine: str = "auto") -> str:
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump(scenario, sort_keys=False))
    return describe(prepare(load(path), engine))


def test_check_tells_arms_queues_and_phases(small: dict[str, Any], tmp_path: Path) -> None:
    arms = {
        "old": {"recommender": "top_pop", "weight": 0, "service": QUEUE, "latency_ms": 7},
        "idle": {"recommender": "random", "weight": 0},
    }
    timeline = [
        {"phase": "pre", "days": 1, "recommender": "old"},
        {"phase": "collect", "days": 2, "traffic": {"old": 0.25, "idle": 0.0, "random": 0.75}},
        {"phase": "experiment", "days": 1},
    ]
    changed = copy.deepcopy(small) | {"timeline": timeline, "arrivals": {"visits_per_day": 0.5}}
    changed["arms"] |= arms
    text = described(tmp_path, changed)
    assert "pre: everybody gets old" in text
    assert "days 1-2     collect: old 0.25, idle 0, random 0.75" in text
    assert "top_pop > random, 7 ms, 2 replicas with a queue" in text
    assert "random, 0 ms (serves nobody)" in text
    assert "up to 50 expected a day (200 in total)" in text  # 100 users, four days


def test_the_engine_and_the_units_are_named(small: dict[str, Any], tmp_path: Path) -> None:
    text = described(tmp_path, small)
    assert "Scenario  small" in text
    assert "compiled: users are independent" in text
    assert "1 shard x 2 days." in text
    assert "100 expected a day (200 in total)" in text
    assert "as requested; the compiled engine gives the same log" in described(
        tmp_path, small, "simpy"
    )
    queued = described(tmp_path, small | {"service": QUEUE})
    assert "compiled: users are coupled, and played together" in queued
    assert "Coupled: requests queue (service)" in queued


@pytest.mark.parametrize(("traffic", "outside"), [(1.0, False), (0.5, True)])
def test_every_arm_has_its_users(
    small: dict[str, Any], tmp_path: Path, traffic: float, outside: bool
) -> None:
    small["experiment"]["traffic"] = traffic
    lines = described(tmp_path, small).splitlines()
    start = lines.index("Experiment SMALL")
    counts = [int(line.split()[-2]) for line in lines[start + 1 : start + 3 + outside]]
    assert sum(counts) == 100
    assert ("(outside)" in lines[start + 3]) is outside
