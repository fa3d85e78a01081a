"""A comparison as cards, tables and a chart, shared by the terminal, the page and the Markdown.

Texts here are clean, on one line, but not escaped: each rendering escapes for its own language.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from abbotify.report import Result, sentences
from abbotify.report.charts.axes import Axis
from abbotify.report.charts.axes import Line as AxisLine
from abbotify.report.charts.forest import Estimate, Group, forest
from abbotify.report.decision import decisive, success_metrics
from abbotify.report.table import Cell, Column, Row, Table
from abbotify.report.tables.checks import state
from abbotify.report.text import numbers as rounding
from abbotify.report.text.labels import check, clean, estimand, metric, shortened
from abbotify.report.text.leading import Numbers, leads, numbers_of
from abbotify.report.text.numbers import MINUS, MISSING
from abbotify.stats import Contrast, Effect
from abbotify.stats.effects import MEAN
from abbotify.studies.compare.compare import Comparison, Level, Moved
from abbotify.studies.page import Card

BETWEEN = f"B {MINUS} A"
_COLUMNS: Final = (
    Column("Metric", merge=True),
    Column("Arm"),
    Column("A", number=True),
    Column("B", number=True),
    Column(BETWEEN, number=True),
    Column("p", number=True),
    Column("Result", badge=True),
)
_POINTS: Final = " pp"


def cards(comparison: Comparison) -> tuple[Card, Card]:
    """Both runs: what each is, its decisions, its checks."""
    first, second = comparison.names
    return _card("A", first, comparison.a), _card("B", second, comparison.b)


def differences(comparison: Comparison) -> Table:
    """Keys that differ, with both values; of digests their beginnings."""
    columns = (Column("Key", code=True), Column("A", code=True), Column("B", code=True))
    rows = (
        Row(tuple(Cell(_value(value)) for value in (row.key, row.a, row.b)))
        for row in comparison.differing
    )
    return Table("Keys of the scenarios and the runs", columns, tuple(rows))


def _value(value: str | None) -> str:
    if value is None:
        return MISSING
    return shortened(value, 20) if value.startswith("sha256:") else clean(value)


def alone(comparison: Comparison) -> str:
    """The arms that only one run has, in a sentence; empty when there are none."""
    arms_of = [
        f"only in {letter}: {', '.join(map(clean, arms))}"
        for letter, arms in (("A", comparison.only_a), ("B", comparison.only_b))
        if arms
    ]
    return f"Arms {'; '.join(arms_of)}." if arms_of else ""


def controls(comparison: Comparison) -> str:
    """The control of both runs, in a sentence."""
    one, two = (clean(run.control.name) for run in (comparison.a, comparison.b))
    if one == two:
        return f"Effects are against {one}."
    return f"Effects are against {one} in A and against {two} in B."


def effects_note(comparison: Comparison) -> str:
    """How effects and their differences are to be read."""
    level = rounding.level(comparison.a.run.alpha)
    return (
        f"{controls(comparison)} {BETWEEN} of relative effects is in percentage points (pp). "
        f"{level} intervals and p-values are those of single comparisons. {comparison.why}"
    )


def effects(comparison: Comparison) -> Table:
    """The effects, success metrics and what decides on them first, a metric's arms together."""
    order = _order(comparison, [moved.metric for moved in comparison.effects])
    kinds = [*dict.fromkeys(moved.estimand for moved in comparison.effects)]
    moved = sorted(
        comparison.effects,
        key=lambda row: (
            order.index(row.metric),
            not decides(comparison, row),
            kinds.index(row.estimand),
        ),
    )
    alpha = comparison.a.run.alpha
    rows = (_effect(row, alpha, places) for row, places in zip(moved, _places(moved), strict=True))
    return Table("Effects of the treatments in both runs", _COLUMNS, tuple(rows))


def levels(comparison: Comparison) -> Table:
    """The arms' means, success metrics first, a metric's arms together."""
    order = _order(comparison, [level.metric for level in comparison.levels])
    ordered = sorted(comparison.levels, key=lambda row: order.index(row.metric))
    alpha = comparison.a.run.alpha
    rows: list[Row] = []
    for _, same in groupby(ordered, key=lambda row: row.metric):
        members = list(same)
        places = rounding.aligned([_bounds(row.difference) for row in members])
        rows += [_level(row, alpha, each) for row, each in zip(members, places, strict=True)]
    return Table("Mean of each metric in each arm of both runs", _COLUMNS, tuple(rows))


def decides(comparison: Comparison, moved: Moved) -> bool:
    """Whether either run decides by this estimate."""
    return any(
        (row.metric, row.estimand) == (moved.metric, moved.estimand)
        for run in (comparison.a, comparison.b)
        for row in decisive(run)
    )


def comparable(moved: Moved) -> bool:
    """Whether the relative effect leads in both runs, so that it and not the unit is shown."""
    return all(effect is None or leads(effect) for effect in (moved.a, moved.b))


def _order(comparison: Comparison, metrics: list[str]) -> list[str]:
    first = (*success_metrics(comparison.a), *success_metrics(comparison.b))
    return [*dict.fromkeys([*first, *metrics])]


def _card(letter: str, name: str, result: Result) -> Card:
    words, tone = state(result.checks)
    tones = {"fail": "bad", "warn": "warn"}
    failing = tuple(
        (tones[each.status], f"{check(each.name)}: {each.summary}")
        for each in result.checks
        if each.status in tones
    )
    scenario, name = clean(str(result.scenario.get("name", result.run.experiment))), clean(name)
    named = () if scenario in name else (scenario,)
    return Card(name, (*named, *sentences(result)), tone, letter, ((tone, words), *failing))


def _places(rows: Sequence[Moved]) -> list[list[int | None]]:
    """Decimals of A, B and their difference in each row: alike wherever the unit is."""
    numbers = [
        [_numbers(row, row.a), _numbers(row, row.b), _bounds(_contrast(row))] for row in rows
    ]
    in_percent = [values for row, values in zip(rows, numbers, strict=True) if comparable(row)]
    relative = iter(rounding.aligned([each for values in in_percent for each in values]))
    return [
        [next(relative) for _ in values] if comparable(row) else rounding.aligned(values)
        for row, values in zip(rows, numbers, strict=True)
    ]


def _numbers(row: Moved, effect: Effect | None) -> Numbers:
    """An effect in the form that leads in both runs."""
    return numbers_of(effect, relative=comparable(row))


def _contrast(row: Moved) -> Contrast:
    """Their difference in the same form."""
    return row.relative if comparable(row) else row.absolute


def _bounds(contrast: Contrast) -> Numbers:
    return contrast.effect, contrast.lower, contrast.upper


def _effect(row: Moved, alpha: float, places: Sequence[int | None]) -> Row:
    percent, contrast = "%" if comparable(row) else "", _contrast(row)
    a, b = (
        _rounded(rounding.estimate(*_numbers(row, effect), unit=percent, places=each))
        for effect, each in zip((row.a, row.b), places[:2], strict=True)
    )
    unit = _POINTS if percent and contrast.effect is not None else ""
    kind = "" if row.estimand == MEAN else estimand(row.estimand)
    first = Cell(metric(row.metric).label, kind), Cell(clean(row.arm))
    return Row((*first, a, b, *_compared(row.metric, contrast, unit, alpha, places[2])))


def _level(row: Level, alpha: float, places: int | None) -> Row:
    contrast = row.difference
    if contrast.lower is None or places is None:
        known = (rounding.estimate(value, None, None).places for value in (row.a, row.b))
        places = max(*known, 2)
    a, b = (Cell(rounding.number(value, places)) for value in (row.a, row.b))
    first = Cell(metric(row.metric).label), Cell(clean(row.arm))
    return Row((*first, a, b, *_compared(row.metric, contrast, "", alpha, places)))


def _compared(
    name: str, contrast: Contrast, unit: str, alpha: float, places: int | None
) -> tuple[Cell, Cell, Cell]:
    """B minus A, its p-value, and the result by this comparison alone."""
    shown = rounding.estimate(*_bounds(contrast), places=places)
    tone, word = _result(name, contrast, alpha)
    return (
        _rounded(shown, unit),
        Cell(rounding.p_value(contrast.p_value, alpha)),
        Cell(word or clean(contrast.note) or MISSING, tone=tone or "quiet"),
    )


def _rounded(shown: rounding.Rounded, unit: str = "") -> Cell:
    return Cell(shown.value + unit, shown.second_line)


def _result(name: str, contrast: Contrast, alpha: float) -> tuple[str, str]:
    """Tone and word of a difference by this comparison alone; empty when there was no test."""
    if contrast.p_value is None or contrast.effect is None:
        return "", ""
    if contrast.p_value >= alpha:
        return "", "not significant"
    way = metric(name).direction
    if way is None:
        return "calm", "changed"
    better = (contrast.effect > 0) == (way == "higher")
    return ("good", "better in B") if better else ("bad", "worse in B")


def chart(comparison: Comparison, narrow: bool) -> str | None:
    """Both runs' relative effects, a group for each metric and arm; None when there is none."""
    chosen = _chosen(comparison)
    if not chosen:
        return None
    pairs = [(row, effect, look) for row in chosen for look, effect in enumerate((row.a, row.b), 1)]
    places = rounding.aligned([_numbers(row, effect) for row, effect, _ in pairs])
    success = {*success_metrics(comparison.a), *success_metrics(comparison.b)}
    level = rounding.level(comparison.a.run.alpha)
    groups: dict[tuple[str, str], list[Estimate]] = {}
    for (row, effect, look), each in zip(pairs, places, strict=True):
        if effect is not None:
            values, significant = _numbers(row, effect), bool(effect.significant)
            shown = rounding.estimate(*values, unit="%", places=each)
            groups.setdefault((row.metric, row.arm), []).append(
                Estimate(*values, look, "AB"[look - 1], significant, shown.value, shown.interval)
            )
    return forest(
        [
            Group(f"{metric(name).label}, {shortened(arm, 20)}", tuple(marks), name in success)
            for (name, arm), marks in groups.items()
        ],
        Axis("Relative effect", unit="%", sign=True, lines=(AxisLine(0.0),)),
        name="compare-narrow" if narrow else "compare",
        title=f"Relative effects in both runs with {level} intervals",
        narrow=narrow,
    )


def _chosen(comparison: Comparison) -> list[Moved]:
    """One row for each metric and arm: what decides, or else the mean of users; success first."""
    rows: dict[tuple[str, str], Moved] = {}
    for moved in sorted(
        comparison.effects, key=lambda row: (not decides(comparison, row), row.estimand != MEAN)
    ):
        if comparable(moved) and (moved.a or moved.b):
            rows.setdefault((moved.metric, moved.arm), moved)
    order = _order(comparison, [moved.metric for moved in comparison.effects])
    return sorted(rows.values(), key=lambda row: order.index(row.metric))
