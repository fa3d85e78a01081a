"""The workspace's own plug-in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from abbotify.errors import UserError
from abbotify.recommenders.arms import Arm
from abbotify.recommenders.build import build_arms
from abbotify.scenario import Scenario
from abbotify.testing import RecommenderContract
from abbotify.world.base import World

ROOT = Path(__file__).parent.parent.parent


class TestGenreRadio(RecommenderContract):
    recommender = "recommenders/genre_radio.py:GenreRadio"
    params = {"genre": "jazz", "size": 9}  # noqa: RUF012
    root = ROOT


@pytest.fixture
def arm(scenario_of: Any, world: World) -> Any:
    def make(keys: str) -> Arm:
        scenario: Scenario = scenario_of(
            f"it: {{recommender: {ROOT}/recommenders/genre_radio.py:GenreRadio, {keys}}}"
        )
        return build_arms(scenario, world)[1]

    return make


def test_it_plays_a_genre_from_the_top(arm: Any, ask: Any, world: World) -> None:
    catalogue = world.catalogue
    rock = [t for t in range(60) if catalogue.genres[catalogue.genre[t]] == "rock"]
    expected = sorted(rock, key=lambda t: (-catalogue.popularity[t], t))
    radio, plays, heard = arm("genre: rock"), [(0, 1.0)], []
    for _ in expected:
        track, outcome = radio.recommend(ask(plays=plays))
        assert outcome == 0
        heard.append(track)
        plays.append((track, 0.5))
    assert heard == expected
    assert radio.recommend(ask(plays=plays))[1] == 1
    assert radio.lowers


def test_it_plays_as_many_as_told(arm: Any, ask: Any) -> None:
    radio = arm("genre: rock, size: 1")
    track, outcome = radio.recommend(ask(plays=[(0, 1.0)]))
    assert outcome == 0
    assert radio.recommend(ask(plays=[(track, 1.0)]))[1] == 1


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ("genre: polka", r"genre_radio.py:\d+: .*no genre is named 'polka'; some are \['jazz', "),
        ("genre: jazz, size: -1", r"it.yaml:5: arms.it: .*size must not be negative, got -1"),
        ("size: 3", r"it.yaml:5: arms.it.genre: the key is missing"),
    ],
)
def test_what_it_refuses(keys: str, what: str, arm: Any) -> None:
    with pytest.raises(UserError, match=what):
        arm(keys)
