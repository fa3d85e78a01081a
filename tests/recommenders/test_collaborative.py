"""ALS and BPR of the extra `als`: planted blocks come back, with the same bits every time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abbotify.errors import UserError
from abbotify.recommenders.collaborative import fit, lowered
from abbotify.recommenders.training import Fitted, TrainingLog
from abbotify.scenario.learners import ALS, BPR
from abbotify.testing import small_world
from abbotify.world.base import World

pytestmark = pytest.mark.extras
pytest.importorskip("implicit", exc_type=ImportError)

WORLD: World = small_world()
TRACKS, USERS, BLOCKS = len(WORLD.catalogue), len(WORLD.users), 3
KINDS: dict[str, Any] = {"als": ALS, "bpr": BPR}
SETTINGS: dict[str, dict[str, Any]] = {
    "als": {"factors": BLOCKS, "size": 12},
    "bpr": {"factors": 8, "size": 12, "iterations": 200},
}


def blocks() -> TrainingLog:
    """Users 0 .. 17 hear half of the tracks of their own block; tracks 54 .. 59 nobody."""
    random = np.random.default_rng(1)
    row = np.repeat(np.arange(USERS - 2), 9)
    places = [random.permutation(18)[:9] for _ in range(USERS - 2)]
    track = BLOCKS * np.concatenate(places) + row % BLOCKS
    zero = np.zeros(len(row), np.int64)
    time = random.integers(50, 101, len(row)) / 100
    return TrainingLog(row, zero, zero, track, track, time, USERS, TRACKS)


def trained(name: str, seed: int = 5, **given: Any) -> tuple[Any, Fitted]:
    threads = given.pop("threads", 0)
    params = KINDS[name].model_validate({"recommender": name, **SETTINGS[name], **given})
    told: list[tuple[int, int, float | None]] = []
    fitted = fit(params, blocks(), seed, lambda *a: told.append(a), threads=threads)
    passes = params.iterations
    assert [epoch[:2] for epoch in told] == [(n, passes) for n in range(1, passes + 1)]
    return params, fitted


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("key", ["user", "previous", "first"])
def test_blocks_are_recovered(name: str, key: str) -> None:
    params, fitted = trained(name, key=key)
    table = lowered(params, fitted.arrays, WORLD)
    table.check(WORLD)
    known = USERS - 2 if key == "user" else TRACKS - 6
    for row in range(table.rows):
        got = table.lists.tracks[table.lists.offsets[row] : table.lists.offsets[row + 1]]
        assert len(got) == (12 if row < known else 0)
        assert (got % BLOCKS == row % BLOCKS).mean() >= 0.9 if row < known else True
        assert got.max(initial=0) < TRACKS - 6


def assert_same(one: Fitted, other: Fitted) -> None:
    assert one.curve == other.curve
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(array, other.arrays[name])


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("name", KINDS)
def test_any_number_of_threads_gives_the_same_bits(name: str, threads: int) -> None:
    assert_same(trained(name)[1], trained(name, threads=threads)[1])


@pytest.mark.parametrize("name", KINDS)
def test_the_seed_matters(name: str) -> None:
    one, other = (trained(name, seed)[1].arrays["user_factors"] for seed in (5, 6))
    assert (one != other).any()


def test_the_loss_of_als_falls() -> None:
    losses = [epoch.loss for epoch in trained("als")[1].curve]
    assert losses[-1] < losses[0]
    assert trained("bpr")[1].curve == ()


def test_a_training_that_goes_astray() -> None:
    with pytest.raises(UserError, match="not finite"):
        trained("bpr", learning_rate=100, regularization=1e6)
