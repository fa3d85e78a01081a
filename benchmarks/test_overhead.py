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

from abbotify.recommenders import build_arms
from abbotify.scenario import load
from abbotify.simulation import timeline
from abbotify.simulation.engine import Setup, UnitResult
from abbotify.simulation.event_driven import engine as event_driven
from abbotify.simulation.event_driven.engine import Clock, EventDriven
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


class Watched(Clock):
    """A clock that is not lost."""

    last: ClassVar[Clock]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        Watched.last = self


# Both ratios were 2.8. The rest of a track is a recommender's pick, 0.9 us, a track heard by
# embeddings, 0.6 us, a session's beginning and end, 0.6 us, and what is remembered and written.
@pytest.mark.parametrize(
    ("sticky", "own", "limit"), [(FREE, 0.0, 3.5), (QUEUED, 0.15, 3.5)], ids=["free", "queued"]
)
def test_a_track_costs_little_more_than_its_events(
    sticky: str,
    own: float,
    limit: float,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "overhead.yaml"
    file.write_text(COMMON + sticky)
    scenario = load(file)
    world = load_world(scenario)
    engine, ids = EventDriven(Setup(scenario, world, build_arms(scenario, world))), world.users.ids

    def ours() -> UnitResult:
        parts = timeline.play(engine, scenario, ids, 0, range(len(ids)), bool(own))
        return next(parts)[1]

    monkeypatch.setattr(event_driven, "Clock", Watched)
    result = ours()  # kernels compile here
    monkeypatch.undo()
    visits = _visits(result, world, bool(own))
    idle = Clock()
    idle.run(until=1)  # what SimPy schedules to stop, as the engine does at midnight
    events = _scheduled(Watched.last) - _scheduled(idle)
    pauses = sum(1 + len(delays) for _, delays in visits)
    # A process of SimPy's has two events more, one to start and one to end.
    assert _scheduled(_bare(visits)) == pauses + 2 * (len(visits) + 1)
    assert pauses <= events <= (1 + own) * pauses  # a queue has events of its own, but few
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
    assert ratio < limit


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


def _scheduled(env: simpy.Environment) -> int:
    """How many events a finished environment has seen."""
    return next(env._eid)


def _seconds(work: Callable[[], object]) -> float:
    gc.disable()  # the engine does so itself
    try:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start
    finally:
        gc.enable()
