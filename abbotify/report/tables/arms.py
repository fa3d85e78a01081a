"""The result as rows of ready texts, shared by the page and the Markdown.

Texts here are not escaped: each rendering escapes for its own language.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from abbotify.report.decision import Decision, Verdict, decisions
from abbotify.report.result import Arm, MetricMoments, Result
from abbotify.report.text import numbers
from abbotify.report.text.headline import sentence
from abbotify.report.text.labels import TROUBLE, counter, metric, unit, with_unit
from abbotify.report.text.leading import shown_effect
from abbotify.report.text.reasons import cautions

TONES = {
    Verdict.SHIP: "good",
    Verdict.SHIP_WITH_RESERVATIONS: "warn",
    Verdict.BEATS_CONTROL: "good",
    Verdict.DO_NOT_SHIP: "bad",
    Verdict.UNDECIDED: "calm",
    Verdict.TOO_SMALL: "blocked",
    Verdict.INVALID: "blocked",
}


@dataclass(frozen=True)
class DecisionCard:
    """A treatment's decision: the large number, the sentence, and what stands against it."""

    arm: str
    at: int
    verdict: str
    tone: str
    value: str
    unit: str
    interval: str
    metric: str
    sentence: str
    cautions: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """A table with a column for each arm: a name and a cell for each arm in every row."""

    arms: tuple[tuple[int, str], ...]
    rows: tuple[tuple[str, tuple[str, ...], bool], ...]


def decision_cards(result: Result) -> tuple[DecisionCard, ...]:
    """A card for each treatment, best first."""
    return tuple(_card(result, decision) for decision in decisions(result))


def means(result: Result) -> Grid:
    """Mean of every metric in every arm, rounded by its standard error."""
    names = dict.fromkeys(name for arm in result.arms for name in arm.metrics or {})
    rows = [
        (
            with_unit(metric(name).label, name),
            _means([(arm.metrics or {}).get(name) for arm in result.arms]),
        )
        for name in names
    ]
    return Grid(_columns(result), tuple((label, cells, False) for label, cells in rows))


def counters(result: Result) -> Grid:
    """What the service counted in every arm; a row is marked when it should have been zero."""
    names = dict.fromkeys(name for arm in result.arms for name in arm.counters or {})
    rows = []
    for name in names:
        values = [(arm.counters or {}).get(name) for arm in result.arms]
        rows.append((counter(name), tuple(map(numbers.count, values)), _trouble(name, values)))
    return Grid(_columns(result), tuple(rows))


def share(arm: Arm, arms: Iterable[Arm]) -> str:
    """The arm's share of the exposed users."""
    total = sum(each.users for each in arms)
    return numbers.percent(arm.users / total if total else None, 2)


def planned(arm: Arm, arms: Iterable[Arm]) -> str:
    """The arm's share by the weights."""
    total = sum(each.weight or 0.0 for each in arms)
    known = arm.weight is not None and total > 0
    return numbers.percent((arm.weight or 0.0) / total if known else None, 2)


def _card(result: Result, decision: Decision) -> DecisionCard:
    row = decision.effect
    shown = numbers.estimate(None, None, None) if row is None else shown_effect(row)
    behind = "" if row is None or "%" in shown.value else unit(row.metric)
    return DecisionCard(
        arm=decision.arm.name,
        at=result.arms.index(decision.arm),
        verdict=decision.verdict.label,
        tone=TONES[decision.verdict],
        value=shown.value,
        unit=behind if shown.value != numbers.MISSING else "",
        interval=shown.interval,
        metric="" if row is None else metric(row.metric).label,
        sentence=sentence(result, decision),
        cautions=cautions(result, decision),
    )


def _means(arms: Sequence[MetricMoments | None]) -> tuple[str, ...]:
    """A metric's means in all arms, rounded alike by their standard errors."""
    known = [_interval(moments) for moments in arms]
    return tuple(
        numbers.estimate(*each, sign=False, places=places).value
        for each, places in zip(known, numbers.aligned(known), strict=True)
    )


def _interval(moments: MetricMoments | None) -> tuple[float | None, float | None, float | None]:
    """The mean and its interval; no interval where nothing varies."""
    if moments is None or moments.mean is None:
        return None, None, None
    if not moments.variance or moments.n < 1:
        return moments.mean, None, None
    error = 1.96 * (moments.variance / moments.n) ** 0.5
    return moments.mean, moments.mean - error, moments.mean + error


def _trouble(name: str, values: list[int | None]) -> bool:
    return name in TROUBLE and any(values)


def _columns(result: Result) -> tuple[tuple[int, str], ...]:
    return tuple((at, arm.name) for at, arm in enumerate(result.arms))
