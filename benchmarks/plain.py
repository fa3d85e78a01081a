"""The original simulator's loop, written plainly from its facts: the partner in benchmarks.

An object for each session, one exact search for the neighbours of its taste, one inner product by
numpy for each track, `random` for every draw; one process, nothing kept ready from one session to
the next, as the original does it. No log and no service: what it does beside the loop is left out,
so ratios to it are lower bounds.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from abbotify.world.base import World

Recommend = Callable[[int], int]  # the previous track -> the next one


@dataclass
class Listener:
    """A user: what they like, and how they listen."""

    user: int
    interests: Sequence[int]
    bias: float
    sharpness: float
    budget: int
    neighbours: int
    gamma: float


@dataclass
class Session:
    """A session under way: the tracks it had, how long each was heard, what is left of patience."""

    listener: Listener
    taste: Any
    budget: int
    tracks: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    artists: Counter[int] = field(default_factory=Counter)

    def listen(self, track: int, artist: int, vector: Any, draw: float) -> None:
        """Hears a recommended track, and loses patience with one heard in part."""
        time = 0.0
        if track not in self.tracks:
            user = self.listener
            score = (float(np.dot(vector, self.taste)) - user.bias) * user.sharpness
            sigmoid = 1.0 / (1.0 + math.exp(-score)) if score > -700.0 else 0.0
            time = round(sigmoid * user.gamma ** self.artists[artist], 2)
        self.add(track, artist, time)
        if draw > time:
            self.budget -= 1

    def add(self, track: int, artist: int, time: float) -> None:
        """Puts a track into the session."""
        self.tracks.append(track)
        self.times.append(time)
        self.artists[artist] += 1


class Plain:
    """The original's users and catalogue, with one of its recommenders."""

    def __init__(self, world: World, recommender: str, seed: int) -> None:
        """A simulator over a world.

        Args:
            world: catalogue and users.
            recommender: `random` or `sticky_artist`.
            seed: of all draws.
        """
        catalogue, users = world.catalogue, world.users
        interests = users.interests
        self.random = random.Random(seed)
        self.vectors = np.ascontiguousarray(catalogue.vectors[:, : catalogue.dims])
        self.artist = [int(artist) for artist in catalogue.artist]
        self.of_artist: list[list[int]] = [[] for _ in catalogue.artists]
        for track, artist in enumerate(self.artist):
            self.of_artist[artist].append(track)
        self.listeners = [
            Listener(
                int(users.ids[row]),
                interests.tracks[interests.offsets[row] : interests.offsets[row + 1]].tolist(),
                float(users.bias[row]),
                float(users.sharpness[row]),
                int(users.budget[row]),
                int(users.neighbours[row]),
                float(users.gamma[row]),
            )
            for row in range(len(users))
        ]
        self.recommend: Recommend = self._random if recommender == "random" else self._sticky

    def play(self, sessions: int) -> tuple[int, float]:
        """Plays sessions of users drawn one by one; recommended tracks, and their summed times."""
        tracks, heard = 0, 0.0
        for _ in range(sessions):
            session = self._start(self.random.choice(self.listeners))
            while session.budget > 0:
                track = self.recommend(session.tracks[-1])
                vector, draw = self.vectors[track], self.random.random()
                session.listen(track, self.artist[track], vector, draw)
            tracks += len(session.tracks) - 1
            heard += sum(session.times[1:])
        return tracks, heard

    def _start(self, listener: Listener) -> Session:
        taste = self.vectors[self.random.choice(listener.interests)]
        scores = self.vectors @ taste
        nearest = np.argpartition(scores, -listener.neighbours)[-listener.neighbours :]
        session = Session(listener, taste, listener.budget)
        first = int(self.random.choice(nearest.tolist()))
        session.add(first, self.artist[first], 1.0)
        return session

    def _random(self, previous: int) -> int:
        return self.random.randrange(len(self.artist))

    def _sticky(self, previous: int) -> int:
        return self.random.choice(self.of_artist[self.artist[previous]])
