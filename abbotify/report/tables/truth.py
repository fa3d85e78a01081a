"""Estimates beside the truth as rows of ready texts: who was right, and by how much not.

Texts here are not escaped: each rendering escapes for its own language.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from abbotify.report.charts.inline_interval import Interval, Scale, scale
from abbotify.report.decision import decisive, success_metrics
from abbotify.report.result import Result
from abbotify.report.text import numbers
from abbotify.report.text.labels import clean, method, metric, unit
from abbotify.report.text.leading import LIMIT
from abbotify.report.true_effects import TruthRow
from abbotify.stats.effects import methods_of
from abbotify.stats.non_inferiority import METRIC, PERCENT

FORMS: Final = {"total": "everybody", "equal_data": "equal data"}
"""The truth: with everybody under the arm; with as much to learn from as the arm had."""

NAIVE: Final = frozenset({"naive_relative", "sessions_as_independent"})
"""Methods that are known to be wrong, shown for comparison."""

_HOLDS: Final = {"good": ", in the interval", "bad": ", outside the interval", "": ""}


@dataclass(frozen=True)
class Truth:
    """One form of the truth beside an estimate."""

    truth: str
    bias: str
    covered: str
    tone: str


@dataclass(frozen=True)
class TruthLine:
    """One method's estimate; `truths` are in the order of the table's forms, None where unknown."""

    method: str
    naive: bool
    estimate: str
    interval: str
    truths: tuple[Truth | None, ...]
    note: str
    drawn: Interval


@dataclass(frozen=True)
class TruthGroup:
    """The methods on one metric and treatment in one unit; all treatments share a scale."""

    metric: str
    arm: str
    at: int
    unit: str
    ticks: str
    decides: bool
    lines: tuple[TruthLine, ...]
    scale: Scale


@dataclass(frozen=True)
class TruthTable:
    """All groups, those of success metrics first, and how often each method's interval held.

    `leads` is a sentence for each treatment about the first success metric, `notes` are those that
    every row of a form has.
    """

    leads: tuple[str, ...]
    told: str
    forms: tuple[str, ...]
    groups: tuple[TruthGroup, ...]
    notes: tuple[str, ...]


def truths(result: Result) -> TruthTable | None:
    """The table; None where no truth is known."""
    if not result.truth:
        return None
    success = success_metrics(result)
    forms = tuple(form for form in FORMS if any(row.form == form for row in result.truth))
    forms += tuple(dict.fromkeys(row.form for row in result.truth if row.form not in FORMS))
    order = list(dict.fromkeys([*success, *(row.metric for row in result.truth)]))
    at = result.places
    faint = _near_zero(result.truth)
    deciding = {(row.metric, name) for row in decisive(result) for name in methods_of(row.estimand)}
    rows = sorted(
        (row for row in result.truth if (row.metric, row.arm) not in faint or row.unit == METRIC),
        key=lambda row: (
            *(order.index(row.metric), row.unit != METRIC, at[row.arm]),
            (row.metric, row.method) not in deciding,
        ),
    )
    common = _common(result.truth, forms)
    groups: list[TruthGroup] = []
    for _, members in groupby(rows, key=lambda row: (row.metric, row.unit)):
        alike = tuple(members)
        on = scale(_drawn((row,)) for row in alike)
        for arm, own in groupby(alike, key=lambda row: row.arm):
            decides = alike[0].metric in success
            groups.append(_group(at[arm], tuple(own), forms, common, decides=decides, on=on))
    named = tuple(FORMS.get(form, clean(form)) for form in forms)
    told = _told(result, forms)
    return TruthTable(tuple(_leads(groups, named)), told, named, tuple(groups), common)


def _near_zero(rows: Iterable[TruthRow]) -> set[tuple[str, str]]:
    """Metrics and arms whose control is near zero: only their differences are shown."""
    apart = {(row.metric, row.arm) for row in rows if row.unit == METRIC}
    return {
        (row.metric, row.arm)
        for row in rows
        if row.unit == PERCENT
        and (row.metric, row.arm) in apart
        and any(abs(each) > LIMIT for each in (row.estimate, row.lower, row.upper) if each)
    }


def _group(
    at: int,
    rows: Sequence[TruthRow],
    forms: Sequence[str],
    common: Collection[str],
    *,
    decides: bool,
    on: Scale,
) -> TruthGroup:
    """The rows of one metric, unit and treatment; forms of one estimate stand side by side."""
    same: dict[tuple[object, ...], list[TruthRow]] = {}
    for row in sorted(rows, key=lambda row: row.method in NAIVE):
        same.setdefault((row.method, row.estimate, row.lower, row.upper), []).append(row)
    first = rows[0]
    percent = first.unit == PERCENT
    lines = list(same.values())
    places = numbers.aligned([(one.estimate, one.lower, one.upper) for one, *_ in lines])
    return TruthGroup(
        metric=metric(first.metric).label,
        arm=first.arm,
        at=at,
        unit="% of the control" if percent else metric(first.metric).unit,
        ticks="%" if percent else "",
        decides=decides,
        lines=tuple(
            _line(members, forms, common, own) for members, own in zip(lines, places, strict=True)
        ),
        scale=on,
    )


def _line(
    rows: Sequence[TruthRow], forms: Sequence[str], common: Collection[str], places: int | None
) -> TruthLine:
    """A method's texts, rounded to `places`."""
    first = rows[0]
    behind = "%" if first.unit == PERCENT else ""
    shown = numbers.estimate(first.estimate, first.lower, first.upper, unit=behind, places=places)
    named = shown.value if behind else _with_unit(shown.value, first.metric)
    by_form: dict[str, TruthRow] = {row.form: row for row in rows}
    held = [_truth(by_form.get(form), shown.places, behind) for form in forms]
    return TruthLine(
        method=method(first.method),
        naive=first.method in NAIVE,
        estimate=named,
        interval=shown.interval,
        truths=tuple(held),
        note="; ".join(note for note in _notes(rows) if note not in common),
        drawn=_drawn(rows),
    )


def _truth(row: TruthRow | None, places: int, behind: str) -> Truth | None:
    if row is None:
        return None
    texts = [
        numbers.MISSING if each is None else numbers.number(each, places, sign=True) + behind
        for each in (row.truth, row.bias)
    ]
    words = {True: ("yes", "good"), False: ("no", "bad"), None: (numbers.MISSING, "")}
    return Truth(texts[0], texts[1], *words[row.covered])


def _with_unit(text: str, name: str) -> str:
    return text if text == numbers.MISSING else text + unit(name)


def _notes(rows: Iterable[TruthRow]) -> list[str]:
    """What is noted of any of the rows, each note once."""
    every = [clean(note) for row in rows for note in row.note.split("; ") if note]
    return list(dict.fromkeys(every))


def _common(rows: Sequence[TruthRow], forms: Sequence[str]) -> tuple[str, ...]:
    """The notes that every row of a form has, which are told once."""
    found: list[str] = []
    for form in forms:
        of_form = [row for row in rows if row.form == form]
        if len(of_form) > 1:
            shared = [_notes([row]) for row in of_form]
            found += [note for note in shared[0] if all(note in notes for notes in shared)]
    return tuple(dict.fromkeys(found))


def _drawn(rows: Sequence[TruthRow]) -> Interval:
    """The estimate with the first truth there is."""
    first = rows[0]
    truth = next((row.truth for row in rows if row.truth is not None), None)
    return Interval(first.estimate, first.lower, first.upper, mark=truth)


def _leads(groups: Sequence[TruthGroup], forms: Sequence[str]) -> Iterator[str]:
    """What was estimated of the first success metric, and what is true, a sentence an arm."""
    first = groups[0]
    for group in groups:
        if not group.decides or (group.metric, group.unit) != (first.metric, first.unit):
            continue
        line = group.lines[0]
        known = [
            f"{each.truth} ({form}{_HOLDS[each.tone]})"
            for form, each in zip(forms, line.truths, strict=True)
            if each is not None and each.truth != numbers.MISSING
        ]
        if known and line.estimate != numbers.MISSING:
            estimated = f"{line.estimate} {line.interval}"
            yield (
                f"{clean(group.arm)}: {group.metric.lower()} was estimated at {estimated}; "
                f"the truth is {' and '.join(known)}."
            )


def _told(result: Result, forms: Sequence[str]) -> str:
    """How often each method's interval held the truth, and how far off it was at the worst."""
    first = forms[0]
    parts = []
    rows = sorted(result.truth, key=lambda row: row.method in NAIVE)
    for name in dict.fromkeys(row.method for row in rows):
        covered = [
            row.covered
            for row in rows
            if row.method == name and row.form == first and row.covered is not None
        ]
        if covered:
            parts.append(f"{method(name)} {sum(covered)} of {len(covered)}")
    if not parts:
        return "No interval can be held against a truth."
    return f"Intervals that hold the truth ({FORMS.get(first, clean(first))}): {'; '.join(parts)}."
