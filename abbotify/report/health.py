"""The checks of a report: what was looked at before the effects are believed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from abbotify import stats
from abbotify.metrics.definitions import COLUMNS, METRICS, determined
from abbotify.report import checks, doubts, rounding
from abbotify.report.aggregates import UserAggregates
from abbotify.report.attendance import WATCHABLE
from abbotify.report.document import Arm, Check, Run
from abbotify.report.evidence import Asked, Evidence
from abbotify.report.findings import GuardrailRow
from abbotify.stats.effects import MEAN


def health(
    evidence: Evidence,
    asked: Asked,
    run: Run,
    arms: Sequence[Arm],
    effects: Sequence[stats.Effect],
    guarded: Sequence[GuardrailRow],
) -> Iterator[Check]:
    """All checks, in the order they are told in.

    Args:
        evidence: what was found.
        asked: what the report is about; all of its success metrics are known.
        run: what was run.
        arms: as the document has them, and so the two below.
        effects: of the treatments.
        guarded: the guardrails.
    """
    users, success = evidence.users, asked.success
    yield from _checks(users, arms, effects, asked)
    yield from _doubts(users, arms, effects, success, run.alpha)
    yield from doubts.skew(arms, evidence.details.shapes, [rail.metric for rail in asked.rails])
    yield from doubts.guardrails(guarded)
    if run.population == "assigned":
        yield checks.assigned(users.absent)
    yield from evidence.checks
    yield from checks.undetermined(_undetermined(users, asked.metrics))
    yield from _further_layers(evidence.further, success, run)


def _checks(
    users: UserAggregates,
    arms: Sequence[Arm],
    effects: Sequence[stats.Effect],
    asked: Asked,
) -> Iterator[Check]:
    yield checks.sample_ratio(
        [arm.name for arm in arms], [arm.users for arm in arms], [arm.weight for arm in arms]
    )
    yield from doubts.watched_ratio(arms)
    yield checks.two_arms(users.in_two_arms, sum(arm.users for arm in arms))
    yield checks.sizes(arms)
    yield from checks.variance(effects, asked.success)
    yield from checks.counted(arms, asked.limits)


def _doubts(
    users: UserAggregates,
    arms: Sequence[Arm],
    effects: Sequence[stats.Effect],
    success: Sequence[str],
    alpha: float,
) -> Iterator[Check]:
    yield from doubts.balance([arm.moments for arm in users.arms], success)
    yield from doubts.sign_flips(effects, success, alpha)
    yield from doubts.trends(arms)
    if not users.watched:
        yield from doubts.not_watched(success, WATCHABLE)


def _undetermined(users: UserAggregates, metrics: Collection[str]) -> dict[str, str]:
    told = determined(
        lengths="minutes" in users.columns,
        artists="artist_diversity" in users.columns,
        timeouts="timeouts" in users.columns,
        days="retained" in users.columns,
    )
    missing = [name for name in METRICS if name not in users.columns]
    reasons = {name: told.reasons.get(name, "the input has no such values") for name in missing}
    return {name: why for name, why in reasons.items() if name in metrics or name in told.reasons}


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
        told = "; ".join(_sentence(row) for row in rows if row.estimand == MEAN)
        summary = f"A further experiment ran on the same users: {told or 'no effects'}."
        yield Check(f"layer {name}", "info", summary, details)


def _sentence(row: stats.Effect) -> str:
    metric = COLUMNS[row.metric]
    about = f"{row.arm}, {metric.label.lower()}"
    if row.effect is None or row.lower is None or row.upper is None:
        return f"{about}: {row.note or 'undefined'}"
    shown = rounding.estimate(row.effect, row.lower, row.upper)
    return f"{about} {shown.value} {shown.interval} {metric.unit}".rstrip()
