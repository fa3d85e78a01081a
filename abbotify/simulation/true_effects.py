"""True effects of a run: its users under every arm, shard by shard, never all at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from abbotify.metrics.aggregates import Form, Joint, Truth
from abbotify.metrics.definitions import METRICS
from abbotify.metrics.users import UserTable
from abbotify.progress import Progress
from abbotify.simulation.parallel import processes
from abbotify.simulation.potential_outcomes import (
    POOLED,
    PreExperimentState,
    counterfactual_worlds,
    play_world,
    worlds_pool,
)
from abbotify.simulation.prepare import Plan
from abbotify.simulation.requested import reported
from abbotify.simulation.shard import STATE
from abbotify.simulation.timeline import Shard
from abbotify.simulation.training import Trainer
from abbotify.simulation.user_results import PlayedRun
from abbotify.stats import Moments

WORLDS: Final = "worlds"


@dataclass(frozen=True)
class Trial:
    """A run and its worlds, played.

    Attributes:
        run: the run.
        worlds: form -> arm -> everybody under it.
        notes: form -> what a reader has to know of it.
    """

    run: PlayedRun
    worlds: dict[Form, dict[str, PlayedRun]]
    notes: dict[Form, str]


def true_effects(
    plan: Plan, folder: Path, trainer: Trainer, workers: int, progress: Progress
) -> tuple[Truth, ...]:
    """The truth in each form, when a run has been played.

    Args:
        plan: the run.
        folder: where it was written; `worlds/state` there has what the day before the experiment
            left, unless users meet. The worlds are played beside it.
        trainer: of the run.
        workers: processes that share the shards.
        progress: receives the days that are over.

    Raises:
        UserError: a training failed, or a recommender under `on_error: stop`.
    """
    trial = _play_worlds(plan, folder, trainer, workers, progress)
    parts = processes.each(_truth_of_shards, trial, plan.shards, workers)
    return reduce(lambda first, second: tuple(map(Truth.merge, first, second)), parts)


def _play_worlds(
    plan: Plan, folder: Path, trainer: Trainer, workers: int, progress: Progress
) -> Trial:
    ids, files = plan.world.users.ids, folder / WORLDS
    files.mkdir(exist_ok=True)
    state = PreExperimentState(folder, files / STATE, trainer)
    total: dict[str, PlayedRun] = {}
    equal: dict[str, PlayedRun] = {}
    worlds = counterfactual_worlds(plan.schedule, ids, trainer.learning)
    with worlds_pool(plan, workers, progress) as pool:
        for number, world in enumerate(worlds):
            played = play_world(pool, world, state, files / f"{number:02d}")
            (equal if world.equal_data else total)[world.arm] = played
    run = PlayedRun(plan.schedule, ids, folder)
    if equal:
        forms: dict[Form, dict[str, PlayedRun]] = {"total": total, "equal_data": total | equal}
        return Trial(run, forms, {"total": "", "equal_data": ""})
    learning = any(world.learning for world in worlds)
    return Trial(run, {"total": total}, {"total": POOLED if learning else ""})


def _truth_of_shards(trial: Trial) -> Callable[[Shard], tuple[Truth, ...]]:
    return partial(truth_of_shard, trial)


def truth_of_shard(trial: Trial, shard: Shard) -> tuple[Truth, ...]:
    """The truth in each form among a shard's users."""
    first, *others = trial.run.schedule.experiment.arms
    run = trial.run.users(shard)
    truths = []
    for form, worlds in trial.worlds.items():
        control = worlds[first].users(shard)
        arms = {arm: _joint(trial.run, run, control, worlds[arm].users(shard)) for arm in others}
        truths.append(Truth(form, arms, trial.notes[form]))
    return tuple(truths)


def _joint(played: PlayedRun, run: UserTable, control: UserTable, treatment: UserTable) -> Joint:
    scenario = played.schedule.scenario
    population = scenario.metrics.population
    members, exposed = run.members(population), run.members("exposed")
    names = [name for name in reported(scenario) if name in run.values]
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
