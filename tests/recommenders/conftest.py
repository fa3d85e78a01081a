"""Requests, words from numpy's own Philox, and a scenario to place errors in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abbotify.recommenders.base import Play, Request
from abbotify.rng import seed_word
from abbotify.scenario import Scenario, load
from abbotify.testing import small_world
from abbotify.world.base import World

SEED = 31337

Ask = Callable[..., Request]
Word = Callable[..., int]


@pytest.fixture
def world() -> World:
    return small_world()


@pytest.fixture
def ask() -> Ask:
    """Makes a request; only what matters to a test is named."""

    def make(**given: Any) -> Request:
        plays = given.pop("plays", [(0, 1.0)])
        tracks = [track for track, _ in plays]
        defaults = {
            "user": 3,
            "row": 0,
            "session": 0,
            "step": len(plays),
            "first": tracks[0],
            "previous": tracks[-1],
            "time": plays[-1][1],
            "played": tracks,
            "history": [Play(*play) for play in plays][-10:],
            "seed": seed_word(SEED),
        }
        return Request(**{**defaults, **given})

    return make


@pytest.fixture
def word() -> Word:
    """The first word of a block, by `numpy.random.Philox` (which counts up before it draws)."""

    def draw(
        step: int, user: int, purpose: int, session: int, attempt: int = 0, seed: int = SEED
    ) -> int:
        counter = [step - 1, user, purpose + attempt * 2**32, session]
        generator = np.random.Philox(
            key=np.array([seed, 0], np.uint64), counter=np.array(counter, np.uint64)
        )
        return int(generator.random_raw())

    return draw


@pytest.fixture
def scenario_of(tmp_path: Path) -> Callable[..., Scenario]:
    """A scenario with the given lines for `arms`, in a workspace at `tmp_path`."""

    def make(arms: str) -> Scenario:
        lines = ["arrivals: {sessions: 10}", "experiment: {control: random}", "arms:"]
        lines += ["  random: {recommender: random}", *(f"  {a}" for a in arms.splitlines())]
        (tmp_path / "scenarios").mkdir(exist_ok=True)
        path = tmp_path / "scenarios" / "it.yaml"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return load(path)

    return make
