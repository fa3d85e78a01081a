"""Guardrails as rows of ready texts: what must not get worse, by how much it did, and the verdict.

Texts here are not escaped: each rendering escapes for its own language.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from abbotify.report.charts.inline_interval import Interval
from abbotify.report.result import Result
from abbotify.report.text import numbers
from abbotify.report.text.labels import clean, metric, unit
from abbotify.stats.non_inferiority import PERCENT, GuardrailResult

TONES: Final = {"non-inferior": "good", "inferior": "bad", "undecided": "warn"}
UNTESTED: Final = "not tested"
_MOST: Final = 8  # lines of a first screen


@dataclass(frozen=True)
class GuardrailLine:
    """One guardrail of one treatment; losses are positive where the treatment is worse.

    `order` is the guardrail's place among all, from 0.
    """

    order: int
    metric: str
    arm: str
    at: int
    loss: str
    bound: str
    margin: str
    p: str
    verdict: str
    tone: str
    note: str
    drawn: Interval


def guardrails(result: Result) -> tuple[GuardrailLine, ...]:
    """A line for each guardrail and treatment, by guardrail."""
    at = result.places
    order = list(dict.fromkeys(row.metric for row in result.guardrails))
    rows = sorted(result.guardrails, key=lambda row: (order.index(row.metric), at[row.arm]))
    alpha = result.run.alpha
    return tuple(_line(row, order.index(row.metric), at[row.arm], alpha) for row in rows)


def declared(result: Result) -> tuple[str, ...]:
    """What each guardrail tolerates, in words: those judged, or those a scenario declares."""
    told = {row.metric: _tolerated(row.metric, margin(row)) for row in result.guardrails}
    metrics = result.scenario.get("metrics")
    rails = metrics.get("guardrails") if isinstance(metrics, dict) else None
    for rail in rails if isinstance(rails, Sequence) and not isinstance(rails, str) else ():
        plain = rail if isinstance(rail, dict) else {"metric": rail}
        name = str(plain.get("metric"))
        told.setdefault(name, _tolerated(name, _declared_margin(name, plain)))
    return tuple(told.values())


def kept(result: Result, arm: str) -> str:
    """Whether a treatment keeps its guardrails, to end a sentence; empty when none was judged."""
    rows = [row for row in result.guardrails if row.arm == arm]
    by_verdict = {
        verdict: [metric(row.metric).label.lower() for row in rows if row.verdict == verdict]
        for verdict in ("inferior", "undecided", None, "non-inferior")
    }
    parts = [
        f"{', '.join(names)} {verdict or UNTESTED}"
        for verdict, names in by_verdict.items()
        if names
    ]
    return f"; guardrails: {'; '.join(parts)}" if parts else ""


def _tolerated(name: str, most: str) -> str:
    label = metric(name).label.lower()
    return f"{label} worse by less than {most}" if most else label


def _declared_margin(name: str, rail: Mapping[str, object]) -> str:
    """The margin a scenario names, in per cent or in the metric's units; empty without."""
    for key, behind in (("margin", "%"), ("absolute", unit(name))):
        value = rail.get(key)
        if isinstance(value, int | float):
            return f"{value:g}{behind}"
    return ""


def arranged(
    lines: Sequence[GuardrailLine],
) -> tuple[tuple[GuardrailLine, ...], tuple[GuardrailLine, ...]]:
    """Those to show at once, and those to fold away: where there are many, the ones that hold."""
    if len(lines) <= _MOST:
        return tuple(lines), ()
    held = [line for line in lines if line.tone == "good"]
    return tuple(line for line in lines if line not in held), tuple(held)


def margin(row: GuardrailResult) -> str:
    """The largest loss tolerated, with its unit."""
    return f"{row.margin:g}%" if row.unit == PERCENT else f"{row.margin:g}{unit(row.metric)}"


def lost(row: GuardrailResult) -> tuple[str, str]:
    """The loss, and the most it may be, rounded to one place, with their unit."""
    shown = numbers.estimate(row.loss, row.lower, row.upper)
    behind = "%" if row.unit == PERCENT else unit(row.metric)
    told = [
        text if text == numbers.MISSING else text + behind for text in (shown.value, shown.upper)
    ]
    return told[0], told[1]


def _line(row: GuardrailResult, order: int, at: int, alpha: float) -> GuardrailLine:
    loss, bound = lost(row)
    return GuardrailLine(
        order=order,
        metric=metric(row.metric).label,
        arm=row.arm,
        at=at,
        loss=loss,
        bound=bound,
        margin=margin(row),
        p=numbers.p_value(row.p_value, alpha),
        verdict=row.verdict or UNTESTED,
        tone=TONES.get(row.verdict or "", "warn"),
        note=clean(row.note),
        drawn=_in_margins(row),
    )


def _in_margins(row: GuardrailResult) -> Interval:
    """The loss in multiples of its margin, so that all guardrails share one scale."""
    known = [abs(each) for each in (row.loss, row.lower, row.upper) if each is not None]
    one = row.margin or max(known, default=0.0) or 1.0
    scaled = [None if each is None else each / one for each in (row.loss, row.lower, row.upper)]
    return Interval(scaled[0], scaled[1], scaled[2], mark=row.margin / one)
