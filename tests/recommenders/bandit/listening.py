"""Listeners whose taste is known, and sessions of theirs that a bandit learns from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from abbotify.recommenders.base import Request
from abbotify.recommenders.shipped.bandit import BanditRecommender
from abbotify.world.base import World


def heard_in_full(world: World, track: int, previous: int) -> float:
    """A planted world: two tracks in three are skipped at once, track 33 is the best."""
    return 0.9 if track == 33 else (track % 3) / 10


def listen(
    it: BanditRecommender, world: World, sessions: int, fraction: Callable[..., float]
) -> list[float]:
    """What was listened to of each recommendation; sessions of 4, the users in turn."""
    times: list[float] = []
    for number in range(sessions):
        row, session = number % 20, number // 20
        plays: list[tuple[int, float]] = [((7 * number) % 60, 1.0)]
        for _ in range(4):
            track = it.recommend(request_of(world, row, session, plays))
            assert track is not None
            time = round(fraction(world, track, plays[-1][0]), 2)
            times.append(time)
            plays.append((track, time))
        it.ended(request_of(world, row, session, plays))
    return times


def request_of(world: World, row: int, session: int, plays: Sequence[tuple[int, float]]) -> Request:
    user, tracks = int(world.users.ids[row]), [track for track, _ in plays]
    last, time = plays[-1]
    return Request(user, row, session, len(plays), tracks[0], last, time, tuple(tracks), (), 31337)
