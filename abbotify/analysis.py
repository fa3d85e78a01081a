"""The analysis of an event log, simulated or real: from its files to a report."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from abbotify import __version__
from abbotify.digests import digest_data, digest_file
from abbotify.errors import DataError, OutputError, UserError
from abbotify.eventlog.schema import ARM, Labels, arm_label
from abbotify.eventlog.sessions import SKIP_BELOW
from abbotify.eventlog.source import Order, Source, open_source, ordered
from abbotify.files import folders
from abbotify.metrics.aggregates import UserAggregates, aggregate
from abbotify.metrics.definitions import METRICS, PRE
from abbotify.metrics.from_log import SUCCESS, Read, watching_of
from abbotify.metrics.from_log import read as read_log
from abbotify.metrics.segments import SegmentBounds
from abbotify.metrics.users import UserTable
from abbotify.metrics.users_file import write_users
from abbotify.report.build import build
from abbotify.report.checks import data
from abbotify.report.faults import Faults
from abbotify.report.files import write_data, write_pages
from abbotify.report.inputs import ArmInfo, ReportInputs, ReportSpec
from abbotify.report.monitoring import MonitoringPlan
from abbotify.report.result import FORMATS, Result, Run
from abbotify.report.user_level_effects import UserLevelEffects, UserLevelSpec, user_level_effects
from abbotify.stats.effects import Estimator
from abbotify.stats.non_inferiority import PERCENT, GuardrailSpec

LEAST_ALPHA: Final = 1e-6  # as in a scenario
MOST_ALPHA: Final = 0.5
_QUANTILES: Final = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class Question:
    """The metrics that decide, the guardrails, and the estimator of the decision."""

    success: tuple[str, ...] = (SUCCESS,)
    rails: tuple[GuardrailSpec, ...] = ()
    estimator: Estimator = "auto"


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
    question: Question = Question(),
) -> Result:
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
        question: what decides, and what must not get worse.

    Raises:
        UserError: a log that cannot be read, an experiment or an arm it does not name, fewer
            than two arms, an output folder that holds something else.
    """
    _refuse_fractions(alpha, skip_below)
    _refuse_loss(logs, out)
    folders.check(out)
    source = open_source(logs, experiment)
    _refuse_loss(source.files, out)
    order = ordered(source, control, arms)
    source = replace(source, weights=_known_weights(source, weights or {}))
    shown = tuple(arms.get(name, name) for name in order)
    faults = Faults()
    with folders.swapped(out) as folder:
        result = decide(
            source, order, shown, folder, experiment, alpha, skip_below, question, faults
        )
        write_data(result, folder)
        fault = write_pages(result, folder, faults=faults)
        if faults.entry:
            text = json.dumps(faults.entry, ensure_ascii=False, indent=2)
            (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")
    if fault is not None:
        raise fault.beside(out)
    return result


def decide(
    source: Source,
    order: Order,
    shown: Sequence[str],
    folder: Path,
    experiment: str,
    alpha: float = 0.05,
    skip_below: float = SKIP_BELOW,
    question: Question = Question(),
    faults: Faults | None = None,
) -> Result:
    """The report of a log; users.parquet is written, pages are not.

    Args:
        source: the log.
        order: its arms, the control first.
        shown: the names to show them by.
        folder: exists; users.parquet is written there.
        experiment: its name.
        alpha: the error rate of the decision.
        skip_below: as `analyze`.
        question: what decides, and what must not get worse.
        faults: takes the parts of the report that fail; without it they are raised.

    Raises:
        UserError: as `analyze`.
    """
    with ThreadPoolExecutor(1) as beside:
        # Digests and compression leave the interpreter free to read and to work out the effects.
        digest = beside.submit(_digest, source.files)
        read = read_log(source, order, shown, skip_below)
        names = order[: _used(read, order, source.files[0])]
        _require_weights(source, names)
        infos = _infos(source, names, shown)
        users = _users(read, shown, with_days=not source.labels)
        written = beside.submit(write_users, folder / "users.parquet", [users])
        _refuse_question(question, users, read)
        run = replace(_run(digest.result(), read, experiment, alpha), estimator=question.estimator)
        result = _result(source, read, users, infos, run, question, faults or Faults(strict=True))
        written.result()
    return result


def _known_weights(source: Source, given: Mapping[str, float]) -> Mapping[str, float]:
    for name, weight in given.items():
        if name not in source.names:
            known = ", ".join(source.names)
            raise UserError(f"{name!r} is no arm of the log ({known})", key="weights")
        if not 0 < weight < float("inf"):
            raise UserError(f"must be above 0 and finite, got {name}={weight}", key="weights")
    return {**source.weights, **given}


def _require_weights(source: Source, names: Sequence[str]) -> None:
    """Weights of some arms say nothing without those of the others."""
    missing = [name for name in names if name not in source.weights]
    if missing and len(missing) < len(names):
        raise UserError(f"names no weight of {', '.join(missing)}", key="weights")


def _refuse_loss(files: Sequence[Path], out: Path) -> None:
    # Replacing a folder must not take the log with it.
    whole = Path(os.path.realpath(out))  # as resolve, but takes loops of links
    if any(whole in Path(os.path.realpath(file)).parents for file in files):
        raise OutputError("holds the log itself; give another folder", file=out)


def _refuse_fractions(alpha: float, skip_below: float) -> None:
    if not 0 < alpha < 1:
        raise UserError(f"{alpha} is not between 0 and 1", key="alpha")
    if not LEAST_ALPHA <= alpha <= MOST_ALPHA:
        what = f"must lie between {LEAST_ALPHA:g} and {MOST_ALPHA:g}, got {alpha:g}"
        raise UserError(what, key="alpha")
    if not 0 <= skip_below <= 1:
        raise UserError(f"{skip_below} is not from 0 to 1", key="skip_below")


def _refuse_question(question: Question, users: UserTable, read: Read) -> None:
    """Refuses metrics that the log does not determine, and an adjustment without earlier days."""
    options = [("--success", name) for name in question.success]
    options += [("--guardrail", rail.metric) for rail in question.rails]
    for option, name in options:
        if name not in users.values:
            known = ", ".join(each for each in METRICS if each in users.values)
            raise UserError(f"{name} is not determined by this log; it has {known}", key=option)
    for rail in question.rails:
        if rail.metric in question.success:
            what = f"{rail.metric} is a success metric, which may not be worse at all"
            raise UserError(what, key="--guardrail")
    if question.estimator == "cuped" and not read.known.earlier:
        what = "cuped needs days before the experiment, which this log does not have"
        raise UserError(what, key="--estimator")


def _result(
    source: Source,
    read: Read,
    users: UserTable,
    infos: Sequence[ArmInfo],
    run: Run,
    question: Question,
    faults: Faults,
) -> Result:
    arms, watched = len(infos), read.watched[: len(infos)]
    aggregates = aggregate(users, arms, list(METRICS), "exposed")
    plan = _monitoring_plan(read, aggregates, infos, run)
    spec = _user_level_spec(read, infos, run.alpha, question)
    user_level = faults.attempt(
        "quantiles and segments", lambda: user_level_effects(users, spec), UserLevelEffects()
    )
    return build(
        _scenario(run.experiment, infos, question),
        run,
        infos,
        ReportSpec(list(METRICS), question.success, question.rails, plan),
        ReportInputs(
            replace(aggregates, watched=watched),
            read.tally,
            user_level=user_level,
            checks=[
                *([data.broken_lines(*source.broken)] if source.broken else []),
                data.rows_given_twice(read.repeated, read.clock.rows),
                data.timestamps(read.clock.doubts(), derived=read.clock.rows > 0),
                data.open_sessions(read.still_open, read.sessions),
            ],
        ),
        faults,
    )


def _monitoring_plan(
    read: Read, users: UserAggregates, infos: Sequence[ArmInfo], run: Run
) -> MonitoringPlan | None:
    """How the experiment would have been watched, planned for the users it had."""
    if read.known.days is None:
        return None
    weights = [info.weight for info in infos if info.weight is not None]
    known = tuple(weights) if len(weights) == len(infos) else None
    planned = sum(arm.exposed for arm in users.arms)
    what, estimator = watching_of(read.known.days), run.estimator
    return MonitoringPlan(what, known, planned, "obrien_fleming", run.alpha, estimator)


def _user_level_spec(
    read: Read, infos: Sequence[ArmInfo], alpha: float, question: Question
) -> UserLevelSpec:
    segments = SegmentBounds("pre_time") if read.known.earlier else None
    names, guarded = tuple(info.name for info in infos), (rail.metric for rail in question.rails)
    return UserLevelSpec(
        names,
        question.success,
        "exposed",
        alpha,
        _QUANTILES,
        segments=segments,
        guarded=tuple(guarded),
    )


def _infos(source: Source, names: Sequence[str], shown: Sequence[str]) -> list[ArmInfo]:
    return [
        ArmInfo(
            shown[code],
            name if source.labels else arm_label(code),
            None,
            source.weights.get(name),
        )
        for code, name in enumerate(names)
    ]


def _used(read: Read, order: Order, file: Path) -> int:
    """How many of the first arms there are: the last ones of a run's log only collected."""
    seen = sorted(read.codes)
    if len(seen) < 2:
        only = ", ".join(order[code] for code in seen)
        raise DataError(f"the log has users in one arm only ({only}), not in two", file=file)
    return seen[-1] + 1


def _users(read: Read, shown: Sequence[str], with_days: bool) -> UserTable:
    users = UserTable.concat(read.users)
    label = users.arms[ARM]
    renamed = {ARM: Labels(label.codes, tuple(shown))}
    # Lines date a session by the end of its first track, a run by the day its visit was due.
    values = {
        name: column
        for name, column in users.values.items()
        if with_days or name.removeprefix(PRE) != "retained"
    }
    return replace(users, arms=renamed, values=values, in_two_arms={ARM: len(read.known.mixed)})


def _scenario(experiment: str, infos: Sequence[ArmInfo], question: Question) -> dict[str, Any]:
    names = [info.name for info in infos]
    rails = [
        {"metric": rail.metric, ("margin" if rail.unit == PERCENT else "absolute"): rail.margin}
        for rail in question.rails
    ]
    metrics = {"success": list(question.success), "guardrails": rails}
    return {
        "name": experiment,
        "experiment": {"name": experiment, "control": names[0], "arms": names},
        "metrics": metrics | {"estimator": question.estimator},
    }


def _digest(files: Sequence[Path]) -> str:
    digests = [digest_file(file) for file in files]
    return digests[0] if len(digests) == 1 else digest_data(digests)


def _run(digest: str, read: Read, experiment: str, alpha: float) -> Run:
    return Run(
        seeds={},
        digests={"log": digest},
        formats=dict(FORMATS),
        abbotify=__version__,
        alpha=alpha,
        experiment=experiment,
        days=len(read.tally.days),
        source="log",
    )
