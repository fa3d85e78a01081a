"""The users after the last day: one row each, from the totals that their shards' days have left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from abbotify.eventlog.schema import ARM, Labels
from abbotify.metrics.aggregates import UserAggregates, aggregate
from abbotify.metrics.users import UserTable
from abbotify.metrics.users_file import write_users
from abbotify.simulation.covariates import covariates_among
from abbotify.simulation.prepare import Plan
from abbotify.simulation.requested import monitoring_spec, reported
from abbotify.simulation.run_days import RunPool
from abbotify.simulation.shard import ShardRunner, totals_file
from abbotify.simulation.timeline import Shard
from abbotify.simulation.user_state import ShardTotals, columns
from abbotify.stats.moments import Mergeable


@dataclass(frozen=True)
class PlayedRun:
    """A run, or one of its worlds, that has been played.

    Attributes:
        plan: of the run.
        folder: where it was written.
        everybody: an arm that everybody was in, see `Schedule.plan_day`.
    """

    plan: Plan
    folder: Path
    everybody: str | None = None

    def users(self, shard: Shard) -> UserTable:
        """The users of a shard under the first experiment."""
        totals, assigned = self.totals(shard)
        return totals.layers[self.plan.schedule.experiment.name].table(assigned)

    def totals(self, shard: Shard) -> tuple[ShardTotals, dict[str, Labels]]:
        """The totals of a shard's users after the last day, and the arm of each by column."""
        schedule = self.plan.schedule
        ids = self.plan.world.users.ids[shard.rows.start : shard.rows.stop]
        last = schedule.days[-1]
        totals = ShardTotals.load(totals_file(self.folder, last.number, shard), schedule, ids)
        # Those a ramp has admitted by its last day: nobody ever leaves.
        codes = schedule.plan_day(last, ids, self.everybody).labels
        names = schedule.arm_columns
        return totals, {column: Labels(codes[column], names[column]) for column in codes}


@dataclass(frozen=True)
class ExperimentAggregates(Mergeable):
    """What the report needs of the users.

    Attributes:
        users: by the arms of the first experiment.
        further: name of a further experiment -> the users by the arms of that one.
    """

    users: UserAggregates
    further: dict[str, UserAggregates]


@dataclass(frozen=True)
class ShardResults:
    """The users of a shard after the last day, and what the report needs of them."""

    users: UserTable
    aggregates: ExperimentAggregates


def aggregate_users(pool: RunPool, folder: Path, path: Path) -> ExperimentAggregates:
    """Aggregates all users, shard by shard, and writes them: a few shards are all that is held.

    Args:
        pool: that has played the run.
        folder: where it was written.
        path: of users.parquet.
    """
    total: ExperimentAggregates | None = None

    def rows() -> Iterator[UserTable]:
        nonlocal total
        units = [(folder, shard) for shard in pool.plan.shards]
        for shard in pool.beside_files.each(_results_of_shard, units):
            total = total.merge(shard.aggregates) if total else shard.aggregates
            yield shard.users

    write_users(path, rows())
    assert total is not None, "there is a shard"
    return total


def _results_of_shard(runner: ShardRunner, unit: tuple[Path, Shard]) -> ShardResults:
    folder, shard = unit
    return shard_results(PlayedRun(runner.plan, folder), shard)


def shard_results(run: PlayedRun, shard: Shard) -> ShardResults:
    """The users of a shard of a run, and their aggregates."""
    schedule, settings = run.plan.schedule, run.plan.scenario.metrics
    totals, assigned = run.totals(shard)
    arm_column, rows = columns(schedule), slice(shard.rows.start, shard.rows.stop)
    first, *further = schedule.layers
    users = totals.layers[first.name].table(assigned)
    return ShardResults(
        replace(users, course=None),
        ExperimentAggregates(
            aggregate(
                users,
                len(first.arms),
                reported(schedule.scenario),
                settings.population,
                watching=monitoring_spec(schedule),
                covariates=covariates_among(run.plan.covariates, users, rows),
            ),
            {
                layer.name: aggregate(
                    totals.layers[layer.name].table({ARM: assigned[arm_column[layer.name]]}),
                    len(layer.arms),
                    settings.success,
                    settings.population,
                    curve=False,
                )
                for layer in further
            },
        ),
    )
