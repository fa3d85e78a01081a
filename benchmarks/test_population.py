"""A million users with ten sessions each, from a made-up world to a result, in bounded memory.

The sessions are drawn by numpy, shard by shard, in place of an engine: what is measured is
everything around it. A process of its own does it, so that its peak is that of this work alone.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
import pytest

from abbotify.eventlog.schema import ARM, Labels
from abbotify.eventlog.sessions import SessionTable
from abbotify.metrics.session_totals import SessionTotals
from abbotify.report.build import build
from abbotify.report.inputs import ArmInfo, ReportInputs, ReportSpec
from abbotify.report.result import Result, Run
from abbotify.scenario import load
from abbotify.simulation.prepare import Plan, prepare
from abbotify.simulation.requested import reported
from abbotify.simulation.run_days import run_pool
from abbotify.simulation.shard import STATE, totals_file
from abbotify.simulation.timeline import Shard
from abbotify.simulation.user_results import ExperimentAggregates, aggregate_users
from abbotify.simulation.user_state import ShardTotals
from abbotify.world.base import digest

pytestmark = pytest.mark.bench

USERS: Final = 1_000_000
EACH: Final = 10  # sessions of a user
DAYS: Final = 2

PEAK_MB: Final = 700  # of these about 250 are libraries, 70 the users
ADDING_NS: Final = 60  # a session
WORLD_S: Final = 10
JUDGING_US: Final = 5  # a user

SCENARIO = f"""
name: population
world:
  catalogue: {{source: synthetic, tracks: 10000, artists: 1600, genres: 30, dims: 64}}
  users: {{source: synthetic, count: {USERS}, interests: 3}}
arrivals: {{sessions: {USERS * EACH // DAYS}}}
timeline: [{{phase: experiment, days: {DAYS}}}]
arms: {{random: {{recommender: random}}, sticky: {{recommender: sticky_artist}}}}
experiment: {{name: POPULATION, control: random}}
log: {{level: users}}
"""


def sessions(plan: Plan, shard: Shard, day: int) -> SessionTable:
    """Sessions of a day: as many for each user, of 1 to 11 tracks."""
    draw = np.random.default_rng([shard.number, day])
    ids = plan.world.users.ids[shard.rows.start : shard.rows.stop]
    user = np.repeat(ids, EACH // DAYS)
    n, layer = len(user), plan.schedule.experiment
    tracks = draw.integers(1, 12, n)
    return SessionTable(
        user=user,
        session=np.zeros(n, np.int32),
        day=np.full(n, day, np.int32),
        start=np.zeros(n, np.int64),
        closed=np.ones(n, np.bool_),
        tracks=tracks,
        hundredths=tracks * draw.integers(0, 101, n),
        residual=np.zeros(n),
        latency_ms=(20 * tracks).astype(np.float64),
        recommended=tracks - 1,
        skips=(tracks - 1) // 2,
        repeats=(tracks - 1) // 5,
        artists=(tracks + 1) // 2,
        play_ms=100_000 * tracks,
        timeouts=np.zeros(n, np.int64),
        arms={ARM: Labels(np.repeat(layer.codes(ids, 0), EACH // DAYS), layer.arms)},
    )


@contextmanager
def timed(spent: dict[str, float], what: str) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    spent[what] = spent.get(what, 0.0) + time.perf_counter() - begun


def add_up(plan: Plan, folder: Path, tally: SessionTotals, spent: dict[str, float]) -> None:
    (folder / STATE).mkdir()
    for shard in plan.shards:
        ids = plan.world.users.ids[shard.rows.start : shard.rows.stop]
        totals = ShardTotals(plan.schedule, ids)
        for day in range(DAYS):
            table = sessions(plan, shard, day)
            if "adding" not in spent:  # compiled before it is timed
                ShardTotals(plan.schedule, ids).add(table)
            with timed(spent, "adding"):
                totals.add(table)
            tally.add(table)
        with timed(spent, "saving"):
            totals.save(totals_file(folder, DAYS - 1, shard))


def result(plan: Plan, judgement: ExperimentAggregates, tally: SessionTotals) -> Result:
    first = plan.schedule.experiment
    return build(
        {},
        Run({"world": 1}, {}, {"report": 1}, "0", 0.05, first.name, days=DAYS),
        [ArmInfo(name, name, None, 1.0) for name in first.arms],
        ReportSpec(reported(plan.scenario), plan.scenario.metrics.success),
        ReportInputs(judgement.users, tally),
    )


def measure(folder: Path) -> dict[str, Any]:
    """Seconds of each step, the peak in MB, and what the result says."""
    spent: dict[str, float] = {}
    (folder / "population.yaml").write_text(SCENARIO)
    with timed(spent, "world"):
        plan = prepare(load(folder / "population.yaml"))
    with timed(spent, "digest"):
        digest(plan.world)
    tally = SessionTotals(plan.schedule.experiment.arms, ARM, plan.schedule.experiment_days)
    add_up(plan, folder, tally, spent)
    with timed(spent, "judging"), run_pool(plan) as pool:
        judgement = aggregate_users(pool, folder, folder / "users.parquet")
    with timed(spent, "result"):
        told = result(plan, judgement, tally)
    arms = [
        {"users": arm.users, "sessions": arm.sessions, "tracks": arm.tracks} for arm in told.arms
    ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # KB on Linux
    return {"seconds": spent, "peak": peak, "arms": arms}


@pytest.mark.timeout(0)
def test_a_million_users_in_bounded_memory(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, __file__, str(tmp_path)]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    spent, arms = found["seconds"], found["arms"]
    with capsys.disabled():
        steps = ", ".join(f"{what} {seconds:.2f} s" for what, seconds in spent.items())
        sys.stdout.write(f"\n{steps}; at most {found['peak']:.0f} MB\n")
    table = pq.read_table(tmp_path / "users.parquet", columns=["user", "exposed", "tracks"])
    assert table.column("user").to_pylist() == list(range(USERS))
    assert sum(arm["users"] for arm in arms) == USERS
    assert sum(arm["sessions"] for arm in arms) == USERS * EACH
    tracks = table.column("tracks").to_numpy()
    assert sum(arm["tracks"] for arm in arms) == tracks.sum()
    assert found["peak"] < PEAK_MB
    assert spent["adding"] / (USERS * EACH) < ADDING_NS * 1e-9
    assert spent["world"] < WORLD_S
    assert spent["judging"] / USERS < JUDGING_US * 1e-6


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(Path(sys.argv[1]))))
