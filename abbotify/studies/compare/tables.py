"""A comparison as rows of ready texts, shared by the terminal, the page and the Markdown.

Texts here are clean, on one line, but not escaped: each rendering escapes for its own language.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

from abbotify.report import Result, sentences
from abbotify.report.decision import decisive, success_metrics
from abbotify.report.tables.checks import state
from abbotify.report.text import numbers as rounding
from abbotify.report.text.labels import check, clean, estimand, metric, shortened
from abbotify.report.text.leading import leads
from abbotify.report.text.numbers import MINUS, MISSING
from abbotify.stats import Contrast, Effect
from abbotify.stats.effects import MEAN
from abbotify.studies.compare.compare import Comparison, Level, Moved

BETWEEN = f"B {MINUS} A"
EFFECTS_HEAD = ("metric", "arm", "A", "interval", "B", "interval", BETWEEN, "interval", "p")
LEVELS_HEAD = ("metric", "arm", "A", "B", BETWEEN, "interval", "p")
_POINTS = " pp"

Numbers: TypeAlias = tuple[float | None, float | None, float | None]


@dataclass(frozen=True)
class Line:
    """An effect or a level in both runs; `tone` is good, bad, calm (changed) or empty."""

    metric: str
    estimand: str
    arm: str
    a: str
    a_interval: str
    b: str
    b_interval: str
    difference: str
    interval: str
    p: str
    tone: str
    word: str
    note: str


@dataclass(frozen=True)
class State:
    """One run: what it is, its health, its decisions."""

    letter: str
    name: str
    scenario: str
    health: str
    tone: str
    checks: tuple[tuple[str, str], ...]
    sentences: tuple[str, ...]


def states(comparison: Comparison) -> tuple[State, State]:
    """Both runs."""
    names = map(clean, comparison.names)
    one, two = (
        _state(letter, name, result)
        for letter, name, result in zip("AB", names, (comparison.a, comparison.b), strict=True)
    )
    return one, two


def differing(comparison: Comparison, short: bool = False) -> list[list[str]]:
    """Keys that differ, with both values; `short` shows the beginnings of digests."""
    rows = [[one.key, one.a, one.b] for one in comparison.differing]
    return [[_value(value, short) for value in row] for row in rows]


def _value(value: str | None, short: bool) -> str:
    if value is None:
        return MISSING
    return shortened(value, 20) if short and value.startswith("sha256:") else clean(value)


def alone(comparison: Comparison) -> str:
    """The arms that only one run has, in a sentence; empty when there are none."""
    told = [
        f"only in {letter}: {', '.join(map(clean, arms))}"
        for letter, arms in (("A", comparison.only_a), ("B", comparison.only_b))
        if arms
    ]
    return f"Arms {'; '.join(told)}." if told else ""


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


def effects(comparison: Comparison) -> list[Line]:
    """The effects, success metrics and what decides on them first, a metric's arms together."""
    order = _order(comparison, [moved.metric for moved in comparison.effects])
    kinds = [*dict.fromkeys(moved.estimand for moved in comparison.effects)]
    rows = sorted(
        comparison.effects,
        key=lambda row: (
            order.index(row.metric),
            not decides(comparison, row),
            kinds.index(row.estimand),
        ),
    )
    alpha = comparison.a.run.alpha
    return [_effect(row, alpha, own) for row, own in zip(rows, _places(rows), strict=True)]


def levels(comparison: Comparison) -> list[Line]:
    """The arms' means, success metrics first, a metric's arms together."""
    order = _order(comparison, [level.metric for level in comparison.levels])
    rows = sorted(comparison.levels, key=lambda row: order.index(row.metric))
    alpha = comparison.a.run.alpha
    found = []
    for _, same in groupby(rows, key=lambda row: row.metric):
        members = list(same)
        contrasts = [row.difference for row in members]
        places = rounding.aligned([(each.effect, each.lower, each.upper) for each in contrasts])
        found += [_level(row, alpha, own) for row, own in zip(members, places, strict=True)]
    return found


def effect_cells(line: Line) -> list[str]:
    """The cells under `EFFECTS_HEAD`."""
    runs = [line.a, line.a_interval, line.b, line.b_interval]
    return [_named(line), line.arm, *runs, line.difference, line.interval, line.p]


def level_cells(line: Line) -> list[str]:
    """The cells under `LEVELS_HEAD`."""
    return [_named(line), line.arm, line.a, line.b, line.difference, line.interval, line.p]


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


def _named(line: Line) -> str:
    return f"{line.metric} ({line.estimand})" if line.estimand else line.metric


def _order(comparison: Comparison, metrics: list[str]) -> list[str]:
    first = (*success_metrics(comparison.a), *success_metrics(comparison.b))
    return [*dict.fromkeys([*first, *metrics])]


def _state(letter: str, name: str, result: Result) -> State:
    words, tone = state(result.checks)
    found = [one for one in result.checks if one.status in ("fail", "warn")]
    return State(
        letter=letter,
        name=name,
        scenario=clean(str(result.scenario.get("name", result.run.experiment))),
        health=words,
        tone=tone,
        checks=tuple((one.status, f"{check(one.name)}: {one.summary}") for one in found),
        sentences=sentences(result),
    )


def _places(rows: Sequence[Moved]) -> list[list[int | None]]:
    """Decimals of A, B and their difference in each row: alike wherever the unit is."""
    numbers = [[_numbers(row, row.a), _numbers(row, row.b), _difference(row)] for row in rows]
    in_percent = [own for row, own in zip(rows, numbers, strict=True) if comparable(row)]
    relative = iter(rounding.aligned([each for own in in_percent for each in own]))
    return [
        [next(relative) for _ in own] if comparable(row) else rounding.aligned(own)
        for row, own in zip(rows, numbers, strict=True)
    ]


def _numbers(row: Moved, effect: Effect | None) -> Numbers:
    """An effect in the form that leads in both runs."""
    if effect is None:
        return None, None, None
    if comparable(row):
        return effect.relative_effect, effect.relative_lower, effect.relative_upper
    return effect.effect, effect.lower, effect.upper


def _difference(row: Moved) -> Numbers:
    contrast = row.relative if comparable(row) else row.absolute
    return contrast.effect, contrast.lower, contrast.upper


def _effect(row: Moved, alpha: float, places: Sequence[int | None]) -> Line:
    relative = comparable(row)
    behind = "%" if relative else ""
    shown = [
        rounding.estimate(*_numbers(row, effect), unit=behind, places=own)
        for effect, own in zip((row.a, row.b), places[:2], strict=True)
    ]
    told = row.relative if relative else row.absolute
    unit = _POINTS if relative and told.effect is not None else ""
    kind = "" if row.estimand == MEAN else estimand(row.estimand)
    a, b = ((each.value, each.interval) for each in shown)
    return _line(row.metric, kind, row.arm, a, b, told, unit, alpha, places[2])


def _level(row: Level, alpha: float, places: int | None) -> Line:
    contrast = row.difference
    if contrast.lower is None or places is None:
        own = max(rounding.estimate(value, None, None).places for value in (row.a, row.b))
        places = max(own, 2)
    a, b = ((rounding.number(value, places), MISSING) for value in (row.a, row.b))
    return _line(row.metric, "", row.arm, a, b, contrast, "", alpha, places)


def _line(
    name: str,
    kind: str,
    arm: str,
    a: tuple[str, str],
    b: tuple[str, str],
    told: Contrast,
    unit: str,
    alpha: float,
    places: int | None = None,
) -> Line:
    shown = rounding.estimate(told.effect, told.lower, told.upper, places=places)
    tone, word = _result(name, told, alpha)
    return Line(
        metric=metric(name).label,
        estimand=kind,
        arm=clean(arm),
        a=a[0],
        a_interval=a[1],
        b=b[0],
        b_interval=b[1],
        difference=shown.value + unit,
        interval=shown.interval,
        p=rounding.p_value(told.p_value, alpha),
        tone=tone,
        word=word,
        note=clean(told.note),
    )


def _result(name: str, told: Contrast, alpha: float) -> tuple[str, str]:
    """Tone and word of a difference by this comparison alone; empty when there was no test."""
    if told.p_value is None or told.effect is None:
        return "", ""
    if told.p_value >= alpha:
        return "", "not significant"
    way = metric(name).direction
    if way is None:
        return "calm", "changed"
    better = (told.effect > 0) == (way == "higher")
    return ("good", "better in B") if better else ("bad", "worse in B")
