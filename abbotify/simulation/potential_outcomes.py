"""Worlds in which everybody is under one arm: what each user would have done there.

All worlds go on from the same evening before the experiment. Draws are keyed by user, session and
step and never by arm, so what differs between two worlds is what the arms recommend.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.schema import NO_ARM
from abbotify.metrics.users import UserTable
from abbotify.progress import Progress, silent
from abbotify.simulation.assignment import hashes
from abbotify.simulation.model_store import ModelStore
from abbotify.simulation.prepare import Plan
from abbotify.simulation.run_days import RunPool, run_pool, train_before
from abbotify.simulation.timeline import Schedule
from abbotify.simulation.training import Trainer
from abbotify.simulation.user_results import PlayedRun
from abbotify.world.base import IntArray

POOLED: Final = "equal-data is the same: pooled training has everybody's sessions in any case"
_BEFORE: Final = "before"  # the folder of the days before the experiment


@dataclass(frozen=True)
class CounterfactualWorld:
    """A world in which everybody whom the first experiment has admitted is under one arm.

    Attributes:
        arm: of the first experiment.
        equal_data: trainings with `own` see as many of the experiment's users as are in the arm
            in the run, chosen by a hash of their ids; else all of them.
        learning: arms that serve there and are trained anew on days of the experiment.
    """

    arm: str
    equal_data: bool
    learning: tuple[str, ...]


def counterfactual_worlds(plan: Plan, learning: Sequence[str]) -> tuple[CounterfactualWorld, ...]:
    """The worlds to be played for the truth: one for each arm, and those of equal data.

    Those are needed where arms learn from their own sessions, of which everybody under one arm
    gives them more. An arm that does not learn has one world.

    Args:
        plan: the run.
        learning: names of the arms that learn.
    """
    schedule, ids = plan.schedule, plan.world.users.ids
    again = retrainings(schedule)
    total = tuple(
        CounterfactualWorld(arm, False, tuple(name for name in learning if name in serving))
        for arm in schedule.experiment.arms
        for serving in (_serving(schedule, ids, arm) if again else (),)
    )
    if "own" not in again:
        return total
    return (*total, *(replace(world, equal_data=True) for world in total if world.learning))


def retrainings(schedule: Schedule) -> list[str]:
    """What the models of each day of the experiment but the first are trained on, day by day."""
    days = schedule.experiment_days
    phases = [day.phase for day in schedule.days[days.start + 1 :]]
    return [each for each in (getattr(phase, "retraining", None) for phase in phases) if each]


def _serving(schedule: Schedule, ids: IntArray, arm: str) -> frozenset[str]:
    """The arms that serve somebody on a day of the experiment when everybody is under one."""
    names, places = list(schedule.scenario.arms), set[int]()
    for day in schedule.days[schedule.experiment_days.start :]:
        places.update(np.unique(schedule.plan_day(day, ids, arm).serving).tolist())
    return frozenset(names[place] for place in places)


def subsample(schedule: Schedule, ids: IntArray, arm: str) -> npt.NDArray[np.bool_]:
    """As many users of the first experiment as are in an arm, whatever arm they are in.

    Args:
        schedule: of the run.
        ids: int64 ids of all users.
        arm: of the first experiment.

    Returns:
        bool (users,): those whose ids have the least hashes under a salt of their own.
    """
    layer = schedule.experiment
    codes = layer.codes(ids, len(layer.traffic) - 1)
    size = int(np.count_nonzero(codes == layer.arms.index(arm)))
    order = np.lexsort((ids, hashes(ids, f"{layer.salt}:truth")))
    chosen = np.zeros(len(ids), np.bool_)
    chosen[order[codes[order] != NO_ARM][:size]] = True
    return chosen


def potential_outcomes(
    plan: Plan,
    folder: Path,
    arms: Sequence[str],
    workers: int = 1,
    progress: Progress = silent,
) -> dict[str, UserTable]:
    """What every user would have done, had everybody been under each of some arms.

    The days before the experiment are played once. Users who meet (a queue, a recommender that
    learns from everybody) are played from the first day on for each arm, from the same draws.

    Args:
        plan: a scenario made ready.
        folder: exists; files that are needed on the way are written below it and removed.
        arms: of the first experiment.
        workers: processes that share the shards.
        progress: receives the days that are over.

    Returns:
        arm -> all users, had everybody been under it on the experiment's days. Columns of the
        days before are the same in all.

    Raises:
        UserError: a training failed, or a recommender under `on_error: stop`.
        ValueError: a name is no arm of the first experiment.
    """
    known = plan.schedule.experiment.arms
    if not set(arms) <= set(known):
        raise ValueError(f"arms are some of {list(known)}, got {list(arms)}")
    before = folder / _BEFORE
    before.mkdir(parents=True)
    trainer = Trainer(plan, plan.learning, ModelStore(before), progress)
    users = {}
    worlds = counterfactual_worlds(plan, trainer.learning)
    total = {world.arm: world for world in worlds if not world.equal_data}
    with run_pool(plan, workers, progress) as pool:
        if not plan.coupled:
            _play_before(pool, before, trainer)
        for number, arm in enumerate(arms):
            run = play_world(pool, total[arm], before, trainer, folder / f"{number}")
            users[arm] = UserTable.concat(list(map(run.users, plan.shards)))
            shutil.rmtree(run.folder)
    shutil.rmtree(before)
    return users


def play_world(
    pool: RunPool, world: CounterfactualWorld, before: Path, run: Trainer, folder: Path
) -> PlayedRun:
    """Plays the experiment's days in another world.

    No log is kept but for trainings that read it from files.

    Args:
        pool: plays.
        world: which.
        before: holds the log of the days before the experiment, where trainings need it, and the
            state that they have left.
        run: has the models of all arms that learn, or trains them for the first who asks.
        folder: made; all is written there.

    Raises:
        UserError: see `potential_outcomes`.
    """
    plan, schedule = pool.plan, pool.plan.schedule
    folder.mkdir(exist_ok=True)
    trainer = Trainer(
        plan,
        world.learning,
        ModelStore(folder),
        run.progress,
        world.arm,
        subsample(schedule, plan.world.users.ids, world.arm) if world.equal_data else None,
        run,
    )
    segments = schedule.experiment_segments
    pool.play(
        folder,
        trainer,
        segments,
        models=run.latest(schedule.experiment_days.start),
        everybody=world.arm,
        start=before,
        log="events" if len(segments) > 1 and not plan.coupled else "users",
        what=f"days, everybody under {world.arm}",
    )
    return PlayedRun(plan, folder, world.arm)


def _play_before(pool: RunPool, folder: Path, trainer: Trainer) -> None:
    """Plays the days before the experiment, for no other purpose."""
    schedule = pool.plan.schedule
    first = schedule.experiment_days.start
    before = [segment for segment in schedule.segments(first) if segment.first < first]
    if before:
        pool.play(folder, trainer, before, log="events" if schedule.trains else "users")
    train_before(pool.plan, folder, trainer, schedule.experiment_segments[0])
