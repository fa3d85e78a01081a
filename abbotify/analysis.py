"""The analysis of an event log, simulated or real: from its files to a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from abbotify import __version__
from abbotify.errors import DataError, UserError
from abbotify.eventlog.botify import read_botify
from abbotify.eventlog.botify_writer import EXPERIMENT_PHASE, PHASE
from abbotify.eventlog.digests import digest_data, digest_file
from abbotify.eventlog.log import Log, open_log
from abbotify.eventlog.parquet import LogFile
from abbotify.events import ARM, NO_ARM, Events, Labels, arm_column
from abbotify.metrics.definitions import METRICS
from abbotify.metrics.sessions import SKIP_BELOW, SessionTable, session_table
from abbotify.metrics.users import UserTable, user_table
from abbotify.metrics.users_file import write_users
from abbotify.outfolder import swapped
from abbotify.report import checks
from abbotify.report.build import ArmInfo, build
from abbotify.report.document import FORMAT, Check, Document, Run
from abbotify.report.render import write
from abbotify.report.tally import Tally

SUCCESS: Final = "mean_time_per_session"
_FORMATS: Final = {"report": FORMAT, "log": 1, "users": 1, "effects": 1}

Order = tuple[str, ...]  # the arms as the log names them, the control first


@dataclass(frozen=True)
class _Source:
    """A log before its arms are put in order.

    Attributes:
        files: what was read.
        names: the arms as the log names them.
        control: the one it says, or by convention is, the control.
        labels: the names are botify's labels (C, T1, ...).
        weight: what every arm weighs, where the format says so.
        after: the events of the experiment with `arm` in the order given, whole users at a time.
        before: those of the days before it.
        checks: what was found while reading.
    """

    files: tuple[Path, ...]
    names: tuple[str, ...]
    control: str | None
    labels: bool
    weight: float | None
    after: Callable[[Order], Iterator[Events]]
    before: Callable[[Order], Iterator[Events]]
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True)
class _Read:
    """Sessions, and what else is needed of the events."""

    before: list[SessionTable]
    after: list[SessionTable]
    tally: Tally
    in_two_arms: int

    @property
    def days(self) -> range:
        """From the first day with a session in an arm to the last one."""
        return range(self.tally.days[0], self.tally.days[-1] + 1)


def analyze(
    logs: Sequence[Path],
    *,
    experiment: str,
    control: str | None,
    arms: Mapping[str, str],
    out: Path,
    alpha: float = 0.05,
    skip_below: float = SKIP_BELOW,
) -> Document:
    """Analyses a log as if it came from a run, and writes users.parquet and the report.

    Args:
        logs: files of botify's JSON lines, or Parquet files, folders of them, a run folder.
        experiment: its name in the log.
        control: the arm the others are compared with, as the log names it; default what the log
            says, or C.
        arms: the log's name of an arm -> the name to show.
        out: the folder of the report; an existing run is replaced.
        alpha: the error rate of the decision.
        skip_below: a recommended track listened to for less than this fraction is a skip.

    Raises:
        UserError: a log that cannot be read, an experiment or an arm it does not name, fewer
            than two arms, an output folder that holds something else.
    """
    _refuse_fractions(alpha, skip_below)
    source = _source(logs, experiment)
    order = _ordered(source, control, arms)
    with swapped(out) as folder:
        read = _read(source, order, skip_below)
        document, users = _document(source, read, order, arms, experiment, alpha)
        write_users(folder / "users.parquet", users)
        write(document, folder)
    return document


def _refuse_fractions(alpha: float, skip_below: float) -> None:
    if not 0 < alpha < 1:
        raise UserError(f"{alpha} is not between 0 and 1", key="alpha")
    if not 0 <= skip_below <= 1:
        raise UserError(f"{skip_below} is not from 0 to 1", key="skip_below")


def _source(logs: Sequence[Path], experiment: str) -> _Source:
    if not logs:
        raise DataError("no file of an event log is given")
    files = [Path(path) for path in logs]
    parquet = [_is_parquet(path) for path in files]
    if all(parquet):
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


def _botify(files: Sequence[Path], experiment: str) -> _Source:
    log = read_botify(files, experiment=experiment)
    label = log.events.arms[ARM]
    sessions = int(np.count_nonzero(log.events.step == 0))
    reason = "" if log.first_broken is None else log.first_broken.reason
    return _Source(
        files=tuple(files),
        names=label.names,
        control="C" if "C" in label.names else None,
        labels=True,
        weight=1.0,  # botify splits users evenly
        after=lambda order: iter([_with_arm(log.events, label, order)]),
        before=lambda order: iter(()),
        checks=(
            checks.broken_lines(log.broken, log.lines, reason),
            checks.open_sessions(log.open_sessions, sessions),
        ),
    )


def _with_arm(events: Events, label: Labels, order: Order) -> Events:
    """The events with one column of arms, whose codes count into `order`."""
    table = np.array([*(order.index(name) for name in label.names), NO_ARM], np.int16)
    return replace(events, arms={ARM: Labels(table[label.codes], order)})  # -1: the last entry


def _parquet(paths: Sequence[Path], experiment: str) -> _Source:
    log = open_log([path / "log" if (path / "log").is_dir() else path for path in paths])
    after = log.select(_of_the_experiment)
    if not after.rows:
        raise DataError("the log holds no event of an experiment", file=paths[0])
    before = log.select(lambda file: not _of_the_experiment(file))
    column = _column(after, experiment, paths[0])
    names = after.names[column]
    return _Source(
        files=tuple(file.path for file in log.files),
        names=names,
        control=_control(after, column, names),
        labels=False,
        weight=None,
        after=lambda order: _pieces(after, column, order),
        before=lambda order: (
            _outside(piece, order) for piece in (before.pieces({}) if before.files else ())
        ),
    )


def _of_the_experiment(file: LogFile) -> bool:
    return file.metadata.get(PHASE, EXPERIMENT_PHASE) == EXPERIMENT_PHASE


def _column(log: Log, experiment: str, path: Path) -> str:
    first = {file.metadata["experiment"] for file in log.files if "experiment" in file.metadata}
    if ARM in log.names and (experiment in first or set(log.names) == {ARM} and not first):
        return ARM
    if arm_column(experiment) in log.names:
        return arm_column(experiment)
    prefix = arm_column("")
    others = {name.removeprefix(prefix) for name in log.names if name.startswith(prefix)}
    known = ", ".join(sorted(first | others)) or "none"
    raise DataError(f"{experiment!r} is no experiment of the log ({known})", file=path)


def _control(log: Log, column: str, names: Order) -> str | None:
    told = {file.metadata.get("control") for file in log.files}
    if column == ARM and len(told) == 1 and (only := told.pop()) in names:
        return only
    if "C" in names:
        return "C"
    # In a run's log the names of a further experiment are in the scenario's order.
    return names[0] if column != ARM and names else None


def _pieces(log: Log, column: str, order: Order) -> Iterator[Events]:
    for events in log.pieces({column: order}):
        yield replace(events, arms={ARM: events.arms[column]})


def _outside(events: Events, order: Order) -> Events:
    nobody = np.full(len(events), NO_ARM, np.int16)
    return replace(events, arms={ARM: Labels(nobody, order)})


def _ordered(source: _Source, control: str | None, arms: Mapping[str, str]) -> Order:
    """The log's arms, the control first."""
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


def _read(source: _Source, order: Order, skip_below: float) -> _Read:
    after, plays, in_two_arms = [], [], 0
    for events in source.after(order):
        mixed = _mixed(events)
        in_two_arms += len(mixed)
        events = _without(events, mixed)
        after.append(session_table(events, skip_below=skip_below))
        plays.append((events.track, events.arms[ARM].codes))
    before = [session_table(e, skip_below=skip_below) for e in source.before(order)]
    tally = Tally(order, ARM, _days(after, source.files[0]))
    for table, played in zip(after, plays, strict=True):
        tally.add(table, plays=played)
    return _Read(before, after, tally, in_two_arms)


def _mixed(events: Events) -> npt.NDArray[np.int64]:
    """The users seen in more than one arm, ascending."""
    codes = events.arms[ARM].codes
    known = codes >= 0
    pairs = np.unique(np.stack([events.user[known], codes[known].astype(np.int64)]), axis=1)
    users, seen = np.unique(pairs[0], return_counts=True)
    mixed: npt.NDArray[np.int64] = users[seen > 1]
    return mixed


def _without(events: Events, users: npt.NDArray[np.int64]) -> Events:
    """The events with these users in no arm."""
    label = events.arms[ARM]
    codes = np.where(np.isin(events.user, users), NO_ARM, label.codes).astype(np.int16)
    return replace(events, arms={ARM: Labels(codes, label.names)})


def _days(tables: Sequence[SessionTable], file: Path) -> range:
    found = [table.day[table.arms[ARM].codes >= 0] for table in tables]
    days = np.concatenate(found)
    if not len(days):
        raise DataError("no session of the log is in an arm", file=file)
    return range(int(days.min()), int(days.max()) + 1)


def _document(
    source: _Source,
    read: _Read,
    order: Order,
    arms: Mapping[str, str],
    experiment: str,
    alpha: float,
) -> tuple[Document, UserTable]:
    used = _used(read, order, source.files[0])
    shown = [arms.get(name, name) for name in order]
    users = _users(read, shown)
    infos = [
        ArmInfo(shown[code], order[code] if source.labels else _label(code), None, source.weight)
        for code in range(used)
    ]
    read.tally.arms = tuple(shown)
    document = build(
        users=users,
        tally=read.tally,
        scenario=_scenario(experiment, infos),
        run=_run(source, read, experiment, alpha),
        arms=infos,
        metrics=list(METRICS),
        success=[SUCCESS],
        extra_checks=source.checks,
    )
    return document, users


def _used(read: _Read, order: Order, file: Path) -> int:
    """How many of the first arms there are: the last ones of a run's log only collected."""
    seen = sorted({int(code) for t in read.after for code in np.unique(t.arms[ARM].codes)} - {-1})
    if len(seen) < 2:
        only = ", ".join(order[code] for code in seen)
        raise DataError(f"the log has users in one arm only ({only}), not in two", file=file)
    return seen[-1] + 1


def _users(read: _Read, shown: Sequence[str]) -> UserTable:
    earlier = {int(day) for table in read.before for day in np.unique(table.day)}
    users = user_table(
        chain(read.before, read.after), days=read.days, pre_days=sorted(earlier - set(read.days))
    )
    label = users.arms[ARM]
    renamed = {ARM: Labels(label.codes, tuple(shown))}
    return replace(users, arms=renamed, in_two_arms={ARM: read.in_two_arms})


def _label(code: int) -> str:
    return f"T{code}" if code else "C"


def _scenario(experiment: str, infos: Sequence[ArmInfo]) -> dict[str, Any]:
    names = [info.name for info in infos]
    return {
        "name": experiment,
        "experiment": {"name": experiment, "control": names[0], "arms": names},
    }


def _run(source: _Source, read: _Read, experiment: str, alpha: float) -> Run:
    digests = [digest_file(file) for file in source.files]
    return Run(
        seeds={},
        digests={"log": digests[0] if len(digests) == 1 else digest_data(digests)},
        formats=_FORMATS,
        abbotify=__version__,
        alpha=alpha,
        experiment=experiment,
        days=len(read.days),
        source="log",
    )
