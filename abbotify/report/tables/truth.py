"""Estimates beside the true effects that a simulation knows: bias and coverage by method."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from abbotify.report.charts.axes import style
from abbotify.report.charts.inline_interval import Interval, Scale, axis, picture, scale
from abbotify.report.decision import decisive, success_metrics
from abbotify.report.result import Result
from abbotify.report.table import Cell, Column, Row, Table
from abbotify.report.text import numbers
from abbotify.report.text.labels import clean, method, metric, unit
from abbotify.report.text.leading import LIMIT
from abbotify.report.true_effects import TruthRow
from abbotify.stats.effects import methods_of
from abbotify.stats.non_inferiority import METRIC, PERCENT

FORMS: Final = {"total": "all users", "equal_data": "equal data"}
"""The true effect with all users under the arm; with as much to learn from as the arm had."""

NAIVE: Final = frozenset({"naive_relative", "sessions_as_independent"})
"""Methods that are known to be wrong, shown for comparison."""


@dataclass(frozen=True)
class TruthTables:
    """Estimates beside the true effects.

    Attributes:
        leads: a sentence for each treatment about the first success metric.
        coverage: how often each method's interval contains the truth, in a sentence.
        forms: the names of the forms of the truth.
        success: methods on the success metrics; None without.
        others: methods on the other metrics; None without.
        notes: those that every row of a form has.
    """

    leads: tuple[str, ...]
    coverage: str
    forms: tuple[str, ...]
    success: Table | None
    others: Table | None
    notes: tuple[str, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """All sentences beside the tables."""
        return (*self.leads, self.coverage, *(f"Note: {note}." for note in self.notes))


@dataclass(frozen=True)
class _Group:
    """The methods on one metric and treatment in one unit, and the scale they are drawn on.

    Each entry of `methods` is one estimate beside the truth in each of its forms.
    """

    metric: str
    arm: str
    at: int
    unit: str
    methods: tuple[tuple[TruthRow, ...], ...]
    scale: Scale


def truths(result: Result) -> TruthTables | None:
    """The tables; None where no truth is known."""
    if not result.truth:
        return None
    names = success_metrics(result)
    forms = tuple(form for form in FORMS if any(row.form == form for row in result.truth))
    forms += tuple(dict.fromkeys(row.form for row in result.truth if row.form not in FORMS))
    notes = _common(result.truth, forms)
    groups = list(_groups(result))
    first = [group for group in groups if group.metric in names]
    rest = [group for group in groups if group.metric not in names]
    label = "Success metrics" if rest else "All metrics"
    return TruthTables(
        leads=tuple(_leads(first, forms)),
        coverage=_coverage(result, forms),
        forms=tuple(map(_named, forms)),
        success=_table(first, forms, notes, f"{label}: estimate and true effect"),
        others=_table(rest, forms, notes, "Other metrics: estimate and true effect"),
        notes=notes,
    )


def _groups(result: Result) -> Iterator[_Group]:
    """Success metrics first, then as reported; what decides is the first method of its group."""
    order = list(dict.fromkeys([*success_metrics(result), *(row.metric for row in result.truth)]))
    at, faint = result.places, _near_zero(result.truth)
    deciding = {(row.metric, name) for row in decisive(result) for name in methods_of(row.estimand)}
    rows = sorted(
        (row for row in result.truth if (row.metric, row.arm) not in faint or row.unit == METRIC),
        key=lambda row: (
            *(order.index(row.metric), row.unit != METRIC, at[row.arm]),
            *((row.metric, row.method) not in deciding, row.method in NAIVE),
        ),
    )
    for (name, unit_name), members in groupby(rows, key=lambda row: (row.metric, row.unit)):
        alike = tuple(members)
        on = scale(_drawn((row,)) for row in alike)
        for arm, own in groupby(alike, key=lambda row: row.arm):
            same: dict[tuple[object, ...], list[TruthRow]] = {}
            for row in own:
                same.setdefault((row.method, row.estimate, row.lower, row.upper), []).append(row)
            yield _Group(name, arm, at[arm], unit_name, tuple(map(tuple, same.values())), on)


def _table(
    groups: Sequence[_Group], forms: Sequence[str], common: Collection[str], caption: str
) -> Table | None:
    if not groups:
        return None
    by_form = [
        column
        for form in forms
        for column in (
            Column(f"True effect, {_named(form)}", number=True),
            Column("Covered", badge=True),
        )
    ]
    columns = (
        *(Column("Method"), Column("Interval and truth", picture=True)),
        *(Column("Estimate", number=True), *by_form),
    )
    rows: list[Row] = []
    for group in groups:
        percent = group.unit == PERCENT
        behind = "% of the control" if percent else metric(group.metric).unit
        under = ", ".join(filter(None, (group.arm, behind)))
        heading = Cell(metric(group.metric).label, under, arm=group.at)
        ticks = Cell(svg=axis(group.scale, "%" if percent else ""))
        rows.append(Row((heading, ticks, *[Cell()] * (len(columns) - 2)), heading=True))
        rows += _method_rows(group, forms, common)
    return Table(caption, columns, tuple(rows), "truth")


def _method_rows(group: _Group, forms: Sequence[str], common: Collection[str]) -> Iterator[Row]:
    estimates = [(one.estimate, one.lower, one.upper) for one, *_ in group.methods]
    for rows, places in zip(group.methods, numbers.aligned(estimates), strict=True):
        first = rows[0]
        shown = _estimate(first, places)
        note = "; ".join(note for note in _notes(rows) if note not in common)
        by_form: dict[str, TruthRow] = {row.form: row for row in rows}
        cells = (
            Cell(method(first.method), note),
            Cell(svg=picture(_drawn(rows), group.scale, style(group.at))),
            Cell(_with_unit(shown.value, first), shown.second_line),
            *(cell for form in forms for cell in _truth(by_form.get(form), shown.places)),
        )
        yield Row(cells, "naive" if first.method in NAIVE else "")


def _estimate(row: TruthRow, places: int | None = None) -> numbers.Rounded:
    behind = "%" if row.unit == PERCENT else ""
    return numbers.estimate(row.estimate, row.lower, row.upper, unit=behind, places=places)


def _with_unit(text: str, row: TruthRow) -> str:
    return text if text == numbers.MISSING or row.unit == PERCENT else text + unit(row.metric)


def _truth(row: TruthRow | None, places: int) -> tuple[Cell, Cell]:
    """The truth with the estimate's bias, and whether the interval contains it."""
    if row is None or row.truth is None:
        return Cell(numbers.MISSING), Cell(numbers.MISSING)
    behind = "%" if row.unit == PERCENT else ""
    bias = "" if row.bias is None else f"bias {numbers.number(row.bias, places, sign=True)}{behind}"
    words = {True: ("yes", "good"), False: ("no", "bad"), None: (numbers.MISSING, "")}
    word, tone = words[row.covered]
    truth = numbers.number(row.truth, places, sign=True) + behind
    return Cell(truth, bias), Cell(word, tone=tone)


def _named(form: str) -> str:
    return FORMS.get(form, clean(form))


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


def _notes(rows: Iterable[TruthRow]) -> list[str]:
    """What is noted of any of the rows, each note once."""
    every = [clean(note) for row in rows for note in row.note.split("; ") if note]
    return list(dict.fromkeys(every))


def _common(rows: Sequence[TruthRow], forms: Sequence[str]) -> tuple[str, ...]:
    """The notes that every row of a form has, which are shown once."""
    common: list[str] = []
    for form in forms:
        of_form = [row for row in rows if row.form == form]
        if len(of_form) > 1:
            shared = [_notes([row]) for row in of_form]
            common += [note for note in shared[0] if all(note in notes for notes in shared)]
    return tuple(dict.fromkeys(common))


def _drawn(rows: Sequence[TruthRow]) -> Interval:
    """The estimate with the first truth there is."""
    first = rows[0]
    truth = next((row.truth for row in rows if row.truth is not None), None)
    return Interval(first.estimate, first.lower, first.upper, mark=truth)


def _leads(groups: Sequence[_Group], forms: Sequence[str]) -> Iterator[str]:
    """Estimate and truth of the first success metric, a sentence for each treatment."""
    holds = {True: ", inside the interval", False: ", outside the interval", None: ""}
    for group in groups:
        if (group.metric, group.unit) != (groups[0].metric, groups[0].unit):
            continue
        rows: dict[str, TruthRow] = {row.form: row for row in group.methods[0]}
        first = group.methods[0][0]
        shown = _estimate(first)
        known = [
            f"{_truth(row, shown.places)[0].text} ({_named(form)}{holds[row.covered]})"
            for form in forms
            if (row := rows.get(form)) is not None and row.truth is not None
        ]
        if known and first.estimate is not None:
            label = metric(group.metric).label.lower()
            yield (
                f"{clean(group.arm)}: estimated effect on {label} "
                f"{_with_unit(shown.value, first)} {shown.interval}; true effect "
                f"{' and '.join(known)}."
            )


def _coverage(result: Result, forms: Sequence[str]) -> str:
    """How often each method's interval contains the truth."""
    form = forms[0]
    parts = []
    rows = sorted(result.truth, key=lambda row: row.method in NAIVE)
    for name in dict.fromkeys(row.method for row in rows):
        covered = [
            row.covered
            for row in rows
            if row.method == name and row.form == form and row.covered is not None
        ]
        if covered:
            parts.append(f"{method(name)} {sum(covered)} of {len(covered)}")
    if not parts:
        return "No interval can be compared with a true effect."
    return f"Coverage ({_named(form)}): {'; '.join(parts)}."
