"""The checks of a report: what was looked at before the effects are believed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from abbotify import stats
from abbotify.metrics.aggregates import UserAggregates
from abbotify.metrics.definitions import COLUMNS, undetermined
from abbotify.metrics.exposure_cohorts import WATCHABLE
from abbotify.report.checks import data, validity
from abbotify.report.decision import UNDETERMINED
from abbotify.report.faults import Faults
from abbotify.report.inputs import ReportInputs, ReportSpec
from abbotify.report.result import Arm, Check, Run
from abbotify.report.text import numbers
from abbotify.stats.effects import MEAN
from abbotify.stats.non_inferiority import GuardrailResult


def health(
    inputs: ReportInputs,
    spec: ReportSpec,
    run: Run,
    arms: Sequence[Arm],
    effects: Sequence[stats.Effect],
    guardrails: Sequence[GuardrailResult],
    faults: Faults | None = None,
) -> Iterator[Check]:
    """All checks, in the order of the report.

    Args:
        inputs: what the result is made from.
        spec: what the report is about; all of its success metrics are known.
        run: what was run.
        arms: as the result has them, and so the two below.
        effects: of the treatments.
        guardrails: of the treatments.
        faults: takes the checks that fail.
    """
    users, success = inputs.users, spec.success
    moments = [arm.moments for arm in users.arms]
    guarded = [each.metric for each in spec.guardrails]
    names, counts = [arm.name for arm in arms], [arm.users for arm in arms]
    weights = [arm.weight for arm in arms]
    steps: dict[str, Callable[[], Iterable[Check]]] = {
        "sample_ratio": lambda: [data.sample_ratio(names, counts, weights)],
        "sample_ratio_watched": lambda: validity.watched_ratio(arms),
        "users_in_two_arms": lambda: [data.two_arms(users.in_two_arms, sum(counts))],
        "arm_sizes": lambda: [data.sizes(arms)],
        "success_tested": lambda: data.untested_metrics(effects, success),
        "counters": lambda: data.counted(arms, spec.limits),
        "pre_balance": lambda: validity.balance(moments, success),
        "cuped_sign": lambda: validity.sign_flips(effects, success, run.alpha),
        "novelty": lambda: validity.trends(arms),
        "monitoring": lambda: () if users.watched else validity.not_watched(success, WATCHABLE),
        "skew": lambda: validity.skew(arms, inputs.user_level.shapes, guarded),
        "guardrails_untested": lambda: data.untested_guardrails(guardrails),
        "population": lambda: _population(run, users),
        "reading": lambda: inputs.checks,
        "undetermined": lambda: data.undetermined(undetermined(users.columns, spec.metrics)),
        "layers": lambda: _further_layers(inputs.further, success, run),
    }
    for name, step in steps.items():
        yield from _result(name, step, faults or Faults())


def _result(name: str, step: Callable[[], Iterable[Check]], faults: Faults) -> Iterable[Check]:
    """The checks of a step; one that fails by itself ends no experiment, and is a reservation."""
    try:
        return list(step())
    except Exception as error:
        why = faults.add(name, error)
        return [Check(name, "warn", f"Not determined ({why}).", {UNDETERMINED: why})]


def _population(run: Run, users: UserAggregates) -> Iterator[Check]:
    if run.population == "assigned":
        yield data.assigned(users.absent)


def _further_layers(
    further: Mapping[str, UserAggregates], success: Sequence[str], run: Run
) -> Iterator[Check]:
    """The other experiments on the same users: their effects on the success metrics."""
    for name, users in further.items():
        moments = [arm.moments for arm in users.arms]
        rows = stats.compare(moments, success, success, run.alpha, run.estimator)
        details = {
            "arms": {arm.moments.name: arm.exposed for arm in users.arms},
            "control": users.names[0],
            "effects": [row.row() for row in rows],
        }
        listed = "; ".join(_sentence(row) for row in rows if row.estimand == MEAN)
        summary = f"A further experiment ran on the same users: {listed or 'no effects'}."
        yield Check(f"layer {name}", "info", summary, details)


def _sentence(row: stats.Effect) -> str:
    metric = COLUMNS[row.metric]
    about = f"{row.arm}, {metric.label.lower()}"
    if row.effect is None or row.lower is None or row.upper is None:
        return f"{about}: {row.note or 'undefined'}"
    shown = numbers.estimate(row.effect, row.lower, row.upper)
    return f"{about} {shown.value} {shown.interval} {metric.unit}".rstrip()
