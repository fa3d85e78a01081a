"""botify's event log, written: JSON lines of all days and shards in the order of time."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.log import Log
from abbotify.eventlog.merge import Run, gathered, merged, sort_rows
from abbotify.eventlog.parquet import open_file, read_pieces
from abbotify.eventlog.parquet_writer import write_events
from abbotify.eventlog.schema import (
    NO_ARM,
    SESSION,
    STEP,
    TIMESTAMP,
    USER,
    Events,
    Labels,
    arm_label,
)
from abbotify.files.folders import replacing

ORDER: Final = (TIMESTAMP, USER, SESSION, STEP)
ROWS_IN_MEMORY: Final = 1_000_000
_AT_ONCE: Final = 1 << 14  # rows of one run in memory while the runs are merged


class LoggedExperiment(NamedTuple):
    """An experiment as botify's log names it.

    Attributes:
        column: the column of arms, `arm` or `arm_NAME`.
        name: of the experiment in the log.
        arms: the names of its arms, the control first: they become C, T1, T2, ...
    """

    column: str
    name: str
    arms: Sequence[str]


def write_botify(
    path: str | Path,
    parts: Iterable[Events],
    experiments: Sequence[LoggedExperiment] = (),
    *,
    rows: int = ROWS_IN_MEMORY,
) -> None:
    """Writes events as botify's JSON lines, sorted by (timestamp, user, session, step).

    Rows whose arm is null or none of an experiment's arms are outside of it. More rows than
    fit in memory are sorted through temporary files beside `path`.

    Args:
        path: the file, which appears whole or not at all.
        parts: rows in any order, with equal names of arms.
        experiments: those to name.
        rows: how many to hold and sort at once.
    """
    path = Path(path)
    with (
        tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder,
        replacing(path) as temporary,
        open(temporary, "w", encoding="utf-8", newline="\n") as file,
    ):
        for piece in merged(_sorted_runs(parts, Path(folder), rows), ORDER):
            file.writelines(_lines(piece, experiments))


def parts_of_log(log: Log) -> Iterator[Events]:
    """The rows of a Parquet log for `write_botify`: only those of the experiment keep their arm."""
    for file in log.files:
        for piece in Log((file,)).pieces(log.names):
            yield piece if file.of_experiment else piece.unassigned(log.names)


def _sorted_runs(parts: Iterable[Events], folder: Path, rows: int) -> list[Run[Events]]:
    runs: list[Run[Events]] = []
    held: Events | None = None
    for part in gathered((part for part in parts if len(part)), rows):
        if held is not None:
            runs.append(_stored(held, folder / f"{len(runs)}.parquet"))
        held = sort_rows(part, ORDER)
    if held is not None:  # the last run, often the only one, need not be stored
        runs.append(Run(int(held.timestamp[0]), partial(iter, [held])))
    return runs


def _stored(events: Events, path: Path) -> Run[Events]:
    write_events(path, events)
    file = open_file(path)
    names = {column: label.names for column, label in events.arms.items()}
    read = partial(read_pieces, file, names, _AT_ONCE, ordered=False)
    return Run(int(events.timestamp[0]), read)


def _lines(events: Events, experiments: Sequence[LoggedExperiment]) -> Iterator[str]:
    columns = zip(
        events.last.tolist(),
        events.timestamp.tolist(),
        events.user.tolist(),
        events.track.tolist(),
        events.time.tolist(),
        (events.latency_ms / 1000.0).tolist(),
        events.recommendation.tolist(),
        _names(events, experiments),
        strict=True,
    )
    for last, timestamp, user, track, time, latency, answer, names in columns:
        message, more = ("last", "") if last else ("next", f', "recommendation": {answer}')
        yield (
            f'{{"message": "{message}", "timestamp": {timestamp}, "user": {user}, '
            f'"track": {track}, "time": {time}, "latency": {latency}{more}, '
            f'"experiments": {names}}}\n'
        )


def _names(events: Events, experiments: Sequence[LoggedExperiment]) -> list[str]:
    """The JSON text of each row's experiments; each distinct one is made once."""
    codes = [_positions(events.arms[experiment.column], experiment) for experiment in experiments]
    if not codes:
        return ["{}"] * len(events)
    distinct, inverse = np.unique(np.stack(codes), axis=1, return_inverse=True)
    texts = np.array([_text(column, experiments) for column in distinct.T.tolist()], object)
    return [str(text) for text in texts[inverse.reshape(-1)]]


def _positions(label: Labels, experiment: LoggedExperiment) -> npt.NDArray[np.int16]:
    arms = list(experiment.arms)
    table = [arms.index(name) if name in arms else NO_ARM for name in label.names]
    return np.array([*table, NO_ARM], np.int16)[label.codes]  # code -1 takes the last entry


def _text(positions: Sequence[int], experiments: Sequence[LoggedExperiment]) -> str:
    labels = {
        experiment.name: arm_label(position)
        for experiment, position in zip(experiments, positions, strict=True)
        if position >= 0
    }
    return json.dumps(labels)
