"""The files of a power study: power.csv, power.md and power.html with one picture."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from abbotify.errors import OutputError
from abbotify.report.csv import Value, csv_text
from abbotify.report.table import Table, plain_table
from abbotify.report.text import labels, numbers
from abbotify.stats.effects import RATIO
from abbotify.studies import page
from abbotify.studies.page import Figure, Page, Section
from abbotify.studies.power import notes as text
from abbotify.studies.power.chart import picture
from abbotify.studies.power.design import LIFT, POWER, USERS, Point, Row
from abbotify.studies.power.pilot import NO_PRE_PERIOD, Piloted
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
    rows = [row for row in study.rows if not _repeats(study, row)]
    about = [[f"{row.level:.3g}", _cuped(study, row)] for row in rows]
    caption = "Users, lifts and power of every metric"
    return _table(study, caption, ("metric", "level", "CUPED"), rows, about)


def guardrails(study: PowerStudy) -> Table:
    """The power of the guardrails; without rows where the scenario has none."""
    about = [[text.margin(row)] for row in study.guardrails]
    caption = "Power of the guardrails"
    return _table(study, caption, ("guardrail", "margin"), study.guardrails, about)


def _table(
    study: PowerStudy,
    caption: str,
    heads: Sequence[str],
    rows: Sequence[Row],
    about: Sequence[Sequence[str]],
) -> Table:
    """Rows by their metric, the treatments where they differ in size, and the points."""
    sizes = len(study.terms.sizes) > 1
    lifts = [p.lift for row in rows for p in row.points if p.solved == LIFT and p.lift]
    places = text.places(min(lifts, default=None), 2)  # of all lifts: two digits of the least
    points = [
        {head: cell for point in row.points for head, cell in _cells(study, row, point, places)}
        for row in rows
    ]
    texts = [
        [
            _name(row),
            *([", ".join(map(labels.clean, row.arms))] if sizes else []),
            *first,
            *_spread(row),
            *cells.values(),
        ]
        for row, first, cells in zip(rows, about, points, strict=True)
    ]
    named = (heads[0], *(["arm"] if sizes else []), *heads[1:])
    figures = ("mean", "sd per user", *(points[0] if points else ()))
    return plain_table(caption, named, figures, texts)


def _name(row: Row) -> str:
    name = labels.metric(row.piloted.metric).label
    return f"{name} (ratio of sums)" if row.piloted.estimand == RATIO else name


def _twin_note(study: PowerStudy, metric: Piloted) -> str:
    """Why the same estimate without CUPED, or with it, has no pilot."""
    key = (metric.metric, metric.estimand, not metric.cuped)
    every = (row.piloted for row in study.rows)
    return next((m.note for m in every if (m.metric, m.estimand, m.cuped) == key), "")


def _repeats(study: PowerStudy, row: Row) -> bool:
    """Whether a row with CUPED says no more than the one without."""
    metric = row.piloted
    known = (NO_PRE_PERIOD, _twin_note(study, metric))
    return metric.cuped and metric.pilot is None and metric.note in known


def _cuped(study: PowerStudy, row: Row) -> str:
    metric = row.piloted
    if not metric.cuped:
        return NO_PRE_PERIOD if _twin_note(study, metric) == NO_PRE_PERIOD else "no"
    if metric.removed is None:
        return "yes"
    return f"yes, {numbers.percent(-metric.removed, 0, sign=True)}"


def _spread(row: Row) -> list[str]:
    pilot = row.piloted.pilot
    sd = None if pilot is None else math.sqrt(pilot.variance)
    return [text.significant(row.piloted.value, 4), text.significant(sd, 3)]


def _cells(study: PowerStudy, row: Row, point: Point, places: int) -> Iterator[tuple[str, str]]:
    """Headings and texts of a point; the first of a row without numbers says why."""
    missing = (point.note if point is row.points[0] else "") or numbers.MISSING
    users = missing if point.users is None else numbers.count(math.ceil(point.users))
    power = missing if point.power is None else f"{point.power:.3f}"
    lift = missing if point.lift is None else f"{numbers.number(point.lift, places)}%"
    if row.rail is not None and point.solved == POWER:
        yield f"power with {numbers.count(study.users)} users", power
    elif row.rail is not None:
        yield f"users for power {study.terms.wanted:.3g}", users
    elif point.solved == LIFT:
        yield "MDE", lift
        yield "in units", text.significant(point.effect, 3)
    elif point.solved == POWER:
        yield f"power at {text.lift(point.lift)}", power
    else:
        yield f"users for {text.lift(point.lift)}", users
        if study.question.mde is not None:
            yield "days of this world", text.days(study.enrolment, point.users)
