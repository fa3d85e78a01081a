"""Users of a finished run: shard by shard what the file has, aggregates that merge."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abbotify.simulation.model_store import ModelStore
from abbotify.simulation.prepare import Plan
from abbotify.simulation.run_days import run_pool
from abbotify.simulation.training import Trainer
from abbotify.simulation.user_results import PlayedRun, aggregate_users, shard_results

Ready = Callable[..., Plan]


@pytest.fixture
def plan(ready: Ready) -> Plan:
    return ready(shards=3)


@pytest.fixture
def run(plan: Plan, tmp_path: Path) -> PlayedRun:
    with run_pool(plan) as pool:
        pool.play(tmp_path, Trainer(plan, (), ModelStore(tmp_path)))
    return PlayedRun(plan, tmp_path)


def test_the_file_has_the_users_of_all_shards(plan: Plan, run: PlayedRun) -> None:
    path = run.folder / "users.parquet"
    with run_pool(plan) as pool:
        aggregates = aggregate_users(pool, run.folder, path)
    frame = pd.read_parquet(path)
    tables = [run.users(shard) for shard in plan.shards]
    assert frame["user"].tolist() == np.concatenate([table.users for table in tables]).tolist()
    times = np.concatenate([table.values["time"] for table in tables])
    np.testing.assert_array_equal(frame["time"], times)
    merged = [shard_results(run, shard).aggregates for shard in plan.shards]
    assert aggregates.further == {}
    for code, arm in enumerate(aggregates.users.arms):
        parts = [part.users.arms[code] for part in merged]
        assert arm.assigned == sum(part.assigned for part in parts)
        assert arm.exposed == sum(part.exposed for part in parts)
