from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abbotify.errors import DataError, ScenarioError
from abbotify.scenario import Scenario
from abbotify.scenario.scenario import Listener
from abbotify.world import botify, digest, load_world

MakeScenario = Callable[..., Scenario]
WriteLines = Callable[[str, Iterable[Any]], Path]

TRACKS: list[dict[str, Any]] = [
    {"track": 0, "artist": "Ada", "title": "Zero", "genre": "folk", "pop": 3.5},
    {"track": 1, "artist": "Bo", "title": "One", "pop": 0},
    {"track": 2, "artist": "Ada", "title": "Two \u2603", "genre": "jazz"},
    {"track": 3, "artist": "Cy", "title": "", "genre": None, "recommendations": [0, 2]},
]
USERS: list[dict[str, Any]] = [
    {"user": 4, "interests": [3]},
    {
        "user": 7,
        "interests": [2, 0, 2],
        "consume_bias": 1,
        "consume_sharpness": 0.5,
        "session_budget": 2,
        "interest_neighbours": 3,
        "artist_discount_gamma": 0.25,
    },
]
WORLD = {
    "catalogue": {"source": "botify", "tracks": "tracks.jsonl", "embeddings": "vectors.npy"},
    "users": {"source": "botify", "file": "users.jsonl"},
}
EMBEDDINGS = np.arange(8, dtype=np.float32).reshape(4, 2)


def change(lines: list[dict[str, Any]], row: int, **keys: Any) -> list[Any]:
    return [{**line, **keys} if i == row else line for i, line in enumerate(lines)]


def without(lines: list[dict[str, Any]], row: int, key: str) -> list[Any]:
    return [{k: v for k, v in line.items() if i != row or k != key} for i, line in enumerate(lines)]


@pytest.fixture
def files(write_lines: WriteLines, tmp_path: Path) -> None:
    write_lines("tracks.jsonl", TRACKS)
    write_lines("users.jsonl", USERS)
    np.save(tmp_path / "vectors.npy", EMBEDDINGS)


@pytest.mark.usefixtures("files")
def test_what_the_files_say_is_what_the_world_has(make_scenario: MakeScenario) -> None:
    listener = {"session_budget": 6, "artist_discount_gamma": 0.9}
    world = load_world(make_scenario(WORLD, listener=listener))
    catalogue, users = world.catalogue, world.users
    assert catalogue.dims == 2
    assert catalogue.vectors.shape == (4, 16)
    assert (catalogue.vectors[:, :2] == EMBEDDINGS).all()
    assert [catalogue.artists[i] for i in catalogue.artist] == ["Ada", "Bo", "Ada", "Cy"]
    assert catalogue.genre.tolist() == [0, -1, 1, -1]
    assert catalogue.genres == ("folk", "jazz")
    assert catalogue.popularity.tolist() == [3.5, 0, 0, 0]
    assert catalogue.titles == ("Zero", "One", "Two \u2603", "")
    assert catalogue.duration_ms.tolist() == [180_000] * 4
    assert catalogue.recommendations is not None
    assert catalogue.recommendations.offsets.tolist() == [0, 0, 0, 0, 2]
    assert catalogue.recommendations.tracks.tolist() == [0, 2]
    assert users.ids.tolist() == [4, 7]
    assert users.interests.offsets.tolist() == [0, 1, 4]
    assert users.interests.tracks.tolist() == [3, 2, 0, 2]
    assert users.bias.tolist() == [5.0, 1.0]  # 5 and 1 are the original's defaults
    assert users.sharpness.tolist() == [1.0, 0.5]
    assert users.budget.tolist() == [6, 2]
    assert users.neighbours.tolist() == [4, 3]  # the listener's 10, clipped to 4 tracks
    assert users.gamma.tolist() == [0.9, 0.25]
    assert world.nearest[3].tolist() == [3, 2, 1, 0]
    assert world.nearest[1].tolist() == [-1] * 4
    assert world.notes == ()


@pytest.mark.usefixtures("files")
def test_the_order_of_lines_changes_nothing(
    make_scenario: MakeScenario, write_lines: WriteLines
) -> None:
    before = digest(load_world(make_scenario(WORLD)))
    write_lines("users.jsonl", USERS[::-1])
    write_lines("tracks.jsonl", [TRACKS[i] for i in (2, 0, 3, 1)])
    assert digest(load_world(make_scenario(WORLD))) == before
    write_lines("users.jsonl", change(USERS, 0, interests=[1]))
    assert digest(load_world(make_scenario(WORLD))) != before


@pytest.mark.usefixtures("files")
def test_tracks_without_popularity_are_equally_popular(
    make_scenario: MakeScenario, write_lines: WriteLines
) -> None:
    write_lines("tracks.jsonl", without(without(TRACKS, 0, "pop"), 1, "pop"))
    catalogue = load_world(make_scenario(WORLD)).catalogue
    assert catalogue.popularity.tolist() == [1.0] * 4


@pytest.mark.usefixtures("files")
def test_drawn_users_on_a_catalogue_from_files(make_scenario: MakeScenario) -> None:
    world = load_world(make_scenario({"catalogue": WORLD["catalogue"], "users": {"count": 3}}))
    assert world.users.interests.tracks.tolist() == [0, 0, 0]  # the only track with popularity


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (change(TRACKS, 1, track=0), ":2: track: 0 has a second line"),
        (change(TRACKS, 1, track=9), ": track: must number the tracks from 0 without gaps"),
        (change(TRACKS, 1, track=-1), ":2: track: must be a whole number between 0 and"),
        (change(TRACKS, 1, track="1"), ":2: track: must be a whole number between 0 and"),
        (change(TRACKS, 1, track=10**30), ":2: track: must be a whole number between 0 and"),
        (without(TRACKS, 1, "track"), ":2: track: the key is missing"),
        (without(TRACKS, 2, "artist"), ":3: artist: the key is missing"),
        (change(TRACKS, 2, title=5), ":3: title: must be text, got 5"),
        (change(TRACKS, 2, genre=["folk"]), ":3: genre: must be text"),
        (change(TRACKS, 0, pop="3"), ":1: pop: must be a finite number"),
        (change(TRACKS, 0, pop=-1), ":1: pop: must be a finite number between 0 and"),
        (change(TRACKS, 0, pop=True), ":1: pop: must be a finite number"),
        (change(TRACKS, 3, recommendations=[4]), ":4: recommendations: must hold track ids"),
        (change(TRACKS, 3, recommendations="0 2"), ":4: recommendations: must be a list"),
        ([*TRACKS[:3], "not JSON"], ":4: is not valid JSON"),
        ([], ": holds no tracks"),
    ],
)
def test_broken_tracks(
    make_scenario: MakeScenario, write_lines: WriteLines, lines: list[Any], message: str
) -> None:
    path = write_lines("tracks.jsonl", lines)
    with pytest.raises(DataError) as caught:
        load_world(make_scenario(WORLD))
    assert str(caught.value).startswith(f"{path}{message}")


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (change(USERS, 1, user=4), ":2: user: 4 has a second line"),
        (change(USERS, 1, user=-1), ":2: user: must be a whole number of at least 0, got -1"),
        (change(USERS, 1, user=2**63), ":2: user: must be a whole number of at least 0, got"),
        (change(USERS, 1, user=True), ":2: user: must be a whole number"),
        (without(USERS, 0, "user"), ":1: user: the key is missing"),
        (without(USERS, 0, "interests"), ":1: interests: the key is missing"),
        (change(USERS, 0, interests=[]), ":1: interests: must not be empty"),
        (change(USERS, 0, interests=[4]), ":1: interests: must hold track ids between 0 and 3"),
        (change(USERS, 0, interests=[-1]), ":1: interests: must hold track ids"),
        (change(USERS, 0, interests=[1.0]), ":1: interests: must hold track ids"),
        (change(USERS, 0, interests=[False]), ":1: interests: must hold track ids"),
        (change(USERS, 0, interests=3), ":1: interests: must be a list of track ids"),
        (change(USERS, 1, consume_bias=None), ":2: consume_bias: must be a finite number"),
        (change(USERS, 1, consume_sharpness="1"), ":2: consume_sharpness: must be a finite"),
        (change(USERS, 1, session_budget=0), ":2: session_budget: must be a whole number between"),
        (change(USERS, 1, session_budget=1.5), ":2: session_budget: must be a whole number"),
        (change(USERS, 1, interest_neighbours=0), ":2: interest_neighbours: must be a whole"),
        (change(USERS, 1, artist_discount_gamma=1.1), ":2: artist_discount_gamma: must be a"),
        (['{"user": 1, "interests": [1], "consume_bias": NaN}'], ":1: is not valid JSON: NaN"),
        (['{"user": 1, "interests": [1], "consume_bias": 1e999}'], ":1: consume_bias: must be a"),
        ([], ": holds no users"),
    ],
)
def test_broken_users(
    make_scenario: MakeScenario, write_lines: WriteLines, lines: list[Any], message: str
) -> None:
    path = write_lines("users.jsonl", lines)
    with pytest.raises(DataError) as caught:
        load_world(make_scenario(WORLD))
    assert str(caught.value).startswith(f"{path}{message}")


def with_value(value: float) -> np.ndarray:
    array = EMBEDDINGS.copy()
    array[2, 1] = value
    return array


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("array", "message"),
    [
        (EMBEDDINGS.astype(np.float64), "must be float32 in two dimensions, got float64"),
        (EMBEDDINGS.astype(">f4"), "must be float32 in two dimensions, got >f4"),
        (EMBEDDINGS.ravel(), "must be float32 in two dimensions"),
        (EMBEDDINGS[:3], "must have a row for each of the 4 tracks"),
        (np.zeros((5, 2), np.float32), "must have a row for each of the 4 tracks"),
        (np.zeros((4, 0), np.float32), ""),
        (with_value(np.nan), "row 2 holds values that are not finite"),
        (with_value(np.inf), "row 2 holds values that are not finite"),
        (with_value(2e19), "row 2 holds values that are not finite or too large"),
        (np.array([[{}]], dtype=object), "is not a readable .npy file"),
        (b"", "is not a readable .npy file"),
        (b"track,x,y\n0,1,2\n", "is not a readable .npy file"),
    ],
)
def test_broken_embeddings(
    make_scenario: MakeScenario, tmp_path: Path, array: Any, message: str
) -> None:
    path = tmp_path / "vectors.npy"
    path.unlink()
    if isinstance(array, bytes):
        path.write_bytes(array)
    else:
        np.save(path, array, allow_pickle=True)
    with pytest.raises(DataError) as caught:
        load_world(make_scenario(WORLD))
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("files")
def test_a_cut_file_of_embeddings(make_scenario: MakeScenario, tmp_path: Path) -> None:
    path = tmp_path / "vectors.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"vectors\.npy: is not a readable \.npy file"):
        load_world(make_scenario(WORLD))


@pytest.mark.usefixtures("files")
def test_a_missing_file_is_an_error_of_the_scenario(
    make_scenario: MakeScenario, tmp_path: Path
) -> None:
    for name, key in (("vectors.npy", "catalogue.embeddings"), ("users.jsonl", "users.file")):
        (tmp_path / name).rename(tmp_path / "away")
        with pytest.raises(ScenarioError, match=f"world.{key}: {name}: no such file"):
            load_world(make_scenario(WORLD))
        (tmp_path / "away").rename(tmp_path / name)


def test_real_users(data_dir: Path) -> None:
    path = data_dir / "botify" / "users.jsonl"
    users = botify.read_users(path, 50_000, Listener())
    assert users.ids.tolist() == list(range(10_000))
    assert set(np.diff(users.interests.offsets).tolist()) == {3}
    first = json.loads(path.read_text(encoding="utf-8").partition("\n")[0])
    assert users.interests.tracks[:3].tolist() == first["interests"]
    assert users.bias[0] == first["consume_bias"]
    # bias ~ U(0, 10), sharpness = U(1, 2) ** (+1 or -1)
    assert 0 <= users.bias.min() < 0.01 < 9.99 < users.bias.max() <= 10
    assert 0.5 <= users.sharpness.min() < users.sharpness.max() <= 2
