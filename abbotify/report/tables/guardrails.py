"""Guardrails: which metrics must not get worse, by how much they did, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Final

from abbotify.report.charts.axes import style
from abbotify.report.charts.inline_interval import Interval, Scale, picture, scale
from abbotify.report.result import Result
from abbotify.report.table import Cell, Column, Row, Table
from abbotify.report.text import leading, numbers
from abbotify.report.text.labels import clean, metric, unit
from abbotify.stats import Effect
from abbotify.stats.effects import MEAN
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
    at, note, apart = result.places[row.arm], clean(row.note), _difference(result, row)
    if apart is not None:
        note = "; ".join(filter(None, (note, leading.NEAR_ZERO)))
    under = [f"margin {margin(row)}", "" if several else note]
    loss, bound = loss_and_bound(result, row)
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
    """What each guardrail tolerates, in words: those tested, or those a scenario declares."""
    limits = {row.metric: _tolerated(row.metric, margin(row)) for row in result.guardrails}
    metrics = result.scenario.get("metrics")
    rails = metrics.get("guardrails") if isinstance(metrics, dict) else None
    for rail in rails if isinstance(rails, Sequence) and not isinstance(rails, str) else ():
        plain = rail if isinstance(rail, dict) else {"metric": rail}
        name = str(plain.get("metric"))
        limits.setdefault(name, _tolerated(name, _declared_margin(name, plain)))
    return tuple(limits.values())


def kept(result: Result, arm: str) -> str:
    """Whether a treatment keeps its guardrails, to end a sentence; empty when none was tested."""
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


def loss_and_bound(result: Result, row: GuardrailResult) -> tuple[str, str]:
    """The loss, and the most it may be, rounded to one place, with their unit.

    Where the control is near zero the loss is a difference, as the effect is.
    """
    values, behind = (row.loss, row.lower, row.upper), unit(row.metric)
    apart = _difference(result, row)
    if apart is not None:
        values = _absolute(apart, result.run.alpha)
    elif row.unit == PERCENT:
        behind = "%"
    shown = numbers.estimate(*values)
    loss, most = (
        text if text == numbers.MISSING else text + behind for text in (shown.value, shown.upper)
    )
    return loss, most


def _difference(result: Result, row: GuardrailResult) -> Effect | None:
    """The effect on a metric whose loss in per cent says little; None where it says enough."""
    if row.unit != PERCENT:
        return None
    key = (row.arm, row.metric, MEAN)
    effects = (each for each in result.effects if (each.arm, each.metric, each.estimand) == key)
    effect = next(effects, None)
    if effect is None or effect.lower is None:
        return None
    losses = (row.loss, row.lower, row.upper)
    far = any(each is not None and abs(each) > leading.LIMIT for each in losses)
    return effect if far or leading.near_zero(effect) else None


def _absolute(effect: Effect, alpha: float) -> tuple[float | None, float | None, float | None]:
    """The loss and its one-sided bounds in the metric's own unit.

    They are the interval of the effect, shortened by the ratio of normal quantiles; by those of
    Student's t with 20 degrees of freedom they would be 1.5% narrower.
    """
    if effect.effect is None or effect.lower is None or effect.upper is None:
        return effect.effect, None, None
    quantile = NormalDist().inv_cdf
    half = (effect.upper - effect.lower) / 2 * quantile(1 - alpha) / quantile(1 - alpha / 2)
    loss = effect.effect if metric(effect.metric).direction == "lower" else -effect.effect
    return loss, loss - half, loss + half


def _in_margins(row: GuardrailResult) -> Interval:
    """The loss in multiples of its margin, so that all guardrails share one scale."""
    known = [abs(each) for each in (row.loss, row.lower, row.upper) if each is not None]
    one = row.margin or max(known, default=0.0) or 1.0
    scaled = [None if each is None else each / one for each in (row.loss, row.lower, row.upper)]
    return Interval(scaled[0], scaled[1], scaled[2], mark=row.margin / one)
