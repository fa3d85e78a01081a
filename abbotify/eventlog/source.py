"""A log before it is analysed: its files, its arms, and how to read its events."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from abbotify.errors import DataError, UserError
from abbotify.eventlog.arrow_table import Names
from abbotify.eventlog.botify_reader import read_botify
from abbotify.eventlog.log import Log, open_log, whole_sessions
from abbotify.eventlog.parquet import LogFile
from abbotify.eventlog.schema import (
    ARM,
    CONTROL_KEY,
    EXPERIMENT_KEY,
    NO_ARM,
    WEIGHTS_KEY,
    Events,
    Labels,
    arm_column,
    arm_label,
)
from abbotify.files.folders import check_regular

Order = tuple[str, ...]  # the arms as the log names them, the control first


@dataclass(frozen=True)
class Part:
    """Some rows of a log, sorted by user and session.

    Attributes:
        lowest_user: no user is smaller.
        days: from the first to the last one, as far as is known before reading.
        earlier: the days are before the experiment, nobody is in an arm.
        read: the events with `arm` in the order given, whole sessions at a time.
        derived: sessions are derived from users and timestamps, in one piece.
    """

    lowest_user: int
    days: range | None
    earlier: bool
    read: Callable[[], Iterator[Events]]
    derived: bool = False


@dataclass(frozen=True)
class Source:
    """A log before its arms are put in order.

    Attributes:
        files: what was read.
        names: the arms as the log names them.
        control: the one it says, or by convention is, the control.
        labels: the names are botify's labels (C, T1, ...).
        weights: of the arms, where the log or its format says so.
        parts: the rows, once the arms are in order.
        broken: how many lines are broken, of how many, and why the first is; None in Parquet.
    """

    files: tuple[Path, ...]
    names: tuple[str, ...]
    control: str | None
    labels: bool
    weights: Mapping[str, float]
    parts: Callable[[Order], Sequence[Part]]
    broken: tuple[int, int, str] | None = None

    def known_weights(self, given: Mapping[str, float]) -> Mapping[str, float]:
        """The weights of the arms, given ones instead of the log's.

        Raises:
            UserError: a weight of no arm, or one that is not positive and finite.
        """
        for name, weight in given.items():
            if name not in self.names:
                known = ", ".join(self.names)
                raise UserError(f"{name!r} is no arm of the log ({known})", key="weights")
            if not 0 < weight < float("inf"):
                raise UserError(f"must be above 0 and finite, got {name}={weight}", key="weights")
        return {**self.weights, **given}


def open_source(logs: Sequence[Path], experiment: str) -> Source:
    """The log in some files.

    Args:
        logs: files of botify's JSON lines, or Parquet files, folders of them, run folders.
        experiment: its name in the log.

    Raises:
        DataError: nothing is there, files of two kinds, a broken file, an unknown experiment.
    """
    files = [Path(path) for path in logs]
    for at, path in enumerate(files):
        if os.path.realpath(path) in map(os.path.realpath, files[:at]):
            raise DataError("the file is given twice", file=path)
    for path in files:
        check_regular(path, or_folder=True)
    parquet = [_is_parquet(path) for path in files]
    if all(parquet):  # or no file at all
        return _parquet(files, experiment)
    if any(parquet):
        odd = files[parquet.index(False)]
        raise DataError("JSON lines and Parquet files cannot be one log", file=odd)
    return _botify(files, experiment)


def _is_parquet(path: Path) -> bool:
    if path.is_dir() or path.suffix == ".parquet":
        return True
    try:
        with open(path, "rb") as file:
            return file.read(4) == b"PAR1"
    except OSError as error:
        raise DataError(f"the file cannot be read ({error.strerror})", file=path) from error


def _botify(files: Sequence[Path], experiment: str) -> Source:
    log = read_botify(files, experiment=experiment)
    label = log.events.arms[ARM]
    first = log.first_broken
    reason = "" if first is None else f"({first.file.name}, line {first.line}) {first.reason}"
    return Source(
        files=tuple(files),
        names=label.names,
        control=arm_label(0) if arm_label(0) in label.names else None,
        labels=True,
        weights=dict.fromkeys(label.names, 1.0),  # botify splits users evenly
        parts=lambda order: [_in_memory([_with_arm(log.events, label, order)])],
        broken=(log.broken, log.lines, reason),
    )


def _with_arm(events: Events, label: Labels, order: Order) -> Events:
    """The events with one column of arms, whose codes count into `order`."""
    table = np.array([*(order.index(name) for name in label.names), NO_ARM], np.int16)
    return replace(events, arms={ARM: Labels(table[label.codes], order)})  # -1: the last entry


def _in_memory(pieces: Sequence[Events], earlier: bool = False) -> Part:
    in_arm = [piece.day[piece.arms[ARM].codes >= 0] for piece in pieces]
    days = np.concatenate([piece.day for piece in pieces] if earlier else in_arm)
    known = range(int(days.min()), int(days.max()) + 1) if len(days) else None
    return Part(0, known, earlier, lambda: iter(pieces), derived=True)


def _parquet(paths: Sequence[Path], experiment: str) -> Source:
    log = open_log([path / "log" if (path / "log").is_dir() else path for path in paths])
    after = log.select(lambda file: file.of_experiment)
    if not after.rows:
        raise DataError("the log holds no event of an experiment", file=paths[0])
    before = log.select(lambda file: not file.of_experiment)
    column = _column(after, experiment, paths[0])
    for file in after.files:
        if file.rows and column not in file.columns:
            others = next(other.path.name for other in after.files if column in other.columns)
            raise DataError(f"has no column of arms, as {others} has", file=file.path, key=column)
    names = after.names[column]
    return Source(
        files=tuple(file.path for file in log.files),
        names=names,
        control=_control(after, column, names),
        labels=False,
        weights=_weights(after) if column == ARM else {},
        parts=lambda order: [
            *_parts(
                after, {column: order}, lambda rows: replace(rows, arms={ARM: rows.arms[column]})
            ),
            *_parts(before, {}, lambda rows: rows.unassigned({ARM: order}), earlier=True),
        ],
    )


def _column(log: Log, experiment: str, path: Path) -> str:
    first = {f.metadata[EXPERIMENT_KEY] for f in log.files if EXPERIMENT_KEY in f.metadata}
    if ARM in log.names and (experiment in first or (set(log.names) == {ARM} and not first)):
        return ARM
    if arm_column(experiment) in log.names:
        return arm_column(experiment)
    prefix = arm_column("")
    others = {name.removeprefix(prefix) for name in log.names if name.startswith(prefix)}
    known = ", ".join(sorted(first | others)) or "none"
    raise DataError(f"{experiment!r} is no experiment of the log ({known})", file=path)


def _control(log: Log, column: str, names: Order) -> str | None:
    values = {file.metadata.get(CONTROL_KEY) for file in log.files}
    if column == ARM and len(values) == 1 and (only := values.pop()) in names:
        return only
    if arm_label(0) in names:
        return arm_label(0)
    # In a run's log the names of a further experiment are in the scenario's order.
    return names[0] if column != ARM and names else None


def _weights(log: Log) -> Mapping[str, float]:
    """What the files say the arms weigh; nothing when they do not, or disagree."""
    values = {file.metadata.get(WEIGHTS_KEY) for file in log.files}
    try:
        weights = json.loads(values.pop() or "{}") if len(values) == 1 else {}
        return {name: float(weight) for name, weight in weights.items()}
    except (ValueError, TypeError, AttributeError):
        return {}  # another program's key of that name


def _parts(
    log: Log, names: Names, shaped: Callable[[Events], Events], earlier: bool = False
) -> Iterator[Part]:

    def read(file: LogFile) -> Iterator[Events]:
        return map(shaped, whole_sessions(file, names))

    if not all(file.numbered for file in log.files):
        yield _in_memory([shaped(rows) for rows in log.pieces(names)], earlier)
        return
    for file in filter(lambda file: file.rows, log.files):
        yield Part(file.lowest_user, file.days, earlier, partial(read, file))


def ordered(source: Source, control: str | None, arms: Mapping[str, str]) -> Order:
    """The log's arms, the control first.

    Args:
        source: the log.
        control: as the log names it, or as it is to be shown; default what the log says.
        arms: the log's name of an arm -> the name to show.

    Raises:
        UserError: an arm the log does not name, no control, two arms shown by one name.
    """
    known = ", ".join(source.names) or "none"
    for name in arms:
        if name not in source.names:
            raise UserError(f"{name!r} is no arm of the log ({known})", key="arms")
    if control is not None and control not in source.names:
        given = [name for name, shown in arms.items() if shown == control]
        if len(given) != 1:
            raise UserError(f"{control!r} is no arm of the log ({known})", key="control")
        control = given[0]
    first = control or source.control
    if first is None:
        raise UserError(f"the log does not say which arm it is ({known})", key="control")
    order = (first, *(name for name in source.names if name != first))
    shown = [arms.get(name, name) for name in order]
    if len(set(shown)) < len(shown):
        raise UserError(f"two arms have one name: {', '.join(shown)}", key="arms")
    return order
