"""Small scenarios, made and played; rows of logs as tuples; words of numpy's own Philox."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abbotify.eventlog.schema import Events
from abbotify.files.yaml import Source
from abbotify.recommenders.arms import Arm
from abbotify.recommenders.build import build_arms
from abbotify.scenario import Scenario
from abbotify.scenario.load import from_source
from abbotify.simulation import timeline
from abbotify.simulation.engine import Setup, UnitResult
from abbotify.simulation.event_driven.engine import EventDriven
from abbotify.simulation.timeline import Schedule, Shard
from abbotify.world import World, load_world

ROOT = Path(__file__).parents[3]
DEFAULTS: dict[str, Any] = {
    "name": "small",
    "world": {
        "catalogue": {"source": "synthetic", "tracks": 60, "artists": 12, "genres": 3, "dims": 8},
        "users": {"source": "synthetic", "count": 12, "interests": 3},
    },
    "arrivals": {"sessions": 24, "profile": "evening"},
    "timeline": [{"phase": "experiment", "days": 2}],
    "arms": {
        "random": {"recommender": "random"},
        "sticky": {"recommender": "sticky_artist"},
    },
    "experiment": {"name": "AB", "control": "random"},
}


@dataclass(frozen=True)
class Game:
    """A scenario ready to be played."""

    scenario: Scenario
    world: World
    arms: tuple[Arm, ...]

    @property
    def engine(self) -> EventDriven:
        return EventDriven(Setup(self.scenario, self.world, self.arms))

    def results(
        self,
        parts: Iterable[range] | None = None,
        coupled: bool = False,
        kind: type[Any] = EventDriven,
    ) -> list[Any]:
        """The unit results of each part of the users' rows, by an engine."""
        ids, engine = self.world.users.ids, kind(Setup(self.scenario, self.world, self.arms))
        out: list[list[UnitResult]] = []
        schedule = Schedule(self.scenario)
        for shard in map(Shard, count(), parts or [range(len(ids))]):
            played = timeline.play(engine, schedule, ids, shard, coupled)
            out.append([result for _, result in played])
        return out

    def play(
        self,
        parts: Iterable[range] | None = None,
        coupled: bool = False,
        kind: type[Any] = EventDriven,
    ) -> Events:
        """The whole log, sorted by (user, session, step)."""
        units = [unit for part in self.results(parts, coupled, kind) for unit in part]
        events = Events.concat([unit.events for unit in units])
        return events.take(np.lexsort((events.step, events.session, events.user)))


def rows_of(events: Events) -> list[tuple[Any, ...]]:
    """A log as tuples, so that a failing comparison shows the first row that differs."""
    columns = [
        getattr(events, name).tolist()
        for name in (
            "timestamp", "day", "user", "session", "step", "last", "track", "time",
            "recommendation", "latency_ms",
        )
    ]  # fmt: skip
    for label in events.arms.values():
        columns.append([label.names[c] if c >= 0 else None for c in label.codes.tolist()])
    return list(zip(*columns, strict=True))


@pytest.fixture(scope="session")
def make() -> Callable[..., Game]:
    """Makes a game; top-level keys of the scenario replace the defaults."""

    def build(**keys: Any) -> Game:
        data = copy.deepcopy({**DEFAULTS, **keys})
        data = {key: value for key, value in data.items() if value is not None}
        scenario = from_source(Source("made", data, {}), ROOT)
        world = load_world(scenario)
        return Game(scenario, world, build_arms(scenario, world))

    return build


@pytest.fixture(scope="session")
def rows() -> Callable[[Events], list[tuple[Any, ...]]]:
    return rows_of


@pytest.fixture(scope="session")
def words() -> Callable[[int, int, int, int, int], list[int]]:
    """The four words of a block (seed), (step, user, purpose, session) of the stream of users."""

    def draw(seed: int, step: int, user: int, purpose: int, session: int) -> list[int]:
        counter = sum(word << 64 * i for i, word in enumerate((step, user, purpose, session)))
        before = (counter - 1) % 2**256  # numpy's generator counts up before it draws
        parts = [before >> 64 * i & (2**64 - 1) for i in range(4)]
        generator = np.random.Philox(
            key=np.array([seed, 0], np.uint64), counter=np.array(parts, np.uint64)
        )
        return [int(word) for word in generator.random_raw(4)]

    return draw
