"""From the `world` part of a scenario to the arrays everything else works on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from abbotify import vectors
from abbotify.errors import DataError
from abbotify.scenario import Scenario, resolve
from abbotify.scenario.world import (
    BotifyCatalogue,
    BotifyUsers,
    LastfmCatalogue,
    LastfmUsers,
    ListsCatalogue,
    PlantedCatalogue,
    SyntheticCatalogue,
)
from abbotify.world import botify, lastfm, synthetic
from abbotify.world.base import Catalogue, Users, World
from abbotify.world.synthetic_users import draw_users, pool_of


def load_world(scenario: Scenario, threads: int = 1) -> World:
    """The world of a scenario, read from files or drawn by the seed `seeds.world`.

    Users' `neighbours` are clipped to the size of the catalogue.

    Args:
        scenario: the description.
        threads: that look for nearest tracks; change nothing but the time.

    Raises:
        ScenarioError: a path does not exist, or catalogue and users do not go together.
        DataError: a file is malformed or inconsistent.
    """
    catalogue = _catalogue(scenario)
    users = _users(scenario, catalogue)
    if len(users) and users.neighbours.max() > len(catalogue):
        users = replace(users, neighbours=np.minimum(users.neighbours, len(catalogue)))
    check(catalogue, users)
    fitted = isinstance(scenario.world.catalogue, ListsCatalogue)
    notes = (botify.NOTE,) if fitted else ()
    return World(catalogue, users, nearest_tracks(catalogue, users, threads), notes)


def _catalogue(scenario: Scenario) -> Catalogue:
    spec, seed = scenario.world.catalogue, scenario.seeds.world

    def path(text: str, *key: str | int, folder: bool = False) -> Path:
        return resolve(scenario, text, ("world", "catalogue", *key), folder=folder)

    match spec:
        case SyntheticCatalogue():
            return synthetic.catalogue(spec, seed)
        case PlantedCatalogue():
            return synthetic.planted_catalogue(spec, scenario)
        case BotifyCatalogue():
            return botify.catalogue(
                path(spec.tracks, "tracks"), path(spec.embeddings, "embeddings")
            )
        case LastfmCatalogue():
            return lastfm.catalogue(spec, path(spec.folder, "folder", folder=True), seed)
        case ListsCatalogue():
            files = [path(text, "files", i) for i, text in enumerate(spec.files)]
            tracks = None if spec.tracks is None else path(spec.tracks, "tracks")
            users = path(spec.users, "users")
            return botify.catalogue_of_lists(
                users, files, tracks, spec.dims, scenario.listener, seed
            )


def _users(scenario: Scenario, catalogue: Catalogue) -> Users:
    spec, key = scenario.world.users, ("world", "users")
    match spec:
        case BotifyUsers():
            file = resolve(scenario, spec.file, (*key, "file"), folder=False)
            return botify.read_users(file, len(catalogue), scenario.listener)
        case LastfmUsers():
            folder = resolve(scenario, spec.folder, (*key, "folder"), folder=True)
            return lastfm.users(spec, scenario, folder, _tracks_per_artist(scenario, folder))
    if not (catalogue.popularity > 0).any():
        what = "needs a catalogue in which a track has a popularity above 0"
        raise scenario.error(what, (*key, "source"))
    ids = np.arange(spec.count)
    return draw_users(spec, scenario, ids, pool_of(catalogue.popularity, spec.count))


def _tracks_per_artist(scenario: Scenario, folder: Path) -> int:
    spec = scenario.world.catalogue
    if isinstance(spec, LastfmCatalogue):
        place = ("world", "catalogue", "folder")
        catalogue_folder = resolve(scenario, spec.folder, place, folder=True)
        if catalogue_folder.samefile(folder):
            return spec.tracks_per_artist
    what = "lastfm users need a lastfm catalogue of the same folder"
    raise scenario.error(what, ("world", "users", "source"))


def check(catalogue: Catalogue, users: Users) -> None:
    """Refuses a world that no session can be played in.

    Loaders refuse bad files line by line; this also holds for sources added later.

    Raises:
        DataError: vectors or traits that are not finite, users out of order, without interests,
            or with interests outside the catalogue.
    """
    if len(catalogue) == 0 or len(users) == 0:
        raise DataError(f"the world has {len(catalogue)} tracks and {len(users)} users")
    if not np.isfinite(catalogue.vectors).all():
        row = np.flatnonzero(~np.isfinite(catalogue.vectors).all(axis=1))[0]
        raise DataError(f"the vector of track {row} is not finite")
    if users.ids[0] < 0 or (users.ids[1:] <= users.ids[:-1]).any():
        raise DataError("users must have ascending ids of at least 0")
    _check_interests(catalogue, users)
    for name in ("bias", "sharpness", "gamma"):
        _refuse(users, ~np.isfinite(getattr(users, name)), f"has a {name} that is not finite")
    for name in ("budget", "neighbours"):
        _refuse(users, getattr(users, name) < 1, f"has {name} below 1")


def _check_interests(catalogue: Catalogue, users: Users) -> None:
    offsets, tracks = users.interests
    _refuse(users, offsets[1:] <= offsets[:-1], "has no interests")
    outside = np.flatnonzero((tracks < 0) | (tracks >= len(catalogue)))
    if len(outside):
        user = users.ids[np.searchsorted(offsets, outside[0], side="right") - 1]
        track = tracks[outside[0]]
        what = f"must be below {len(catalogue)}, got {track}"
        raise DataError(f"an interest of user {user} {what}")


def _refuse(users: Users, wrong: npt.NDArray[np.bool_], what: str) -> None:
    if wrong.any():
        raise DataError(f"user {users.ids[np.flatnonzero(wrong)[0]]} {what}")


def nearest_tracks(catalogue: Catalogue, users: Users, threads: int = 1) -> npt.NDArray[np.int32]:
    """The tracks with the largest scores for each interest, the interest usually among them.

    Returns:
        int32 (tracks, k), sorted by (-score, id), -1 in rows of tracks that are nobody's
        interest. k is the largest number of neighbours of a user, at most the catalogue's size.
    """
    k = min(int(users.neighbours.max()), len(catalogue))
    wanted = np.zeros(len(catalogue), np.bool_)
    wanted[users.interests.tracks] = True  # 30 million take 0.05 s, sorting them a second
    interests = np.flatnonzero(wanted)
    table = np.full((len(catalogue), k), -1, np.int32)
    table[interests] = vectors.top_k(catalogue.vectors[interests], catalogue.vectors, k, threads)[0]
    return table
