"""The days of a run, played: segments between trainings, shards over processes, users that meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial, reduce
from pathlib import Path

from abbotify.eventlog.log import open_log
from abbotify.eventlog.schema import Events
from abbotify.progress import Progress, silent
from abbotify.recommenders.arms import Arm
from abbotify.recommenders.build import build_arm
from abbotify.simulation.model_store import load_model
from abbotify.simulation.parallel.executor import (
    Executor,
    InProcess,
    Workers,
    open_executor,
    runs_here,
)
from abbotify.simulation.prepare import Plan
from abbotify.simulation.sent_files import received
from abbotify.simulation.shard import (
    LOG,
    STATE,
    ShardDays,
    ShardOutput,
    ShardRunner,
    known_output,
    log_file,
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


class RunPool:
    """What a plan, and its counterfactual worlds, are played on: workers that stay to the end.

    Args:
        plan: the run.
        executor: shares a `ShardRunner` of the plan.
        days: counts.

    Attributes:
        beside_files: runs units that read the run folder.
    """

    def __init__(self, plan: Plan, executor: Executor, days: DayProgress) -> None:
        self.plan, self.executor, self.days = plan, executor, days
        sent = executor.sends_files
        self.beside_files = InProcess(ShardRunner(plan)) if sent else executor

    def play(
        self,
        folder: Path,
        trainer: Trainer,
        segments: Sequence[Segment] | None = None,
        *,
        models: Mapping[str, Path] | None = None,
        everybody: str | None = None,
        start: Path | None = None,
        log: str = "",
        what: str = "days",
    ) -> ShardOutput:
        """Plays consecutive segments of a run; between them models are trained, for all shards.

        Args:
            folder: where it is written; days before are there.
            trainer: of its arms.
            segments: at least one; default all of them. Users who meet play all days.
            models: that serve at first: name of an arm that learns -> the file of its model.
            everybody: an arm that everybody is in, see `Schedule.plan_day`.
            start: another folder, which has the log and the state of the days before.
            log: its level; default the scenario's.
            what: is played, for the progress.
        """
        plan, first = self.plan, self.plan.schedule.experiment_days.start
        log = log or plan.scenario.log.level
        for name in (LOG, STATE):
            (folder / name).mkdir(exist_ok=True)
        if plan.coupled:
            self.days.start(what, plan.scenario.days)
            return self._play_together(folder, trainer, everybody, log)
        if segments is None:
            segments = plan.schedule.segments(first if plan.scenario.truth else 0)
        self.days.start(what, len(plan.shards) * sum(len(each.days) for each in segments))
        files, outputs = dict(models or {}), list[ShardOutput]()
        for segment in segments:
            files |= train_before(plan, folder, trainer, segment, start)
            days = range(segment.first, segment.first + len(segment.days))
            here = start if days.start == first else None
            tasks = [
                ShardDays(folder, shard, days, log, dict(files), everybody, here)
                for shard in plan.shards
            ]
            known = [known_output(task) for task in tasks]
            left = [task for task, output in zip(tasks, known, strict=True) if output is None]
            played = self._played(left)
            for task, output in zip(tasks, known, strict=True):
                outputs.append(output or next(played))
                if here is None and days.start != first:  # the worlds begin with that day
                    for path in task.before:
                        path.unlink(missing_ok=True)
                for _ in days if self.executor.remote or output else ():
                    self.days.add()
        return reduce(ShardOutput.merge, outputs)

    def _played(self, tasks: Sequence[ShardDays]) -> Iterator[ShardOutput]:
        if self.executor.sends_files:
            return received(tasks, self.executor.each)
        return self.executor.each(ShardRunner.play, tasks)

    def _play_together(
        self, folder: Path, trainer: Trainer, everybody: str | None, log: str
    ) -> ShardOutput:
        """Plays users who meet: one unit over all days, trained as it goes."""
        plan = self.plan
        arms = _TrainedArms(plan, trainer)
        days = range(plan.scenario.days)
        task = ShardDays(folder, plan.shards[0], days, log, everybody=everybody)
        output = known_output(task)
        if output is None:
            return ShardRunner(plan, self.days.add, arms).play(task)
        for day, training in arms.trainings.items():
            trainer.train(day, training, lambda: [])  # the models are there
        return output


@contextmanager
def run_pool(plan: Plan, workers: Workers = 1, progress: Progress = silent) -> Iterator[RunPool]:
    """Workers on which a run is played, its worlds after it, and the results of its users found.

    Args:
        plan: the run.
        workers: who plays the shards.
        progress: receives the days that are over.
    """
    days = DayProgress(progress)
    here = plan.coupled or runs_here(workers, len(plan.shards))
    runner = ShardRunner(plan, days.add) if here else ShardRunner(replace(plan, arms=()))
    workers = 1 if here else workers
    with open_executor(runner, workers, len(plan.shards)) as executor:
        yield RunPool(plan, executor, days)


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
