"""The report in a sentence: effect, interval, decision and the rule behind it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from abbotify.report.decision import (
    Decision,
    Verdict,
    decisions,
    decisive,
    is_adjusted,
    success_metrics,
)
from abbotify.report.document import Document
from abbotify.report.guardrail_view import declared, kept
from abbotify.report.labels import ADJUSTED, check, clean, estimand, metric, unit
from abbotify.report.rounding import MINUS, Rounded, estimate, level, p_equals, p_value
from abbotify.stats import Effect
from abbotify.stats.effects import CUPED, MEAN, RATIO

_MAIN: Final = (MEAN, RATIO)
"""The estimands the terminal tells of metrics that do not decide."""


class SummaryRow(NamedTuple):
    """One line of the table in the terminal, every cell a text."""

    metric: str
    arm: str
    effect: str
    interval: str
    p: str


def headline(document: Document) -> str:
    """One sentence for each treatment, best first, each with the rule behind its decision.

    With several treatments the rule, common to all, is a line of its own at the end.
    """
    told = sentences(document)
    if len(told) == 1:
        return f"{told[0].rstrip('.')} (rule: {rule(document)})."
    return "\n".join([*told, f"Rule: {rule(document)}."])


def sentences(document: Document) -> tuple[str, ...]:
    """One sentence for each treatment, best first: effect, interval, decision."""
    return tuple(sentence(document, decision) for decision in decisions(document))


def sentence(document: Document, decision: Decision) -> str:
    """The sentence about one treatment."""
    arm = clean(decision.arm.name)
    if decision.verdict is Verdict.BLOCKED:
        names = " and ".join(check(each.name).lower() for each in decision.failed)
        return (
            f"Do not decide on {arm}: the {names} check failed, so the arms may not be comparable; "
            f"for the record, {_finding(document, decision)}."
        )
    opening = {
        Verdict.SHIP: f"Ship {arm}",
        Verdict.HOLD: f"Do not ship {arm}",
        Verdict.UNDECIDED: f"No decision on {arm}",
    }[decision.verdict]
    told = f"{_finding(document, decision)}{_addition(document, decision)}"
    return f"{opening}: {told}{kept(document, decision.arm.name)}."


def rule(document: Document) -> str:
    """The rule of the decision and its error rate, in words."""
    comparisons = sum(row.p_adjusted is not None for row in decisive(document))
    holm = f", Holm-adjusted over {comparisons} comparisons" if comparisons > 1 else ""
    alpha = f"\N{GREEK SMALL LETTER ALPHA} = {document.run.alpha:g}"
    adjusted = f", {ADJUSTED}" if is_adjusted(document) else ""
    opening = (
        f"ship when at least one success metric ({_listed(success_metrics(document))}) is "
        f"significantly better at {alpha}{adjusted}{holm}"
    )
    rails = declared(document)
    if not rails:
        return (
            f"{opening}, none is significantly worse and no check has failed; "
            "no guardrails are declared"
        )
    return (
        f"{opening}, none is significantly worse, every guardrail is non-inferior at one-sided "
        f"{alpha} ({', '.join(rails)}) and no check has failed"
    )


def shown_effect(effect: Effect) -> Rounded:
    """The relative effect where it is bounded, else the difference, rounded."""
    if effect.relative_lower is not None and effect.relative_upper is not None:
        return estimate(
            effect.relative_effect, effect.relative_lower, effect.relative_upper, unit="%"
        )
    return estimate(effect.effect, effect.lower, effect.upper)


def summary_table(document: Document) -> tuple[SummaryRow, ...]:
    """The rows for the terminal: success metrics by every estimand, then the rest by the main."""
    first, names = decisive(document), success_metrics(document)
    rest = [row for row in document.effects if row not in first]
    same = [row for row in rest if row.metric in names]
    others = [row for row in rest if row.metric not in names and row.estimand in _MAIN]
    return tuple(_summary(document, row) for row in (*first, *same, *others))


def _summary(document: Document, row: Effect) -> SummaryRow:
    kind = "" if row.estimand == MEAN else f" ({estimand(row.estimand)})"
    shown = shown_effect(row)
    p = row.p_value if row.p_adjusted is None else row.p_adjusted
    return SummaryRow(
        metric(row.metric).label + kind,
        clean(row.arm),
        shown.value,
        shown.interval,
        p_value(p, document.run.alpha),
    )


def _finding(document: Document, decision: Decision) -> str:
    """What happened to the metric that decided."""
    row = decision.effect
    if row is None or row.effect is None:
        return "no success metric has an estimate"
    shown = shown_effect(row)
    against = f"against {clean(document.control.name)}"
    verb = "rises" if row.effect > 0 else "falls" if row.effect < 0 else "does not change"
    relative = row.relative_lower is not None and row.relative_upper is not None
    behind = "" if relative else unit(row.metric)
    adjusted = f", {ADJUSTED}" if row.estimand == CUPED else ""
    by = f" by {shown.value.lstrip('+' + MINUS)}{behind}" if row.effect else ""
    told = f"{metric(row.metric).label.lower()} {verb}{by} {against}{adjusted}"
    return f"{told} ({_evidence(document, row)})"


def _evidence(document: Document, row: Effect) -> str:
    shown = shown_effect(row)
    alpha = document.run.alpha
    interval = (
        f"{level(alpha)} interval {shown.interval}" if row.lower is not None else "no interval"
    )
    p = row.p_value if row.p_adjusted is None else row.p_adjusted
    return interval if p is None else f"{interval}, {p_equals(p, alpha)}"


def _addition(document: Document, decision: Decision) -> str:
    """What else the decision rests on."""
    if decision.verdict is Verdict.SHIP:
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
    return f", not significant at \N{GREEK SMALL LETTER ALPHA} = {document.run.alpha:g}"


def _others(rows: tuple[Effect, ...]) -> str:
    names = _listed(row.metric for row in rows[1:])
    return f", {names} too" if names else ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(metric(name).label.lower() for name in names)
