"""The users after the last day: one row each, from the totals that their shards' days have left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from abbotify.eventlog.schema import ARM, Labels
from abbotify.metrics.aggregates import UserAggregates, aggregate
from abbotify.metrics.users import UserTable
from abbotify.metrics.users_file import write_users
from abbotify.scenario import Scenario
from abbotify.simulation import timeline
from abbotify.simulation.assignment import layers
from abbotify.simulation.covariates import Covariates, covariates_among
from abbotify.simulation.parallel import processes
from abbotify.simulation.requested import monitoring_spec, reported
from abbotify.simulation.shard import Shard, totals_file
from abbotify.simulation.user_state import ShardTotals, columns
from abbotify.world.base import IntArray


@dataclass(frozen=True)
class Case:
    """What is judged: a run that has been played.

    Attributes:
        scenario: the description.
        ids: int64 ids of all users.
        folder: where it was written.
        covariates: that estimates are adjusted for, see `background.covariates_of`.
        everybody: an arm that everybody was in, see `timeline.plan_day`.
    """

    scenario: Scenario
    ids: IntArray
    folder: Path
    covariates: Covariates = field(default_factory=dict)
    everybody: str | None = None


@dataclass(frozen=True)
class ExperimentAggregates:
    """What the report needs of the users.

    Attributes:
        users: judged by the first experiment.
        further: name of a further experiment -> the users judged by that one.
    """

    users: UserAggregates
    further: dict[str, UserAggregates]

    def merge(self, other: ExperimentAggregates) -> ExperimentAggregates:
        """The judgement of both, this one's moments first."""
        further = {name: mine.merge(other.further[name]) for name, mine in self.further.items()}
        return ExperimentAggregates(self.users.merge(other.users), further)


@dataclass(frozen=True)
class ShardResults:
    """The users of a shard after the last day, and what the report needs of them."""

    users: UserTable
    judgement: ExperimentAggregates


def aggregate_users(
    case: Case, shards: Sequence[Shard], workers: int, path: Path
) -> ExperimentAggregates:
    """Judges all users, shard by shard, and writes them: a few shards are all that is held.

    Args:
        case: the run.
        shards: all, in order.
        workers: processes that share them.
        path: of users.parquet.
    """
    total: list[ExperimentAggregates] = []

    def rows() -> Iterator[UserTable]:
        for judged in processes.each(judge, case, shards, workers):
            total[:] = [total[0].merge(judged.judgement) if total else judged.judgement]
            yield judged.users

    write_users(path, rows())
    return total[0]


def judge(case: Case) -> Callable[[Shard], ShardResults]:
    """The function that judges a shard."""
    return lambda shard: _judged(case, shard)


def _judged(case: Case, shard: Shard) -> ShardResults:
    scenario = case.scenario
    totals, assigned = _totals(case, shard)
    own, settings = columns(scenario), scenario.metrics
    rows = slice(shard.rows.start, shard.rows.stop)
    first, *further = layers(scenario)
    users = totals.layers[first.name].table(assigned)
    return ShardResults(
        replace(users, course=None),
        ExperimentAggregates(
            aggregate(
                users,
                len(first.arms),
                reported(scenario),
                settings.population,
                watching=monitoring_spec(scenario),
                covariates=covariates_among(case.covariates, users, rows),
            ),
            {
                layer.name: aggregate(
                    totals.layers[layer.name].table({ARM: assigned[own[layer.name]]}),
                    len(layer.arms),
                    settings.success,
                    settings.population,
                    curve=False,
                )
                for layer in further
            },
        ),
    )


def users_of(case: Case) -> Callable[[Shard], UserTable]:
    """The function that gives the users of a shard, judged by the first experiment."""
    first = layers(case.scenario)[0].name

    def users(shard: Shard) -> UserTable:
        totals, assigned = _totals(case, shard)
        return totals.layers[first].table(assigned)

    return users


def _totals(case: Case, shard: Shard) -> tuple[ShardTotals, dict[str, Labels]]:
    """The totals of a shard's users after the last day, and the arm of each by column."""
    part = case.ids[shard.rows.start : shard.rows.stop]
    path = totals_file(case.folder, case.scenario.days - 1, shard.number)
    return ShardTotals.load(path, case.scenario, part), _assigned(case, part)


def _assigned(case: Case, ids: Any) -> dict[str, Labels]:
    # Those a ramp has admitted by its last day: nobody ever leaves.
    last = timeline.calendar(case.scenario)[-1]
    plan = timeline.plan_day(case.scenario, last, ids, case.everybody)
    names = timeline.column_names(case.scenario)
    return {column: Labels(codes, names[column]) for column, codes in plan.labels.items()}
