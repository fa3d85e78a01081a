"""A world small enough to look at, with everything a recommender may want to read."""

from __future__ import annotations

import numpy as np

from abbotify import rng
from abbotify.vectors import padded, top_k
from abbotify.world.base import Catalogue, Lists, Users, World

_TRACKS, _ARTISTS, _GENRES, _USERS, _NEIGHBOURS = 60, 12, 3, 20, 10


def small_world() -> World:
    """60 tracks of 12 artists in 3 genres (jazz, rock, folk), 20 users with ids 3, 10, 17, ...

    Artists have 3 to 12 tracks; popularities tie in pairs; every track but the last has a list
    of ten recommendations.
    """
    catalogue = _catalogue()
    interests = (7 * np.arange(3 * _USERS) % _TRACKS).astype(np.int32)
    users = Users(
        ids=7 * np.arange(_USERS) + 3,
        interests=Lists(np.arange(0, 3 * _USERS + 1, 3), interests),
        bias=np.full(_USERS, 5.0),
        sharpness=np.full(_USERS, 1.0),
        budget=np.full(_USERS, 5),
        neighbours=np.full(_USERS, _NEIGHBOURS),
        gamma=np.full(_USERS, 0.8),
    )
    nearest, _ = top_k(catalogue.vectors, catalogue.vectors, _NEIGHBOURS)
    return World(catalogue, users, nearest)


def _catalogue() -> Catalogue:
    numbers = np.arange(_TRACKS)
    # floor(12 * (t / 60)^1.5): the first artist has 12 tracks, the last 3.
    artist = np.floor(_ARTISTS * (numbers / _TRACKS) ** 1.5).astype(np.int32)
    genre = (artist % _GENRES).astype(np.int32)
    drawn = rng.normals(1, rng.Stream.CATALOGUE, rng.Purpose.TRACK, _TRACKS, 8)
    vectors = padded(drawn + 2.0 * np.eye(8)[genre])
    alike, _ = top_k(vectors, vectors, 10)
    offsets = np.minimum(10 * np.arange(_TRACKS + 1), 10 * (_TRACKS - 1))
    return Catalogue(
        vectors=vectors,
        dims=8,
        artist=artist,
        artists=[f"artist {a}" for a in range(_ARTISTS)],
        genre=genre,
        genres=["jazz", "rock", "folk"],
        popularity=(1 + 37 * numbers % _TRACKS // 2).astype(np.float64),
        titles=[f"track {t}" for t in range(_TRACKS)],
        duration_ms=np.full(_TRACKS, 180_000),
        recommendations=Lists(offsets, alike[:-1].ravel()),
    )
