"""Days of shards for workers that share no disk with the run: files travel with each unit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from abbotify.files.cleanup import scratch
from abbotify.files.folders import replacing
from abbotify.simulation.shard import LOG, STATE, ShardDays, ShardOutput, ShardRunner

Files = Mapping[str, bytes]  # path below a folder -> content

_MODELS = "models"


@dataclass(frozen=True)
class SentDays(Sequence[tuple[ShardDays, Files]]):
    """Days of shards with the files that they go on from, which are read as they are sent.

    Attributes:
        tasks: the days.
    """

    tasks: Sequence[ShardDays]

    def __len__(self) -> int:
        return len(self.tasks)

    def __getitem__(self, place: int) -> tuple[ShardDays, Files]:  # type: ignore[override]
        task = self.tasks[place]
        files = {f"{STATE}/{path.name}": path for path in task.before if task.days.start}
        files |= {f"{_MODELS}/{path.name}": path for path in task.models.values()}
        return task, {name: path.read_bytes() for name, path in files.items()}


def play_sent(runner: ShardRunner, unit: tuple[ShardDays, Files]) -> tuple[ShardOutput, Files]:
    """Plays days where the run folder is not; what is left of them, and the files written."""
    task, files = unit
    with scratch() as folder:
        for name in (LOG, STATE, _MODELS):
            (folder / name).mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        models = {arm: folder / _MODELS / path.name for arm, path in task.models.items()}
        output = runner.play(replace(task, folder=folder, start=None, models=models))
        written = [path for part in (LOG, STATE) for path in sorted((folder / part).iterdir())]
        named = {path.relative_to(folder).as_posix(): path.read_bytes() for path in written}
    return output, {name: content for name, content in named.items() if name not in files}


def received(
    tasks: Sequence[ShardDays],
    each: Callable[..., Iterator[tuple[ShardOutput, Files]]],
) -> Iterator[ShardOutput]:
    """Plays days elsewhere and writes what they have written there to the run folder.

    Args:
        tasks: the days.
        each: of an executor.
    """
    for task, (output, files) in zip(tasks, each(play_sent, SentDays(tasks)), strict=True):
        # What tells that the unit is done comes last.
        for name in sorted(files, key=lambda name: name.endswith(task.output.name)):
            with replacing(task.folder / name) as temporary:
                temporary.write_bytes(files[name])
        yield output
