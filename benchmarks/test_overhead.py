"""What the SimPy engine costs beside SimPy itself.

The bare program begins the same sessions at the same times, waits for the same pauses, each in a
process of SimPy's, and does nothing else: what it takes is the price of simulating with SimPy at
all.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import simpy

from abbotify.recommenders.build import build_arms
from abbotify.scenario import load
from abbotify.simulation import timeline
from abbotify.simulation.engine import Setup, UnitResult
from abbotify.simulation.event_driven import engine as event_driven
from abbotify.simulation.event_driven.clock import Clock
from abbotify.simulation.event_driven.engine import EventDriven
from abbotify.simulation.timeline import Schedule, Shard
from abbotify.world import World, load_world

pytestmark = pytest.mark.bench

COMMON = """
name: overhead
world:
  catalogue: {source: synthetic, tracks: 10000, artists: 1600, genres: 30, dims: 64}
  users: {source: synthetic, count: 10000}
arrivals: {sessions: 20000}
timeline: [{phase: experiment, days: 1}]
experiment: {name: OVERHEAD, control: random}
arms:
  random: {recommender: random, latency_ms: 20}
"""
FREE = "  sticky: {recommender: sticky_artist, latency_ms: 20}"
# Busy for two thirds of the time on average, and more than busy in the evening.
QUEUED = """  sticky:
    recommender: sticky_artist
    latency_ms: {distribution: exponential, mean: 4000}
    service: {replicas: 4, timeout_ms: 20000, patience_ms: 5000}"""

Visit = tuple[int, list[int]]  # when a session begins, and its pauses


class Counted(Clock):
    """A clock that counts what is scheduled."""

    events: ClassVar[int] = 0

    def schedule(self, *args: Any, **kwargs: Any) -> None:
        Counted.events += 1
        super().schedule(*args, **kwargs)


# The reference engine is written to be read; a bound keeps it from becoming useless for tests.
@pytest.mark.parametrize(
    ("sticky", "queued"), [(FREE, False), (QUEUED, True)], ids=["free", "queued"]
)
def test_a_track_costs_little_more_than_its_events(
    sticky: str,
    queued: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "overhead.yaml"
    file.write_text(COMMON + sticky)
    scenario = load(file)
    world = load_world(scenario)
    engine, ids = EventDriven(Setup(scenario, world, build_arms(scenario, world))), world.users.ids

    schedule = Schedule(scenario)

    def ours() -> UnitResult:
        parts = timeline.play(engine, schedule, ids, Shard(0, range(len(ids))), queued)
        return next(parts)[1]

    monkeypatch.setattr(event_driven, "Clock", Counted)
    Counted.events = 0
    result = ours()  # kernels compile here
    events = Counted.events
    monkeypatch.undo()
    visits = _visits(result, world, queued)
    pauses = sum(1 + len(delays) for _, delays in visits)
    # A queue has events of its own for those who join, are served and go; users are processes.
    assert pauses <= events <= (6 if queued else 3) * pauses
    tracks, sessions = int(result.sessions.recommended.sum()), len(result.facts.cut)
    pairs = [(_seconds(ours), _seconds(lambda: _bare(visits))) for _ in range(7)]
    ratio = float(np.median([a / b for a, b in pairs]))
    with capsys.disabled():
        us = 1e6 / tracks
        sys.stdout.write(
            f"\n{tracks:,} recommended tracks, {sessions:,} sessions, "
            f"{events:,} events: {min(a for a, _ in pairs) * us:.2f} us a track, bare SimPy "
            f"{min(b for _, b in pairs) * us:.2f} us, ratio {ratio:.2f} "
            f"({Path(__file__).name}, median of {len(pairs)})\n"
        )
    assert sessions > 19_000
    assert tracks > 100_000
    assert ratio < 20


def _visits(result: UnitResult, world: World, queued: bool) -> list[Visit]:
    """Each session's begin and its pauses, in the order of time.

    Without a queue the answer's latency is a part of the pause for the next track.
    """
    log, visits = result.events, []
    assert log is not None
    label = log.arms["arm"]
    waits = queued & (label.codes == label.names.index("sticky"))
    starts = np.flatnonzero(log.step == 0)
    for begin, end in zip(starts, [*starts[1:], len(log)], strict=True):
        at = log.timestamp[begin:end].tolist()
        latency = log.latency_ms[begin:end].tolist()
        start = at[0] - int(world.catalogue.duration_ms[log.track[begin]])
        delays = [at[0] - start]
        for before, after, ms in zip(at[:-1], at[1:], latency[:-1], strict=True):
            delays += [ms, after - before - ms] if waits[begin] else [after - before]
        visits.append((start, [*delays, latency[-1]]))
    return sorted(visits)


def _bare(visits: list[Visit]) -> simpy.Environment:
    env = simpy.Environment()

    def session(delays: list[int]) -> Generator[simpy.Event, Any, None]:
        for delay in delays:
            yield env.timeout(delay)

    def door() -> Generator[simpy.Event, Any, None]:
        for start, delays in visits:
            yield env.timeout(start - env.now)
            env.process(session(delays))

    env.process(door())
    env.run()
    return env


def _seconds(work: Callable[[], object]) -> float:
    gc.disable()
    try:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start
    finally:
        gc.enable()
