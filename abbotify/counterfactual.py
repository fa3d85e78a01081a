"""Worlds in which everybody is under one arm: what each user would have done there.

All worlds go on from the same evening before the experiment. Draws are keyed by user, session and
step and never by arm, so what differs between two worlds is what the arms recommend.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from abbotify import timeline
from abbotify.events import NO_ARM
from abbotify.experiment import hashes, layers
from abbotify.judging import Case, users_of
from abbotify.metrics.users import UserTable
from abbotify.modelstore import ModelStore
from abbotify.plan import Plan
from abbotify.playing import counted, events_before, play_apart, play_together, shards_of
from abbotify.progress import Progress, silent
from abbotify.scenario import Scenario
from abbotify.shard import STATE
from abbotify.training import Pieces, Rows, Trainer
from abbotify.world.base import IntArray

_EVE: Final = "eve"  # the folder of what the evening before the experiment leaves


@dataclass(frozen=True)
class PotentialOutcomes:
    """Every user of a world under every arm.

    Attributes:
        arms: names.
        users: arm -> all users, had everybody been under it on the experiment's days. Columns of
            the days before are the same in all.
    """

    arms: tuple[str, ...]
    users: Mapping[str, UserTable]


@dataclass(frozen=True)
class Eve:
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
    for arm in arms:
        world = World(plan, arm)
        case = world.play(eve, folder / "world", workers, progress)
        users[arm] = UserTable.concat(list(map(users_of(case), shards_of(plan))))
        shutil.rmtree(case.folder)
    shutil.rmtree(folder / _EVE)
    return PotentialOutcomes(tuple(arms), users)


@dataclass(frozen=True)
class World:
    """A world in which everybody whom the first experiment has admitted is under one arm.

    Attributes:
        plan: the run that it is an alternative to.
        arm: of the first experiment.
        equal_data: trainings see as many of the experiment's users as are in the arm in the run,
            chosen by a hash of their ids.
    """

    plan: Plan
    arm: str
    equal_data: bool = False

    def play(self, eve: Eve, folder: Path, workers: int, progress: Progress) -> Case:
        """Plays the days of the experiment.

        Args:
            eve: what it goes on from.
            folder: made; all is written there.
            workers: processes that share the shards.
            progress: told of the days.

        Returns:
            what its users are judged by.

        Raises:
            UserError: see `potential_outcomes`.
            ValueError: see `potential_outcomes`.
        """
        plan, days = self.plan, timeline.experiment_days(self.plan.scenario)
        first, taught = days.start, self._trainer(eve, folder)
        folder.mkdir()
        shown = f"days, everybody under {self.arm}"

        def train(day: int, training: str, pieces: Pieces) -> Mapping[str, Path]:
            if day > first:
                return taught.train(day, training, pieces)
            if not any(done.model.day == day for done in eve.trainer.done):
                eve.trainer.train(day, training, pieces)
            return eve.trainer.latest(day)

        def morning(segment: timeline.Segment) -> Mapping[str, Path]:
            day = segment.days[0].number
            if day == first or segment.training is None:
                return eve.trainer.latest(day)
            earlier = eve.folder, first
            return train(day, segment.training, partial(events_before, plan, folder, day, earlier))

        if plan.coupled:
            midnight = counted(shown, plan.scenario.days, progress)
            play_together(_keeping(plan, "users"), folder, train, midnight, self.arm)
        else:
            shutil.copytree(eve.state, folder / STATE)
            segments = _from(plan.scenario, first)
            needed = any(segment.training is not None for segment in segments[1:])
            quiet = _keeping(plan, "events" if needed else "users")
            midnight = counted(shown, len(plan.shards) * len(days), progress)
            play_apart(quiet, folder, segments, morning, workers, midnight, self.arm)
        return Case(plan.scenario, plan.world.users.ids, folder, self.arm)

    def _trainer(self, eve: Eve, folder: Path) -> Trainer:
        plan = self.plan
        return Trainer(
            plan.scenario,
            plan.world,
            plan.arms,
            ModelStore(folder),
            eve.trainer.told,
            [name for name in eve.trainer.learning if name in self.serving()],
            self.arm,
            self._sample() if self.equal_data else None,
        )

    def serving(self) -> set[str]:
        """The arms that somebody is served by on a day of the experiment."""
        scenario, ids = self.plan.scenario, self.plan.world.users.ids
        names, places = list(scenario.arms), set[int]()
        for day in timeline.calendar(scenario)[timeline.experiment_days(scenario).start :]:
            places.update(np.unique(timeline.plan_day(scenario, day, ids, self.arm).serving))
        return {names[place] for place in places}

    def _sample(self) -> Rows:
        return subsample(self.plan.scenario, self.plan.world.users.ids, self.arm)


def subsample(scenario: Scenario, ids: IntArray, arm: str) -> Rows:
    """As many users of the first experiment as are in an arm, whatever arm they are in.

    Args:
        scenario: the description.
        ids: int64 ids of all users.
        arm: of the first experiment.

    Returns:
        bool (users,): those whose ids have the least hashes under a salt of its own.
    """
    layer = layers(scenario)[0]
    codes = layer.codes(ids, len(layer.traffic) - 1)
    wanted = int(np.count_nonzero(codes == layer.arms.index(arm)))
    order = np.lexsort((ids, hashes(ids, f"{layer.name}:truth")))
    chosen = np.zeros(len(ids), np.bool_)
    chosen[order[codes[order] != NO_ARM][:wanted]] = True
    return chosen


def keep_eve(plan: Plan, folder: Path, into: Path, trainer: Trainer) -> Callable[[], Eve]:
    """A function that keeps the evening before the experiment, to be called on it.

    Args:
        plan: the run.
        folder: where it is written.
        into: made; takes the state that would be gone a day later.
        trainer: of the run.
    """

    def keep() -> Eve:
        into.mkdir(exist_ok=True)
        state = folder / STATE
        if state.exists() and not plan.coupled:
            shutil.copytree(state, into / STATE)
        (into / STATE).mkdir(exist_ok=True)
        return Eve(folder, into / STATE, trainer)

    return keep


def _played_until_eve(plan: Plan, folder: Path, workers: int, progress: Progress) -> Eve:
    """The evening before the experiment, played for no other purpose."""
    folder.mkdir()
    scenario = plan.scenario
    trainer = Trainer(scenario, plan.world, plan.arms, ModelStore(folder), progress)
    eve = Eve(folder, folder / STATE, trainer)
    eve.state.mkdir()
    first = timeline.experiment_days(scenario).start
    if plan.coupled:
        return eve

    def morning(segment: timeline.Segment) -> Mapping[str, Path]:
        day = segment.days[0].number
        if segment.training is None:
            return {}
        return trainer.train(day, segment.training, partial(events_before, plan, folder, day))

    cut = timeline.segments(scenario, first)
    before = [segment for segment in cut if segment.days[0].number < first]
    if before:
        quiet = _keeping(plan, "events" if timeline.trains(scenario) else "users")
        midnight = counted("days", len(plan.shards) * first, progress)
        play_apart(quiet, folder, before, morning, workers, midnight)
    morning(_from(scenario, first)[0])
    return eve


def _from(scenario: Scenario, first: int) -> list[timeline.Segment]:
    """The segments from a day on."""
    return [s for s in timeline.segments(scenario, first) if s.days[0].number >= first]


def _keeping(plan: Plan, level: str) -> Plan:
    """The plan with another level of the log, which changes nothing but what is kept."""
    scenario = plan.scenario
    log = scenario.log.model_copy(update={"level": level, "botify": False})
    return replace(plan, scenario=scenario.model_copy(update={"log": log}))
