"""True effects of a run: its users under every arm, shard by shard, never all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from abbotify.metrics.aggregates import Form, Joint, Truth
from abbotify.metrics.definitions import METRICS
from abbotify.metrics.users import UserTable
from abbotify.simulation.checkpoint import WORLDS
from abbotify.simulation.potential_outcomes import (
    POOLED,
    counterfactual_worlds,
    play_world,
)
from abbotify.simulation.prepare import Plan
from abbotify.simulation.requested import reported
from abbotify.simulation.run_days import RunPool
from abbotify.simulation.shard import ShardRunner
from abbotify.simulation.timeline import Shard
from abbotify.simulation.training import Trainer
from abbotify.simulation.user_results import PlayedRun
from abbotify.stats import Moments


@dataclass(frozen=True)
class Trial:
    """A run and its worlds, played.

    Attributes:
        folder: of the run.
        worlds: form -> arm -> the folder of the world in which everybody is under it.
        notes: form -> what a reader has to know of it.
    """

    folder: Path
    worlds: dict[Form, dict[str, Path]]
    notes: dict[Form, str]


def true_effects(pool: RunPool, folder: Path, trainer: Trainer) -> tuple[Truth, ...]:
    """The truth in each form, when a run has been played.

    Args:
        pool: that has played the run.
        folder: where it was written, with what the day before the experiment has left, unless
            users meet. The worlds are played below it.
        trainer: of the run.

    Raises:
        UserError: a training failed, or a recommender under `on_error: stop`.
    """
    trial = _play_worlds(pool, folder, trainer)
    parts = pool.beside_files.each(_truth_of_shard, [(trial, shard) for shard in pool.plan.shards])
    return reduce(lambda first, second: tuple(map(Truth.merge, first, second)), parts)


def _play_worlds(pool: RunPool, folder: Path, trainer: Trainer) -> Trial:
    files = folder / WORLDS
    files.mkdir(exist_ok=True)
    total: dict[str, Path] = {}
    equal: dict[str, Path] = {}
    worlds = counterfactual_worlds(pool.plan, trainer.learning)
    for number, world in enumerate(worlds):
        played = play_world(pool, world, folder, trainer, files / f"{number:02d}")
        (equal if world.equal_data else total)[world.arm] = played.folder
    if equal:
        forms: dict[Form, dict[str, Path]] = {"total": total, "equal_data": total | equal}
        return Trial(folder, forms, {"total": "", "equal_data": ""})
    learning = any(world.learning for world in worlds)
    return Trial(folder, {"total": total}, {"total": POOLED if learning else ""})


def _truth_of_shard(runner: ShardRunner, unit: tuple[Trial, Shard]) -> tuple[Truth, ...]:
    return truth_of_shard(runner.plan, *unit)


def truth_of_shard(plan: Plan, trial: Trial, shard: Shard) -> tuple[Truth, ...]:
    """The truth in each form among a shard's users."""
    first, *others = plan.schedule.experiment.arms
    run = PlayedRun(plan, trial.folder).users(shard)
    truths = []
    for form, worlds in trial.worlds.items():
        users = {arm: PlayedRun(plan, worlds[arm], arm).users(shard) for arm in worlds}
        arms = {arm: _joint(plan, run, users[first], users[arm]) for arm in others}
        truths.append(Truth(form, arms, trial.notes[form]))
    return tuple(truths)


def _joint(plan: Plan, run: UserTable, control: UserTable, treatment: UserTable) -> Joint:
    population = plan.scenario.metrics.population
    members, exposed = run.members(population), run.members("exposed")
    names = [name for name in reported(plan.scenario) if name in run.values]
    worlds = (control, treatment)
    return Joint(
        {name: _means([w.column(name, population)[members] for w in worlds]) for name in names},
        {
            name: Moments.of(
                np.stack([_sums(w, part)[exposed] for w in worlds for part in ratio], 1)
            )
            for name in names
            for ratio in (METRICS[name].ratio,)
            if ratio is not None
        },
    )


def _means(columns: Sequence[npt.NDArray[Any]]) -> Moments:
    table = np.stack(columns, 1)
    return Moments.of(table[~np.isnan(table).any(axis=1)])


def _sums(users: UserTable, name: str) -> npt.NDArray[np.float64]:
    return np.nan_to_num(users.values[name])
