"""The days of a run, played: segments between trainings, shards over processes, users that meet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial, reduce
from itertools import count
from pathlib import Path

from abbotify import scale, timeline
from abbotify.eventlog.log import open_log
from abbotify.events import Events
from abbotify.modelstore import load_model
from abbotify.plan import Plan
from abbotify.progress import Progress
from abbotify.recommenders import Arm, build_arm
from abbotify.shard import LOG, STATE, Job, Played, Shard, log_file, player
from abbotify.training import Trainer


def play(plan: Plan, folder: Path, trainer: Trainer, workers: int, progress: Progress) -> Played:
    """Plays all days; between two days models may be trained, for all shards at once."""
    scenario = plan.scenario
    midnight = counted("days", len(plan.shards) * scenario.days, progress)
    if plan.coupled:
        return _play_coupled(plan, folder, trainer, midnight)
    played: list[Played] = []  # a segment each
    models: dict[str, Path] = {}
    for segment in timeline.segments(scenario):
        first = segment.days[0].number
        if segment.training is not None:
            events = partial(events_before, plan, folder, first)
            models |= trainer.train(first, segment.training, events)
        played.append(play_segment(plan, folder, segment, models, workers, midnight))
    return reduce(Played.merge, played)


def play_segment(
    plan: Plan,
    folder: Path,
    segment: timeline.Segment,
    models: Mapping[str, Path],
    workers: int,
    midnight: Callable[[], None],
) -> Played:
    """Plays the days of a segment, shard by shard; what is left is added up as they come.

    Args:
        plan: the run.
        folder: where it is written; the days before are there.
        segment: the days.
        models: name of an arm that learns -> the file of its model.
        workers: processes that share the shards.
        midnight: called when a day of a shard is over.
    """
    _make_folders(folder)
    job = Job(
        plan.scenario, plan.world, folder, bool(plan.coupled), plan.engine, segment.days, models
    )
    if workers == 1 or len(plan.shards) == 1:
        arms = None if models else plan.arms
        function = partial(player, arms=arms, midnight=midnight)
        return reduce(Played.merge, scale.each(function, job, shards_of(plan)))

    def counting(part: Played) -> Played:
        for _ in segment.days:
            midnight()
        return part

    return reduce(Played.merge, map(counting, scale.each(player, job, shards_of(plan), workers)))


def _play_coupled(
    plan: Plan, folder: Path, trainer: Trainer, midnight: Callable[[], None]
) -> Played:
    """Plays a run whose users meet: one unit over all days, trained as it goes."""
    scenario, arms = plan.scenario, list(plan.arms)
    trainings = {s.days[0].number: s.training for s in timeline.segments(scenario) if s.training}

    def morning(day: int, so_far: Callable[[], Events]) -> list[Arm]:
        if day in trainings:
            files = trainer.train(day, trainings[day], lambda: [so_far()])
            for place, arm in enumerate(arms):  # the others go on with what they know
                if arm.name in files:
                    spec, model = scenario.arms[arm.name], load_model(files[arm.name])
                    arms[place] = build_arm(arm.name, spec, plan.world, scenario, model)
        return list(arms)

    _make_folders(folder)
    job = Job(scenario, plan.world, folder, True, plan.engine, timeline.calendar(scenario))
    function = partial(player, arms=plan.arms, midnight=midnight, morning=morning)
    return reduce(Played.merge, scale.each(function, job, shards_of(plan)))


def _make_folders(folder: Path) -> None:
    for name in (LOG, STATE):
        (folder / name).mkdir(exist_ok=True)


def shards_of(plan: Plan) -> list[Shard]:
    """The shards of a run."""
    return [Shard(number, rows) for number, rows in enumerate(plan.shards)]


def events_before(plan: Plan, folder: Path, day: int) -> Iterator[Events]:
    """The log of the days before a day, whole users at a time."""
    days, shards = range(day), range(len(plan.shards))
    files = [log_file(folder, before, shard) for before in days for shard in shards]
    return open_log(files).pieces()


def counted(what: str, total: int, progress: Progress) -> Callable[[], None]:
    """A function that tells, each time it is called, that one more is done."""
    done = count(1)
    return lambda: progress(what, next(done), total)
