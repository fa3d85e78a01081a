"""Tables of the effects: success metrics, exploratory ones, and other estimates of both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from abbotify.report.decision import decisive, direction, success_metrics
from abbotify.report.result import Result
from abbotify.report.table import Cell, Column, Row, Table
from abbotify.report.text import leading, numbers
from abbotify.report.text.labels import clean, estimand, metric, unit
from abbotify.stats import Effect
from abbotify.stats.effects import MEAN

_WORDS: Final = {1: "better", -1: "worse"}
_TONES: Final = {1: "good", -1: "bad"}


def success(result: Result) -> Table | None:
    """The success metrics' effects, by the estimand that decides."""
    caption = f"Success metrics, which decide; control: {clean(result.control.name)}"
    return _table(result, decisive(result), caption, decides=True)


def exploratory(result: Result) -> Table | None:
    """The other metrics' effects, each by its main estimand."""
    caption = "Exploratory metrics: p-values are not adjusted"
    return _table(result, _main(result), caption, decides=False)


def further(result: Result, *, deciding: bool) -> Table | None:
    """Other estimates of the same effects, of metrics that decide or of those that do not."""
    rows = _further(result, deciding=deciding)
    if not rows:
        return None
    kind = "success" if deciding else "exploratory"
    reduced = any(row.variance_reduction is not None for row in rows)
    columns = (
        *(Column("Metric", merge=True), Column("Estimate", merge=True), *_treatment(result)),
        *(Column("Relative effect", number=True), Column("Difference", number=True)),
        *(Column("Means", "treatment, control", number=True), Column("p", number=True)),
        *((Column("Variance removed", number=True),) if reduced else ()),
    )
    body = []
    for row, places in zip(rows, _places(rows), strict=True):
        note = leading.noted(row, clean(row.note or ""))
        removed = numbers.percent(row.variance_reduction, 0)
        cells = (
            Cell(metric(row.metric).label),
            Cell(estimand(row.estimand), "" if _several(result) else note),
            *_arm(result, row, note),
            *_sizes(row, places),
            Cell(numbers.p_value(row.p_value, result.run.alpha)),
            *((Cell(removed),) if reduced else ()),
        )
        body.append(Row(cells, _apart(row)))
    caption = f"Other estimates of the effects on {kind} metrics"
    return Table(caption, columns, tuple(body), "effects")


def naive(result: Result) -> Table | None:
    """Naive beside Fieller intervals of the relative effects."""
    rows = [
        row for row in result.effects if row.naive_lower is not None and not leading.near_zero(row)
    ]
    columns = (
        *(Column("Metric", merge=True), Column("Treatment"), Column("Estimand")),
        Column("Users", "treatment / control", number=True),
        *(Column("Naive", number=True), Column("Fieller", number=True)),
    )
    level = numbers.level(result.run.alpha)
    caption = f"Naive and Fieller {level} intervals of the relative effect"
    body = tuple(
        Row(
            (
                Cell(metric(row.metric).label),
                Cell(row.arm, arm=result.places[row.arm]),
                Cell(estimand(row.estimand)),
                Cell(f"{numbers.count(row.n_treatment)} / {numbers.count(row.n_control)}"),
                Cell(_percent_interval(row.naive_lower, row.naive_upper)),
                Cell(_percent_interval(row.relative_lower, row.relative_upper)),
            )
        )
        for row in rows
    )
    return Table(caption, columns, body) if body else None


def _percent_interval(lower: float | None, upper: float | None) -> str:
    return numbers.estimate(None, lower, upper, unit="%").interval


def _further(result: Result, *, deciding: bool) -> list[Effect]:
    names = success_metrics(result)
    shown = (*decisive(result), *_main(result))
    rest = [
        row
        for row in result.effects
        if (row.metric in names) is deciding and not any(row is each for each in shown)
    ]
    order = {name: place for place, name in enumerate((*names, *(row.metric for row in rest)))}
    kinds = list(dict.fromkeys(row.estimand for row in result.effects))
    rest = [_like(row, shown) for row in rest]
    return sorted(rest, key=lambda row: (order[row.metric], kinds.index(row.estimand)))


def _like(row: Effect, shown: Iterable[Effect]) -> Effect:
    """The row, without its relative effect where the estimate shown first is a difference."""
    first = next((each for each in shown if (each.metric, each.arm) == (row.metric, row.arm)), row)
    if not leading.near_zero(first) or leading.near_zero(row):
        return row
    note = "; ".join(filter(None, (row.note, leading.NEAR_ZERO)))
    return replace(row, relative_effect=None, relative_lower=None, relative_upper=None, note=note)


def _main(result: Result) -> tuple[Effect, ...]:
    """One row of each metric that does not decide and each treatment: the mean, if there is one."""
    names = success_metrics(result)
    chosen: dict[tuple[str, str], Effect] = {}
    for row in result.effects:
        key = (row.metric, row.arm)
        if row.metric not in names and (key not in chosen or row.estimand == MEAN):
            chosen[key] = row
    order = list(dict.fromkeys(row.metric for row in chosen.values()))
    return tuple(sorted(chosen.values(), key=lambda row: order.index(row.metric)))


def _table(result: Result, rows: Sequence[Effect], caption: str, *, decides: bool) -> Table | None:
    if not rows:
        return None
    at_once = any(row.simultaneous_lower is not None for row in rows)
    columns = (
        *(Column("Metric", merge=True), *_treatment(result)),
        *(Column("Relative effect", number=True), Column("Difference", number=True)),
        Column("Means", "treatment, control", number=True),
        Column("p, Holm" if decides else "p", number=True),
        *((Column("Difference", "simultaneous", number=True),) if at_once else ()),
        Column("Result", badge=True),
    )
    body = tuple(
        _row(result, row, places, decides=decides, at_once=at_once)
        for row, places in zip(rows, _places(rows), strict=True)
    )
    return Table(caption, columns, body, "effects")


def _row(
    result: Result,
    row: Effect,
    places: tuple[int | None, int | None],
    *,
    decides: bool,
    at_once: bool,
) -> Row:
    note = leading.noted(row, clean(row.note or ""))
    if decides and row.variance_reduction is not None:
        removed = f"{numbers.percent(row.variance_reduction, 0)} of the variance removed by CUPED"
        note = "; ".join(filter(None, (note, removed)))
    about = metric(row.metric)
    plain = "" if row.estimand == MEAN else estimand(row.estimand)
    under = [plain] if _several(result) else [plain, note]
    good = direction(row)
    tone = _TONES.get(good, "calm" if row.significant else "")
    cells = (
        Cell(about.label, "; ".join(filter(None, under))),
        *_arm(result, row, note),
        *_sizes(row, places),
        _p_value(row, result.run.alpha, decides=decides),
        *((_simultaneous(row, result.run.alpha),) if at_once else ()),
        Cell(_word(row, good), tone=tone),
    )
    return Row(cells, f"{tone} {_apart(row)}".strip())


def _p_value(row: Effect, alpha: float, *, decides: bool) -> Cell:
    p = numbers.p_value(row.p_value, alpha)
    if not decides:
        return Cell(p)
    adjusted = numbers.p_value(row.p_adjusted, alpha)
    return Cell(adjusted, "" if adjusted == p else f"unadjusted {p}")


def _simultaneous(row: Effect, alpha: float) -> Cell:
    shown = numbers.estimate(None, row.simultaneous_lower, row.simultaneous_upper)
    p = numbers.p_value(row.p_simultaneous, alpha)
    return Cell(shown.interval, "" if p == numbers.MISSING else f"p {p}")


def _word(row: Effect, good: int) -> str:
    """The result in a word; a dash when there was no test."""
    if row.significant is None:
        return numbers.MISSING
    return _WORDS.get(good, "changed" if row.significant else "not significant")


def _several(result: Result) -> bool:
    return len(result.treatments) > 1


def _treatment(result: Result) -> tuple[Column, ...]:
    return (Column("Treatment"),) if _several(result) else ()


def _arm(result: Result, row: Effect, note: str) -> tuple[Cell, ...]:
    """The treatment, where there are several."""
    return (Cell(row.arm, note, arm=result.places[row.arm]),) if _several(result) else ()


def _apart(row: Effect) -> str:
    """The class of a row whose difference leads, since it has no relative interval to show."""
    none = None in leading.relative(row)[1:]
    return "apart" if none and row.lower is not None else ""


def _places(rows: Iterable[Effect]) -> list[tuple[int | None, int | None]]:
    """Decimals of relative effects, alike in a table, and of differences, alike in a metric."""
    shown = list(rows)
    relative = numbers.aligned([leading.relative(row) for row in shown])
    apart: dict[int, int | None] = {}
    for name, kind in dict.fromkeys((row.metric, row.estimand) for row in shown):
        own = [at for at, row in enumerate(shown) if (row.metric, row.estimand) == (name, kind)]
        ends = [(shown[at].effect, shown[at].lower, shown[at].upper) for at in own]
        apart.update(zip(own, numbers.aligned(ends), strict=True))
    return [(places, apart[at]) for at, places in enumerate(relative)]


def _sizes(row: Effect, places: tuple[int | None, int | None]) -> tuple[Cell, Cell, Cell]:
    """The relative effect, the difference and the means."""
    relative = numbers.estimate(*leading.relative(row), unit="%", places=places[0])
    apart = numbers.estimate(row.effect, row.lower, row.upper, places=places[1])
    behind = "" if row.effect is None else unit(row.metric)
    return (
        Cell(relative.value, relative.second_line),
        Cell(apart.value + behind, apart.second_line),
        Cell(
            numbers.number(row.treatment_mean, apart.places),
            numbers.number(row.control_mean, apart.places),
        ),
    )
