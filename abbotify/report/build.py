"""The result of an experiment, from its users and the totals of its sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from abbotify import stats
from abbotify.metrics.aggregates import CURVE_METRIC
from abbotify.metrics.definitions import METRICS
from abbotify.report import monitoring
from abbotify.report.arm_curves import daily, distributions, positions, survival, top_tracks
from abbotify.report.checks.health import health
from abbotify.report.decision import beat_control, decisions, success_metrics
from abbotify.report.faults import Faults
from abbotify.report.inputs import ArmInfo, ReportInputs, ReportSpec
from abbotify.report.monitoring import MonitoringPlan
from abbotify.report.result import Arm, MetricMoments, Result, Run
from abbotify.report.result_rows import Distribution, PairRow
from abbotify.report.text.reasons import decision_row
from abbotify.report.true_effects import truth_rows
from abbotify.stats.effects import deciding_estimand

Part = TypeVar("Part")


def build(
    scenario: dict[str, Any],
    run: Run,
    arms: Sequence[ArmInfo],
    spec: ReportSpec,
    inputs: ReportInputs,
    faults: Faults | None = None,
) -> Result:
    """The result of an experiment.

    Args:
        scenario: plain data.
        run: what was run; its alpha and population are those of the analysis.
        arms: the control first, in the order of the codes of the column `arm`.
        spec: what it is to be about.
        inputs: what it is made from.
        faults: takes the parts that fail; without it they are raised.

    Raises:
        ValueError: arms are not the first ones of the column or of the session totals.
    """
    faults = faults or Faults(strict=True)
    users, sessions, names = inputs.users, inputs.sessions, [arm.name for arm in arms]
    _refuse_other_arms(names, users.names, sessions.arms)
    known = [name for name in spec.metrics if name in users.columns]
    spec = replace(
        spec,
        success=[name for name in spec.success if name in known],
        guardrails=[each for each in spec.guardrails if each.metric in known],
    )
    moments = [arm.moments for arm in users.arms]
    compared = faults.attempt(
        "effects",
        lambda: stats.compare(moments, known, spec.success, run.alpha, run.estimator),
        (),
    )
    effects = _ordered([*compared, *inputs.user_level.effects], names, known)
    built = _arms(arms, run, inputs, spec.monitoring, faults)
    times = dict(zip(sessions.arms, sessions.session_times, strict=True))
    guardrails = faults.attempt(
        "guardrails",
        lambda: tuple(guardrail_results(moments, spec.guardrails, run.alpha)),
        tuple(
            stats.GuardrailResult(arm, each.metric, each.margin, each.unit, note="not determined")
            for arm in names[1:]
            for each in spec.guardrails
        ),
    )
    truth = faults.attempt(
        "truth",
        lambda: truth_rows(effects, inputs.truth, times, names[0], run.alpha),
        (),
    )
    checks = tuple(health(inputs, spec, run, built, effects, guardrails, faults))
    plan = spec.monitoring
    result = Result(
        scenario=scenario,
        run=run,
        arms=built,
        effects=effects,
        checks=(*checks, *faults.checks()),
        guardrails=guardrails,
        segments=inputs.user_level.segments,
        monitored=plan.monitored(users.watched) if plan and users.watched else None,
        truth=truth,
    )
    decided = faults.attempt("decisions", lambda: _decided(result, moments), result)
    return replace(decided, checks=(*checks, *faults.checks()))


def _decided(result: Result, moments: Sequence[stats.ArmMoments]) -> Result:
    """The result with its decisions, treatments that beat the control compared with each other.

    Args:
        result: without decisions.
        moments: of all arms, the control's first.
    """
    compared = replace(result, pairs=tuple(_pairs(result, moments)))
    rows = {row.arm.name: decision_row(compared, row) for row in decisions(compared)}
    return replace(compared, decisions=tuple(rows[arm.name] for arm in result.treatments))


def _pairs(result: Result, moments: Sequence[stats.ArmMoments]) -> Iterator[PairRow]:
    winners, success = beat_control(result), success_metrics(result)
    if len(winners) < 2:
        return
    metric, run = success[0], result.run
    estimates = stats.deciding_estimates(moments, metric, run.estimator)[1:]
    estimand = deciding_estimand(run.estimator, metric in moments[0].adjusted)
    # Over all treatments: which of them beat the control is known only from the same data.
    for (i, j), pair in stats.all_pairs(estimates, run.alpha).items():
        arm, against = moments[i + 1].name, moments[j + 1].name
        if arm in winners and against in winners:
            yield PairRow(
                arm=arm,
                against=against,
                metric=metric,
                estimand=estimand,
                effect=pair.effect,
                lower=pair.lower,
                upper=pair.upper,
                p_value=pair.p_value,
                significant=None if pair.p_value is None else pair.p_value < run.alpha,
                note=pair.note,
            )


def guardrail_results(
    arms: Sequence[stats.ArmMoments], guardrails: Sequence[stats.GuardrailSpec], alpha: float
) -> Iterator[stats.GuardrailResult]:
    """Every guardrail of every treatment, each by a one-sided test of its own at level alpha.

    All of them have to hold, so no test needs to know of the others.

    Args:
        arms: the control first; each has the mean of every guarded metric.
        guardrails: what is guarded.
        alpha: one-sided level.
    """
    for treatment in arms[1:]:
        for spec in guardrails:
            control = stats.mean(arms[0].means[spec.metric])
            treated = stats.mean(treatment.means[spec.metric])
            # Where neither direction is better, as of diversity, a fall is what is guarded against.
            higher = METRICS[spec.metric].direction != "lower"
            yield stats.guardrail(spec, control, treated, alpha, higher, treatment.name)


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
    inputs: ReportInputs,
    plan: MonitoringPlan | None,
    faults: Faults,
) -> tuple[Arm, ...]:
    curves = [arm.curve for arm in inputs.users.arms]
    histograms = faults.attempt(
        "distribution", lambda: distributions(CURVE_METRIC, curves), [None] * len(curves)
    )
    return tuple(
        _arm(arm, code, run, inputs, plan, histograms[code], faults)
        for code, (arm, _) in enumerate(zip(arms, inputs.users.arms, strict=True))
    )


def _arm(
    arm: ArmInfo,
    code: int,
    run: Run,
    inputs: ReportInputs,
    plan: MonitoringPlan | None,
    histogram: Distribution | None,
    faults: Faults,
) -> Arm:
    users, sessions, watched = inputs.users.arms[code], inputs.sessions, inputs.users.watched

    def part(name: str, make: Callable[[], Part]) -> Part | None:
        return faults.attempt(f"{name} of {arm.name}", make, None)

    return Arm(
        name=arm.name,
        label=arm.label,
        control=code == 0,
        users=users.exposed,
        recommender=arm.recommender,
        weight=arm.weight,
        # A log knows only of those who came.
        assigned=None if run.source == "log" else users.assigned,
        sessions=users.sessions,
        tracks=users.tracks,
        metrics={name: _moments(each) for name, each in users.moments.means.items()},
        distribution=histogram,
        survival=part("survival", lambda: survival(sessions, code)),
        daily=part("daily means", lambda: daily(sessions, code, run.alpha)),
        top_tracks=part("most played tracks", lambda: top_tracks(sessions, code, inputs.titles)),
        counters={name: int(each[code]) for name, each in sessions.counters.items()} or None,
        by_position=part("positions", lambda: positions(sessions, code)),
        trainings=tuple(inputs.trainings.get(arm.name, ())) or None,
        **part("looks", lambda: monitoring.by_day(watched, code, plan)) or {},
    )


def _moments(moments: stats.Moments) -> MetricMoments:
    return MetricMoments(
        moments.n,
        float(moments.mean[0]) if moments.n else None,
        float(moments.variance[0]) if moments.n > 1 else None,
    )
