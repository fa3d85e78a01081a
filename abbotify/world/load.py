"""From the `world` part of a scenario to the arrays everything else works on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

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
from abbotify.world import botify, from_lists, lastfm, planted, synthetic
from abbotify.world.base import Catalogue, Users, World
from abbotify.world.checks import check
from abbotify.world.nearest import nearest_tracks
from abbotify.world.synthetic_users import draw_users
from abbotify.world.weighted_sampling import pool_of


def load_world(scenario: Scenario) -> World:
    """The world of a scenario, read from files or drawn by the seed `seeds.world`.

    Users' `neighbours` are clipped to the size of the catalogue.

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
    notes = (from_lists.NOTE,) if fitted else ()
    return World(catalogue, users, nearest_tracks(catalogue, users), notes)


def _catalogue(scenario: Scenario) -> Catalogue:
    spec, seed = scenario.world.catalogue, scenario.seeds.world

    def path(text: str, *key: str | int, folder: bool = False) -> Path:
        return resolve(scenario, text, ("world", "catalogue", *key), folder=folder)

    match spec:
        case SyntheticCatalogue():
            return synthetic.catalogue(spec, seed)
        case PlantedCatalogue():
            return planted.catalogue(spec, scenario)
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
            return from_lists.catalogue(users, files, tracks, spec.dims, scenario.listener, seed)


def _users(scenario: Scenario, catalogue: Catalogue) -> Users:
    spec, key = scenario.world.users, ("world", "users")
    match spec:
        case BotifyUsers():
            file = resolve(scenario, spec.file, (*key, "file"), folder=False)
            return botify.users(file, len(catalogue), scenario.listener)
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
