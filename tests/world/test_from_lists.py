from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abbotify.errors import DataError, ScenarioError
from abbotify.scenario import Scenario
from abbotify.world import World, digest, load_world

MakeScenario = Callable[..., Scenario]
WriteLines = Callable[[str, Iterable[Any]], Path]

USERS = [
    {"user": 0, "interests": [0, 1]},
    {"user": 1, "interests": [1, 2]},
    {"user": 2, "interests": [5, 6]},
    {"user": 3, "interests": [6, 7]},
]
PER_USER = [
    {"user": 0, "tracks": [1, 2]},
    {"user": 2, "tracks": [6, 7]},
    {"user": 99, "tracks": [5, 7]},  # not among the users: evidence all the same
]
PER_TRACK = [{"item_id": 0, "recommendations": [2, 3]}, {"item_id": 5, "recommendations": [7, 9]}]


@pytest.fixture
def load(make_scenario: MakeScenario, write_lines: WriteLines) -> Callable[..., World]:
    write_lines("users.jsonl", USERS)
    write_lines("per_user.jsonl", PER_USER)
    write_lines("per_track.jsonl", PER_TRACK)

    def load(*files: str, **keys: str) -> World:
        catalogue = {"source": "lists", "users": "users.jsonl", "files": files, "dims": 4, **keys}
        users = {"source": "botify", "file": "users.jsonl"}
        return load_world(make_scenario({"catalogue": catalogue, "users": users}))

    return load


def test_tracks_that_share_users_and_lists_are_alike(load: Callable[..., World]) -> None:
    world = load("per_user.jsonl", "per_track.jsonl")
    scores = world.catalogue.vectors @ world.catalogue.vectors.T
    one, other = [0, 1, 2, 3], [5, 6, 7, 9]
    assert scores[np.ix_(one, one)].mean() > 4
    assert scores[np.ix_(other, other)].mean() > 4
    assert abs(scores[np.ix_(one, other)]).max() < 1e-3
    assert not world.catalogue.vectors[[4, 8]].any()  # in no list


def test_the_catalogue_reaches_to_the_largest_id(load: Callable[..., World]) -> None:
    assert len(load("per_user.jsonl").catalogue) == 8
    catalogue = load("per_user.jsonl", "per_track.jsonl").catalogue
    assert len(catalogue) == 10
    assert catalogue.popularity.tolist() == [1, 2, 1, 0, 0, 1, 2, 1, 0, 0]
    assert catalogue.artist.tolist() == list(range(10))
    assert (catalogue.titles[9], catalogue.artists[9]) == ("track 9", "artist 9")


def test_top_tracks_only_count_for_the_number_of_tracks(
    load: Callable[..., World], write_lines: WriteLines
) -> None:
    write_lines("top.json", [[6, 12, 0]])
    plain, longer = load("per_user.jsonl").catalogue, load("per_user.jsonl", "top.json").catalogue
    assert len(longer) == 13
    assert (longer.vectors[:8] == plain.vectors).all()


def test_the_world_says_what_it_was_fitted_to(load: Callable[..., World]) -> None:
    assert load("per_user.jsonl").notes == ("the world was fitted to the lists it judges",)


def test_a_tracks_file_gives_names_and_bounds(
    load: Callable[..., World], write_lines: WriteLines
) -> None:
    tracks = [{"track": i, "artist": f"artist {i // 4}", "title": f"T{i}"} for i in range(12)]
    write_lines("tracks.jsonl", tracks)
    catalogue = load("per_track.jsonl", tracks="tracks.jsonl").catalogue
    assert len(catalogue) == 12
    assert catalogue.artist.tolist() == [i // 4 for i in range(12)]
    assert catalogue.titles[11] == "T11"
    assert catalogue.popularity.sum() == 8  # of interests, whatever the tracks file says
    write_lines("tracks.jsonl", tracks[:9])
    with pytest.raises(DataError, match=r"per_track\.jsonl:2: recommendations: must hold track"):
        load("per_track.jsonl", tracks="tracks.jsonl")


def test_the_order_of_lines_and_files_changes_nothing(
    load: Callable[..., World], write_lines: WriteLines
) -> None:
    before = digest(load("per_user.jsonl", "per_track.jsonl"))
    write_lines("users.jsonl", USERS[::-1])
    write_lines("per_user.jsonl", PER_USER[::-1])
    write_lines("per_track.jsonl", PER_TRACK[::-1])
    assert digest(load("per_track.jsonl", "per_user.jsonl")) == before


def test_broken_files_are_named(load: Callable[..., World], write_lines: WriteLines) -> None:
    write_lines("odd.jsonl", [{"artist": 3}])
    with pytest.raises(DataError, match=r"odd\.jsonl:1: must have a key user, track or item_id"):
        load("odd.jsonl")
    write_lines("odd.jsonl", [{"user": 1, "tracks": [5_000_000]}])
    with pytest.raises(DataError, match=r"odd\.jsonl:1: tracks: must hold track ids between 0"):
        load("odd.jsonl")
    with pytest.raises(ScenarioError, match=r"world\.catalogue\.files\.1: absent\.jsonl: no such"):
        load("per_user.jsonl", "absent.jsonl")


def test_lists_of_one_track_cannot_be_fitted(
    load: Callable[..., World], write_lines: WriteLines
) -> None:
    write_lines("users.jsonl", [{"user": i, "interests": [i]} for i in range(3)])
    write_lines("per_user.jsonl", [{"user": i, "tracks": [i]} for i in range(3)])
    with pytest.raises(DataError, match="too few tracks share a listener or a list"):
        load("per_user.jsonl")


def test_the_real_lists(make_scenario: MakeScenario, data_dir: Path) -> None:
    folder = data_dir / "botify"
    users = str(folder / "users.jsonl")
    catalogue = {
        "source": "lists",
        "users": users,
        "files": [str(folder / "recommendations_lightfm.jsonl"), str(folder / "top_tracks.json")],
    }
    world = load_world(
        make_scenario({"catalogue": catalogue, "users": {"source": "botify", "file": users}})
    )
    vectors, interests = world.catalogue.vectors, np.unique(world.users.interests.tracks)
    assert np.isfinite(vectors).all()
    assert vectors[interests].any(axis=1).all()
    assert (world.nearest[interests] >= 0).all()
    sample = interests[::10]
    scores = vectors[sample] @ vectors[interests].T
    assert abs(np.median(scores)) < 1.0
    assert np.median(np.partition(scores, -10, axis=1)[:, -10:]) > 5.0
