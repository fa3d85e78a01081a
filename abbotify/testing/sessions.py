"""Made-up sessions: the requests a recommender meets, without a listener."""

from __future__ import annotations

import numpy as np

from abbotify.recommenders.base import Play, Request
from abbotify.recommenders.candidate_table import HISTORY
from abbotify.recommenders.training_log import TrainingLog
from abbotify.rng import seed_word
from abbotify.world.base import World


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
        requests += _session(user, row, session, before, plays, seed)
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


def _session(
    user: int, row: int, session: int, before: list[Play], plays: list[Play], seed: int
) -> list[Request]:
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
            seed=seed_word(seed),
        )
        for step in range(1, len(plays) + 1)
    ]
