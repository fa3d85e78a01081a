"""The files of a power study: power.csv, power.md and power.html with one picture."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from abbotify.errors import OutputError
from abbotify.report.csv import Value, csv_text
from abbotify.report.table import Cell, Column, Table
from abbotify.report.table import Row as TableRow
from abbotify.report.text import labels, numbers
from abbotify.stats.effects import RATIO
from abbotify.studies import page
from abbotify.studies.page import Figure, Page, Section
from abbotify.studies.power import notes as text
from abbotify.studies.power.chart import picture
from abbotify.studies.power.design import LIFT, POWER, USERS, Point, Row
from abbotify.studies.power.pilot import NO_PRE_PERIOD
from abbotify.studies.power.study import PowerStudy

COLUMNS: Final = (
    *("metric", "estimand", "arm", "role", "level", "cuped", "decides", "model"),
    *("pilot_users", "defined", "control_share", "arm_share", "value", "variance", "removed"),
    *("solved", "users", "lift", "effect", "power", "days", "margin", "margin_unit", "note"),
)


def write(study: PowerStudy, out: Path) -> None:
    """Writes the three files into a folder, made if need be; each appears whole or not at all.

    Raises:
        OutputError: the folder cannot be written to.
        PageError: a page cannot be made; the other files are there.
    """
    fault = page.write(out, "power", lambda: power_csv(study), lambda: power_page(study))
    if fault is not None:
        raise fault


def check(out: Path) -> None:
    """Refuses what cannot be a folder, before any work is done.

    Raises:
        OutputError: it, or what should hold it, is a file.
    """
    there = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not there.is_dir():
        raise OutputError("is a file, not a folder", file=there)


def power_csv(study: PowerStudy) -> str:
    """One row for each point of each metric and treatment; full precision.

    In every row `users`, `lift` and `power` belong together, and `solved` names the one that
    follows from the other two. Lifts are in per cent of the control; a guardrail's power is that
    of being found non-inferior at a lift of 0.
    """
    rows = (
        _csv_row(study, row, arm, point)
        for row in (*study.rows, *study.guardrails)
        for arm in row.arms
        for point in row.points
    )
    return csv_text(COLUMNS, rows)


def _csv_row(study: PowerStudy, row: Row, arm: str, point: Point) -> Iterator[Value]:
    metric = row.piloted
    yield from (metric.metric, metric.estimand, arm, row.role, row.level)
    yield from (metric.cuped, row.decides, metric.model)
    yield from (metric.n, metric.share, *row.shares, metric.value)
    yield from (None if metric.pilot is None else metric.pilot.variance, metric.removed)
    yield from (point.solved, point.users, point.lift, point.effect, point.power)
    needed = point.users if point.solved == USERS else None
    yield None if needed is None else study.enrolment.days_for(needed)
    yield from (None, None) if row.rail is None else (row.rail.margin, row.rail.unit)
    yield point.note or ("" if needed is None else study.enrolment.never(needed))


def power_page(study: PowerStudy) -> Page:
    """The picture, the tables, and what their numbers mean."""
    figure = Figure(
        "Detectable lift by the number of users",
        "The smallest lift that each success metric detects with the given power, against the "
        "treatment with the fewest users. The line is the lift or the number of users asked for "
        "(by default the scenario's own), the dots are the answers.",
        lambda narrow: picture(study, narrow),
    )
    sections = [Section("Detectable lift", figure=figure), Section("Metrics", table=metrics(study))]
    if study.guardrails:
        sections.append(
            Section(
                "Guardrails",
                "The chance that each is found non-inferior when the treatment does not harm it.",
                table=guardrails(study),
            )
        )
    sections.append(Section("How to read the numbers", notes=tuple(text.notes(study))))
    return Page("power study", text.title(study), text.sentence(study), tuple(sections))


def metrics(study: PowerStudy) -> Table:
    """Users, lifts and power of every metric.

    A metric without a pre-period or without variance has one row, which says so; any other has
    one without CUPED and one with it.
    """
    shown = [row for row in study.rows if not _repeats(study, row)]
    places = _places(shown)
    points = shown[0].points if shown else ()
    heads = [head for point in points for head in _heads(study, point)]
    rows = [
        [
            *_named(study, row),
            f"{row.level:.3g}",
            _cuped(study, row),
            *_spread(row),
            *(cell for point in row.points for cell in _texts(study, row, point, places)),
        ]
        for row in shown
    ]
    caption = "Users, lifts and power of every metric"
    first = ("metric", *_arm_head(study), "level", "CUPED")
    return _table(caption, first, ("mean", "sd per user", *heads), rows)


def guardrails(study: PowerStudy) -> Table:
    """The power of the guardrails; without rows where the scenario has none."""
    points = study.guardrails[0].points if study.guardrails else ()
    heads = [
        f"power with {numbers.count(study.users)} users"
        if point.solved == POWER
        else f"users for power {study.terms.wanted:.3g}"
        for point in points
    ]
    rows = [
        [
            *_named(study, row),
            text.margin(row),
            *_spread(row),
            *(_solved(row, point) for point in row.points),
        ]
        for row in study.guardrails
    ]
    first = ("guardrail", *_arm_head(study), "margin")
    return _table("Power of the guardrails", first, ("mean", "sd per user", *heads), rows)


def _table(
    caption: str, texts: Sequence[str], figures: Sequence[str], rows: Sequence[Sequence[str]]
) -> Table:
    columns = *map(Column, texts), *(Column(name, number=True) for name in figures)
    return Table(caption, columns, tuple(TableRow(tuple(map(Cell, row))) for row in rows))


def _arm_head(study: PowerStudy) -> list[str]:
    return ["arm"] if len(study.terms.sizes) > 1 else []


def _named(study: PowerStudy, row: Row) -> list[str]:
    """The metric, and the treatments where they differ in size."""
    name = labels.metric(row.piloted.metric).label
    named = f"{name} (ratio of sums)" if row.piloted.estimand == RATIO else name
    arms = ", ".join(map(labels.clean, row.arms))
    return [named, arms] if len(study.terms.sizes) > 1 else [named]


def _repeats(study: PowerStudy, row: Row) -> bool:
    """Whether a row with CUPED says no more than the one without."""
    metric = row.piloted
    if not metric.cuped or metric.pilot is not None:
        return False
    about = (metric.metric, metric.estimand, False, metric.note)
    plain = (other.piloted for other in study.rows)
    return metric.note == NO_PRE_PERIOD or any(
        about == (each.metric, each.estimand, each.cuped, each.note) for each in plain
    )


def _cuped(study: PowerStudy, row: Row) -> str:
    metric = row.piloted
    if not metric.cuped:
        twin = (metric.metric, metric.estimand, NO_PRE_PERIOD)
        every = (other.piloted for other in study.rows)
        never = any(twin == (each.metric, each.estimand, each.note) for each in every)
        return NO_PRE_PERIOD if never else "no"
    if metric.removed is None:
        return "yes"
    return f"yes, {numbers.percent(-metric.removed, 0, sign=True)}"


def _spread(row: Row) -> list[str]:
    pilot = row.piloted.pilot
    sd = None if pilot is None else math.sqrt(pilot.variance)
    return [text.significant(row.piloted.value, 4), text.significant(sd, 3)]


def _heads(study: PowerStudy, point: Point) -> list[str]:
    if point.solved == LIFT:
        return ["MDE", "in units"]
    if point.solved == POWER:
        return [f"power at {text.lift(point.lift)}"]
    users = f"users for {text.lift(point.lift)}"
    return [users] if study.question.mde is None else [users, "days of this world"]


def _places(rows: Sequence[Row]) -> int:
    """Decimals of all detectable lifts: two digits of the least."""
    lifts = [p.lift for row in rows for p in row.points if p.solved == LIFT and p.lift]
    return text.places(min(lifts, default=None), 2)


def _texts(study: PowerStudy, row: Row, point: Point, places: int) -> list[str]:
    """The cells of a point; the first of a row without numbers says why."""
    if point.solved == LIFT:
        known = point.lift is not None
        lift = f"{numbers.number(point.lift, places)}%" if known else _missing(row, point)
        return [lift, text.significant(point.effect, 3)]
    if point.solved == POWER or study.question.mde is None:
        return [_solved(row, point)]
    return [_solved(row, point), text.days(study.enrolment, point.users)]


def _solved(row: Row, point: Point) -> str:
    """The power, or the users needed."""
    if point.solved == POWER:
        return _missing(row, point) if point.power is None else f"{point.power:.3f}"
    if point.users is None:
        return _missing(row, point)
    return numbers.count(math.ceil(point.users))


def _missing(row: Row, point: Point) -> str:
    return (point.note if point is row.points[0] else "") or numbers.MISSING
