"""Recommenders that fail, and those that have nothing: counted, stood in for, or fatal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abbotify.errors import RecommenderFailure

PLUGINS = '''
class Failing:
    """Raises at every third step, leaves the catalogue at every fourth, else plays track 1."""

    def __init__(self, params, world):
        self.n = len(world.catalogue)

    def recommend(self, request):
        if request.step % 3 == 0:
            raise RuntimeError("out of order")
        return self.n if request.step % 4 == 0 else 1


class Silent:
    """Has something at even steps only."""

    def __init__(self, params, world):
        pass

    def recommend(self, request):
        return None if request.step % 2 else 1
'''


@pytest.fixture
def play(make: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """The result of one unit in which both arms are of a class above."""
    path = tmp_path / "plugins.py"
    path.write_text(PLUGINS, encoding="utf-8")

    def run(name: str, **options: Any) -> Any:
        fallback = {"recommender": "top_pop", "size": 1}
        arm = {"recommender": f"{path}:{name}", "fallback": fallback, **options}
        game = make(arms={"a": arm, "b": arm}, experiment={"name": "AB", "control": "a"})
        ((result,),) = game.results(coupled=True)
        return result, int(np.argmax(game.world.catalogue.popularity))

    return run


def of_sessions(events: Any, chosen: Any) -> list[int]:
    """How many chosen rows each session has."""
    starts = np.flatnonzero(events.step == 0)
    return [int(n) for n in np.add.reduceat(chosen.astype(np.int64), starts)]


def test_failures_are_counted_and_stood_in_for(play: Callable[..., Any]) -> None:
    result, top = play("Failing")
    events, asked = result.events, result.events.step + 1
    failed = ~events.last & ((asked % 3 == 0) | (asked % 4 == 0))
    assert failed.any()
    assert set(events.recommendation[failed].tolist()) == {top}
    assert set(events.recommendation[~failed & ~events.last].tolist()) == {1}
    assert result.facts.errors.tolist() == of_sessions(events, failed)
    assert result.facts.misses.sum() == 0


def test_misses_are_counted_and_stood_in_for(play: Callable[..., Any]) -> None:
    result, top = play("Silent")
    events = result.events
    missed = ~events.last & (events.step % 2 == 0)
    assert set(events.recommendation[missed].tolist()) == {top}
    assert result.facts.misses.tolist() == of_sessions(events, missed)
    assert result.facts.errors.sum() == 0
    assert result.facts.timeouts.sum() == 0


def test_a_failure_may_be_fatal(play: Callable[..., Any]) -> None:
    with pytest.raises(RecommenderFailure, match="step 3: RuntimeError: out of order") as raised:
        play("Failing", on_error="stop")
    assert raised.value.key in ("arms.a", "arms.b")
    result, _ = play("Silent", on_error="stop")  # a miss is no failure
    assert result.facts.misses.sum() > 0


def test_a_failure_in_a_queue_is_counted_too(play: Callable[..., Any]) -> None:
    free, _ = play("Failing")
    queued, _ = play("Failing", service={"replicas": 1000})
    assert queued.facts.errors.tolist() == free.facts.errors.tolist()
    assert queued.facts.errors.sum() > 0


def test_cut_sessions_are_marked(make: Callable[..., Any]) -> None:
    game = make(listener={"max_tracks": 6, "session_budget": 5})
    ((result, other),) = game.results()
    for one in (result, other):
        lengths = one.events.step[one.events.last] + 1
        assert lengths.max() == 6
        assert (lengths[one.facts.cut] == 6).all()
        # Six tracks with the budget used up by the last one are no cut: five bored tracks.
        bored = of_sessions(one.events, one.events.time == 0.0)
        assert not any(b == 5 and c for b, c in zip(bored, one.facts.cut, strict=True))
    assert result.facts.cut.any()


def test_answers_of_the_fallback_are_counted_once(play: Callable[..., Any]) -> None:
    result, _ = play("Failing")
    facts = result.facts
    assert facts.fallbacks.sum() == facts.errors.sum() > 0


def test_a_fallback_that_fails_after_a_timeout_is_counted(
    make: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "plugins.py"
    path.write_text(PLUGINS, encoding="utf-8")
    never = {"replicas": 1, "timeout_ms": 0}
    arm = {
        "recommender": "random",
        "fallback": {"recommender": f"{path}:Failing"},
        "latency_ms": 86_400_000,  # the one replica serves one request a day
        "service": never,
    }
    game = make(arms={"a": arm, "b": arm}, experiment={"name": "AB", "control": "a"})
    ((result,),) = game.results(coupled=True)
    events, facts, asked = result.events, result.facts, result.events.step + 1
    late = events.latency_ms == 0
    failed = late & ~events.last & ((asked % 3 == 0) | (asked % 4 == 0))
    assert facts.errors.tolist() == of_sessions(events, failed)
    assert facts.timeouts.tolist() == of_sessions(events, late)
    assert facts.fallbacks.tolist() == of_sessions(events, late & ~events.last)
    assert failed.any()
