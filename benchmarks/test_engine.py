"""How fast the compiled engine plays: beside the bare loop, the original simulator, and SimPy.

Playing is everything a run does between its world and its judgement: visits, sessions, sums of
users, what the next day goes on from, the tally of the report, and the log with its files.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq
import pytest

from abbotify.simulation.engine import COMPILED, SIMPY
from abbotify.simulation.prepare import Plan
from abbotify.simulation.shard import LOG
from benchmarks.bare import bare, catalogue_of, listener_of, visits_of
from benchmarks.plain import Plain
from benchmarks.runs import SMALL, Played, planned, played, ratio, timed, told

pytestmark = [pytest.mark.bench, pytest.mark.timeout(0)]

RECOMMENDERS: Final = ("random", "sticky_artist")
PAIRS: Final = 7
USERS, DAYS, SESSIONS = 65_536, 4, 1_200_000
# Share of the bare loop's speed, by level of the log.
LEAST: Final = {"users": 0.5, "events": 0.25}
FEW: Final = 2_000  # sessions of the original's loop, some seconds
TIMES: Final = 250
SIMPY_TIMES: Final = 20
EVENT_BYTES: Final = (8, 14)  # least and most of an event in its file


@pytest.mark.parametrize("recommender", RECOMMENDERS)
def test_playing_beside_the_bare_loop(
    recommender: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plans = {level: large(tmp_path, recommender, level) for level in LEAST}
    plan, sticky = plans["users"], recommender != "random"
    catalogue, listener = catalogue_of(plan), listener_of(plan)
    visits, tracks, heard = visits_of(plan)
    for ahead in (False, True):  # the very same tracks, heard as long; compiled here
        assert bare(catalogue, visits, listener, sticky, ahead) == (tracks, heard)
    for level, other in plans.items():
        assert_work(played(other, lambda folder: assert_log(folder, tracks)), level, tracks)
    loop: list[float] = []
    early: list[float] = []
    ours: dict[str, list[float]] = {level: [] for level in plans}
    for _ in range(PAIRS):
        loop.append(timed(lambda: bare(catalogue, visits, listener, sticky)))
        early.append(timed(lambda: bare(catalogue, visits, listener, sticky, True)))
        for level, other in plans.items():
            work = played(other)
            assert_work(work, level, tracks)
            ours[level].append(work.seconds)
    shares = {level: ratio(loop, spent) for level, spent in ours.items()}
    ns = 1e9 / tracks
    parts = [
        f"log: {level} {np.median(spent) * ns:.0f} ns, {shares[level]:.0%} of its speed "
        f"({ratio(early, spent):.0%} with fetches ahead)"
        for level, spent in ours.items()
    ]
    told(
        capsys,
        f"{recommender}: {tracks:,} recommended tracks, {len(visits.user):,} sessions; bare loop "
        f"{np.median(loop) * ns:.0f} ns a track, {np.median(early) * ns:.0f} ns with fetches "
        f"ahead; {'; '.join(parts)}",
    )
    for level, least in LEAST.items():
        assert shares[level] >= least, level


@pytest.mark.parametrize("recommender", RECOMMENDERS)
def test_many_times_the_original(
    recommender: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside the original's loop on the same world, each plays a part of its own sessions."""
    plan = large(tmp_path, recommender, "users")
    original = Plain(plan.world, recommender, seed=1)
    played(plan)  # compiled here
    times = []
    for _ in range(PAIRS):
        begun = time.perf_counter()
        tracks, _ = original.play(FEW)
        plain = tracks / (time.perf_counter() - begun)
        work = played(plan)
        assert work.tracks > 4 * SESSIONS
        # The same listeners: both hear about as many tracks a session.
        assert work.tracks / work.sessions == pytest.approx(tracks / FEW, rel=0.1)
        times.append(work.tracks / work.seconds / plain)
    told(
        capsys,
        f"{recommender}, 50,000 tracks x 100: {np.median(times):,.0f} times "
        f"({min(times):,.0f} to {max(times):,.0f}) the original's loop, {plain:,.0f} tracks a "
        f"second; compiled {work.tracks / work.seconds / 1e6:.1f} million",
    )
    assert np.median(times) > TIMES


def test_the_compiled_engine_beside_simpy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = {"users": 10_000, "sessions": 40_000, "days": 1, "catalogue": SMALL, "level": "events"}
    fast, slow = (
        planned(tmp_path, engine, arms=RECOMMENDERS, **few) for engine in (COMPILED, SIMPY)
    )
    pairs = [(played(slow), played(fast)) for _ in range(PAIRS + 1)][1:]  # compiled in the first
    for one, other in pairs:
        assert one[1:] == other[1:]  # tracks, sessions and bytes
        assert one.tracks > 200_000
    times = ratio([one.seconds for one, _ in pairs], [other.seconds for _, other in pairs])
    us = [
        1e6 * np.median([run.seconds / run.tracks for run in runs])
        for runs in zip(*pairs, strict=True)
    ]
    told(capsys, f"SimPy {us[0]:.2f} us a track, compiled {us[1]:.3f} us: {times:.0f} times")
    assert times > SIMPY_TIMES


def large(folder: Path, recommender: str, level: str) -> Plan:
    """A run of a large catalogue, both arms alike."""
    arms = (recommender, recommender)
    return planned(folder, arms=arms, users=USERS, sessions=SESSIONS, days=DAYS, level=level)


def small(folder: Path, arms: tuple[str, str]) -> Plan:
    """The same with the quickstart's catalogue."""
    return planned(folder, arms=arms, users=USERS, sessions=SESSIONS, days=DAYS, catalogue=SMALL)


def assert_work(work: Played, level: str, tracks: int) -> None:
    events = work.tracks + work.sessions
    assert work.tracks == tracks
    assert abs(work.sessions - SESSIONS) < 5 * SESSIONS**0.5  # a Poisson sum
    least, most = EVENT_BYTES if level == "events" else (0, 0)
    assert least * events <= work.log <= most * events


def assert_log(folder: Path, tracks: int) -> None:
    """A log of events, if there is one, has all tracks, and each session's first."""
    files = list((folder / LOG).iterdir())
    rows = [pq.read_table(file, columns=["step"]).column("step").to_numpy() for file in files]
    assert sum(int(np.count_nonzero(steps > 0)) for steps in rows) == (tracks if files else 0)
