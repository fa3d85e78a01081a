"""Worlds in which everybody is under one arm: what each user would have done there.

All worlds go on from the same evening before the experiment. Draws are keyed by user, session and
step and never by arm, so what differs between two worlds is what the arms recommend.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from abbotify.metrics.users import UserTable
from abbotify.progress import Progress, silent
from abbotify.scenario import Scenario
from abbotify.simulation import timeline
from abbotify.simulation.assignment import layers
from abbotify.simulation.model_store import ModelStore
from abbotify.simulation.prepare import Plan
from abbotify.simulation.run_days import (
    counted,
    play_apart,
    play_together,
    segments_played,
    train_before,
)
from abbotify.simulation.shard import STATE
from abbotify.simulation.stage import Enter, shards_of, stage
from abbotify.simulation.training import Pieces, Trainer
from abbotify.simulation.user_results import Case, users_of
from abbotify.simulation.worlds import CounterfactualWorld, alternatives, subsample

_EVE: Final = "eve"  # the folder of what the evening before the experiment leaves


@dataclass(frozen=True)
class PotentialOutcomes:
    """Every user of a world under every arm.

    Attributes:
        users: arm -> all users, had everybody been under it on the experiment's days. Columns of
            the days before are the same in all.
    """

    users: Mapping[str, UserTable]


@dataclass(frozen=True)
class PreExperimentState:
    """The evening before the experiment, which all worlds go on from.

    Attributes:
        folder: holds the log of the days before, where trainings need it.
        state: holds the state of the shards and the totals of their users.
        trainer: has the models of all arms that learn, or trains them for the first who asks.
    """

    folder: Path
    state: Path
    trainer: Trainer


def potential_outcomes(
    plan: Plan,
    folder: Path,
    arms: Sequence[str],
    workers: int = 1,
    progress: Progress = silent,
) -> PotentialOutcomes:
    """What every user would have done, had everybody been under each of some arms.

    The days before the experiment are played once. Users who meet (a queue, a recommender that
    learns from everybody) are played from the first day on for each arm, from the same draws.

    Args:
        plan: a scenario made ready.
        folder: exists; files that are needed on the way are written below it and removed.
        arms: of the first experiment.
        workers: processes that share the shards.
        progress: told of the days.

    Raises:
        UserError: a training failed, or a recommender under `on_error: stop`.
        ValueError: a name is no arm of the first experiment.
    """
    known = layers(plan.scenario)[0].arms
    if not set(arms) <= set(known):
        raise ValueError(f"arms are some of {list(known)}, got {list(arms)}")
    eve = _played_until_eve(plan, folder / _EVE, workers, progress)
    users = {}
    worlds = alternatives(plan.scenario, plan.world.users.ids, eve.trainer.learning)
    total = {world.arm: world for world in worlds if not world.equal_data}
    with worlds_stage(plan, workers) as enter:
        for number, arm in enumerate(arms):
            case = play_world(plan, total[arm], eve, folder / f"{number}", enter, progress)
            users[arm] = UserTable.concat(list(map(users_of(case), shards_of(plan))))
            shutil.rmtree(case.folder)
    shutil.rmtree(folder / _EVE)
    return PotentialOutcomes(users)


def worlds_stage(plan: Plan, workers: int) -> AbstractContextManager[Enter]:
    """The processes on which all worlds of a run are played, one after the other."""
    return stage(_quiet(plan), workers)


def play_world(
    plan: Plan,
    world: CounterfactualWorld,
    eve: PreExperimentState,
    folder: Path,
    enter: Enter,
    progress: Progress,
) -> Case:
    """Plays the experiment's days in another world.

    Args:
        plan: the run that it is an alternative to.
        world: which.
        eve: what it goes on from.
        folder: made; all is written there.
        enter: of the stage it is played on, see `worlds_stage`.
        progress: told of the days.

    Returns:
        what its users are judged by.

    Raises:
        UserError: see `potential_outcomes`.
    """
    scenario, days = plan.scenario, timeline.experiment_days(plan.scenario)
    folder.mkdir()
    taught = _trainer(plan, world, eve, folder)
    shown = f"days, everybody under {world.arm}"

    def train(day: int, training: str, pieces: Pieces) -> Mapping[str, Path]:
        if day > days.start:
            return taught.train(day, training, pieces)
        if all(done.model.day != day for done in eve.trainer.done):
            eve.trainer.train(day, training, pieces)
        return eve.trainer.latest(day)

    def morning(segment: timeline.Segment) -> Mapping[str, Path]:
        if segment.days[0].number == days.start:
            return eve.trainer.latest(days.start)
        return train_before(plan, folder, taught, segment, (eve.folder, days.start))

    if plan.coupled:
        on_day_end = counted(shown, scenario.days, progress)
        play_together(_quiet(plan), folder, train, on_day_end, world.arm)
    else:
        shutil.copytree(eve.state, folder / STATE)
        on_day_end = counted(shown, len(plan.shards) * len(days), progress)
        play_days = enter(folder, on_day_end, world.arm)
        play_apart(play_days, _from(scenario, days.start), morning)
    return Case(scenario, plan.world.users.ids, folder, everybody=world.arm)


def _trainer(
    plan: Plan, world: CounterfactualWorld, eve: PreExperimentState, folder: Path
) -> Trainer:
    return Trainer(
        plan.scenario,
        plan.world,
        world.learning,
        ModelStore(folder),
        eve.trainer.told,
        world.arm,
        subsample(plan.scenario, plan.world.users.ids, world.arm) if world.equal_data else None,
    )


def _played_until_eve(
    plan: Plan, folder: Path, workers: int, progress: Progress
) -> PreExperimentState:
    """The evening before the experiment, played for no other purpose."""
    folder.mkdir()
    scenario = plan.scenario
    trainer = Trainer(scenario, plan.world, plan.learning, ModelStore(folder), progress)
    eve = PreExperimentState(folder, folder / STATE, trainer)
    eve.state.mkdir()
    first = timeline.experiment_days(scenario).start
    if plan.coupled:
        return eve

    morning = partial(train_before, plan, folder, trainer)
    cut = timeline.segments(scenario, first)
    before = [segment for segment in cut if segment.days[0].number < first]
    if before:
        quiet = _keeping(plan, "events" if timeline.trains(scenario) else "users")
        on_day_end = counted("days", len(plan.shards) * first, progress)
        with segments_played(quiet, folder, workers, on_day_end) as play_days:
            play_apart(play_days, before, morning)
    morning(_from(scenario, first)[0])
    return eve


def _from(scenario: Scenario, first: int) -> list[timeline.Segment]:
    """The segments from a day on."""
    return [s for s in timeline.segments(scenario, first) if s.days[0].number >= first]


def _quiet(plan: Plan) -> Plan:
    """The plan of a world, which keeps no log but for trainings that read it from files."""
    again = (
        not plan.coupled
        and len(_from(plan.scenario, timeline.experiment_days(plan.scenario).start)) > 1
    )
    return _keeping(plan, "events" if again else "users")


def _keeping(plan: Plan, level: str) -> Plan:
    """The plan with another level of the log, which changes nothing but what is kept."""
    scenario = plan.scenario
    log = scenario.log.model_copy(update={"level": level, "botify": False})
    return replace(plan, scenario=scenario.model_copy(update={"log": log}))
