"""The days of a run: what phase each one belongs to, and who is served by whom on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from abbotify.eventlog.schema import ARM, NO_ARM, arm_column
from abbotify.recommenders.arms import Arm
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


class Segment(NamedTuple):
    """Days that are played with the same models.

    Attributes:
        days: consecutive ones, at least one.
        training: what the models are trained on at the start of the first day: `collect` for a
            phase `train`, `pooled` or `own` for a retraining; None when nothing is trained.
    """

    days: tuple[Day, ...]
    training: Literal["collect", "pooled", "own"] | None

    @property
    def first(self) -> int:
        """The number of the first day."""
        return self.days[0].number


@dataclass(frozen=True)
class Shard:
    """A part of the users: its number and their rows."""

    number: int
    rows: range


@dataclass(frozen=True)
class Schedule:
    """The days and the experiments of a scenario, worked out once for a run."""

    scenario: Scenario

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The experiments, the one the report is about first."""
        return layers(self.scenario)

    @property
    def experiment(self) -> Layer:
        """The experiment that the report is about."""
        return self.layers[0]

    @cached_property
    def days(self) -> tuple[Day, ...]:
        """All days of the run in order."""
        days: list[Day] = []
        counts: dict[str, int] = {}
        for phase in self.scenario.timeline:
            for _ in range(phase.days):
                nth = counts.get(phase.phase, 0)
                days.append(Day(len(days), phase, nth))
                counts[phase.phase] = nth + 1
        return tuple(days)

    @cached_property
    def experiment_days(self) -> range:
        """The numbers of the experiment's days, which are the last ones."""
        phases = self.scenario.timeline
        before = sum(phase.days for phase in phases if not isinstance(phase, ExperimentDays))
        return range(before, self.scenario.days)

    @cached_property
    def arm_columns(self) -> dict[str, tuple[str, ...]]:
        """The log's columns of arms and what their codes mean: an experiment's arms come first."""
        first, arms = self.experiment.arms, self.scenario.arms
        names = {ARM: first + tuple(name for name in arms if name not in first)}
        if self.scenario.experiments is not None:
            names |= {arm_column(layer.name): layer.arms for layer in self.layers}
        return names

    @cached_property
    def serving_arms(self) -> frozenset[str]:
        """The arms that somebody is served by on some day."""
        names: set[str] = set()
        for phase in self.scenario.timeline:
            match phase:
                case Pre():
                    names.add(phase.recommender)
                case Collect():
                    names.update(name for name, share in phase.traffic.items() if share > 0)
                case Train():
                    pass
                case ExperimentDays():
                    names.update(name for layer in self.layers for name in layer.arms)
        return frozenset(names)

    def learning(self, arms: Sequence[Arm]) -> tuple[str, ...]:
        """Names of the arms that learn and serve somebody on some day, in file order."""
        serving = self.serving_arms
        return tuple(arm.name for arm in arms if not arm.trained and arm.name in serving)

    def segments(self, cut: int = 0) -> tuple[Segment, ...]:
        """The days of the run, cut wherever models are trained.

        Args:
            cut: a day at whose start to cut as well; 0 cuts nothing.
        """
        trained: dict[int, Literal["collect", "pooled", "own"]] = {}
        number = 0
        for phase in self.scenario.timeline:
            if isinstance(phase, Train):
                trained[number] = "collect"
            elif isinstance(phase, ExperimentDays) and phase.retraining is not None:
                for day in range(number, number + phase.days):
                    trained.setdefault(day, phase.retraining)
            number += phase.days
        starts = sorted({0, cut, *trained})
        ends = [*starts[1:], len(self.days)]
        return tuple(
            Segment(self.days[start:end], trained.get(start))
            for start, end in zip(starts, ends, strict=True)
        )

    @property
    def experiment_segments(self) -> tuple[Segment, ...]:
        """The segments of the experiment's days."""
        first = self.experiment_days.start
        return tuple(segment for segment in self.segments(first) if segment.first >= first)

    @property
    def trains(self) -> bool:
        """Whether a run trains anything."""
        return any(segment.training is not None for segment in self.segments())

    def plan_day(self, day: Day, ids: IntArray, everybody: str | None = None) -> DayPlan:
        """Who is served by whom on a day, and what the log says of it.

        In the phases before the experiment the log's `arm` names the arm that served; in the
        experiment it is the user's arm, and null for users outside.

        Args:
            day: one of the run's days.
            ids: int64 ids of the users.
            everybody: an arm of the first experiment that all users whom that has admitted are
                in, in place of their own. Further experiments stay as they are, and before the
                experiment nothing changes.

        Raises:
            ValueError: `everybody` is no arm of the first experiment.
        """
        if isinstance(day.phase, ExperimentDays):
            return self._experiment_day(day, ids, everybody)
        arms = list(self.scenario.arms)
        if isinstance(day.phase, Collect):
            order = np.array([arms.index(name) for name in day.phase.traffic], np.int16)
            weights = list(day.phase.traffic.values())
            serving: Codes = order[split(ids, self.experiment.collect_salt(), weights)]
        elif isinstance(day.phase, Pre):
            serving = np.full(len(ids), arms.index(day.phase.recommender), np.int16)
        else:
            raise ValueError(f"a phase {day.phase.phase} has no days")
        codes = np.array([self.arm_columns[ARM].index(name) for name in arms], np.int16)
        outside = np.full(len(ids), NO_ARM, np.int16)
        labels = {name: codes[serving] if name == ARM else outside for name in self.arm_columns}
        return DayPlan(day.number, serving, labels, in_experiment=False)

    def _experiment_day(self, day: Day, ids: IntArray, everybody: str | None) -> DayPlan:
        codes = [layer.codes(ids, day.nth) for layer in self.layers]
        if everybody is not None:
            if everybody not in self.experiment.arms:
                raise ValueError(f"{everybody!r} is no arm of {self.experiment.name}")
            codes[0][codes[0] != NO_ARM] = self.experiment.arms.index(everybody)
        labels = {ARM: codes[0]}
        if self.scenario.experiments is not None:
            pairs = zip(self.layers, codes, strict=True)
            labels |= {arm_column(layer.name): code for layer, code in pairs}
        return DayPlan(day.number, served(codes, self.layers), labels)

    def plan_days(
        self, days: Sequence[Day], ids: IntArray, everybody: str | None
    ) -> Iterator[DayPlan]:
        """The plans of consecutive days: most are like the day before, and hashing takes time."""
        ramp = max(len(layer.traffic) for layer in self.layers) - 1
        planned, plan = days[0], self.plan_day(days[0], ids, everybody)
        yield plan
        for day in days[1:]:
            settled = not isinstance(day.phase, ExperimentDays) or planned.nth >= ramp
            if planned.phase is not day.phase or not settled:
                planned, plan = day, self.plan_day(day, ids, everybody)
            yield replace(plan, day=day.number)


def shards(scenario: Scenario, users: int, coupled: bool) -> tuple[Shard, ...]:
    """The shards of a run. Their number belongs to the scenario, never to the workers."""
    wanted = -(-users // SHARD_USERS) if scenario.shards == "auto" else scenario.shards
    count = 1 if coupled else min(wanted, users)
    rows = (range(s * users // count, (s + 1) * users // count) for s in range(count))
    return tuple(Shard(number, part) for number, part in enumerate(rows))


def play(
    engine: Engine,
    schedule: Schedule,
    ids: IntArray,
    shard: Shard,
    coupled: bool,
    days: Sequence[Day] | None = None,
    state: State | None = None,
    everybody: str | None = None,
) -> Iterator[tuple[Unit, UnitResult]]:
    """Plays days of one shard in order, each from the state that the day before left.

    Args:
        engine: plays units.
        schedule: of the run.
        ids: int64 ids of all users of the world.
        shard: its users.
        coupled: users meet (in a queue, or in a recommender that learns from all of them): all
            days are one unit.
        days: consecutive ones; default all of the run.
        state: what the day before the first one left; needed unless that is the run's first.
        everybody: an arm that everybody is in, see `Schedule.plan_day`.
    """
    start, stop = shard.rows.start, shard.rows.stop
    state = State.initial(len(shard.rows)) if state is None else state
    plans = schedule.plan_days(days or schedule.days, ids[start:stop], everybody)
    for group in [tuple(plans)] if coupled else ((plan,) for plan in plans):
        columns, run_days = schedule.arm_columns, schedule.scenario.days
        unit = Unit(shard.number, start, stop, group, columns, run_days)
        result = engine.run(unit, state)
        state = result.state
        yield unit, result
