"""A scenario played by both engines, and their results compared column by column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.schema import Events, Labels
from abbotify.files.folders import Arrays
from abbotify.files.yaml import Source
from abbotify.recommenders.arms import Arm
from abbotify.recommenders.build import build_arms
from abbotify.recommenders.plugins.load import fit_plugin, load_plugin
from abbotify.recommenders.shipped import Learner
from abbotify.recommenders.training_log import TrainingLog
from abbotify.scenario import Scenario
from abbotify.scenario.load import from_source
from abbotify.scenario.recommenders import Plugin
from abbotify.simulation import timeline
from abbotify.simulation.compiled.engine import Compiled
from abbotify.simulation.coupling import coupling
from abbotify.simulation.engine import Setup, UnitResult
from abbotify.simulation.event_driven.engine import EventDriven
from abbotify.simulation.timeline import Schedule
from abbotify.testing import generated_log
from abbotify.world import World, load_world


@dataclass(frozen=True)
class Match:
    """A scenario with its world, and with the models of the arms that are trained."""

    scenario: Scenario
    world: World
    models: Mapping[str, Arrays]

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Made anew: those that learn from everybody know nothing yet."""
        return build_arms(self.scenario, self.world, self.models)

    @property
    def setup(self) -> Setup:
        return Setup(self.scenario, self.world, self.arms)

    @property
    def coupled(self) -> bool:
        return bool(coupling(Schedule(self.scenario), self.arms))

    def play(self, engine: Any) -> list[UnitResult]:
        """The results of all units, shard by shard."""
        schedule, ids = Schedule(self.scenario), self.world.users.ids
        return [
            result
            for shard in timeline.shards(self.scenario, len(ids), self.coupled)
            for _, result in timeline.play(engine, schedule, ids, shard, self.coupled)
        ]


def match(data: dict[str, Any], root: Path, varied: int | None = None) -> Match:
    """A scenario made ready.

    Args:
        data: as it would stand in a file.
        root: the folder of its files.
        varied: a seed by which users and tracks differ in what is else the same for all.
    """
    scenario = from_source(Source("generated", data, {}), root)
    world = load_world(scenario)
    if varied is not None:
        world = _varied(world, varied)
    learned = generated_log(world, sessions=40, seed=3)
    models = {}
    for name, params in scenario.arms.items():
        arrays = _trained(name, params, learned, scenario, world)
        if arrays is not None:
            models[name] = arrays
    return Match(scenario, world, models)


def _trained(
    name: str, params: Any, log: TrainingLog, scenario: Scenario, world: World
) -> Any | None:
    key = ("arms", name)
    if isinstance(params, Learner):
        return params.fit(log, scenario, key, _silent).arrays
    if isinstance(params, Plugin):
        loaded = load_plugin(params, world, scenario, key)
        return fit_plugin(loaded, log, world.catalogue).arrays if loaded.learns else None
    return None


def _silent(done: int, of: int, loss: float | None) -> None:
    """Told of a training's progress."""


def _varied(world: World, seed: int) -> World:
    generator, n = np.random.default_rng(seed), len(world.users)
    tracks, neighbours = world.nearest.shape
    users = replace(
        world.users,
        gamma=generator.choice([0.0, 0.3, 0.8, 1.0], n),
        budget=generator.integers(1, 9, n),
        neighbours=generator.integers(1, neighbours + 1, n),
    )
    lengths = generator.choice([1, 49, 1000, 180_001, 3_600_000], tracks)
    return World(replace(world.catalogue, duration_ms=lengths), users, world.nearest)


def assert_engines_agree(game: Match) -> list[UnitResult]:
    """Plays with both engines and compares; the results of the reference.

    Raises:
        AssertionError: naming the first row of the log that differs, or what else does.
    """
    reference = game.play(EventDriven(game.setup))
    compiled = game.play(Compiled(game.setup))
    assert len(reference) == len(compiled)
    for number, (one, other) in enumerate(zip(reference, compiled, strict=True)):
        where = f"unit {number}"
        if game.scenario.log.level == "events":
            assert one.events is not None
            assert other.events is not None
            assert_same_log(one.events, other.events, where)
        else:
            assert other.events is None, "events are kept that nobody wants"
        for part in ("sessions", "facts", "counts", "state", "failures"):
            assert_same(getattr(one, part), getattr(other, part), f"{where}, {part}")
    return reference


def assert_same_log(one: Events, other: Events, where: str) -> None:
    """Raises AssertionError, naming the first row that differs."""
    rows = zip(rows_of(one), rows_of(other), strict=False)
    for number, (first, second) in enumerate(rows):
        assert first == second, f"{where}, row {number}:\n  {first} of simpy\n  {second} compiled"
    assert len(one) == len(other), f"{where}: {len(one)} rows of simpy, {len(other)} compiled"
    assert_same(one, other, f"{where}, events")


def rows_of(events: Events) -> list[tuple[tuple[str, Any], ...]]:
    """Rows as (column, value) pairs."""
    names = [f.name for f in fields(events) if f.name != "arms"]
    columns = [getattr(events, name).tolist() for name in names]
    for name, label in events.arms.items():
        names.append(name)
        columns.append([label.names[c] if c >= 0 else None for c in label.codes.tolist()])
    return [tuple(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def assert_same(one: Any, other: Any, where: str) -> None:
    """Raises AssertionError unless all arrays are equal to the bit, types and shapes included."""
    assert type(one) is type(other), f"{where}: {type(one)} and {type(other)}"
    if isinstance(one, np.ndarray):
        _assert_same_array(one, other, where)
    elif isinstance(one, dict):
        assert list(one) == list(other), where
        for key, value in one.items():
            assert_same(value, other[key], f"{where}, {key}")
    elif isinstance(one, Labels):
        assert_same(one._asdict(), other._asdict(), where)
    elif is_dataclass(one):
        for name in (f.name for f in fields(one)):
            assert_same(getattr(one, name), getattr(other, name), f"{where}, {name}")
    else:
        assert one == other, f"{where}: {one!r} and {other!r}"


def _assert_same_array(one: npt.NDArray[Any], other: npt.NDArray[Any], where: str) -> None:
    assert one.dtype == other.dtype, f"{where}: {one.dtype} and {other.dtype}"
    assert one.shape == other.shape, f"{where}: {one.shape} and {other.shape}"
    np.testing.assert_array_equal(one, other, err_msg=where)
    assert one.tobytes() == other.tobytes(), f"{where}: bits differ"
