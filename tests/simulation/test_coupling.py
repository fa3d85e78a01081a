"""Why users meet and arms are not independent, and what would make a run fast."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from abbotify.cli.check import describe
from abbotify.simulation.coupling import interference
from abbotify.simulation.prepare import Plan

Plain = dict[str, Any]
Ready = Callable[..., Plan]
QUEUE = {"replicas": 2}
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
    "one request at a time, in the order of time and on one worker; "
    "with `recommend_batch` (docs/recommenders.md) users are independent"
)


def test_users_meet_in_queues_only(ready: Ready) -> None:
    assert ready().coupled == ""
    assert "(service)" in ready(service=QUEUE).coupled
    queued = ready({"slow": {"recommender": "random", "service": QUEUE}})
    assert "arms.slow.service" in queued.coupled


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


def test_arms_that_share_data_or_queues_interfere(ready: Ready) -> None:
    plan = ready()
    assert interference(plan.scenario, plan.arms) == []
    shared = ready(service=QUEUE)
    assert interference(shared.scenario, shared.arms) == [
        "Service: requests of all arms wait in one queue (service)"
    ]
    queued = ready({"sticky": {"recommender": "sticky_artist", "service": QUEUE}})
    (reason,) = interference(queued.scenario, queued.arms)
    assert reason.startswith("Service: the queue of sticky serves its share")
