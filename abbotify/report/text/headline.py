"""The report in a sentence: effect, interval, decision and the rule behind it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from abbotify.report.decision import (
    Decision,
    Verdict,
    decisions,
    decisive,
    gain,
    is_adjusted,
    lost,
    other,
    success_metrics,
)
from abbotify.report.result import Result
from abbotify.report.tables.guardrails import declared, kept
from abbotify.report.text.labels import ADJUSTED, check, clean, estimand, metric, unit
from abbotify.report.text.leading import leading_numbers, leads, shown_effect
from abbotify.report.text.numbers import MINUS, aligned, level, p_equals, p_value, plural
from abbotify.report.text.reasons import cautions, contradiction, too_small
from abbotify.stats import Effect
from abbotify.stats.effects import CUPED, LEAST_USERS, MEAN, RATIO

_MAIN: Final = (MEAN, RATIO)
"""The estimands that the terminal shows of metrics that do not decide."""


class SummaryRow(NamedTuple):
    """One line of the table in the terminal, every cell a text."""

    metric: str
    arm: str
    effect: str
    interval: str
    p: str


def title(result: Result) -> str:
    """The scenario's name, or the experiment's for a log."""
    return clean(str(result.scenario.get("name") or result.run.experiment))


def subtitle(result: Result) -> str:
    """Experiment, length and size on one line."""
    run = result.run
    users = sum(arm.users for arm in result.arms)
    length = [plural(run.days, "day")] if run.days is not None else []
    sizes = f"{users:,} users"
    if run.population == "assigned":
        sizes = f"{sum(arm.assigned or 0 for arm in result.arms):,} users, {users:,} with sessions"
    source = "simulated" if run.source == "simulation" else "from a log"
    return " \N{MIDDLE DOT} ".join([f"Experiment {clean(run.experiment)}", *length, sizes, source])


def identity(result: Result) -> list[tuple[str, str]]:
    """Names and values that identify the run."""
    run = result.run
    return [
        ("abbotify", run.abbotify),
        *((f"{name} seed", str(seed)) for name, seed in run.seeds.items()),
        *((f"{name} digest", digest) for name, digest in run.digests.items()),
        ("formats", ", ".join(f"{name} {version}" for name, version in run.formats.items())),
    ]


def headline(result: Result) -> str:
    """One sentence for each treatment, best first, each with the rule behind its decision.

    With several treatments the rule, common to all, is a line of its own at the end.
    """
    lines = sentences(result)
    if len(lines) == 1:
        return f"{lines[0].rstrip('.')} (rule: {rule(result)})."
    return "\n".join([*lines, f"Rule: {rule(result)}."])


def sentences(result: Result) -> tuple[str, ...]:
    """One sentence for each treatment, best first: effect, interval, decision."""
    return tuple(sentence(result, decision) for decision in decisions(result))


def notes(result: Result) -> tuple[str, ...]:
    """Cautions about the decisions, then checks that failed or warn, a line each."""
    several = len(result.treatments) > 1
    lines = [
        f"{clean(decision.arm.name)}: {caution}" if several else caution
        for decision in decisions(result)
        for caution in cautions(result, decision)
    ]
    for each in result.checks:
        line = f"{check(each.name)}: {clean(each.summary)}"
        if each.status in ("fail", "warn") and not any(line in known for known in lines):
            lines.append(f"{'Failed' if each.status == 'fail' else 'Warning'}: {line}")
    return tuple(lines)


def sentence(result: Result, decision: Decision) -> str:
    """The sentence about one treatment, and a second one where the true effect contradicts it."""
    arm = clean(decision.arm.name)
    contradicted = contradiction(result, decision)
    behind = f" {contradicted}" if contradicted else ""
    if decision.verdict is Verdict.INVALID:
        names = " and ".join(dict.fromkeys(check(each.name).lower() for each in decision.failed))
        return (
            f"Do not decide on {arm}: the {names} check failed, so the arms may not be comparable; "
            f"for the record, {_finding(result, decision)}."
        )
    if decision.verdict is Verdict.TOO_SMALL:
        few = too_small(result, decision.small[0]).rstrip(".")
        finding = _finding(result, decision)
        return f"Too few users to decide on {arm}: {few}; for the record, {finding}."
    finding = f"{_finding(result, decision)}{_addition(result, decision)}"
    return f"{_opening(decision)}: {finding}{kept(result, decision.arm.name)}.{behind}"


def _opening(decision: Decision) -> str:
    arm = clean(decision.arm.name)
    if decision.verdict is Verdict.SHIP_WITH_RESERVATIONS:
        names = dict.fromkeys(check(each.name).lower() for each in decision.reservations)
        return f"Ship {arm}, with reservations ({', '.join(names)})"
    if decision.verdict is Verdict.BEATS_CONTROL:
        name = decision.arm.name
        ahead = [other(row, name) for row in decision.rivals if lost(row, name)]
        tied = [other(row, name) for row in decision.rivals if not row.significant]
        rivals = ", ".join(map(clean, ahead or tied))
        standing = f"{rivals} {'are' if len(ahead) > 1 else 'is'} better"
        return f"{arm} beats the control, but " + (
            standing if ahead else f"is tied with {rivals}, so either may be shipped"
        )
    return {
        Verdict.SHIP: f"Ship {arm}",
        Verdict.DO_NOT_SHIP: f"Do not ship {arm}",
    }.get(decision.verdict, f"No decision on {arm}")


def rule(result: Result) -> str:
    """The rule of the decision and its error rate, in words."""
    tests = comparisons(result)
    holm = f", Holm-adjusted over {tests} comparisons" if tests > 1 else ""
    alpha = f"\N{GREEK SMALL LETTER ALPHA} = {result.run.alpha:g}"
    adjusted = f", {ADJUSTED}" if is_adjusted(result) else ""
    opening = (
        f"ship when at least one success metric ({_listed(success_metrics(result))}) is "
        f"significantly better at {alpha}{adjusted}{holm}, none is significantly worse"
    )
    rails = declared(result)
    guarded = (
        f"every guardrail is non-inferior at one-sided {alpha} ({', '.join(rails)})"
        if rails
        else "no guardrails are declared"
    )
    best = ", and it is the best such treatment" if len(result.treatments) > 1 else ""
    return (
        f"{opening}, {guarded}, no check has failed and each arm has {LEAST_USERS} users or "
        f"more{best}"
    )


def comparisons(result: Result) -> int:
    """How many tests of success metrics share one error rate."""
    return sum(row.p_adjusted is not None for row in decisive(result))


def of_adjusted(result: Result) -> str:
    """The success metrics whose adjusted estimate decides; empty where all of them are."""
    rows = decisive(result)
    adjusted = dict.fromkeys(row.metric for row in rows if row.estimand == CUPED)
    return "" if all(row.metric in adjusted for row in rows) else f" of {_listed(adjusted)}"


def summary_table(result: Result) -> tuple[SummaryRow, ...]:
    """The rows for the terminal: success metrics by every estimand, then the rest by the main."""
    first, names = decisive(result), success_metrics(result)
    rest = [row for row in result.effects if row not in first]
    same = [row for row in rest if row.metric in names]
    others = [row for row in rest if row.metric not in names and row.estimand in _MAIN]
    every = (*first, *same, *others)
    places = iter(aligned([leading_numbers(row) for row in every if leads(row)]))
    return tuple(_summary(result, row, next(places) if leads(row) else None) for row in every)


def _summary(result: Result, row: Effect, places: int | None) -> SummaryRow:
    kind = "" if row.estimand == MEAN else f" ({estimand(row.estimand)})"
    shown = shown_effect(row, places)
    behind = "" if leads(row) or row.effect is None else unit(row.metric)
    p = row.p_value if row.p_adjusted is None else row.p_adjusted
    return SummaryRow(
        metric(row.metric).label + kind,
        clean(row.arm),
        shown.value + behind,
        shown.interval,
        p_value(p, result.run.alpha),
    )


def _finding(result: Result, decision: Decision) -> str:
    """The effect on the metric that decided, in words."""
    row = decision.effect
    if row is None or row.effect is None:
        return "no success metric has an estimate"
    shown = shown_effect(row)
    against = f"against {clean(result.control.name)}"
    verb = "rises" if row.effect > 0 else "falls" if row.effect < 0 else "does not change"
    behind = "" if leads(row) else unit(row.metric)
    adjusted = f", {ADJUSTED}" if row.estimand == CUPED else ""
    by = f" by {shown.value.lstrip('+' + MINUS)}{behind}" if row.effect else ""
    change = f"{metric(row.metric).label.lower()} {verb}{by} {against}{adjusted}"
    return f"{change} ({_evidence(result, row)})"


def _evidence(result: Result, row: Effect) -> str:
    shown = shown_effect(row)
    alpha = result.run.alpha
    interval = (
        f"{level(alpha)} interval {shown.interval}" if row.lower is not None else "no interval"
    )
    # Harm counts by the metric's own p-value, a benefit by Holm's.
    p = row.p_value if row.p_adjusted is None or gain(row) < 0 else row.p_adjusted
    return interval if p is None else f"{interval}, {p_equals(p, alpha)}"


def _addition(result: Result, decision: Decision) -> str:
    """What the decision rests on besides."""
    if decision.verdict is Verdict.BEATS_CONTROL:
        return _others(decision.better)
    if decision.verdict in (Verdict.SHIP, Verdict.SHIP_WITH_RESERVATIONS):
        return f"{_others(decision.better)}, and no success metric is worse"
    if decision.worse:
        gains = _listed(row.metric for row in decision.better)
        return f", significantly worse{f', although {gains} is better' if gains else ''}"
    if decision.better:
        return f"{_others(decision.better)}, but not every guardrail holds"
    if decision.effect is None or decision.effect.effect is None:
        return ""
    if decision.effect.significant:
        return ", significantly changed, but neither direction is better"
    return f", not significant at \N{GREEK SMALL LETTER ALPHA} = {result.run.alpha:g}"


def _others(rows: tuple[Effect, ...]) -> str:
    names = _listed(row.metric for row in rows[1:])
    return f", {names} too" if names else ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(metric(name).label.lower() for name in names)
