"""The days of a run: what phase each one belongs to, and who is served by whom on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from abbotify.eventlog.schema import ARM, NO_ARM, arm_column
from abbotify.scenario import Scenario
from abbotify.scenario.timeline import Collect, ExperimentDays, Phase, Pre, Train
from abbotify.simulation.assignment import Layer, layers, served, split
from abbotify.simulation.engine import Codes, DayPlan, Engine, State, Unit, UnitResult
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


class Segment(NamedTuple):
    """Days that are played with the same models.

    Attributes:
        days: consecutive ones, at least one.
        training: what the models are trained on at the start of the first day: `collect` for a
            phase `train`, `pooled` or `own` for a retraining; None when nothing is trained.
    """

    days: tuple[Day, ...]
    training: Literal["collect", "pooled", "own"] | None


def segments(scenario: Scenario, cut: int = 0) -> tuple[Segment, ...]:
    """The days of a run, cut wherever models are trained.

    Args:
        scenario: the description.
        cut: a day at whose start to cut as well; 0 cuts nothing.
    """
    trained: dict[int, Literal["collect", "pooled", "own"]] = {}
    number = 0
    for phase in scenario.timeline:
        if isinstance(phase, Train):
            trained[number] = "collect"
        elif isinstance(phase, ExperimentDays) and phase.retraining is not None:
            for day in range(number, number + phase.days):
                trained.setdefault(day, phase.retraining)
        number += phase.days
    days = calendar(scenario)
    starts = sorted({0, cut, *trained})
    ends = [*starts[1:], len(days)]
    return tuple(
        Segment(days[start:end], trained.get(start))
        for start, end in zip(starts, ends, strict=True)
    )


def trains(scenario: Scenario) -> bool:
    """Whether a run trains anything."""
    return any(segment.training is not None for segment in segments(scenario))


def serving_arms(scenario: Scenario) -> frozenset[str]:
    """The arms that somebody is served by on some day."""
    names: set[str] = set()
    for phase in scenario.timeline:
        match phase:
            case Pre():
                names.add(phase.recommender)
            case Collect():
                names.update(name for name, share in phase.traffic.items() if share > 0)
            case Train():
                pass
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


def plan_day(scenario: Scenario, day: Day, ids: IntArray, everybody: str | None = None) -> DayPlan:
    """Who is served by whom on a day, and what the log says of it.

    In the phases before the experiment the log's `arm` names the arm that served; in the
    experiment it is the user's arm, and null for users outside.

    Args:
        scenario: the description.
        day: one of its days.
        ids: int64 ids of the users.
        everybody: an arm of the first experiment that all users whom that has admitted are in, in
            place of their own. Further experiments stay as they are, and before the experiment
            nothing changes.

    Raises:
        ValueError: `everybody` is no arm of the first experiment.
    """
    experiments = layers(scenario)
    if isinstance(day.phase, ExperimentDays):
        return _experiment_day(scenario, day, ids, experiments, everybody)
    places = list(scenario.arms)
    if isinstance(day.phase, Collect):
        serving = _collect(day.phase, ids, places, experiments[0])
    elif isinstance(day.phase, Pre):
        serving = np.full(len(ids), places.index(day.phase.recommender), np.int16)
    else:
        raise ValueError(f"a phase {day.phase.phase} has no days")
    names = column_names(scenario)
    codes = np.array([names[ARM].index(name) for name in places], np.int16)
    outside = np.full(len(ids), NO_ARM, np.int16)
    labels = {column: codes[serving] if column == ARM else outside for column in names}
    return DayPlan(day.number, serving, labels, judged=False)


class _Planned:
    """Plans of days, one after the other: most are like the day before, and hashing takes time."""

    def __init__(self, scenario: Scenario, ids: IntArray, everybody: str | None) -> None:
        self.scenario, self.ids, self.everybody = scenario, ids, everybody
        self._known: tuple[Day, DayPlan] | None = None
        self._ramp = max(len(layer.traffic) for layer in layers(scenario)) - 1

    def day(self, day: Day) -> DayPlan:
        """As `plan_day` does."""
        if self._known is not None:
            before, plan = self._known
            settled = not isinstance(day.phase, ExperimentDays) or before.nth >= self._ramp
            if before.phase is day.phase and settled:
                return replace(plan, day=day.number)
        self._known = (day, plan_day(self.scenario, day, self.ids, self.everybody))
        return self._known[1]


def _collect(phase: Collect, ids: IntArray, places: list[str], first: Layer) -> Codes:
    order = np.array([places.index(name) for name in phase.traffic], np.int16)
    mix = split(ids, first.collect_salt(), list(phase.traffic.values()))
    return order[mix]


def _experiment_day(
    scenario: Scenario,
    day: Day,
    ids: IntArray,
    experiments: tuple[Layer, ...],
    everybody: str | None,
) -> DayPlan:
    codes = [layer.codes(ids, day.nth) for layer in experiments]
    if everybody is not None:
        if everybody not in experiments[0].arms:
            raise ValueError(f"{everybody!r} is no arm of {experiments[0].name}")
        codes[0][codes[0] != NO_ARM] = experiments[0].arms.index(everybody)
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
    days: Sequence[Day] | None = None,
    state: State | None = None,
    everybody: str | None = None,
) -> Iterator[tuple[Unit, UnitResult]]:
    """Plays days of one shard in order, each from the state that the day before left.

    Args:
        engine: plays units.
        scenario: the description.
        ids: int64 ids of all users of the world.
        shard: its number.
        rows: its users.
        coupled: users meet (in a queue, or in a recommender that learns from all of them): all
            days are one unit.
        days: consecutive ones; default all of the run.
        state: what the day before the first one left; needed unless that is the run's first.
        everybody: an arm that everybody is in, see `plan_day`.
    """
    names, part = column_names(scenario), ids[rows.start : rows.stop]
    days = calendar(scenario) if days is None else days
    state = State.initial(len(rows)) if state is None else state
    planned = _Planned(scenario, part, everybody)
    for group in [days] if coupled else [(day,) for day in days]:
        plans = tuple(map(planned.day, group))
        unit = Unit(shard, rows.start, rows.stop, plans, names, scenario.days)
        result = engine.run(unit, state)
        state = result.state
        yield unit, result
