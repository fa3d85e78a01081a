"""A scenario made ready: who couples its users, and what `check` says of it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from abbotify.cli.check import describe
from abbotify.scenario import load
from abbotify.simulation.prepare import Plan, prepare

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


SLOW = """
class Alone:
    def __init__(self, params, world): pass
    def recommend(self, request): return 1
class Batch(Alone):
    def recommend_batch(self, requests): return requests.previous
class Learner(Alone):
    def ended(self, request): pass
class Fitted(Alone):
    def fit(self, log, catalogue): return {}
    def restore(self, arrays): pass
"""
HINT = (
    "one request at a time, so the event-driven engine plays; "
    "add `recommend_batch` (docs/recommenders.md) to use the compiled one"
)


def test_the_line_that_makes_a_run_fast_is_named_once(ready: Ready, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(SLOW)

    def arms(*names: str) -> Plain:
        return {name.lower(): {"recommender": f"mine.py:{name}"} for name in names}

    one = ready(arms("Alone"))
    assert one.notes == (f"arm alone answers {HINT}",)
    assert describe(one).count("recommend_batch") == 1
    trained = [{"phase": "collect", "days": 1, "traffic": {"random": 1}}, {"phase": "train"}]
    timeline = [*trained, {"phase": "experiment", "days": 1}]
    two = ready(arms("Alone", "Fitted"), timeline=timeline)
    assert two.notes == (f"arms alone and fitted answer {HINT}",)


@pytest.mark.parametrize(
    ("names", "changes"),
    [
        (("Batch",), {}),
        (("Learner",), {}),  # it learns from everybody: nothing makes it fast
        (("Alone", "Learner"), {}),
        (("Alone",), {"service": QUEUE}),  # the queue makes users meet in any case
    ],
)
def test_no_line_is_named_that_would_not_help(
    ready: Ready, tmp_path: Path, names: tuple[str, ...], changes: Plain
) -> None:
    (tmp_path / "mine.py").write_text(SLOW)
    arms = {name.lower(): {"recommender": f"mine.py:{name}"} for name in names}
    assert "recommend_batch" not in describe(ready(arms, **changes))


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
    assert "up to 50 expected a day (200 in total)" in text  # 100 users, four days
