"""Bandits of the small world, and a policy that keeps what it is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from abbotify.recommenders.base import Request
from abbotify.recommenders.shipped.bandit import Bandit, BanditRecommender
from abbotify.testing import small_world
from abbotify.world.base import World

KEY = ("arms", "it")
BEST, SECOND = np.argsort(-small_world().catalogue.popularity, kind="stable")[:2].tolist()


@pytest.fixture
def made(world: World, scenario_of: Any) -> Callable[..., BanditRecommender]:
    def make(**keys: Any) -> BanditRecommender:
        params = Bandit(recommender="bandit", **keys)
        return params.built(world, scenario_of("it: {recommender: random}"), KEY)

    return make


class Recorder:
    """A policy that takes candidates in turn and keeps what it is told."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.offered: list[list[int]] = []
        self.told: list[tuple[int, float]] = []

    def choose(self, tracks: npt.NDArray[np.int32], request: Request) -> tuple[int, int]:
        self.offered.append(tracks.tolist())
        return self.answers.pop(0), len(self.offered)

    def learn(self, told: int, time: float) -> None:
        self.told.append((told, time))
