"""Requests one at a time: the very same ones, in the same order, as the event-driven engine's."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from abbotify.errors import RecommenderFailure
from abbotify.simulation.compiled import shared_unit
from abbotify.simulation.compiled.engine import Compiled
from abbotify.simulation.event_driven.engine import EventDriven
from tests.simulation.engines.both import Match, match

RECORDER = '''
class Recorder:
    """Keeps all it is asked and told, and answers by how much that is."""

    def __init__(self, params, world):
        self.tracks, self.seen = len(world.catalogue), []

    def recommend(self, request):
        self.seen.append(("asked", request))
        return len(self.seen) % self.tracks

    def ended(self, request):
        self.seen.append(("told", request))


class Broken(Recorder):
    def recommend(self, request):
        super().recommend(request)
        if len(self.seen) == 40:
            raise RuntimeError("enough")
        return 1
'''


@pytest.fixture
def game(tmp_path: Path) -> Match:
    return made(tmp_path, "Recorder")


def made(folder: Path, name: str, **options: Any) -> Match:
    (folder / "mine.py").write_text(RECORDER)
    arm = {"recommender": f"mine.py:{name}", **options}
    queued = {**arm, "latency_ms": 60_000, "service": {"replicas": 1, "timeout_ms": 90_000}}
    catalogue = {"source": "synthetic", "tracks": 40, "artists": 7, "genres": 3, "dims": 8}
    data: dict[str, Any] = {
        "name": "asked",
        "world": {"catalogue": catalogue, "users": {"source": "synthetic", "count": 20}},
        "arrivals": {"sessions": 200},
        "timeline": [{"phase": "experiment", "days": 2}],
        "arms": {"a": {"recommender": "random"}, "b": arm, "c": queued},
        "experiment": {"name": "AB", "control": "a"},
    }
    return match(data, folder)


def seen(game: Match, kind: type[Any]) -> list[list[Any]]:
    """What each recorder has met; all of it is plain."""
    setup = game.setup
    game.play(kind(setup))
    answers = [inspect.getclosurevars(arm.chain[0].answer) for arm in setup.arms[1:]]
    return [answer.nonlocals["recommend"].__self__.seen for answer in answers]


def test_recommenders_meet_the_same_requests(game: Match) -> None:
    one, other = seen(game, EventDriven), seen(game, Compiled)
    assert one == other
    assert all(len(requests) > 300 for requests in one)
    request = one[0][-1][1]
    assert [type(value) for value in other[0][-1][1]] == [type(value) for value in request]
    assert {what for what, _ in one[1]} == {"asked", "told"}


def test_buffers_that_are_too_small_grow(game: Match, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = seen(game, EventDriven)
    monkeypatch.setattr(shared_unit, "_ROOM", 1)
    assert seen(game, Compiled) == expected


@pytest.mark.parametrize("kind", [EventDriven, Compiled])
def test_a_failure_may_end_the_run(tmp_path: Path, kind: type[Any]) -> None:
    game = made(tmp_path, "Broken", on_error="stop")
    with pytest.raises(RecommenderFailure, match="RuntimeError: enough"):
        game.play(kind(game.setup))
