"""The days of a run, played: segments between trainings, shards over processes, users that meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial, reduce
from itertools import count
from pathlib import Path

from abbotify.eventlog.log import open_log
from abbotify.eventlog.schema import Events
from abbotify.progress import Progress
from abbotify.recommenders import Arm, build_arm
from abbotify.simulation import timeline
from abbotify.simulation.model_store import load_model
from abbotify.simulation.prepare import Plan
from abbotify.simulation.shard import Job, ShardDays, ShardOutput, ShardRunner, log_file
from abbotify.simulation.stage import PlayDays, make_folders, shards_of, stage
from abbotify.simulation.training import Pieces, Trainer

Morning = Callable[[timeline.Segment], Mapping[str, Path]]
Train = Callable[[int, str, Pieces], Mapping[str, Path]]  # as `Trainer.train`


def play(
    plan: Plan,
    folder: Path,
    trainer: Trainer,
    workers: int,
    progress: Progress,
    eve: Callable[[], None] | None = None,
) -> ShardOutput:
    """Plays all days; between two days models may be trained, for all shards at once.

    Args:
        plan: the run.
        folder: where it is written.
        trainer: trains its arms.
        workers: processes that share the shards.
        progress: told of days.
        eve: called when all is ready for the experiment's first day and the state that the day
            before has left is still there; not when users meet.
    """
    scenario = plan.scenario
    on_day_end = counted("days", len(plan.shards) * scenario.days, progress)
    if plan.coupled:
        return play_together(plan, folder, trainer.train, on_day_end)
    first = timeline.experiment_days(scenario).start

    def morning(segment: timeline.Segment) -> Mapping[str, Path]:
        models = train_before(plan, folder, trainer, segment)
        if eve is not None and segment.days[0].number == first:
            eve()
        return models

    segments = timeline.segments(scenario, 0 if eve is None else first)
    with segments_played(plan, folder, workers, on_day_end) as play_days:
        return play_apart(play_days, segments, morning)


def play_apart(
    play_days: PlayDays, segments: Sequence[timeline.Segment], morning: Morning
) -> ShardOutput:
    """Plays consecutive segments of a run whose users do not meet.

    Args:
        play_days: plays one, see `segments_played`.
        segments: at least one.
        morning: called before each; gives models that serve from then on, by the arm's name.
    """
    played: list[ShardOutput] = []  # a segment each
    models: dict[str, Path] = {}
    for segment in segments:
        models |= morning(segment)
        played.append(play_days(segment, models))
    return reduce(ShardOutput.merge, played)


@contextmanager
def segments_played(
    plan: Plan, folder: Path, workers: int, on_day_end: Callable[[], None]
) -> Iterator[PlayDays]:
    """A function that plays segments, in order, by processes that stay from one to the next.

    Args:
        plan: the run.
        folder: where it is written; days before are there.
        workers: processes that share the shards.
        on_day_end: called when a day of a shard is over.

    Yields:
        (segment, name of an arm that learns -> the file of its model) -> what is left of its
        days, added up shard by shard.
    """
    with stage(plan, workers) as enter:
        yield enter(folder, on_day_end)


def train_before(
    plan: Plan,
    folder: Path,
    trainer: Trainer,
    segment: timeline.Segment,
    beginning: tuple[Path, int] | None = None,
) -> Mapping[str, Path]:
    """Trains what is trained at the start of a segment, on the log of the days before it.

    Args:
        plan: the run, whose users do not meet.
        folder: where it is written.
        trainer: of its arms.
        segment: about to be played.
        beginning: see `events_before`.

    Returns:
        name of an arm -> the file of its model; none where nothing is trained.
    """
    if segment.training is None:
        return {}
    day = segment.days[0].number
    events = partial(events_before, plan, folder, day, beginning)
    return trainer.train(day, segment.training, events)


def play_together(
    plan: Plan,
    folder: Path,
    train: Train,
    on_day_end: Callable[[], None],
    everybody: str | None = None,
) -> ShardOutput:
    """Plays a run whose users meet: one unit over all days, trained as it goes.

    Args:
        plan: the run.
        folder: where it is written.
        train: as `Trainer.train`.
        on_day_end: called when a day is over.
        everybody: an arm that everybody is in, see `timeline.plan_day`.
    """
    scenario, arms = plan.scenario, list(plan.arms)
    trainings = {s.days[0].number: s.training for s in timeline.segments(scenario) if s.training}

    def morning(day: int, so_far: Callable[[], Events]) -> list[Arm]:
        if day in trainings:
            files = train(day, trainings[day], lambda: [so_far()])
            for place, arm in enumerate(arms):  # the others go on with what they know
                if arm.name in files:
                    spec, model = scenario.arms[arm.name], load_model(files[arm.name])
                    arms[place] = build_arm(arm.name, spec, plan.world, scenario, model)
        return list(arms)

    make_folders(folder)
    job = Job(scenario, plan.world, folder, True, plan.engine, everybody)
    player = ShardRunner(job, plan.arms, on_day_end, morning)
    days = timeline.calendar(scenario)
    return reduce(ShardOutput.merge, [player(ShardDays(shard, days)) for shard in shards_of(plan)])


def events_before(
    plan: Plan, folder: Path, day: int, beginning: tuple[Path, int] | None = None
) -> Iterator[Events]:
    """The log of the days before a day, whole users at a time.

    Args:
        plan: the run.
        folder: where it is written.
        day: not among those days.
        beginning: another folder, which has the log of the days before the given one.
    """
    days, shards, (other, until) = range(day), range(len(plan.shards)), beginning or (folder, 0)
    folders = [other if before < until else folder for before in days]
    files = [log_file(folders[before], before, shard) for before in days for shard in shards]
    return open_log(files).pieces()


def counted(what: str, total: int, progress: Progress) -> Callable[[], None]:
    """A function that tells, each time it is called, that one more is done."""
    done = count(1)
    return lambda: progress(what, next(done), total)
