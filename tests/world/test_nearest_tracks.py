from __future__ import annotations

from collections.abc import Callable

import numpy as np

from abbotify.scenario import Scenario
from abbotify.vectors import dot
from abbotify.world import World, load_world

MakeScenario = Callable[..., Scenario]


def small(make_scenario: MakeScenario, neighbours: int) -> World:
    catalogue = {"tracks": 60, "artists": 10, "genres": 3, "dims": 8}
    return load_world(
        make_scenario(
            {"catalogue": catalogue, "users": {"count": 5}},
            listener={"interest_neighbours": neighbours},
        )
    )


def test_the_table_is_that_of_brute_force(make_scenario: MakeScenario) -> None:
    world = small(make_scenario, 7)
    vectors = world.catalogue.vectors
    interests = set(world.users.interests.tracks.tolist())
    for track in range(60):
        scores = [(-float(dot(vectors[track], vectors[other])), other) for other in range(60)]
        expected = [other for _, other in sorted(scores)[:7]] if track in interests else [-1] * 7
        assert world.nearest[track].tolist() == expected
    assert world.nearest.dtype == np.int32


def test_neighbours_are_clipped_to_the_catalogue(make_scenario: MakeScenario) -> None:
    world = small(make_scenario, 500)
    assert world.nearest.shape == (60, 60)
    assert set(world.users.neighbours.tolist()) == {60}
