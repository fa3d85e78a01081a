"""The reasons for a decision and the cautions about it, a sentence each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist
from typing import Final

from abbotify.report.decision import (
    GAINS,
    LEAST_DF,
    Decision,
    Verdict,
    decisive,
    gain,
    lost,
    other,
    success_metrics,
)
from abbotify.report.result import Result
from abbotify.report.result_rows import DecisionRow, PairRow
from abbotify.report.tables.guardrails import UNTESTED, loss_and_bound, margin
from abbotify.report.text import numbers as rounding
from abbotify.report.text.labels import check, clean, metric, unit
from abbotify.report.text.leading import shown_effect
from abbotify.stats import Effect
from abbotify.stats.effects import LEAST_USERS, MEAN
from abbotify.stats.non_inferiority import INFERIOR, NON_INFERIOR, GuardrailResult

_POWER: Final = 0.8
_MANY: Final = 1000.0  # times as many users: beyond it the effect is as good as zero
_LONG: Final = 3650  # days of a scenario at most
_MEDIAN: Final = "quantile_0.5"
_QUANTILE: Final = NormalDist().inv_cdf


def decision_row(result: Result, decision: Decision) -> DecisionRow:
    """The decision as report.json has it."""
    contradicted = contradiction(result, decision)
    reasons = (*basis(result, decision), contradicted, *cautions(result, decision))
    return DecisionRow(decision.arm.name, decision.verdict.value, tuple(filter(None, reasons)))


def basis(result: Result, decision: Decision) -> tuple[str, ...]:
    """Why the verdict is what it is."""
    match decision.verdict:
        case Verdict.INVALID:
            rows = (f"{check(each.name)}: {clean(each.summary)}" for each in decision.failed)
            return tuple(rows)
        case Verdict.TOO_SMALL:
            return (too_small(result, decision.small[0]),)
        case Verdict.DO_NOT_SHIP:
            harm = [f"{_finding(result, row)} is worse" for row in decision.worse]
            return (*harm, *_rails(result, decision, INFERIOR))
        case Verdict.UNDECIDED:
            if not decision.better:
                return ("No success metric is significantly better or worse.",)
            return tuple(_rails(result, decision, None))
    better = [f"{_finding(result, row)} is better" for row in decision.better]
    return (*better, *_rails(result, decision, NON_INFERIOR))


def cautions(result: Result, decision: Decision) -> tuple[str, ...]:
    """What a reader has to know beside the verdict: doubts, rivals, harm elsewhere, outlook."""
    if decision.verdict is Verdict.INVALID:
        return ()
    few = decision.small if decision.verdict is not Verdict.TOO_SMALL else ()
    return (
        *(f"{check(each.name)}: {clean(each.summary)}" for each in decision.reservations),
        *(_rival(decision, row) for row in decision.rivals),
        *_worse_elsewhere(result, decision),
        *_median_against_mean(result, decision),
        *(too_small(result, row) for row in few),
        *_outlook(result, decision),
    )


def too_small(result: Result, row: Effect) -> str:
    """That a metric has too few users, and how many are needed."""
    control, name = clean(result.control.name), metric(row.metric).label.lower()
    counts = f"{clean(row.arm)} {row.n_treatment:,}, {control} {row.n_control:,}"
    return (
        f"Users with {name}: {counts}; a decision needs {LEAST_USERS} in each arm and "
        f"{LEAST_DF:.0f} degrees of freedom."
    )


def contradiction(result: Result, decision: Decision) -> str:
    """How the true effect contradicts the verdict; empty where it does not, or is not known."""
    row = decision.effect
    held = decision.verdict is Verdict.DO_NOT_SHIP and bool(decision.worse)
    if row is None or not (held or decision.verdict in GAINS):
        return ""
    rows = [
        each
        for each in result.truth
        if (each.arm, each.metric, each.form) == (row.arm, row.metric, "total")
        and each.method in ("welch", "fieller")
        and each.truth is not None
    ]
    if not rows:
        return ""
    true = next((each for each in rows if each.unit == "percent"), rows[0])
    value = true.truth or 0.0
    better = value < 0 if metric(row.metric).direction == "lower" else value > 0
    if better is not held:
        return ""
    # No interval: all users were simulated under both arms.
    shown = rounding.number(value, 1 if abs(value) >= 1 else 2, sign=True)
    behind = "%" if true.unit == "percent" else unit(row.metric)
    return (
        f"The true effect contradicts this: with all users under {clean(row.arm)}, "
        f"{metric(row.metric).label.lower()} changes by {shown}{behind}."
    )


def _finding(result: Result, row: Effect) -> str:
    shown, own = shown_effect(row), row.p_adjusted is None or gain(row) < 0
    p = row.p_value if own else row.p_adjusted
    return (
        f"{metric(row.metric).label} ({shown.value} {shown.interval}, "
        f"{rounding.p_equals(p, result.run.alpha)})"
        if p is not None
        else metric(row.metric).label
    )


def _rails(result: Result, decision: Decision, verdict: str | None) -> Iterator[str]:
    """The guardrails of a verdict; None: those that are neither kept nor broken."""
    for row in result.guardrails:
        settled = row.verdict if row.verdict in (INFERIOR, NON_INFERIOR) else None
        if row.arm == decision.arm.name and settled == verdict:
            loss, most = loss_and_bound(result, row)
            yield (
                f"Guardrail {metric(row.metric).label.lower()} is {row.verdict or UNTESTED}: "
                f"loss {loss}, upper bound {most}, margin {margin(row)}."
            )


def _rival(decision: Decision, row: PairRow) -> str:
    """How the arm compares with another one that beats the control too."""
    own, rival = decision.arm.name, clean(other(row, decision.arm.name))
    if row.effect is None:
        return f"Not comparable with {rival}: {row.note or 'undefined'}."
    sign = 1.0 if row.arm == own else -1.0
    ends = sorted(sign * each for each in (row.lower, row.upper) if each is not None)
    lower, upper = (ends[0], ends[1]) if len(ends) == 2 else (None, None)
    shown = rounding.estimate(sign * row.effect, lower, upper)
    numbers = f"{shown.value}{unit(row.metric)} {shown.interval}"
    word = "Worse than" if lost(row, own) else "Better than" if row.significant else "Tied with"
    return f"{word} {rival} in {metric(row.metric).label.lower()} ({numbers})."


def _worse_elsewhere(result: Result, decision: Decision) -> Iterator[str]:
    """Metrics that got significantly worse and do not decide; inferior guardrails are reasons."""
    arm, alpha = decision.arm.name, result.run.alpha
    rails = {rail.metric: rail.verdict for rail in result.guardrails if rail.arm == arm}
    inferior = {name for name, verdict in rails.items() if verdict == INFERIOR}
    passed_over = {*success_metrics(result), *inferior}
    worse = [
        row
        for row in result.effects
        if row.arm == arm and row.estimand == MEAN and row.metric not in passed_over
        if row.p_value is not None and row.p_value < alpha and gain(row) < 0
    ]
    kept = [row for row in worse if rails.get(row.metric) == NON_INFERIOR]
    free = [row for row in worse if row not in kept]
    for rows, what in (
        (kept, "Significantly worse, but within the guardrail margin"),
        (free, "Significantly worse, though not a success metric"),
    ):
        if rows:
            yield f"{what}: {'; '.join(_finding(result, row) for row in rows)}."


def _median_against_mean(result: Result, decision: Decision) -> Iterator[str]:
    means = {row.metric: row for row in decisive(result) if row.arm == decision.arm.name}
    for row in result.effects:
        mean = means.get(row.metric)
        if mean is None or (row.arm, row.estimand) != (decision.arm.name, _MEDIAN):
            continue
        if row.effect is None or row.lower is None or row.upper is None or mean.effect is None:
            continue
        if (row.lower > 0 or row.upper < 0) and row.effect * mean.effect < 0:
            shown, other = shown_effect(row), shown_effect(mean)
            yield (
                f"The median of {metric(row.metric).label.lower()} moves in the opposite direction "
                f"to the mean: {shown.value} {shown.interval}; the mean changes by {other.value}."
            )


def _outlook(result: Result, decision: Decision) -> Iterator[str]:
    """What would decide an undecided experiment: users, and days where users still come."""
    row = decision.effect
    if decision.verdict is not Verdict.UNDECIDED or row is None:
        return
    if row.significant and not gain(row):
        yield "Neither direction of this metric is better, so more users would not decide."
        return
    users = row.n_control + row.n_treatment
    factor = _factor_of_rails(result, decision) if decision.better else _factor(result, row)
    if factor is None:
        yield "More users would not decide: there is no test, or a guardrail loss is at its margin."
    elif factor > _MANY:
        yield (
            "An effect as small as the estimate needs more than a thousand times as many users: "
            "plan for the smallest effect worth detecting (abbotify power)."
        )
    elif factor > 1:
        needed = factor * users
        yield (
            f"About {rounding.number(needed, rounding.decimals(needed))} users in total "
            f"({factor:.1f} times as many) would decide, with power {_POWER:g}, if the estimate is "
            f"the true effect{_days(result, decision, needed - users)}."
        )


def _factor(result: Result, row: Effect) -> float | None:
    """How many times the users would make the effect seen significant."""
    if row.effect is None or row.lower is None or row.upper is None or row.upper <= row.lower:
        return None
    if not row.effect:
        return math.inf
    comparisons = max(1, sum(each.p_adjusted is not None for each in decisive(result)))
    alpha = result.run.alpha
    error = (row.upper - row.lower) / 2 / -_QUANTILE(alpha / 2)
    wanted = _QUANTILE(_POWER) - _QUANTILE(alpha / comparisons / 2)
    return (wanted * error / row.effect) ** 2


def _factor_of_rails(result: Result, decision: Decision) -> float | None:
    """How many times the users would show all guardrails non-inferior."""
    rows = [row for row in result.guardrails if row.arm == decision.arm.name]
    factors = [_room(row, result.run.alpha) for row in rows if row.verdict != NON_INFERIOR]
    return None if not factors or None in factors else max(each or 0.0 for each in factors)


def _room(row: GuardrailResult, alpha: float) -> float | None:
    if row.loss is None or row.upper is None or row.loss >= row.margin:
        return None
    error = (row.upper - row.loss) / -_QUANTILE(alpha)
    return ((_QUANTILE(_POWER) - _QUANTILE(alpha)) * error / (row.margin - row.loss)) ** 2


def _days(result: Result, decision: Decision, missing: float) -> str:
    """How many more days bring the missing users; empty where that is not known."""
    looks = decision.arm.looks or ()
    if len(looks) < 2:
        return ""
    daily = looks[-1].users - looks[-2].users
    if daily <= 0:
        return "; the last day brought no new users, so a longer run alone does not help"
    days = math.ceil(missing / daily)
    if days > _LONG:
        return f"; the last day brought {daily:,} new users, too few for a longer run alone"
    return f"; the last day brought {daily:,} new users, so about {days:,} more days"
