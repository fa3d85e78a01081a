from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from abbotify.errors import DataError, ScenarioError
from abbotify.scenario import Scenario
from abbotify.world import Lists, World, digest, load_world
from abbotify.world.load import check

MakeScenario = Callable[..., Scenario]
SMALL = {"catalogue": {"tracks": 30, "artists": 5, "genres": 2, "dims": 3}, "users": {"count": 4}}


@pytest.fixture
def world(make_scenario: MakeScenario) -> World:
    return load_world(make_scenario(SMALL))


def lists(offsets: list[int], tracks: list[int]) -> Lists:
    return Lists(np.array(offsets), np.array(tracks, np.int32))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ids": np.array([0, 1, 1, 2])}, "users must have ascending ids"),
        ({"ids": np.array([-1, 1, 2, 3])}, "users must have ascending ids"),
        ({"ids": np.arange(0)}, "the world has 30 tracks and 0 users"),
        ({"interests": lists([0, 1, 1, 2, 3], [0, 1, 2])}, "user 1 has no interests"),
        ({"interests": lists([0, 1, 2, 3, 5], [0, 1, 2, 3, 30])}, "user 3 must be below 30"),
        ({"interests": lists([0, 1, 2, 3, 4], [-1, 1, 2, 3])}, "user 0 must be below 30"),
        ({"bias": np.array([1, 2, np.nan, 4])}, "user 2 has a bias that is not finite"),
        ({"budget": np.array([1, 0, 1, 1])}, "user 1 has budget below 1"),
    ],
)
def test_users_no_session_can_be_played_with(
    world: World, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        check(world.catalogue, replace(world.users, **changes))


def test_vectors_that_are_not_finite(world: World) -> None:
    vectors = world.catalogue.vectors.copy()
    vectors[17, 2] = np.inf
    with pytest.raises(DataError, match="the vector of track 17 is not finite"):
        check(replace(world.catalogue, vectors=vectors), world.users)


def test_nobody_can_be_drawn_where_nothing_is_popular(
    make_scenario: MakeScenario, tmp_path: Any
) -> None:
    (tmp_path / "t.jsonl").write_text('{"track": 0, "artist": "A", "title": "T", "pop": 0}\n')
    np.save(tmp_path / "v.npy", np.ones((1, 2), np.float32))
    catalogue = {"source": "botify", "tracks": "t.jsonl", "embeddings": "v.npy"}
    with pytest.raises(ScenarioError, match=r"world\.users\.source: needs a catalogue in which"):
        load_world(make_scenario({"catalogue": catalogue}))


def test_equal_worlds_have_equal_digests(make_scenario: MakeScenario, world: World) -> None:
    assert digest(world).startswith("sha256:")
    assert len(digest(world)) == 7 + 64
    assert digest(load_world(make_scenario(SMALL))) == digest(world)
    assert digest(load_world(make_scenario(SMALL, seeds={"world": 2}))) != digest(world)
    # The seed of the dynamics is not the world's.
    assert digest(load_world(make_scenario(SMALL, seeds={"dynamics": 2}))) == digest(world)


def test_every_part_of_a_world_is_in_its_digest(world: World) -> None:
    catalogue, users = world.catalogue, world.users
    before = digest(world)
    for name in ("vectors", "artist", "genre", "popularity", "duration_ms"):
        changed = getattr(catalogue, name).copy()
        changed.flat[0] += 1
        assert digest(replace(world, catalogue=replace(catalogue, **{name: changed}))) != before
    for name in ("ids", "bias", "sharpness", "budget", "neighbours", "gamma"):
        changed = getattr(users, name).copy()
        changed[0] += 1
        assert digest(replace(world, users=replace(users, **{name: changed}))) != before
    titles = ["other", *catalogue.titles[1:]]
    assert digest(replace(world, catalogue=replace(catalogue, titles=titles))) != before
