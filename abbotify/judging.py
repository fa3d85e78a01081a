"""The users of a shard after the last day: one row each, from the totals its days have left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from abbotify import timeline
from abbotify.events import ARM, Labels
from abbotify.metrics.users import UserTable
from abbotify.scenario import Scenario
from abbotify.shard import Shard, totals_file
from abbotify.totals import ShardTotals, columns
from abbotify.world.base import World


@dataclass(frozen=True)
class Case:
    """What is judged: a run that has been played.

    Attributes:
        scenario: the description.
        world: its world.
        folder: where it was written.
    """

    scenario: Scenario
    world: World
    folder: Path


@dataclass(frozen=True)
class Judged:
    """The users of a shard after the last day.

    Attributes:
        users: judged by the first experiment.
        further: name of a further experiment -> the users judged by that one.
    """

    users: UserTable
    further: dict[str, UserTable]


def judge(case: Case) -> Callable[[Shard], Judged]:
    """The function that judges a shard."""
    return lambda shard: _judged(case, shard)


def _judged(case: Case, shard: Shard) -> Judged:
    scenario = case.scenario
    part = case.world.users.ids[shard.rows.start : shard.rows.stop]
    path = totals_file(case.folder, scenario.days - 1, shard.number)
    totals = ShardTotals.load(path, scenario, part)
    assigned = _assigned(scenario, part, timeline.experiment_days(scenario))
    own = columns(scenario)
    first, *further = totals.layers
    return Judged(
        totals.layers[first].table(assigned),
        {name: totals.layers[name].table({ARM: assigned[own[name]]}) for name in further},
    )


def _assigned(scenario: Scenario, ids: Any, days: range) -> dict[str, Labels]:
    # Those a ramp has admitted by its last day: nobody ever leaves.
    last = next(d for d in timeline.calendar(scenario) if d.number == days.stop - 1)
    plan = timeline.plan_day(scenario, last, ids)
    names = timeline.column_names(scenario)
    return {column: Labels(codes, names[column]) for column, codes in plan.labels.items()}
