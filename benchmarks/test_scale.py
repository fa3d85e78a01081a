"""Large runs: what a session costs whatever the number of users, two workers, bounded memory.

With the environment variable ABBOTIFY_BENCH_LONG=1 ten times as many users and sessions, which
takes a quarter of an hour.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
import pytest

from abbotify.simulation.prepare import Plan
from abbotify.simulation.run_days import run_pool
from abbotify.simulation.user_results import aggregate_users
from benchmarks.runs import SMALL, planned, told, trainer_of, written

pytestmark = [pytest.mark.bench, pytest.mark.timeout(0)]

LONG: Final = os.environ.get("ABBOTIFY_BENCH_LONG") == "1"
ARMS: Final = ("random", "sticky_artist")
EACH: Final = 10  # sessions of a user
FEW: Final = 10_000  # users
MANY: Final = (1_000_000, 10_000_000) if LONG else (1_000_000,)
PAIRS: Final = 3
FLAT: Final = 0.2
# What 1 and 2 workers share: 16 shards; sessions of a day; days beside the first one.
SHARED_USERS, DAILY, DAYS = 262_144, 1_500_000, 48 if LONG else 12
SPEED_UP: Final = 1.8
# Users, and the most memory a run of 10 sessions each may take, GB.
LARGEST, PEAK = (10_000_000, 2.0) if LONG else (1_000_000, 0.75)
# A process of its own between: what is inherited across `exec` counts as a child's memory.
WATCH: Final = """
import json, resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(json.dumps(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
"""


@pytest.mark.parametrize("users", MANY)
def test_a_session_costs_the_same_among_many_users(
    users: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Playing and judging, files included; the world and the report's pages are not."""
    few, many = crowd(tmp_path, FEW), crowd(tmp_path, users)
    session(few)  # compiled here
    small, large = [], []
    for _ in range(PAIRS if users < 10_000_000 else 1):
        before = [session(few) for _ in range(10)]
        large.append(session(many))
        small.append(np.median(before + [session(few) for _ in range(10)]))
    ratio = float(np.median(np.divide(large, small)))
    told(
        capsys,
        f"{FEW:,} users {np.median(small) * 1e9:.0f} ns a session, {users:,} users "
        f"{np.median(large) * 1e9:.0f} ns, ratio {ratio:.2f} (median of {len(large)})",
    )
    assert ratio < 1 + FLAT


def crowd(folder: Path, users: int) -> Plan:
    return planned(folder, arms=ARMS, users=users, sessions=users * EACH, days=2, catalogue=SMALL)


def session(plan: Plan) -> float:
    """Seconds that a session takes."""
    ids = plan.world.users.ids
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        begun = time.perf_counter()
        with run_pool(plan) as pool:
            played = pool.play(folder, trainer_of(plan, folder))
            aggregate_users(pool, folder, folder / "users.parquet")
        seconds = time.perf_counter() - begun
        table = pq.read_table(folder / "users.parquet", columns=["sessions", "tracks"])
    sessions, events = (sum(unit[key] for unit in played.units) for key in ("sessions", "events"))
    assert table.num_rows == len(ids)  # a row each; without numbers for those who never came
    assert int(np.nansum(table["sessions"].to_numpy())) == sessions
    assert int(np.nansum(table["tracks"].to_numpy())) == events > 6 * sessions
    assert_expected(sessions, len(ids) * EACH)
    return seconds / sessions


def test_two_workers_take_half_the_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Runs of many days less runs of one day: start, world, judgement and report fall away."""
    run(tmp_path, days=1, workers=1)  # compiled here
    spent = {}
    for workers in (1, 2):
        short, long = (run(tmp_path, days=days, workers=workers) for days in (1, 1 + DAYS))
        spent[workers] = long - short
    assert_same(tmp_path / f"{1 + DAYS}-1", tmp_path / f"{1 + DAYS}-2")
    times = spent[1] / spent[2]
    told(
        capsys,
        f"{DAYS * DAILY:,} sessions: {spent[1]:.1f} s with one worker, {spent[2]:.1f} s with "
        f"two, {times:.2f} times",
    )
    assert times >= SPEED_UP


def run(folder: Path, days: int, workers: int) -> float:
    """Seconds of a run, by its command, into `days-workers`."""
    sessions, out = days * DAILY, folder / f"{days}-{workers}"
    scenario = written(
        folder, arms=ARMS, users=SHARED_USERS, sessions=sessions, days=days, catalogue=SMALL
    )
    begun = time.perf_counter()
    command = abbotify("run", scenario, "--out", out, "--workers", workers, "--quiet")
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - begun
    assert_expected(counted(out, "sessions"), sessions)
    return seconds


def assert_same(one: Path, other: Path) -> None:
    """All files but those that say how they came to be."""
    told = ("manifest.json", "report.html", "report.md")
    files = [
        {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()}
        for out in (one, other)
    ]
    assert files[0].keys() == files[1].keys()
    assert {"report.json", "effects.csv", "users.parquet"} <= {path.name for path in files[0]}
    for path, data in files[0].items():
        assert path.name in told or data == files[1][path], path


def test_memory_is_bounded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    scenario = written(
        tmp_path, arms=ARMS, users=LARGEST, sessions=LARGEST * EACH, days=2, catalogue=SMALL
    )
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-S", "-c", WATCH, *abbotify("run", scenario, "--out", out)],
        check=True, capture_output=True,
    )  # fmt: skip
    seconds, peak = time.perf_counter() - begun, json.loads(done.stdout) / 1e6  # GB, from KB
    sessions, events = counted(out, "sessions"), counted(out, "events")
    told(
        capsys,
        f"{LARGEST:,} users, {sessions:,} sessions, {events:,} tracks: {seconds:.0f} s, "
        f"at most {peak:.2f} GB",
    )
    assert_expected(sessions, LARGEST * EACH)
    assert pq.read_metadata(out / "users.parquet").num_rows == LARGEST
    result = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert sum(arm["sessions"] for arm in result["arms"]) == sessions
    assert (out / "report.html").stat().st_size > 10_000
    assert peak < PEAK


def abbotify(*arguments: Any) -> list[str]:
    return [sys.executable, "-m", "abbotify", *map(str, arguments)]


def counted(out: Path, what: str) -> int:
    """Sessions or events of a run by its manifest."""
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    return int(sum(unit[what] for unit in manifest["units"]))


def assert_expected(sessions: int, mean: float) -> None:
    assert abs(sessions - mean) < 5 * mean**0.5  # a Poisson sum
