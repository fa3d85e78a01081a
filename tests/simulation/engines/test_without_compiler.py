"""The same log with and without numba's compiler, of either engine."""

from __future__ import annotations

from tests.conftest import printed_both_ways

PROGRAM = """
import hashlib
from pathlib import Path
from abbotify.simulation import timeline
from abbotify.simulation.engine import Setup
from abbotify.simulation.compiled.engine import Compiled
from abbotify.simulation.event_driven.engine import EventDriven
from abbotify.eventlog.schema import Events
from abbotify.recommenders.build import build_arms
from abbotify.scenario.load import from_source
from abbotify.files.yaml import Source
from abbotify.world import load_world

def log(arrivals, engine):
    data = {
        "world": {
            "catalogue": {"tracks": 30, "artists": 8, "genres": 2, "dims": 20},
            "users": {"count": 4, "interests": {"one_and_binomial": [5, 0.5]}},
        },
        "seeds": {"world": 3, "dynamics": 2**64 - 5},
        "arrivals": arrivals,
        "timeline": [{"phase": "experiment", "days": 2}],
        "arms": {
            "mixed": {"recommender": "sticky_artist_mixed",
                      "latency_ms": {"distribution": "lognormal", "median": 700.0, "sigma": 1.0}},
            "top": {"recommender": "top_pop", "size": 7,
                    "latency_ms": {"distribution": "exponential", "mean": 300.0}},
        },
        "experiment": {"name": "AB", "control": "mixed"},
    }
    for source in ("catalogue", "users"):
        data["world"][source]["source"] = "synthetic"
    scenario = from_source(Source("made", data, {}), Path())
    world = load_world(scenario)
    setup = Setup(scenario, world, build_arms(scenario, world))
    schedule, shard = timeline.Schedule(scenario), timeline.Shard(0, range(4))
    units = timeline.play(engine(setup), schedule, world.users.ids, shard, False)
    return Events.concat([result.events for _, result in units])

for engine in (EventDriven, Compiled):
    digest, rows = hashlib.sha256(), 0
    for arrivals in ({"sessions": 12.0}, {"visits_per_day": 3.0}):
        events = log(arrivals, engine)
        rows += len(events)
        for name, values in vars(events).items():
            if name != "arms":
                digest.update(values.tobytes())
        digest.update(events.arms["arm"].codes.tobytes())
    print(rows, digest.hexdigest())
"""


def test_interpreted_kernels_give_the_same_log() -> None:
    compiled, interpreted = (told.splitlines() for told in printed_both_ways(PROGRAM))
    assert int(compiled[0].split()[0]) > 200
    assert [*compiled, *interpreted] == 4 * compiled[:1]
