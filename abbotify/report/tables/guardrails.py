"""Guardrails: which metrics must not get worse, by how much they did, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from abbotify.report.charts.axes import style
from abbotify.report.charts.inline_interval import Interval, Scale, picture, scale
from abbotify.report.result import Result
from abbotify.report.table import Cell, Column, Row, Table
from abbotify.report.text import numbers
from abbotify.report.text.labels import clean, metric, unit
from abbotify.stats.non_inferiority import NON_INFERIOR, PERCENT, GuardrailResult

TONES: Final = {"non-inferior": "good", "inferior": "bad", "undecided": "warn"}
UNTESTED: Final = "not tested"
_MOST: Final = 8  # lines of a first screen


def guardrails(result: Result) -> tuple[Table | None, Table | None]:
    """The guardrails to show at once, and those to fold away: of many, the ones that hold."""
    order = list(dict.fromkeys(row.metric for row in result.guardrails))
    at = result.places
    rows = sorted(result.guardrails, key=lambda row: (order.index(row.metric), at[row.arm]))
    held = [row for row in rows if row.verdict == NON_INFERIOR] if len(rows) > _MOST else []
    shown = [row for row in rows if row not in held]
    on = scale(map(_in_margins, rows))
    level = numbers.level(result.run.alpha)
    caption = f"Guardrails: loss against the control, one-sided {level} bound, and margin (red)"
    return _table(result, shown, caption, on), _table(result, held, "Guardrails that hold", on)


def _table(
    result: Result, rows: Sequence[GuardrailResult], caption: str, on: Scale
) -> Table | None:
    several = len(result.treatments) > 1
    columns = (
        Column("Guardrail", merge=True),
        *((Column("Treatment"),) if several else ()),
        *(Column("Verdict", badge=True), Column("Loss against margin", picture=True)),
        *(Column(head, number=True) for head in ("Loss", "Upper bound", "p")),
    )
    body = tuple(_row(result, row, on, several) for row in rows)
    return Table(caption, columns, body) if body else None


def _row(result: Result, row: GuardrailResult, on: Scale, several: bool) -> Row:
    at, note = result.places[row.arm], clean(row.note)
    under = [f"margin {margin(row)}", "" if several else note]
    loss, bound = lost(row)
    drawn = picture(_in_margins(row), on, style(at), marks="margin")
    return Row(
        (
            Cell(metric(row.metric).label, "; ".join(filter(None, under))),
            *((Cell(row.arm, note, arm=at),) if several else ()),
            Cell(row.verdict or UNTESTED, tone=TONES.get(row.verdict or "", "warn")),
            Cell(svg=drawn),
            *(Cell(loss), Cell(bound), Cell(numbers.p_value(row.p_value, result.run.alpha))),
        )
    )


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


def _in_margins(row: GuardrailResult) -> Interval:
    """The loss in multiples of its margin, so that all guardrails share one scale."""
    known = [abs(each) for each in (row.loss, row.lower, row.upper) if each is not None]
    one = row.margin or max(known, default=0.0) or 1.0
    scaled = [None if each is None else each / one for each in (row.loss, row.lower, row.upper)]
    return Interval(scaled[0], scaled[1], scaled[2], mark=row.margin / one)
