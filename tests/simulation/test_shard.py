"""Days of a shard as tasks: files, states that go from one task to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from abbotify.digests import digest_file
from abbotify.errors import DataError
from abbotify.simulation.prepare import Plan
from abbotify.simulation.shard import LOG, STATE, ShardDays, ShardRunner, log_file

Ready = Callable[..., Plan]


@pytest.fixture
def plan(ready: Ready) -> Plan:
    return ready(shards=2)


def make_folders(folder: Path) -> None:
    for name in (LOG, STATE):
        (folder / name).mkdir(parents=True)


def test_a_day_goes_on_from_the_files_of_the_day_before(plan: Plan, tmp_path: Path) -> None:
    make_folders(tmp_path)
    runner, shard = ShardRunner(plan), plan.shards[1]
    first, second = (ShardDays(tmp_path, shard, range(day, day + 1), "events") for day in range(2))
    with pytest.raises(DataError):
        runner.play(second)
    output = runner.play(first)
    assert first.after == second.before
    assert all(path.exists() for path in first.after)
    output = output.merge(runner.play(second))
    assert all(path.exists() for path in second.after)
    assert [unit["days"] for unit in output.units] == [[0, 0], [1, 1]]
    for day, unit in enumerate(output.units):
        path = log_file(tmp_path, day, 1)
        assert unit["files"] == {f"log/{path.name}": digest_file(path)}


def test_workers_build_arms_of_their_own(plan: Plan, tmp_path: Path) -> None:
    outputs = []
    for name, arms in (("given", plan.arms), ("built", ())):
        folder = tmp_path / name
        make_folders(folder)
        task = ShardDays(folder, plan.shards[0], range(2), "events")
        outputs.append(ShardRunner(replace(plan, arms=arms)).play(task).units)
    assert outputs[0] == outputs[1]
