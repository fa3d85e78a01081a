"""The days of a run, played: segments between trainings, shards over processes, users that meet."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial, reduce
from pathlib import Path

from abbotify.eventlog.log import open_log
from abbotify.eventlog.schema import Events
from abbotify.progress import Progress, silent
from abbotify.recommenders.arms import Arm
from abbotify.recommenders.build import build_arm
from abbotify.simulation.model_store import load_model
from abbotify.simulation.parallel import processes
from abbotify.simulation.prepare import Plan
from abbotify.simulation.shard import (
    STATE,
    RunSpec,
    ShardDays,
    ShardOutput,
    ShardRunner,
    log_file,
    make_folders,
)
from abbotify.simulation.timeline import Segment
from abbotify.simulation.training import Trainer


class DayProgress:
    """Counts days of shards that are over.

    Args:
        progress: receives the counts.
    """

    def __init__(self, progress: Progress = silent) -> None:
        self.progress = progress
        self.start("days", 0)

    def start(self, what: str, total: int) -> None:
        """Begins to count anew.

        Args:
            what: is counted.
            total: how many there will be.
        """
        self.what, self.total, self.done = what, total, 0

    def add(self) -> None:
        """Counts a day of a shard."""
        self.done += 1
        self.progress(self.what, self.done, self.total)


class ShardPool:
    """Plays segments by processes that stay from one segment, and one world, to the next.

    Args:
        plan: the run.
        run: does tasks, in order.
        progress: counts days.
        remote: tasks are done in other processes, whose days are counted when they are back.
    """

    def __init__(
        self,
        plan: Plan,
        run: Callable[[Sequence[ShardDays]], Iterator[ShardOutput]],
        progress: DayProgress,
        remote: bool,
    ) -> None:
        self.plan, self.progress = plan, progress
        self._run, self._remote = run, remote

    def play(
        self,
        folder: Path,
        trainer: Trainer,
        segments: Sequence[Segment],
        *,
        models: Mapping[str, Path] | None = None,
        everybody: str | None = None,
        before: Path | None = None,
        keep: Path | None = None,
    ) -> ShardOutput:
        """Plays consecutive segments of a run whose users do not meet; trains between them.

        Args:
            folder: where the run is written; days before are there.
            trainer: of its arms.
            segments: at least one.
            models: that serve at first: name of an arm that learns -> the file of its model.
            everybody: an arm that everybody is in, see `Schedule.plan_day`.
            before: see `train_before`.
            keep: a folder to be, for the state that the day before the experiment has left.
        """
        make_folders(folder)
        first, files = self.plan.schedule.experiment_days.start, dict(models or {})
        outputs: list[ShardOutput] = []
        for segment in segments:
            files |= train_before(self.plan, folder, trainer, segment, before)
            if keep is not None and segment.first == first:
                shutil.copytree(folder / STATE, keep)
            tasks = [
                ShardDays(folder, shard, segment.days, dict(files), everybody)
                for shard in self.plan.shards
            ]
            for output in self._run(tasks):
                outputs.append(output)
                if self._remote:
                    for _ in segment.days:
                        self.progress.add()
        return reduce(ShardOutput.merge, outputs)


@contextmanager
def shard_pool(plan: Plan, workers: int, progress: Progress = silent) -> Iterator[ShardPool]:
    """Processes on which a run is played, and other worlds after it: starting them takes 2 s.

    Args:
        plan: the run.
        workers: processes that share the shards.
        progress: receives the days that are over.
    """
    days, spec = DayProgress(progress), run_spec(plan)
    workers = min(workers, len(plan.shards))
    remote = workers > 1
    make = ShardRunner if remote else partial(ShardRunner, arms=plan.arms, on_day_end=days.add)
    with processes.processes(make, spec, workers) as run:
        yield ShardPool(plan, run, days, remote)


def run_spec(plan: Plan) -> RunSpec:
    """What all shards of a plan have in common."""
    return RunSpec(plan.schedule, plan.world, bool(plan.coupled), plan.engine)


def play(
    plan: Plan,
    folder: Path,
    trainer: Trainer,
    workers: int = 1,
    progress: Progress = silent,
    keep: Path | None = None,
) -> ShardOutput:
    """Plays all days; between two days models may be trained, for all shards at once.

    Args:
        plan: the run.
        folder: where it is written.
        trainer: trains its arms.
        workers: processes that share the shards.
        progress: receives the days that are over.
        keep: see `ShardPool.play`; ignored when users meet.
    """
    schedule = plan.schedule
    if plan.coupled:
        days = DayProgress(progress)
        days.start("days", schedule.scenario.days)
        return play_together(plan, folder, trainer, days)
    cut = 0 if keep is None else schedule.experiment_days.start
    with shard_pool(plan, workers, progress) as pool:
        pool.progress.start("days", len(plan.shards) * schedule.scenario.days)
        return pool.play(folder, trainer, schedule.segments(cut), keep=keep)


def train_before(
    plan: Plan, folder: Path, trainer: Trainer, segment: Segment, before: Path | None = None
) -> Mapping[str, Path]:
    """Trains what is trained at the start of a segment, on the log of the days before it.

    Args:
        plan: the run, whose users do not meet.
        folder: where it is written.
        trainer: of its arms.
        segment: about to be played.
        before: another folder, which has the log of the days before the experiment.

    Returns:
        name of an arm -> the file of its model; none where nothing is trained.
    """
    if segment.training is None:
        return {}
    log = partial(_log_before, plan, folder, segment.first, before or folder)
    return trainer.train(segment.first, segment.training, log)


def _log_before(plan: Plan, folder: Path, day: int, before: Path) -> Iterator[Events]:
    """The log of the days before a day, whole users at a time."""
    first = plan.schedule.experiment_days.start
    return open_log(
        [
            log_file(before if number < first else folder, number, shard.number)
            for number in range(day)
            for shard in plan.shards
        ]
    ).pieces()


class _TrainedArms:
    """The arms that serve a day of a run whose users meet, trained as it goes."""

    def __init__(self, plan: Plan, trainer: Trainer) -> None:
        self.plan, self.trainer, self.arms = plan, trainer, list(plan.arms)
        segments = plan.schedule.segments()
        self.trainings = {each.first: each.training for each in segments if each.training}

    def __call__(self, day: int, log: Callable[[], Events]) -> list[Arm]:
        plan, scenario = self.plan, self.plan.scenario
        if day in self.trainings:
            files = self.trainer.train(day, self.trainings[day], lambda: [log()])
            for place, arm in enumerate(self.arms):  # the others go on with what they know
                if arm.name in files:
                    spec, model = scenario.arms[arm.name], load_model(files[arm.name])
                    self.arms[place] = build_arm(arm.name, spec, plan.world, scenario, model)
        return list(self.arms)


def play_together(
    plan: Plan, folder: Path, trainer: Trainer, days: DayProgress, everybody: str | None = None
) -> ShardOutput:
    """Plays a run whose users meet: one unit over all days, trained as it goes.

    Args:
        plan: the run.
        folder: where it is written.
        trainer: of its arms.
        days: counts days.
        everybody: an arm that everybody is in, see `Schedule.plan_day`.
    """
    make_folders(folder)
    runner = ShardRunner(run_spec(plan), plan.arms, days.add, _TrainedArms(plan, trainer))
    (shard,) = plan.shards
    return runner(ShardDays(folder, shard, plan.schedule.days, everybody=everybody))
