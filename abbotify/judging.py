"""The users of a shard after the last day: one row each, from the sessions its days have left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from abbotify import timeline
from abbotify.events import ARM, Labels, arm_column
from abbotify.experiment import layers
from abbotify.metrics.sessions_file import load_table
from abbotify.metrics.users import UserTable, user_table
from abbotify.scenario import Scenario
from abbotify.shard import Shard, sessions_file
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
    days = timeline.experiment_days(scenario)
    paths = [sessions_file(case.folder, day, shard.number) for day in range(scenario.days)]
    # One that plays all its days at once has left one file.
    tables = [load_table(path) for path in paths if path.exists()]
    part = case.world.users.ids[shard.rows.start : shard.rows.stop]
    assigned = _assigned(scenario, part, days)

    def by(column: str, known: dict[str, Labels]) -> UserTable:
        # An experiment's own admission decides which sessions count.
        return user_table(
            [replace(table, arms={ARM: table.arms[column]}) for table in tables],
            days=days,
            pre_days=range(days.start),
            users=part,
            assigned=known,
            retention_days=scenario.metrics.retained_days,
        )

    further = {
        layer.name: by(column, {ARM: assigned[column]})
        for layer in layers(scenario)[1:]
        for column in [arm_column(layer.name)]
    }
    return Judged(by(ARM, assigned), further)


def _assigned(scenario: Scenario, ids: Any, days: range) -> dict[str, Labels]:
    # Those a ramp has admitted by its last day: nobody ever leaves.
    last = next(d for d in timeline.calendar(scenario) if d.number == days.stop - 1)
    plan = timeline.plan_day(scenario, last, ids)
    names = timeline.column_names(scenario)
    return {column: Labels(codes, names[column]) for column, codes in plan.labels.items()}
