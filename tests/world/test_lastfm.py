from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abbotify.errors import DataError, ScenarioError
from abbotify.scenario import Scenario
from abbotify.world import digest, load_world
from abbotify.world.lastfm import read_plays

MakeScenario = Callable[..., Scenario]
WORLD: dict[str, Any] = {
    "catalogue": {"source": "lastfm", "folder": "hetrec", "tracks_per_artist": 3, "dims": 4},
    "users": {"source": "lastfm", "folder": "hetrec", "interests": 2},
}
ARTISTS = [
    "id\tname\turl\tpictureURL",
    "9\tBjörk \u2028 \ud55c\thttp://x\t",
    '2\tBo "quoted"\thttp://x\thttp://y',
    "5\tCy\thttp://x\t",
    "7\tUnplayed\thttp://x\t",
]
PLAYS = ["userID\tartistID\tweight", "30\t9\t100", "4\t9\t10", "4\t2\t30", "30\t2\t1", "8\t5\t6"]


def write(folder: Path, artists: list[str] = ARTISTS, plays: list[str] = PLAYS) -> Path:
    folder.mkdir(exist_ok=True)
    for name, lines in (("artists.dat", artists), ("user_artists.dat", plays)):
        (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder


def test_artists_are_expanded_in_the_order_of_their_ids(
    make_scenario: MakeScenario, tmp_path: Path
) -> None:
    write(tmp_path / "hetrec")
    catalogue = load_world(make_scenario(WORLD)).catalogue
    assert catalogue.artists == ('Bo "quoted"', "Cy", "Unplayed", "Björk \u2028 \ud55c")
    assert catalogue.artist.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert catalogue.titles[4] == "Cy - track 2"
    assert set(catalogue.genre.tolist()) == {-1}
    # 31, 6, 0, 110 plays, falling off as 1, 1/2, 1/3 within an artist.
    shares = np.array([6, 3, 2]) / 11
    expected = np.outer([31, 6, 0, 110], shares).ravel()
    np.testing.assert_allclose(catalogue.popularity, expected)


def test_users_like_what_they_play(make_scenario: MakeScenario, tmp_path: Path) -> None:
    write(tmp_path / "hetrec")
    users = load_world(make_scenario(WORLD)).users
    assert users.ids.tolist() == [4, 8, 30]
    assert np.diff(users.interests.offsets).tolist() == [2, 2, 2]
    played = {4: {0, 1, 2, 9, 10, 11}, 8: {3, 4, 5}, 30: {0, 1, 2, 9, 10, 11}}
    for row, user in enumerate(users.ids.tolist()):
        interests = set(users.interests.tracks[2 * row : 2 * row + 2].tolist())
        assert len(interests) == 2
        assert interests <= played[user]


def test_interests_follow_the_plays(make_scenario: MakeScenario, tmp_path: Path) -> None:
    count = 4_000
    plays = [f"{user}\t{artist}\t{n}" for user in range(count) for artist, n in ((9, 30), (5, 10))]
    write(tmp_path / "hetrec", plays=["userID\tartistID\tweight", *plays])
    world = {
        "catalogue": {**WORLD["catalogue"], "tracks_per_artist": 1},
        "users": {**WORLD["users"], "interests": 1},
    }
    interests = load_world(make_scenario(world)).users.interests.tracks
    share = (interests == 3).mean()  # artist 9 is the fourth by id
    assert share == pytest.approx(0.75, abs=4 * np.sqrt(0.75 * 0.25 / count))


def test_the_tracks_of_an_artist_are_alike_but_not_equal(
    make_scenario: MakeScenario, tmp_path: Path
) -> None:
    write(tmp_path / "hetrec")
    vectors = load_world(make_scenario(WORLD)).catalogue.vectors
    scores = vectors @ vectors.T
    assert scores[3, 4] > 0.5 * scores[3, 3]
    assert scores[3, 4] < 0.999 * scores[3, 3]
    assert len(np.unique(vectors, axis=0)) == 12


def test_the_order_of_rows_changes_nothing(make_scenario: MakeScenario, tmp_path: Path) -> None:
    write(tmp_path / "hetrec")
    before = digest(load_world(make_scenario(WORLD)))
    write(tmp_path / "hetrec", [ARTISTS[0], *ARTISTS[:0:-1]], [PLAYS[0], *PLAYS[:0:-1]])
    assert digest(load_world(make_scenario(WORLD))) == before
    assert digest(load_world(make_scenario(WORLD, seeds={"world": 2}))) != before


@pytest.mark.parametrize(
    ("file", "lines", "message"),
    [
        ("artists.dat", ["name\tid"], ":1: must begin with the columns id name"),
        ("artists.dat", [*ARTISTS, "8\tEight"], ":6: must have 4 tab-separated fields, got 2"),
        ("artists.dat", [*ARTISTS, "x\tX\t\t"], ":6: must be a whole number between 0 and"),
        ("artists.dat", [*ARTISTS, "9\tX\t\t"], ":6: artist 9 has a second row"),
        ("artists.dat", ARTISTS[:1], ": holds no artists"),
        ("artists.dat", [], ": holds no artists"),
        ("user_artists.dat", ["user\tartist"], ":1: must begin with the columns userID artistID"),
        ("user_artists.dat", [*PLAYS, "4\t5"], ":7: must have 3 tab-separated fields, got 2"),
        ("user_artists.dat", [*PLAYS, "4\t5\t1.5"], ":7: must be a whole number between 1 and"),
        ("user_artists.dat", [*PLAYS, "4\t5\t0"], ":7: must be a whole number between 1 and"),
        ("user_artists.dat", [*PLAYS, "-4\t5\t1"], ":7: must be a whole number between 0 and"),
        ("user_artists.dat", [*PLAYS, "4\t5\t\u00b2"], ":7: must be a whole number between 1"),
        ("user_artists.dat", [*PLAYS, "4\t6\t1"], ":7: artist 6 is not in artists.dat"),
        ("user_artists.dat", [*PLAYS, "4\t9\t1"], ":7: user 4 and artist 9 have a second row"),
        ("user_artists.dat", PLAYS[:1], ": holds no plays"),
        ("user_artists.dat", [PLAYS[0], "4\t9\t1"], ": the median score"),
    ],
)
def test_broken_files(
    make_scenario: MakeScenario, tmp_path: Path, file: str, lines: list[str], message: str
) -> None:
    folder = write(tmp_path / "hetrec")
    (folder / file).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    world = {**WORLD, "catalogue": {**WORLD["catalogue"], "tracks_per_artist": 1}}
    with pytest.raises(DataError) as caught:
        load_world(make_scenario(world))
    assert str(caught.value).startswith(f"{folder / file}{message}")


def test_a_missing_file_is_named(make_scenario: MakeScenario, tmp_path: Path) -> None:
    folder = write(tmp_path / "hetrec")
    (folder / "user_artists.dat").unlink()
    with pytest.raises(DataError, match=r"user_artists\.dat: cannot be read: No such file"):
        load_world(make_scenario(WORLD))


def test_users_go_with_the_catalogue_of_the_same_folder(
    make_scenario: MakeScenario, tmp_path: Path
) -> None:
    write(tmp_path / "hetrec")
    write(tmp_path / "other")
    for catalogue in ({"source": "synthetic"}, {"source": "lastfm", "folder": "other"}):
        with pytest.raises(ScenarioError, match="lastfm users need a lastfm catalogue"):
            load_world(make_scenario({**WORLD, "catalogue": catalogue}))


def test_the_real_data(make_scenario: MakeScenario, data_dir: Path) -> None:
    # The counts are those of the README beside the data.
    folder = data_dir / "lastfm"
    plays = read_plays(folder)
    assert len(plays.plays) == 92_834
    world = {part: {"source": "lastfm", "folder": str(folder)} for part in ("catalogue", "users")}
    loaded = load_world(make_scenario(world))
    vectors, users = loaded.catalogue.vectors, loaded.users
    assert (len(loaded.catalogue.artists), len(vectors)) == (17_632, 5 * 17_632)
    assert len(users) == 1_892
    # The scale: 88,160 fitted tracks, so every 45th is looked at (1,960 of at most 2,000).
    sample = np.arange(0, 88_160, 45)
    scores = vectors[sample] @ vectors.T
    scores[np.arange(len(sample)), sample] = -np.inf
    top = np.partition(scores, -10, axis=1)[:, -10:]
    assert np.median(top) == pytest.approx(7.0, abs=1e-4)
    assert np.median(scores) < 1.0
    played = set(zip(plays.users.tolist(), plays.artists.tolist(), strict=True))
    owners = np.repeat(users.ids, np.diff(users.interests.offsets)).tolist()
    liked = loaded.catalogue.artist[users.interests.tracks].tolist()
    assert set(zip(owners, liked, strict=True)) <= played
