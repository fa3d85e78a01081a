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
from abbotify.digests import digest_files
from abbotify.errors import OutputError, UserError
from abbotify.eventlog.schema import arm_label
from abbotify.eventlog.sessions import SKIP_BELOW
from abbotify.eventlog.source import Order, Source, open_source, ordered
from abbotify.files import folders
from abbotify.metrics.aggregates import UserAggregates, aggregate
from abbotify.metrics.definitions import METRICS
from abbotify.metrics.from_log import Read, watching_of
from abbotify.metrics.from_log import read as read_log
from abbotify.metrics.segments import SegmentBounds
from abbotify.metrics.users import UserTable
from abbotify.metrics.users_file import write_users
from abbotify.report.build import build
from abbotify.report.checks import data
from abbotify.report.faults import Faults
from abbotify.report.files import write_data, write_pages
from abbotify.report.inputs import ArmInfo, Question, ReportInputs, ReportSpec
from abbotify.report.monitoring import MonitoringPlan
from abbotify.report.result import FORMATS, Result, Run
from abbotify.report.user_level_effects import UserLevelEffects, UserLevelSpec, user_level_effects

LEAST_ALPHA: Final = 1e-6  # as in a scenario
MOST_ALPHA: Final = 0.5
_QUANTILES: Final = (0.1, 0.5, 0.9)
_DEFAULT: Final = Question()


@dataclass(frozen=True)
class Analysis:
    """A log and what is asked of it.

    Attributes:
        source: the log.
        order: its arms, the control first.
        shown: the names to show them by.
        experiment: its name.
        alpha: the error rate of the decision.
        skip_below: a recommended track listened to for less than this fraction is a skip.
        question: what decides, and what must not get worse.
    """

    source: Source
    order: Order
    shown: Sequence[str]
    experiment: str
    alpha: float = 0.05
    skip_below: float = SKIP_BELOW
    question: Question = _DEFAULT


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
    question: Question = _DEFAULT,
) -> Result:
    """Analyses a log as if it came from a run, and writes users.parquet and the report.

    Args:
        logs: files of botify's JSON lines, or Parquet files, folders of them, a run folder.
        experiment: its name in the log.
        control: the arm the others are compared with, as in the log; default what it says, or C.
        arms: the log's name of an arm -> the name to show.
        out: the folder of the report; an existing run is replaced.
        weights: of users by the log's names of arms; default what it says, even for botify's.
        alpha: as `Analysis`, like the next two.
        skip_below: of a skip.
        question: what decides.

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
    source = replace(source, weights=source.known_weights(weights or {}))
    shown = tuple(arms.get(name, name) for name in order)
    analysis = Analysis(source, order, shown, experiment, alpha, skip_below, question)
    return _written(analysis, out)


def _written(analysis: Analysis, out: Path) -> Result:
    faults = Faults()
    with folders.swapped(out) as folder:
        result = decide(analysis, folder, faults)
        write_data(result, folder)
        fault = write_pages(result, folder, faults=faults)
        if faults.entry:
            text = json.dumps(faults.entry, ensure_ascii=False, indent=2)
            (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")
    if fault is not None:
        raise fault.beside(out)
    return result


def decide(analysis: Analysis, folder: Path, faults: Faults | None = None) -> Result:
    """The report of a log; users.parquet is written, pages are not.

    Args:
        analysis: the log and what is asked of it.
        folder: exists; users.parquet is written there.
        faults: takes the parts of the report that fail; without it they are raised.

    Raises:
        UserError: as `analyze`.
    """
    source, order = analysis.source, analysis.order
    with ThreadPoolExecutor(1) as beside:
        # Digests and compression leave the interpreter free to read and to work out the effects.
        digest = beside.submit(digest_files, source.files)
        read = read_log(source, order, analysis.shown, analysis.skip_below)
        infos = _infos(analysis, order[: read.arms(order, source.files[0])])
        users = read.table(analysis.shown, with_days=not source.labels)
        written = beside.submit(write_users, folder / "users.parquet", [users])
        analysis.question.refuse_undetermined(users.values, bool(read.known.earlier))
        run = Run(
            seeds={},
            digests={"log": digest.result()},
            formats=dict(FORMATS),
            abbotify=__version__,
            alpha=analysis.alpha,
            experiment=analysis.experiment,
            days=len(read.tally.days),
            source="log",
            estimator=analysis.question.estimator,
        )
        result = _result(analysis, read, users, infos, run, faults or Faults(strict=True))
        written.result()
    return result


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


def _result(
    analysis: Analysis,
    read: Read,
    users: UserTable,
    infos: Sequence[ArmInfo],
    run: Run,
    faults: Faults,
) -> Result:
    question = analysis.question
    aggregates = aggregate(users, len(infos), list(METRICS), "exposed")
    spec = UserLevelSpec(
        tuple(info.name for info in infos),
        question.success,
        "exposed",
        run.alpha,
        _QUANTILES,
        segments=SegmentBounds("pre_time") if read.known.earlier else None,
        guarded=tuple(rail.metric for rail in question.rails),
    )
    user_level = faults.attempt(
        "quantiles and segments", lambda: user_level_effects(users, spec), UserLevelEffects()
    )
    return build(
        _scenario(analysis, infos),
        run,
        infos,
        ReportSpec(
            list(METRICS), question.success, question.rails, _plan(read, aggregates, infos, run)
        ),
        ReportInputs(
            replace(aggregates, watched=read.watched[: len(infos)]),
            read.tally,
            user_level=user_level,
            checks=[
                *([data.broken_lines(*broken)] if (broken := analysis.source.broken) else []),
                data.rows_given_twice(read.repeated, read.clock.rows),
                data.timestamps(read.clock.doubts(), derived=read.clock.rows > 0),
                data.open_sessions(read.still_open, read.sessions),
            ],
        ),
        faults,
    )


def _plan(read: Read, users: UserAggregates, infos: Sequence[ArmInfo], run: Run) -> MonitoringPlan:
    """How the experiment would have been watched, planned for the users it had."""
    assert read.known.days is not None, "a log that was read has days"
    weights = tuple(info.weight for info in infos if info.weight is not None)
    known = weights if len(weights) == len(infos) else None
    planned, watching = sum(arm.exposed for arm in users.arms), watching_of(read.known.days)
    return MonitoringPlan(watching, known, planned, "obrien_fleming", run.alpha, run.estimator)


def _infos(analysis: Analysis, names: Sequence[str]) -> list[ArmInfo]:
    source = analysis.source
    # Weights of some arms say nothing without those of the others.
    missing = [name for name in names if name not in source.weights]
    if missing and len(missing) < len(names):
        raise UserError(f"names no weight of {', '.join(missing)}", key="weights")
    labels = names if source.labels else [arm_label(code) for code in range(len(names))]
    return [
        ArmInfo(shown, label, None, source.weights.get(name))
        for shown, label, name in zip(analysis.shown, labels, names, strict=False)
    ]


def _scenario(analysis: Analysis, infos: Sequence[ArmInfo]) -> dict[str, Any]:
    name, names = analysis.experiment, [info.name for info in infos]
    return {
        "name": name,
        "experiment": {"name": name, "control": names[0], "arms": names},
        "metrics": analysis.question.plain(),
    }
