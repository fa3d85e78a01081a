"""ALS and BPR of the extra `als`: planted blocks come back, with the same bits every time."""

from __future__ import annotations

from typing import Any

import pytest

from abbotify.errors import UserError
from abbotify.recommenders.factors import lowered
from abbotify.recommenders.shipped.implicit import ALS, BPR, fit
from abbotify.recommenders.training_log import Fitted
from tests.conftest import assert_same_arrays
from tests.recommenders.blocks import BLOCKS, WORLD, blocks, shares_within

pytestmark = pytest.mark.extras
pytest.importorskip("implicit", exc_type=ImportError)

KINDS: dict[str, Any] = {"als": ALS, "bpr": BPR}
SETTINGS: dict[str, dict[str, Any]] = {
    "als": {"factors": BLOCKS, "size": 12},
    "bpr": {"factors": 8, "size": 12, "iterations": 200},
}


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
    assert min(shares_within(table, 12)) >= 0.9


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("name", KINDS)
def test_any_number_of_threads_gives_the_same_bits(name: str, threads: int) -> None:
    one, other = trained(name)[1], trained(name, threads=threads)[1]
    assert one.curve == other.curve
    assert_same_arrays(one.arrays, other.arrays)


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
