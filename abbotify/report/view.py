"""The document as rows of ready texts, shared by the page and the Markdown.

Texts here are not escaped: each rendering escapes for its own language.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from abbotify.report import rounding
from abbotify.report.decision import (
    Decision,
    Verdict,
    decisions,
    decisive,
    direction,
    success_metrics,
)
from abbotify.report.document import Arm, Check, Document, Moments
from abbotify.report.headline import sentence, shown_effect
from abbotify.report.labels import TROUBLE, clean, counter, estimand, metric
from abbotify.stats import Effect

TONES = {
    Verdict.SHIP: "good",
    Verdict.HOLD: "bad",
    Verdict.UNDECIDED: "calm",
    Verdict.BLOCKED: "blocked",
}


@dataclass(frozen=True)
class DecisionCard:
    """A treatment's decision: the large number and the sentence."""

    arm: str
    at: int
    verdict: str
    tone: str
    value: str
    interval: str
    metric: str
    sentence: str


@dataclass(frozen=True)
class EffectLine:
    """One effect as texts; `tone` is good, bad, calm (changed) or empty when not significant."""

    arm: str
    at: int
    estimand: str
    users: str
    control: str
    treatment: str
    difference: str
    difference_interval: str
    relative: str
    relative_interval: str
    naive_interval: str
    p: str
    p_adjusted: str
    tone: str
    word: str
    note: str


@dataclass(frozen=True)
class EffectGroup:
    """The effects on one metric by one estimand, a line for each treatment."""

    metric: str
    meaning: str
    estimand: str
    lines: tuple[EffectLine, ...]


@dataclass(frozen=True)
class Grid:
    """A table with a column for each arm: a name and a cell for each arm in every row."""

    arms: tuple[tuple[int, str], ...]
    rows: tuple[tuple[str, tuple[str, ...], bool], ...]


def decision_cards(document: Document) -> tuple[DecisionCard, ...]:
    """A card for each treatment, best first."""
    return tuple(_card(document, decision) for decision in decisions(document))


def deciding_groups(document: Document) -> tuple[EffectGroup, ...]:
    """The success metrics' effects, by the estimand that decides."""
    return _groups(document, decisive(document))


def other_groups(document: Document) -> tuple[EffectGroup, ...]:
    """Everything else: other estimands of success metrics, then exploratory metrics."""
    first, names = decisive(document), success_metrics(document)
    rest = [row for row in document.effects if row not in first]
    order = {name: place for place, name in enumerate((*names, *(row.metric for row in rest)))}
    return _groups(document, sorted(rest, key=lambda row: (order[row.metric], row.estimand)))


def health(checks: tuple[Check, ...]) -> tuple[str, str]:
    """The state of all checks in a few words, and its tone."""
    by_status = {
        status: [check for check in checks if check.status == status] for status in ("fail", "warn")
    }
    if by_status["fail"]:
        return f"{_plural(len(by_status['fail']), 'check')} failed", "bad"
    if by_status["warn"]:
        return f"{_plural(len(by_status['warn']), 'warning')}, no check failed", "warn"
    return ("All checks passed", "good") if checks else ("Nothing was checked", "warn")


def means(document: Document) -> Grid:
    """Mean of every metric in every arm, rounded by its standard error."""
    names = dict.fromkeys(name for arm in document.arms for name in arm.metrics or {})
    rows = [
        (metric(name).label, tuple(_mean((arm.metrics or {}).get(name)) for arm in document.arms))
        for name in names
    ]
    return Grid(_columns(document), tuple((label, cells, False) for label, cells in rows))


def counters(document: Document) -> Grid:
    """What the service counted in every arm; a row is marked when it should have been zero."""
    names = dict.fromkeys(name for arm in document.arms for name in arm.counters or {})
    rows = []
    for name in names:
        values = [(arm.counters or {}).get(name) for arm in document.arms]
        rows.append((counter(name), tuple(map(rounding.count, values)), _trouble(name, values)))
    return Grid(_columns(document), tuple(rows))


def share(arm: Arm, arms: Iterable[Arm]) -> str:
    """The arm's share of the exposed users."""
    total = sum(each.users for each in arms)
    return rounding.percent(arm.users / total if total else None, 2)


def planned(arm: Arm, arms: Iterable[Arm]) -> str:
    """The arm's share by the weights."""
    total = sum(each.weight or 0.0 for each in arms)
    known = arm.weight is not None and total > 0
    return rounding.percent((arm.weight or 0.0) / total if known else None, 2)


def _card(document: Document, decision: Decision) -> DecisionCard:
    row = decision.effect
    shown = rounding.estimate(None, None, None) if row is None else shown_effect(row)
    return DecisionCard(
        arm=decision.arm.name,
        at=document.arms.index(decision.arm),
        verdict=decision.verdict.value,
        tone=TONES[decision.verdict],
        value=shown.value,
        interval=shown.interval,
        metric="" if row is None else metric(row.metric).label,
        sentence=sentence(document, decision),
    )


def _groups(document: Document, rows: Iterable[Effect]) -> tuple[EffectGroup, ...]:
    at = {arm.name: place for place, arm in enumerate(document.arms)}
    alpha = document.run.alpha
    found = []
    for (name, kind), members in groupby(rows, key=lambda row: (row.metric, row.estimand)):
        lines = tuple(_line(row, at[row.arm], alpha) for row in members)
        about = metric(name)
        found.append(EffectGroup(about.label, about.meaning, estimand(kind), lines))
    return tuple(found)


def _line(row: Effect, at: int, alpha: float) -> EffectLine:
    difference = rounding.estimate(row.effect, row.lower, row.upper)
    relative = rounding.estimate(
        row.relative_effect, row.relative_lower, row.relative_upper, unit="%"
    )
    naive = rounding.estimate(None, row.naive_lower, row.naive_upper, unit="%")
    good = direction(row)
    return EffectLine(
        arm=row.arm,
        at=at,
        estimand=estimand(row.estimand),
        users=f"{rounding.count(row.n_treatment)} / {rounding.count(row.n_control)}",
        control=rounding.number(row.control_mean, difference.places),
        treatment=rounding.number(row.treatment_mean, difference.places),
        difference=difference.value,
        difference_interval=difference.interval,
        relative=relative.value,
        relative_interval=relative.interval,
        naive_interval=naive.interval,
        p=rounding.p_value(row.p_value, alpha),
        p_adjusted=rounding.p_value(row.p_adjusted, alpha),
        tone={1: "good", -1: "bad", 0: "calm" if row.significant else ""}[good],
        word=_word(row, good),
        note=clean(row.note or ""),
    )


def _word(row: Effect, good: int) -> str:
    """The result in a word; empty when there was no test."""
    if row.significant is None:
        return ""
    return {1: "better", -1: "worse", 0: "changed" if row.significant else "not significant"}[good]


def _mean(moments: Moments | None) -> str:
    if moments is None or moments.mean is None:
        return rounding.MISSING
    if not moments.variance or moments.n < 1:
        return rounding.estimate(moments.mean, None, None, sign=False).value
    error = 1.96 * (moments.variance / moments.n) ** 0.5
    return rounding.number(moments.mean, rounding.decimals(error))


def _trouble(name: str, values: list[int | None]) -> bool:
    return name in TROUBLE and any(values)


def _columns(document: Document) -> tuple[tuple[int, str], ...]:
    return tuple((at, arm.name) for at, arm in enumerate(document.arms))


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
