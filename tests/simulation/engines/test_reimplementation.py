"""The engine against the model's rules written down a second time, in plain Python.

Draws come from numpy's Philox, scores from the reference dot product, visits from scipy's
quantiles: nothing of the listener's kernels or of the engine is used.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import mmh3
import numpy as np
import pytest
from scipy import stats

from abbotify.vectors import dot_reference

DAY = 86_400_000
HOURS = {
    "flat": [1.0] * 24,
    "evening": [
        0.40, 0.25, 0.18, 0.20, 0.26, 0.38, 0.55, 0.75, 0.90, 0.96, 0.86, 0.78,
        0.75, 0.74, 0.76, 0.81, 0.88, 0.96, 1.00, 1.00, 0.92, 0.82, 0.68, 0.54,
    ],
}  # fmt: skip
WORLDS: dict[str, dict[str, Any]] = {
    "few artists": {
        "catalogue": {"source": "synthetic", "tracks": 60, "artists": 12, "genres": 3, "dims": 8},
        "users": {"source": "synthetic", "count": 8, "interests": 3},
    },
    "alone": {  # many artists have one track: mixed misses
        "catalogue": {"source": "synthetic", "tracks": 40, "artists": 33, "genres": 2, "dims": 20},
        "users": {"source": "synthetic", "count": 8, "interests": 2, "bias": 2.0},
    },
}


def real(word: int) -> float:
    return (word >> 11) * 2.0**-53


class Model:
    """All sessions of a world, user by user."""

    def __init__(self, game: Any, words: Any) -> None:
        self.game, self.words = game, words
        self.scenario, self.catalogue = game.scenario, game.world.catalogue
        self.seed = self.scenario.seeds.dynamics
        self.vectors = self.catalogue.vectors
        self.artist = self.catalogue.artist.tolist()
        self.tracks = len(self.artist)

    def rows(self) -> list[tuple[Any, ...]]:
        return [row for place in range(len(self.game.world.users)) for row in self.user(place)]

    def arm(self, user: int) -> str:
        names = self.scenario.arms_of(self.scenario.layers[0])
        seed = mmh3.hash(self.scenario.layers[0].name, signed=False)
        return str(names[mmh3.hash(str(user), seed=seed, signed=False) % len(names)])

    def user(self, place: int) -> Iterator[tuple[Any, ...]]:
        user = int(self.game.world.users.ids[place])
        free, number = 0, 0
        for day, time in self.visits(user):
            begin = max(time, free)
            if begin >= self.scenario.days * DAY:
                return
            rows = self.session(place, user, number, day, begin)
            yield from rows
            free, number = rows[-1][0] + rows[-1][9], number + 1

    def visits(self, user: int) -> Iterator[tuple[int, int]]:
        mean = self.scenario.arrivals.sessions / len(self.game.world.users)
        hours = HOURS[self.scenario.arrivals.profile]
        for day in range(self.scenario.days):
            u = real(self.words(self.seed, day, user, 5, 0)[0])
            count = int(stats.poisson.ppf(u, mean))
            times = sorted(self.time_of(user, day, i, hours) for i in range(count))
            yield from ((day, day * DAY + time) for time in times)

    def time_of(self, user: int, day: int, i: int, hours: list[float]) -> int:
        attempt = 0
        while True:
            drawn = self.words(self.seed, day, user, 6 + (attempt << 32), i)
            ms = drawn[0] * DAY >> 64
            height = np.interp(ms / 3_600_000, np.arange(25), [*hours, hours[0]])
            if real(drawn[1]) < height:
                return ms
            attempt += 1

    def session(self, place: int, user: int, number: int, day: int, now: int) -> list[Any]:
        users, rows = self.game.world.users, []
        arm = self.arm(user)
        spec = self.scenario.arms[arm]
        drawn = self.words(self.seed, 0, user, 0, number)
        interests = users.interests.tracks[slice(*users.interests.offsets[place : place + 2])]
        taste = self.vectors[interests[drawn[0] * len(interests) >> 64]]
        nearest = sorted(
            range(self.tracks), key=lambda t: (-dot_reference(self.vectors[t], taste), t)
        )
        track = nearest[drawn[1] * int(users.neighbours[place]) >> 64]
        played, times, budget, step = [track], [100], int(users.budget[place]), 0
        while True:
            now += (times[-1] * 180_000 + 50) // 100
            heard = times[-1] / 100
            if budget == 0 or len(played) == self.scenario.listener.max_tracks:
                rows.append((now, day, user, number, step, True, track, heard, -1,
                             spec.latency_ms, arm))  # fmt: skip
                return rows
            following = self.recommend(spec, user, number, step + 1, track, heard)
            rows.append((now, day, user, number, step, False, track, heard, following,
                         spec.latency_ms, arm))  # fmt: skip
            now += spec.latency_ms
            track, step = following, step + 1
            times.append(self.listen(place, taste, track, played))
            played.append(track)
            draw = real(self.words(self.seed, step, user, 1, number)[0])
            budget -= draw > times[-1] / 100

    def listen(self, place: int, taste: Any, track: int, played: list[int]) -> int:
        if track in played:
            return 0
        users = self.game.world.users
        score = float(dot_reference(self.vectors[track], taste))
        bias, sharpness = float(users.bias[place]), float(users.sharpness[place])
        power = 1.0
        for other in played:
            if self.artist[other] == self.artist[track]:
                power *= float(users.gamma[place])
        x = 1.0 / (1.0 + math.exp(-(score - bias) * sharpness)) * power
        return math.floor(100.0 * x + 0.5)

    def recommend(
        self, spec: Any, user: int, number: int, step: int, previous: int, heard: float
    ) -> int:
        def any_of(tracks: list[int], purpose: int = 2) -> int:
            word = self.words(self.seed, step, user, purpose, number)[0]
            return tracks[word * len(tracks) >> 64]

        everything = list(range(self.tracks))
        same = [t for t in everything if self.artist[t] == self.artist[previous]]
        if spec.recommender == "sticky_artist":
            return any_of(same)
        if spec.recommender == "top_pop":
            popularity = self.catalogue.popularity
            return any_of(sorted(everything, key=lambda t: (-popularity[t], t))[: spec.size])
        if spec.recommender == "sticky_artist_mixed" and heard >= spec.below:
            others = [t for t in same if t != previous]
            return any_of(others) if others else any_of(everything, 3)
        return any_of(everything)


@pytest.mark.parametrize("world", list(WORLDS))
@pytest.mark.parametrize("profile", ["flat", "evening"])
def test_the_log_is_the_model_s(
    make: Callable[..., Any], rows: Any, words: Any, world: str, profile: str
) -> None:
    game = make(
        world=WORLDS[world],
        arrivals={"sessions": 32, "profile": profile},
        timeline=[{"phase": "experiment", "days": 2}],
        arms={
            "random": {"recommender": "random"},
            "sticky": {"recommender": "sticky_artist", "latency_ms": 7},
            "mixed": {"recommender": "sticky_artist_mixed", "latency_ms": 250},
            "top": {"recommender": "top_pop", "size": 9, "latency_ms": 40_000},
        },
    )
    log = rows(game.play())
    assert {row[-1] for row in log} == {"random", "sticky", "mixed", "top"}
    assert log == Model(game, words).rows()


def test_crowded_days_and_short_sessions(make: Callable[..., Any], rows: Any, words: Any) -> None:
    # Seven visits a day of some hours each: many overlap, some are pushed past midnight.
    game = make(
        world={**WORLDS["few artists"], "users": {"source": "synthetic", "count": 2}},
        arrivals={"sessions": 14, "profile": "evening"},
        listener={
            "session_budget": 2, "artist_discount_gamma": 0.5, "interest_neighbours": 60,
            "max_tracks": 4,
        },
        arms={
            "sticky": {"recommender": "sticky_artist", "latency_ms": 9_000_000},
            "mixed": {"recommender": "sticky_artist_mixed", "below": 0.6, "latency_ms": 10_000_000},
        },
        experiment={"name": "C", "control": "sticky"},
    )  # fmt: skip
    log = rows(game.play())
    assert log == Model(game, words).rows()
    assert any(row[4] == 0 and row[0] > (row[1] + 1) * DAY + 180_000 for row in log)
    assert any(row[4] == 3 and row[5] for row in log)
