"""The document of an experiment, from its users and its tally."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from abbotify import stats
from abbotify.metrics.aggregates import CURVE_METRIC, UserAggregates
from abbotify.report import monitoring
from abbotify.report.arm_curves import daily, distributions, positions, survival, top_tracks
from abbotify.report.checks.health import health
from abbotify.report.decision import beat_control, decisions, success_metrics
from abbotify.report.faults import Faults
from abbotify.report.guardrails import guard
from abbotify.report.inputs import ArmInfo, Asked, ReportInputs
from abbotify.report.pictures import Distribution
from abbotify.report.result import Arm, Document, Moments, Run
from abbotify.report.result_rows import GuardrailRow, PairRow
from abbotify.report.text.reasons import decision_row
from abbotify.report.true_effects import truth_rows
from abbotify.stats.effects import deciding_estimand
from abbotify.stats.non_inferiority import GuardrailSpec

Part = TypeVar("Part")


def build(
    scenario: dict[str, Any],
    run: Run,
    arms: Sequence[ArmInfo],
    asked: Asked,
    evidence: ReportInputs,
    faults: Faults | None = None,
) -> Document:
    """The document of an experiment.

    Args:
        scenario: plain data.
        run: what was run; its alpha and population are those of the analysis.
        arms: the control first, in the order of the codes of the column `arm`.
        asked: what it is about.
        evidence: what was found.
        faults: takes the parts that fail; without it they are raised.

    Raises:
        ValueError: arms are not the first ones of the column or of the tally.
    """
    faults = faults or Faults(strict=True)
    users, tally, names = evidence.users, evidence.tally, [arm.name for arm in arms]
    _refuse_other_arms(names, users.names, tally.arms)
    known, details = [name for name in asked.metrics if name in users.columns], evidence.details
    asked = replace(asked, success=[name for name in asked.success if name in known])
    moments = [arm.moments for arm in users.arms]
    rails = [rail for rail in asked.rails if rail.metric in known]
    compared = faults.attempt(
        "effects",
        lambda: stats.compare(moments, known, asked.success, run.alpha, run.estimator),
        (),
    )
    effects = _ordered([*compared, *details.effects], names, known)
    built = _arms(arms, run, evidence, asked.looking, faults)
    times = dict(zip(tally.arms, tally.session_times, strict=True))
    guarded = faults.attempt(
        "guardrails",
        lambda: tuple(guard(moments, rails, run.alpha)),
        tuple(_unguarded(names[1:], rails)),
    )
    truth = faults.attempt(
        "truth",
        lambda: truth_rows(effects, evidence.truth, times, names[0], run.alpha),
        (),
    )
    checks = tuple(health(evidence, asked, run, built, effects, guarded, faults))
    document = Document(
        scenario=scenario,
        run=run,
        arms=built,
        effects=effects,
        checks=(*checks, *faults.checks()),
        guardrails=guarded,
        segments=details.segments,
        monitored=asked.looking.monitored(users.watched)
        if asked.looking and users.watched
        else None,
        truth=truth,
    )
    decided = faults.attempt("decisions", lambda: _decided(document, moments), document)
    return replace(decided, checks=(*checks, *faults.checks()))


def _unguarded(treatments: Sequence[str], rails: Sequence[GuardrailSpec]) -> Iterator[GuardrailRow]:
    """Guardrails whose test has failed: none of them is kept."""
    for arm in treatments:
        for rail in rails:
            unknown = (None, None, None, None, None)
            yield GuardrailRow(arm, rail.metric, rail.margin, rail.unit, *unknown, "not determined")


def _decided(document: Document, moments: Sequence[stats.ArmMoments]) -> Document:
    """The document with its decisions, treatments that beat the control compared with each other.

    Args:
        document: without decisions.
        moments: of all arms, the control's first.
    """
    compared = replace(document, pairs=tuple(_pairs(document, moments)))
    rows = {row.arm.name: decision_row(compared, row) for row in decisions(compared)}
    return replace(compared, decisions=tuple(rows[arm.name] for arm in document.treatments))


def _pairs(document: Document, moments: Sequence[stats.ArmMoments]) -> Iterator[PairRow]:
    winners, success = beat_control(document), success_metrics(document)
    if len(winners) < 2:
        return
    metric, run = success[0], document.run
    estimates = stats.deciding_estimates(moments, metric, run.estimator)[1:]
    estimand = deciding_estimand(run.estimator, metric in moments[0].adjusted)
    # Over all treatments: which of them beat the control is known only from the same data.
    for (i, j), pair in stats.all_pairs(estimates, run.alpha).items():
        one, other = moments[i + 1].name, moments[j + 1].name
        if one in winners and other in winners:
            yield PairRow(
                arm=one,
                against=other,
                metric=metric,
                estimand=estimand,
                effect=pair.effect,
                lower=pair.lower,
                upper=pair.upper,
                p_value=pair.p_value,
                significant=None if pair.p_value is None else pair.p_value < run.alpha,
                note=pair.note,
            )


def _ordered(
    rows: Sequence[stats.Effect], arms: Sequence[str], metrics: Sequence[str]
) -> tuple[stats.Effect, ...]:
    """Rows by arm, then metric; estimands as they come."""
    arm = {name: at for at, name in enumerate(arms)}
    metric = {name: at for at, name in enumerate(metrics)}
    return tuple(sorted(rows, key=lambda row: (arm[row.arm], metric[row.metric])))


def _refuse_other_arms(names: Sequence[str], *known: Sequence[str]) -> None:
    for others in known:
        if list(others[: len(names)]) != list(names):
            raise ValueError(f"arms {list(names)} are not the first ones of {list(others)}")


def _arms(
    arms: Sequence[ArmInfo],
    run: Run,
    evidence: ReportInputs,
    looking: monitoring.Plan | None,
    faults: Faults,
) -> tuple[Arm, ...]:
    curves = [own.curve for own in evidence.users.arms]
    histograms = faults.attempt(
        "distribution", lambda: distributions(CURVE_METRIC, curves), [None] * len(curves)
    )
    return tuple(
        _arm(arm, code, run, evidence, looking, histograms[code], faults)
        for code, (arm, _) in enumerate(zip(arms, evidence.users.arms, strict=True))
    )


def _arm(
    arm: ArmInfo,
    code: int,
    run: Run,
    evidence: ReportInputs,
    looking: monitoring.Plan | None,
    histogram: Distribution | None,
    faults: Faults,
) -> Arm:
    users, tally, own = evidence.users, evidence.tally, evidence.users.arms[code]

    def part(name: str, make: Callable[[], Part]) -> Part | None:
        return faults.attempt(f"{name} of {arm.name}", make, None)

    return Arm(
        name=arm.name,
        label=arm.label,
        control=code == 0,
        users=own.exposed,
        recommender=arm.recommender,
        weight=arm.weight,
        # A log knows only of those who came.
        assigned=None if run.source == "log" else own.assigned,
        sessions=own.sessions,
        tracks=own.tracks,
        metrics={name: _told(found) for name, found in own.moments.means.items()},
        distribution=histogram,
        survival=part("survival", lambda: survival(tally, code)),
        daily=part("daily means", lambda: daily(tally, code, run.alpha)),
        top_tracks=part("most played tracks", lambda: top_tracks(tally, code, evidence.titles)),
        counters={name: int(each[code]) for name, each in tally.counters.items()} or None,
        by_position=part("positions", lambda: positions(tally, code)),
        trainings=tuple(evidence.trainings.get(arm.name, ())) or None,
        **part("looks", lambda: _watched(users, code, looking)) or {},
    )


def _watched(users: UserAggregates, code: int, looking: monitoring.Plan | None) -> dict[str, Any]:
    """What is told of an arm day by day."""
    if looking is None or not users.watched:
        return {}
    returned = monitoring.retention(users.watched[code])
    if code == 0:
        return {"retention": returned}
    return {
        "looks": monitoring.looks(users.watched, looking, code) or None,
        "trend": monitoring.trend(users.watched, looking.what, code, looking.alpha),
        "retention": returned,
    }


def _told(moments: stats.Moments) -> Moments:
    return Moments(
        moments.n,
        float(moments.mean[0]) if moments.n else None,
        float(moments.variance[0]) if moments.n > 1 else None,
    )
