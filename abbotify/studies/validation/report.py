"""The files of a validation: validate.csv, validate.md and validate.html with one picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from abbotify.errors import PageError
from abbotify.report.charts.axes import Axis
from abbotify.report.charts.forest import Estimate, Group, forest
from abbotify.report.csv import csv_text
from abbotify.report.table import Cell, Column, Row, Table
from abbotify.report.text import labels, numbers
from abbotify.studies import page
from abbotify.studies.page import Card, Figure, Page, Section
from abbotify.studies.validation import rates
from abbotify.studies.validation.characteristics import COLUMNS, Characteristic, Validation
from abbotify.studies.validation.methods import METHODS, SRM

_QUANTITIES: Final = {
    rates.FALSE_POSITIVES: "false positives",
    rates.FAMILY_ERROR: "family-wise error",
    rates.FAMILY_COVERAGE: "simultaneous coverage",
    rates.FALSE_ALARMS: "false alarms",
    rates.PASSES: "non-inferior",
    rates.FALSE_PASSES: "falsely non-inferior",
}
"""Names of quantities that are not their own."""
_FACTORS: Final = (rates.WIDTH, rates.EXAGGERATION)
_MOST: Final = 70  # rows of the chart; with more only the metrics that decide


def write(validation: Validation, out: Path, shown: Path | None = None) -> PageError | None:
    """Writes the three files; see `studies.page.write`."""
    return page.write(
        out,
        "validate",
        lambda: validate_csv(validation),
        lambda: validate_page(validation),
        shown,
    )


def validate_csv(validation: Validation) -> str:
    """One row for each quantity of each method, at full precision."""
    rows = ([getattr(row, name) for name in COLUMNS] for row in validation.rows)
    return csv_text(COLUMNS, rows)


def validate_page(validation: Validation) -> Page:
    """What was promised and kept, a picture, the tables."""
    kept = validation.gated - len(validation.failures)
    tone = "calm" if not validation.gated else "bad" if validation.failures else "good"
    count = f"{kept:,} of {validation.gated:,}" if validation.gated else ""
    others = [row for row in validation.rows if row.quantity not in rates.QUANTITIES]
    sections = (
        Section("False positives", figure=_figure(validation, rates.FALSE_POSITIVES)),
        Section("Coverage", figure=_figure(validation, rates.COVERAGE)),
        Section("Rates outside their bands", table=_listed(validation.failures)),
        Section("Success metrics", table=methods(validation, success=True)),
        Section("Families and sample ratio", table=_listed(others)),
        Section("Other metrics", table=methods(validation, success=False)),
        Section("Rates that are not promised", table=_reasons(validation)),
        Section("Notes", notes=validation.notes),
    )
    return Page(
        "validation",
        f"{labels.clean(validation.scenario)}: error rates and coverage of each method",
        sentence(validation),
        tuple(s for s in sections if s.figure or s.notes or (s.table and s.table.rows)),
        (Card(count, (verdict(validation),), tone),),
    )


def _figure(validation: Validation, quantity: str) -> Figure:
    return Figure(
        "Measured and expected",
        "A point is the measured rate, hollow where it is not promised; the bar behind it is the "
        "band it is expected in.",
        lambda narrow: chart(validation, quantity, narrow),
    )


def sentence(validation: Validation) -> str:
    """What was done."""
    control, *treatments = validation.arms
    arms = f"{labels.clean(', '.join(treatments))} against {labels.clean(control)}"
    many = f"{validation.replications:,} experiments of {validation.users:,} users each"
    if validation.coupled:
        why = labels.clean(validation.coupled)
        how = f"each simulated as a whole, and once more with equal arms ({why})"
    else:
        how = (
            "drawn with replacement from the potential outcomes of all users; false positives are "
            "counted where all arms have the control's outcomes"
        )
    return f"{arms}: {many}, {how}. Intervals have level {numbers.level(validation.plan.alpha)}."


def verdict(validation: Validation) -> str:
    """Whether promises were kept, in a sentence."""
    failures = validation.failures
    if not validation.gated:
        return "No rate is promised in this world; all are reported as measured."
    if not failures:
        lie = "The promised rate lies in its band"
        if validation.gated > 1:
            lie = f"All {validation.gated:,} promised rates lie in their bands"
        return f"{lie}; a correct program leaves a band in one validation of a hundred."
    left = [f"{method(row.method)} ({about(row.metric)})" for row in failures]
    shown = "; ".join(dict.fromkeys(left[:5])) + (" and others" if len(left) > 5 else "")
    bands = "its band" if len(left) == 1 else "their bands"
    promised = numbers.plural(validation.gated, "promised rate")
    return f"{len(left)} of {promised} left {bands}: {shown}."


def methods(validation: Validation, success: bool) -> Table:
    """One row for each method and metric: success metrics, or all others."""
    grouped = by_method(validation.rows)
    metrics = list(dict.fromkeys(metric for metric, _ in grouped))
    rows: list[tuple[str | Cell, ...]] = [
        (
            about(metric),
            Cell(method(name), "decides" if validation.decides(metric, name) else ""),
            *(_cell(grouped[metric, name].get(each)) for each in rates.QUANTITIES),
        )
        for metric, name in sorted(
            grouped, key=lambda key: (metrics.index(key[0]), not validation.decides(*key))
        )
        if validation.is_success(metric) == success
    ]
    caption = "Success metrics" if success else "Other metrics"
    names = list(map(quantity_name, rates.QUANTITIES))
    return _table(f"{caption}, measured and expected", ("metric", "method"), names, rows, True)


def _table(
    caption: str,
    texts: Sequence[str],
    figures: Sequence[str],
    rows: Iterable[Sequence[str | Cell]],
    merge: bool = False,
) -> Table:
    """A table with columns of texts, of which the first may merge, and then of figures."""
    first = [Column(name, merge=merge and not at) for at, name in enumerate(texts)]
    body = [Row(tuple(Cell(c) if isinstance(c, str) else c for c in row)) for row in rows]
    return Table(caption, (*first, *(Column(name, number=True) for name in figures)), tuple(body))


def terminal_table(validation: Validation) -> Table:
    """The success metrics as a terminal shows them: without bands."""
    table = methods(validation, success=True)
    columns = tuple(replace(column, merge=False) for column in table.columns)
    rows = tuple(Row(tuple(Cell(cell.text) for cell in row.cells)) for row in table.rows)
    return Table(table.caption, columns, rows)


def by_method(
    rows: Iterable[Characteristic],
) -> dict[tuple[str, str], dict[str, Characteristic]]:
    """(metric, method) -> quantity -> its row; without families."""
    grouped: dict[tuple[str, str], dict[str, Characteristic]] = {}
    for row in rows:
        if row.quantity in rates.QUANTITIES:
            grouped.setdefault((row.metric, row.method), {})[row.quantity] = row
    return grouped


def _listed(rows: Iterable[Characteristic]) -> Table:
    texts, figures = ("method", "metric", "quantity"), ("measured", "expected")
    cells: list[tuple[str | Cell, ...]] = [
        (
            *(method(row.method), about(row.metric), quantity_name(row.quantity)),
            *(_cell(row), _text(row, row.expected)),
        )
        for row in rows
    ]
    return _table("Rates, measured and expected", texts, figures, cells)


def _reasons(validation: Validation) -> Table:
    """Why rates are not gated, and of which metrics."""
    metrics: dict[str, list[str]] = {}
    for row in validation.rows:
        if row.why:
            metrics.setdefault(row.why, []).append(about(row.metric))
    rows = [
        (f"{why[0].upper()}{why[1:]}", "; ".join(dict.fromkeys(names)), f"{len(names):,}")
        for why, names in metrics.items()
    ]
    caption = "Rates that are not promised, and why"
    return _table(caption, ("reason", "metrics"), ("rates",), rows)


def _cell(row: Characteristic | None) -> Cell:
    """What was measured, over the band of a promise or the value expected."""
    if row is None or row.measured is None:
        return Cell(numbers.MISSING)
    if row.quantity == rates.WIDTH:
        relative = row.method in METHODS and METHODS[row.method].relative
        digits = max(numbers.decimals(abs(row.measured)) + 1, 0)
        return Cell(numbers.number(row.measured, digits) + ("%" if relative else ""))
    under = f"expected {_text(row, row.expected)}" if row.expected is not None else ""
    if row.gated:
        under = f"[{_text(row, row.lower)}, {_text(row, row.upper)}]"
    elif row.within is False:
        under += " (outside)"
    tone = "bad" if row.gated and row.within is False else ""
    return Cell(_text(row, row.measured), under, tone)


def _text(row: Characteristic, value: float | None) -> str:
    if value is None:
        return numbers.MISSING
    if row.quantity in _FACTORS:
        return numbers.number(value, 2 if value < 10 else 1) + "×"
    return numbers.percent(value)


def chart(validation: Validation, quantity: str, narrow: bool) -> str | None:
    """A rate of every method and metric, each in its band; None where there is none."""
    groups = []
    keys = by_method(validation.rows)
    for (metric, name), quantities in keys.items():
        row = quantities.get(quantity)
        decides = validation.is_success(metric)
        if row is not None and row.measured is not None and (decides or len(keys) <= _MOST):
            groups.append(Group(f"{about(metric)} · {method(name)}", (_estimate(row),)))
    if not groups:
        return None
    far = min(3 * validation.plan.alpha, 1.0)  # wide enough for bands
    limits = (0.0, far) if quantity == rates.FALSE_POSITIVES else (1 - far, 1.0)
    name = f"validation-{quantity.replace('_', '-')}"
    return forest(
        groups,
        Axis(quantity_name(quantity), unit="%", scale=100, limits=limits),
        name=f"{name}-narrow" if narrow else name,
        title=f"{quantity_name(quantity).capitalize()} by metric and method",
        narrow=narrow,
    )


def _estimate(row: Characteristic) -> Estimate:
    """Blue where it is in its band, another colour outside, hollow where it is not promised."""
    known = row.expected is not None and row.lower is not None and row.upper is not None
    return Estimate(
        row.measured,
        look=2 if row.gated and row.within is False else 1,
        filled=row.gated,
        text=_text(row, row.measured),
        band=(row.lower or 0.0, row.upper or 0.0) if known else None,
    )


def quantity_name(quantity: str) -> str:
    """The usual name of a quantity."""
    return _QUANTITIES.get(quantity, quantity.replace("_", " "))


def method(name: str) -> str:
    """The usual name of a method."""
    if name in METHODS:
        return METHODS[name].label
    return "Sample ratio" if name == SRM else name.replace("_", " ").capitalize()


def about(metric: str) -> str:
    """The usual name of a metric, with its treatment where there are several."""
    name, colon, arm = metric.partition(":")
    label = labels.metric(name).label if name != "users" else "Users of the arms"
    return f"{label}, {labels.clean(arm)}" if colon else label
