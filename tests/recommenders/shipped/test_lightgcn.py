"""LightGCN of the extra `lightgcn`: planted blocks come back, with the same bits every time."""

from __future__ import annotations

from typing import Any

import pytest

from abbotify.recommenders.factors import lowered
from abbotify.recommenders.shipped.lightgcn import LightGCN, fit
from abbotify.recommenders.training_log import Fitted
from tests.conftest import assert_same_arrays
from tests.recommenders.blocks import WORLD, blocks, shares_within

pytestmark = pytest.mark.extras
torch = pytest.importorskip("torch", exc_type=ImportError)


@pytest.fixture(autouse=True)
def _installed() -> None:
    # Not `importorskip`: its import warns of what torch deprecates, and warnings are errors.
    import importlib.util

    if importlib.util.find_spec("torch_geometric") is None:
        pytest.skip("torch_geometric is not installed")


def trained(seed: int = 5, **given: Any) -> tuple[LightGCN, Fitted]:
    settings = {"factors": 8, "size": 12, "batch_size": 50, "epochs": 20, **given}
    params = LightGCN.model_validate({"recommender": "lightgcn", **settings})
    return params, fit(params, blocks(), seed, lambda *_: None)


@pytest.mark.parametrize("key", ["user", "previous", "first"])
def test_blocks_are_recovered(key: str) -> None:
    params, fitted = trained(key=key)
    assert fitted.curve[-1].loss < fitted.curve[0].loss
    table = lowered(params, fitted.arrays, WORLD)
    table.check(WORLD)
    assert min(shares_within(table, 12)) >= 0.9


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
    assert_same_arrays(first.arrays, again.arrays)


def test_the_seed_matters() -> None:
    one, other = (trained(seed, epochs=1)[1].arrays["user_factors"] for seed in (5, 6))
    assert (one != other).any()
