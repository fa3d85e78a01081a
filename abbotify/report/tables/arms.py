"""Tables of the arms: their users, means and counters; the effect that decided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from abbotify.report.decision import Decision
from abbotify.report.result import Arm, MetricMoments, Result
from abbotify.report.table import Cell, Column, Row, Table, by_arm
from abbotify.report.text import numbers
from abbotify.report.text.labels import TROUBLE, counter, metric, unit, with_unit
from abbotify.report.text.leading import shown_effect


def leading_value(decision: Decision) -> tuple[numbers.Rounded, str]:
    """The effect that decided as a large number, and its unit; a dash where there is none."""
    row = decision.effect
    if row is None:
        return numbers.estimate(None, None, None), ""
    shown = shown_effect(row)
    return shown, "" if "%" in shown.value or shown.value == numbers.MISSING else unit(row.metric)


def arms(result: Result) -> Table:
    """The arms, their recommenders, and how many users each has."""
    heads = ("Weight", "Planned", "Share", "Users", "Assigned", "Sessions", "Tracks")
    columns = (
        *(Column("Arm"), Column("Label"), Column("Recommender", code=True)),
        *(Column(head, number=True) for head in heads),
    )
    rows = tuple(_arm_row(result, at, arm) for at, arm in enumerate(result.arms))
    return Table("Arms and sample sizes", columns, rows)


def _arm_row(result: Result, at: int, arm: Arm) -> Row:
    shares = (planned(arm, result.arms), share(arm, result.arms))
    counts = map(numbers.count, (arm.users, arm.assigned, arm.sessions, arm.tracks))
    return Row(
        (
            Cell(arm.name, arm=at),
            Cell(arm.label, "control" if arm.control else ""),
            Cell(arm.recommender or numbers.MISSING),
            Cell(numbers.MISSING if arm.weight is None else f"{arm.weight:g}"),
            *map(Cell, (*shares, *counts)),
        )
    )


def means(result: Result) -> Table | None:
    """Mean of every metric in every arm, rounded by its standard error."""
    names = dict.fromkeys(name for arm in result.arms for name in arm.metrics or {})
    rows = (
        (
            with_unit(metric(name).label, name),
            _means([(arm.metrics or {}).get(name) for arm in result.arms]),
        )
        for name in names
    )
    caption = "Mean of every metric over users, rounded by its standard error"
    return by_arm(caption, "Metric", (arm.name for arm in result.arms), rows)


def counters(result: Result) -> Table | None:
    """What the service counted in every arm; a row is marked when it should have been zero."""
    names = dict.fromkeys(name for arm in result.arms for name in arm.counters or {})
    counted = [[(arm.counters or {}).get(name) for arm in result.arms] for name in names]
    rows = [
        (counter(name), list(map(numbers.count, values)))
        for name, values in zip(names, counted, strict=True)
    ]
    table = by_arm("Requests and outcomes", "Counter", (arm.name for arm in result.arms), rows)
    if table is None:
        return None
    marked = tuple(
        replace(row, tone="marked") if name in TROUBLE and any(values) else row
        for name, values, row in zip(names, counted, table.rows, strict=True)
    )
    return replace(table, rows=marked)


def share(arm: Arm, arms: Iterable[Arm]) -> str:
    """The arm's share of the exposed users."""
    total = sum(each.users for each in arms)
    return numbers.percent(arm.users / total if total else None, 2)


def planned(arm: Arm, arms: Iterable[Arm]) -> str:
    """The arm's share by the weights."""
    total = sum(each.weight or 0.0 for each in arms)
    known = arm.weight is not None and total > 0
    return numbers.percent((arm.weight or 0.0) / total if known else None, 2)


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
