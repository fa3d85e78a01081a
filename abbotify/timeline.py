"""The days of a run: what phase each one belongs to, and who is served by whom on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from abbotify.engine import Codes, DayPlan, Engine, State, Unit, UnitResult
from abbotify.events import ARM, NO_ARM, arm_column
from abbotify.experiment import Layer, layers, served, split
from abbotify.scenario import Scenario
from abbotify.scenario.models import Collect, ExperimentDays, Phase, Pre
from abbotify.world.base import IntArray

SHARD_USERS = 16_384


@dataclass(frozen=True)
class Day:
    """A day and its phase.

    Attributes:
        number: counted from 0 over the whole run.
        phase: what the scenario's timeline says.
        nth: its number among the days of its kind, counted from 0.
    """

    number: int
    phase: Phase
    nth: int


def calendar(scenario: Scenario) -> tuple[Day, ...]:
    """All days of a run in order."""
    days: list[Day] = []
    counts: dict[str, int] = {}
    for phase in scenario.timeline:
        for _ in range(phase.days):
            nth = counts.get(phase.phase, 0)
            days.append(Day(len(days), phase, nth))
            counts[phase.phase] = nth + 1
    return tuple(days)


def experiment_days(scenario: Scenario) -> range:
    """The numbers of the experiment's days, which are the last ones."""
    before = sum(p.days for p in scenario.timeline if not isinstance(p, ExperimentDays))
    return range(before, scenario.days)


def serving_arms(scenario: Scenario) -> frozenset[str]:
    """The arms that somebody is served by on some day."""
    names: set[str] = set()
    for phase in scenario.timeline:
        match phase:
            case Pre():
                names.add(phase.recommender)
            case Collect():
                names.update(name for name, share in phase.traffic.items() if share > 0)
            case ExperimentDays():
                names.update(name for layer in layers(scenario) for name in layer.arms)
    return frozenset(names)


def column_names(scenario: Scenario) -> dict[str, tuple[str, ...]]:
    """The log's columns of arms and what their codes mean: an experiment's arms come first."""
    experiments = layers(scenario)
    rest = tuple(name for name in scenario.arms if name not in experiments[0].arms)
    names = {ARM: experiments[0].arms + rest}
    if scenario.experiments is not None:
        names |= {arm_column(layer.name): layer.arms for layer in experiments}
    return names


def plan_day(scenario: Scenario, day: Day, ids: IntArray) -> DayPlan:
    """Who is served by whom on a day, and what the log says of it.

    In the phases before the experiment the log's `arm` names the arm that served; in the
    experiment it is the user's arm, and null for users outside.
    """
    experiments = layers(scenario)
    if isinstance(day.phase, ExperimentDays):
        return _experiment_day(scenario, day, ids, experiments)
    places = list(scenario.arms)
    if isinstance(day.phase, Pre):
        serving: Codes = np.full(len(ids), places.index(day.phase.recommender), np.int16)
    else:
        serving = _collect(day.phase, ids, places, experiments[0])
    names = column_names(scenario)
    codes = np.array([names[ARM].index(name) for name in places], np.int16)
    outside = np.full(len(ids), NO_ARM, np.int16)
    labels = {column: codes[serving] if column == ARM else outside for column in names}
    return DayPlan(day.number, serving, labels)


def _collect(phase: Collect, ids: IntArray, places: list[str], first: Layer) -> Codes:
    order = np.array([places.index(name) for name in phase.traffic], np.int16)
    mix = split(ids, first.collect_salt(), list(phase.traffic.values()))
    return order[mix]


def _experiment_day(
    scenario: Scenario, day: Day, ids: IntArray, experiments: tuple[Layer, ...]
) -> DayPlan:
    codes = [layer.codes(ids, day.nth) for layer in experiments]
    labels = {ARM: codes[0]}
    if scenario.experiments is not None:
        pairs = zip(experiments, codes, strict=True)
        labels |= {arm_column(layer.name): code for layer, code in pairs}
    return DayPlan(day.number, served(codes, experiments), labels)


def shards(scenario: Scenario, users: int, coupled: bool) -> tuple[range, ...]:
    """The users' rows of each shard. Their number belongs to the scenario, never to the workers."""
    wanted = -(-users // SHARD_USERS) if scenario.shards == "auto" else scenario.shards
    count = 1 if coupled else min(wanted, users)
    return tuple(range(s * users // count, (s + 1) * users // count) for s in range(count))


def play(
    engine: Engine,
    scenario: Scenario,
    ids: IntArray,
    shard: int,
    rows: range,
    coupled: bool,
) -> Iterator[tuple[Unit, UnitResult]]:
    """Plays the days of one shard in order, each from the state that the day before left.

    Args:
        engine: plays units.
        scenario: the description.
        ids: int64 ids of all users of the world.
        shard: its number.
        rows: its users.
        coupled: users meet (in a queue, or in a recommender that learns from all of them): all
            days are one unit.
    """
    names: Mapping[str, tuple[str, ...]] = column_names(scenario)
    part = ids[rows.start : rows.stop]
    days = calendar(scenario)
    state = State.initial(len(rows))
    for group in [days] if coupled else [(day,) for day in days]:
        plans = tuple(plan_day(scenario, day, part) for day in group)
        unit = Unit(shard, rows.start, rows.stop, plans, names, len(days))
        result = engine.run(unit, state)
        state = result.state
        yield unit, result
