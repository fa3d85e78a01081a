"""The analysis of an event log, simulated or real: from its files to a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from abbotify import __version__, outfolder
from abbotify.analysis.source import Order, Source, open_source, ordered
from abbotify.digests import digest_data, digest_file
from abbotify.errors import DataError, OutputError, UserError
from abbotify.events import ARM, NO_ARM, Events, Labels, arm_label
from abbotify.metrics.definitions import METRICS, PRE
from abbotify.metrics.users import UserTable, user_table
from abbotify.metrics.users_file import write_users
from abbotify.report import checks
from abbotify.report.aggregates import aggregate
from abbotify.report.build import ArmInfo, build
from abbotify.report.document import FORMATS, Check, Document, Run
from abbotify.report.render import write
from abbotify.report.tally import Tally
from abbotify.sessions import SKIP_BELOW, SessionTable, session_table

SUCCESS: Final = "mean_time_per_session"


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
    weights: Mapping[str, float] | None = None,
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
        weights: how users were meant to be split, by the log's names of the arms; default what
            the log says, evenly for botify's.
        alpha: the error rate of the decision.
        skip_below: a recommended track listened to for less than this fraction is a skip.

    Raises:
        UserError: a log that cannot be read, an experiment or an arm it does not name, fewer
            than two arms, an output folder that holds something else.
    """
    _refuse_fractions(alpha, skip_below)
    _refuse_loss(logs, out)
    outfolder.check(out)
    source = open_source(logs, experiment)
    _refuse_loss(source.files, out)
    order = ordered(source, control, arms)
    source = replace(source, weights=_known_weights(source, weights or {}))
    shown = tuple(arms.get(name, name) for name in order)
    with outfolder.swapped(out) as folder:
        read = _read(source, order, shown, skip_below)
        document, users = _document(source, read, order, shown, experiment, alpha)
        write_users(folder / "users.parquet", [users])
        write(document, folder)
    return document


def _known_weights(source: Source, given: Mapping[str, float]) -> Mapping[str, float]:
    for name, weight in given.items():
        if name not in source.names:
            known = ", ".join(source.names)
            raise UserError(f"{name!r} is no arm of the log ({known})", key="weights")
        if not 0 < weight < float("inf"):
            raise UserError(f"must be above 0 and finite, got {name}={weight}", key="weights")
    return {**source.weights, **given}


def _refuse_loss(files: Sequence[Path], out: Path) -> None:
    # Replacing a folder must not take the log with it.
    if any(out.resolve() in file.resolve().parents for file in files):
        raise OutputError("holds the log itself; give another folder", file=out)


def _refuse_fractions(alpha: float, skip_below: float) -> None:
    if not 0 < alpha < 1:
        raise UserError(f"{alpha} is not between 0 and 1", key="alpha")
    if not 0 <= skip_below <= 1:
        raise UserError(f"{skip_below} is not from 0 to 1", key="skip_below")


def _read(source: Source, order: Order, shown: Sequence[str], skip_below: float) -> _Read:
    after, played, in_two_arms = [], [], 0
    for events in source.after(order):
        mixed = _mixed(events)
        in_two_arms += len(mixed)
        events = _without(events, mixed)
        after.append(session_table(events, skip_below=skip_below))
        codes = events.arms[ARM].codes
        played.append((events.track, events.step, events.hundredths, codes))
    before = [session_table(e, skip_below=skip_below) for e in source.before(order)]
    tally = Tally(shown, ARM, _days(after, source.files[0]))
    for table, (track, step, hundredths, codes) in zip(after, played, strict=True):
        tally.add(table, plays=(track, codes), heard=(step, hundredths, codes))
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
    source: Source,
    read: _Read,
    order: Order,
    shown: Sequence[str],
    experiment: str,
    alpha: float,
) -> tuple[Document, UserTable]:
    used = _used(read, order, source.files[0])
    users = _users(read, shown, with_days=not source.labels)
    infos = [
        ArmInfo(
            shown[code],
            order[code] if source.labels else arm_label(code),
            None,
            source.weights.get(order[code]),
        )
        for code in range(used)
    ]
    document = build(
        users=aggregate(users, used, list(METRICS), "exposed"),
        tally=read.tally,
        scenario=_scenario(experiment, infos),
        run=_run(source, read, experiment, alpha),
        arms=infos,
        metrics=list(METRICS),
        success=[SUCCESS],
        extra_checks=[*source.checks, _open_sessions(read)],
    )
    return document, users


def _open_sessions(read: _Read) -> Check:
    closed = np.concatenate([table.closed for table in (*read.before, *read.after)])
    return checks.open_sessions(int(np.count_nonzero(~closed)), len(closed))


def _used(read: _Read, order: Order, file: Path) -> int:
    """How many of the first arms there are: the last ones of a run's log only collected."""
    seen = sorted({int(code) for t in read.after for code in np.unique(t.arms[ARM].codes)} - {-1})
    if len(seen) < 2:
        only = ", ".join(order[code] for code in seen)
        raise DataError(f"the log has users in one arm only ({only}), not in two", file=file)
    return seen[-1] + 1


def _users(read: _Read, shown: Sequence[str], with_days: bool) -> UserTable:
    earlier = {int(day) for table in read.before for day in np.unique(table.day)}
    # Open sessions too: leaving them out would lose more users of an arm with longer sessions.
    users = user_table(
        chain(read.before, read.after),
        days=read.days,
        pre_days=sorted(earlier - set(read.days)),
        open_sessions=True,
    )
    label = users.arms[ARM]
    renamed = {ARM: Labels(label.codes, tuple(shown))}
    # Lines date a session by the end of its first track, a run by the day its visit was due.
    told = {k: v for k, v in users.values.items() if with_days or k.removeprefix(PRE) != "retained"}
    return replace(users, arms=renamed, values=told, in_two_arms={ARM: read.in_two_arms})


def _scenario(experiment: str, infos: Sequence[ArmInfo]) -> dict[str, Any]:
    names = [info.name for info in infos]
    return {
        "name": experiment,
        "experiment": {"name": experiment, "control": names[0], "arms": names},
    }


def _run(source: Source, read: _Read, experiment: str, alpha: float) -> Run:
    digests = [digest_file(file) for file in source.files]
    return Run(
        seeds={},
        digests={"log": digests[0] if len(digests) == 1 else digest_data(digests)},
        formats=dict(FORMATS),
        abbotify=__version__,
        alpha=alpha,
        experiment=experiment,
        days=len(read.days),
        source="log",
    )
