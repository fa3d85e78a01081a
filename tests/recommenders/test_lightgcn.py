"""LightGCN of the extra `lightgcn`: planted blocks come back, with the same bits every time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abbotify.recommenders.lightgcn import fit, lowered
from abbotify.recommenders.training import Fitted, TrainingLog
from abbotify.scenario.learners import LightGCN
from abbotify.testing import small_world
from abbotify.world.base import World

pytestmark = pytest.mark.extras
torch = pytest.importorskip("torch", exc_type=ImportError)

WORLD: World = small_world()
TRACKS, USERS, BLOCKS = len(WORLD.catalogue), len(WORLD.users), 3


@pytest.fixture(autouse=True)
def _installed() -> None:
    # Not `importorskip`: its import warns of what torch deprecates, and warnings are errors.
    import importlib.util

    if importlib.util.find_spec("torch_geometric") is None:
        pytest.skip("torch_geometric is not installed")


def trained(seed: int = 5, **given: Any) -> tuple[LightGCN, Fitted]:
    """Users 0 .. 17 hear half of the tracks of their own block; tracks 54 .. 59 nobody."""
    random = np.random.default_rng(1)
    row = np.repeat(np.arange(USERS - 2), 9)
    places = [random.permutation(18)[:9] for _ in range(USERS - 2)]
    track = BLOCKS * np.concatenate(places) + row % BLOCKS
    zero = np.zeros(len(row), np.int64)
    time = random.integers(50, 101, len(row)) / 100
    log = TrainingLog(row, zero, zero, track, track, time, USERS, TRACKS)
    settings = {"factors": 8, "size": 12, "batch_size": 50, "epochs": 20, **given}
    params = LightGCN.model_validate({"recommender": "lightgcn", **settings})
    return params, fit(params, log, seed, lambda *_: None)


@pytest.mark.parametrize("key", ["user", "previous", "first"])
def test_blocks_are_recovered(key: str) -> None:
    params, fitted = trained(key=key)
    assert fitted.curve[-1].loss < fitted.curve[0].loss
    table = lowered(params, fitted.arrays, WORLD)
    table.check(WORLD)
    known = USERS - 2 if key == "user" else TRACKS - 6
    for row in range(table.rows):
        got = table.lists.tracks[table.lists.offsets[row] : table.lists.offsets[row + 1]]
        assert len(got) == (12 if row < known else 0)
        assert (got % BLOCKS == row % BLOCKS).mean() >= 0.9 if row < known else True


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_and_torchs_own_state_change_nothing(threads: int) -> None:
    first = trained()[1]
    before, state = torch.get_num_threads(), torch.get_rng_state()
    torch.set_num_threads(threads)
    torch.rand(3)
    try:
        again = trained()[1]
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
        torch.set_rng_state(state)
    assert first.curve == again.curve
    for name, array in first.arrays.items():
        np.testing.assert_array_equal(array, again.arrays[name])


def test_the_seed_matters() -> None:
    one, other = (trained(seed, epochs=1)[1].arrays["user_factors"] for seed in (5, 6))
    assert (one != other).any()
