from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from abbotify.errors import ScenarioError
from abbotify.scenario import Scenario
from abbotify.vectors import dot
from abbotify.world import World, load_world

MakeScenario = Callable[..., Scenario]
FRACTIONS = [i / 100 for i in range(1, 100)]


def planted(make_scenario: MakeScenario, groups: dict[str, float], neighbours: int = 1) -> World:
    world = {
        "catalogue": {"source": "planted", "groups": groups, "tracks_per_group": 3},
        "users": {"count": 4, "interests": 1, "bias": 0.0, "sharpness": 1.0},
    }
    return load_world(make_scenario(world, listener={"interest_neighbours": neighbours}))


def test_every_fraction_is_heard_to_the_hundredth(make_scenario: MakeScenario) -> None:
    world = planted(make_scenario, {f"group {p}": p for p in FRACTIONS})
    vectors = world.catalogue.vectors
    for track in range(1, len(vectors)):
        # The listener's rule, written out: h = floor(100 * sigmoid(e . q) + 0.5).
        x = 1.0 / (1.0 + math.exp(-float(dot(vectors[track], vectors[0]))))
        fraction = FRACTIONS[(track - 1) // 3]
        assert math.floor(100 * x + 0.5) == round(100 * fraction)
        assert x == pytest.approx(fraction, abs=1e-6)  # far from where rounding could turn


def test_groups_are_genres_and_artists_are_single(make_scenario: MakeScenario) -> None:
    catalogue = planted(make_scenario, {"good": 0.9, "bad": 0.2}).catalogue
    assert catalogue.genres == ("good", "bad")
    assert catalogue.genre.tolist() == [-1, 0, 0, 0, 1, 1, 1]
    assert catalogue.artist.tolist() == list(range(7))
    assert catalogue.dims == 1


def test_track_0_is_everybodys_interest_and_comes_first(make_scenario: MakeScenario) -> None:
    world = planted(make_scenario, {"best": 0.99})
    assert world.users.interests.tracks.tolist() == [0, 0, 0, 0]
    assert world.nearest[0].tolist() == [0]
    assert world.catalogue.popularity.tolist() == [1, 0, 0, 0]


def test_more_interests_than_one_are_not_to_be_had(make_scenario: MakeScenario) -> None:
    world = {"catalogue": {"source": "planted", "groups": {"g": 0.5}}, "users": {"count": 2}}
    assert np.diff(load_world(make_scenario(world)).users.interests.offsets).tolist() == [1, 1]


@pytest.mark.parametrize("fraction", [0.005, 0.123, 0.999, 1e-9])
def test_a_fraction_between_hundredths_is_refused(
    make_scenario: MakeScenario, fraction: float
) -> None:
    with pytest.raises(ScenarioError, match=r"world.catalogue.groups.odd: must be a multiple"):
        planted(make_scenario, {"odd": fraction})
