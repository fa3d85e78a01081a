"""A world small enough to look at, and made-up sessions in it: requests without a listener."""

from __future__ import annotations

import numpy as np

from abbotify import rng
from abbotify.recommenders.base import Play, Request
from abbotify.recommenders.candidate_table import HISTORY
from abbotify.recommenders.training_log import TrainingLog
from abbotify.rng import seed_word
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


def generated_requests(
    world: World, sessions: int = 100, seed: int = 1, max_tracks: int = 30
) -> list[Request]:
    """The requests of sessions in which anything may be played, again and again.

    Some users come back, so that their histories reach over sessions; listened times cover 0,
    1 and the hundredths between. Every request has lists of its own.

    Args:
        world: whose users and tracks.
        sessions: how many.
        seed: of what is played, and of the requests' own draws.
        max_tracks: how long the longest session may be.
    """
    generator = np.random.default_rng(seed)
    histories: dict[int, list[Play]] = {}
    numbers: dict[int, int] = {}
    requests: list[Request] = []
    for _ in range(sessions):
        row = int(generator.integers(len(world.users)))
        length = int(generator.integers(1, max_tracks + 1))
        tracks = generator.integers(len(world.catalogue), size=length).tolist()
        times = [1.0, *(generator.choice([0, 100, 29, 30, 57], length - 1) / 100).tolist()]
        plays = [Play(track, time) for track, time in zip(tracks, times, strict=True)]
        session = numbers.get(row, 0)
        before = histories.get(row, [])
        user = int(world.users.ids[row])
        requests += requests_of(user, row, session, before, plays, seed_word(seed))
        histories[row], numbers[row] = (before + plays)[-HISTORY:], session + 1
    return requests


def generated_log(world: World, sessions: int = 100, seed: int = 1) -> TrainingLog:
    """The same sessions as plays that a recommender may be trained on.

    Args:
        world: whose users and tracks.
        sessions: how many.
        seed: of what is played.
    """
    requests = generated_requests(world, sessions, seed)
    order = sorted(requests, key=lambda r: (r.row, r.session, r.step))
    return TrainingLog(
        row=np.array([r.row for r in order], np.int64),
        session=np.array([r.session for r in order], np.int64),
        step=np.array([r.step - 1 for r in order], np.int64),  # of the track just played
        first=np.array([r.first for r in order], np.int64),
        track=np.array([r.previous for r in order], np.int64),
        time=np.array([r.time for r in order]),
        users=len(world.users),
        tracks=len(world.catalogue),
    )


def requests_of(
    user: int, row: int, session: int, before: list[Play], plays: list[Play], seed: int
) -> list[Request]:
    """The requests after each play of a session.

    Args:
        user: its id.
        row: its row.
        session: number of the user's session.
        before: plays of the user's earlier sessions.
        plays: those of this one.
        seed: of the requests' draws, as a word.
    """
    return [
        Request(
            user=user,
            row=row,
            session=session,
            step=step,
            first=plays[0].track,
            previous=plays[step - 1].track,
            time=plays[step - 1].time,
            played=[play.track for play in plays[:step]],
            history=(before + plays[:step])[-HISTORY:],
            seed=seed,
        )
        for step in range(1, len(plays) + 1)
    ]
