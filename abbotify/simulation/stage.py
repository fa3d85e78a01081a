"""The processes on which a run is played, and other worlds after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial, reduce
from pathlib import Path
from typing import Any, Protocol

from abbotify.simulation import timeline
from abbotify.simulation.parallel import processes
from abbotify.simulation.prepare import Plan
from abbotify.simulation.shard import LOG, STATE, Job, Shard, ShardDays, ShardOutput, ShardRunner

PlayDays = Callable[[timeline.Segment, Mapping[str, Path]], ShardOutput]


class Enter(Protocol):
    """Begins to play a run, or the same days in another world, on a stage."""

    def __call__(
        self, folder: Path, on_day_end: Callable[[], None], everybody: str | None = None
    ) -> PlayDays:
        """A function that plays segments, as of `segments_played`.

        Args:
            folder: where it is written; days before are there.
            on_day_end: called when a day of a shard is over.
            everybody: an arm that everybody is in, see `timeline.plan_day`.
        """
        ...


@contextmanager
def stage(plan: Plan, workers: int) -> Iterator[Enter]:
    """Processes on which a run is played, and other worlds after it: starting them takes 2 s.

    Args:
        plan: the run.
        workers: processes that share the shards.
    """
    job = Job(plan.scenario, plan.world, Path(), bool(plan.coupled), plan.engine)
    shards, alone = shards_of(plan), workers == 1 or len(plan.shards) == 1
    told: list[Callable[[], None]] = [lambda: None]
    prepare = partial(_Players, arms=plan.arms, on_day_end=lambda: told[0]()) if alone else _Players

    with processes.processes(prepare, job, 1 if alone else min(workers, len(shards))) as do:

        def enter(
            folder: Path, on_day_end: Callable[[], None], everybody: str | None = None
        ) -> PlayDays:
            make_folders(folder)

            def play_days(segment: timeline.Segment, models: Mapping[str, Path]) -> ShardOutput:
                told[0] = on_day_end
                stints = [ShardDays(shard, segment.days, dict(models)) for shard in shards]
                parts = do([(folder, everybody, stint) for stint in stints])
                return reduce(ShardOutput.merge, parts if alone else map(counting, parts))

            def counting(part: ShardOutput) -> ShardOutput:
                for _ in {entry["days"][0] for entry in part.units}:
                    on_day_end()
                return part

            return play_days

        yield enter


class _Players:
    """Plays stints of a run, then of other worlds: of each its player, the latest one kept.

    Args:
        job: what they have in common.
        options: of each player.
    """

    def __init__(self, job: Job, **options: Any) -> None:
        self.job, self.options = job, options
        self._latest: tuple[Path, ShardRunner] | None = None

    def __call__(self, task: tuple[Path, str | None, ShardDays]) -> ShardOutput:
        folder, everybody, stint = task
        if self._latest is None or self._latest[0] != folder:
            job = replace(self.job, folder=folder, everybody=everybody)
            self._latest = folder, ShardRunner(job, **self.options)
        return self._latest[1](stint)


def shards_of(plan: Plan) -> list[Shard]:
    """The shards of a run."""
    return [Shard(number, rows) for number, rows in enumerate(plan.shards)]


def make_folders(folder: Path) -> None:
    """Makes the folders that a run is written to."""
    for name in (LOG, STATE):
        (folder / name).mkdir(exist_ok=True)
