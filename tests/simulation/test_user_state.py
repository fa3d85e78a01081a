"""Totals of a shard's users under each experiment, saved and loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from abbotify.errors import DataError
from abbotify.simulation.model_store import ModelStore
from abbotify.simulation.prepare import Plan
from abbotify.simulation.run_days import run_pool
from abbotify.simulation.shard import totals_file
from abbotify.simulation.training import Trainer
from abbotify.simulation.user_state import ShardTotals, columns


def test_totals_are_loaded_as_they_were_saved(ready: Callable[..., Plan], tmp_path: Path) -> None:
    plan = ready()
    with run_pool(plan) as pool:
        pool.play(tmp_path, Trainer(plan, (), ModelStore(tmp_path)))
    (shard,) = plan.shards
    ids, path = plan.world.users.ids, totals_file(tmp_path, 1, shard)
    totals = ShardTotals.load(path, plan.schedule, ids)
    assert list(totals.layers) == list(columns(plan.schedule)) == ["SMALL"]
    totals.save(tmp_path / "again.npz")
    again = ShardTotals.load(tmp_path / "again.npz", plan.schedule, ids)
    first, second = (each.layers["SMALL"].arrays() for each in (totals, again))
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name], err_msg=name)


def test_totals_of_other_users_are_refused(ready: Callable[..., Plan], tmp_path: Path) -> None:
    plan = ready()
    with run_pool(plan) as pool:
        pool.play(tmp_path, Trainer(plan, (), ModelStore(tmp_path)))
    path = totals_file(tmp_path, 1, plan.shards[0])
    with pytest.raises(DataError, match="is not the totals of a shard's users"):
        ShardTotals.load(path, plan.schedule, plan.world.users.ids[:-1])
