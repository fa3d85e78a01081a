"""Days of a shard as tasks: files, states that go from one task to the next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from abbotify.digests import digest_file
from abbotify.errors import DataError
from abbotify.simulation.prepare import Plan
from abbotify.simulation.run_days import run_spec
from abbotify.simulation.shard import ShardDays, ShardRunner, log_file, make_folders

Ready = Callable[..., Plan]


@pytest.fixture
def plan(ready: Ready) -> Plan:
    return ready(shards=2)


def test_a_day_goes_on_from_the_files_of_the_day_before(plan: Plan, tmp_path: Path) -> None:
    make_folders(tmp_path)
    runner, shard = ShardRunner(run_spec(plan), plan.arms), plan.shards[1]
    first, second = (ShardDays(tmp_path, shard, (day,)) for day in plan.schedule.days)
    with pytest.raises(DataError):
        runner(second)
    output = runner(first)
    assert first.state_file(0).exists()
    assert first.totals_file(0).exists()
    output = output.merge(runner(second))
    assert not first.state_file(0).exists()
    assert not first.totals_file(0).exists()
    assert second.totals_file(1).exists()
    assert [unit["days"] for unit in output.units] == [[0, 0], [1, 1]]
    for day, unit in enumerate(output.units):
        path = log_file(tmp_path, day, 1)
        assert unit["files"] == {f"log/{path.name}": digest_file(path)}


def test_workers_build_arms_of_their_own(plan: Plan, tmp_path: Path) -> None:
    outputs = []
    for name, arms in (("given", plan.arms), ("built", None)):
        folder = tmp_path / name
        folder.mkdir()
        make_folders(folder)
        task = ShardDays(folder, plan.shards[0], plan.schedule.days)
        outputs.append(ShardRunner(run_spec(plan), arms)(task).units)
    assert outputs[0] == outputs[1]
