"""What a power study shows: power.csv, power.md and power.html with one picture."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from abbotify.errors import OutputError
from abbotify.outfolder import replacing
from abbotify.report import labels, markdown, rounding
from abbotify.report.html import environment
from abbotify.report.tables import cell
from abbotify.stats.effects import RATIO
from abbotify.studies import power_words as words
from abbotify.studies.design import LIFT, POWER, USERS, Point, Row
from abbotify.studies.pilot import NO_PRE_PERIOD
from abbotify.studies.power import PowerStudy
from abbotify.studies.power_picture import picture

COLUMNS: Final = (
    *("metric", "estimand", "arm", "role", "level", "cuped", "model"),
    *("pilot_users", "defined", "control_share", "arm_share", "value", "variance", "removed"),
    *("solved", "users", "lift", "effect", "power", "days", "note"),
)


def write(study: PowerStudy, out: Path) -> None:
    """Writes the three files into a folder, made if need be; each appears whole or not at all.

    Raises:
        OutputError: the folder cannot be written to.
    """
    files = {
        "power.csv": power_csv(study),
        "power.md": power_markdown(study),
        "power.html": power_html(study),
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            with replacing(out / name) as temporary:
                temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", file=out) from error


def check(out: Path) -> None:
    """Refuses what cannot be a folder, before any work is done.

    Raises:
        OutputError: it, or what should hold it, is a file.
    """
    there = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not there.is_dir():
        raise OutputError("is a file, not a folder", file=there)


def power_csv(study: PowerStudy) -> str:
    """One row for each number asked of each metric and treatment; full precision.

    In every row `users`, `lift` and `power` belong together, and `solved` names the one that
    follows from the other two. Lifts are in per cent of the control.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in study.rows:
        for arm in row.arms:
            for point in row.points:
                writer.writerow(list(map(cell, _cells(study, row, arm, point))))
    return text.getvalue()


def _cells(
    study: PowerStudy, row: Row, arm: str, point: Point
) -> Iterator[str | float | bool | None]:
    own = row.piloted
    yield from (own.metric, own.estimand, arm, row.role, row.level, own.cuped, own.model)
    yield from (own.n, own.share, *row.shares, own.value)
    yield from (None if own.pilot is None else own.pilot.variance, own.removed)
    yield from (point.solved, point.users, point.lift, point.effect, point.power)
    needs_days = point.solved == USERS and point.users is not None
    yield study.coming.days_for(point.users) if needs_days and point.users else None
    yield point.note


def rows(study: PowerStudy) -> tuple[list[str], list[list[str]]]:
    """The table as people read it: its head and its rows.

    A metric without a pre-period or without variance has one row, which says so; any other has
    one without CUPED and one with it.
    """
    several = len(study.terms.sizes) > 1
    shown = [row for row in study.rows if not _said(study, row)]
    head = ["metric", *(["arm"] if several else []), "level", "CUPED", "mean", "sd per user"]
    body = [
        [
            _named(row),
            *([", ".join(map(labels.clean, row.arms))] if several else []),
            f"{row.level:.3g}",
            _cuped(study, row),
            *_spread(row),
            *(text for point in row.points for text in _texts(study, row, point)),
        ]
        for row in shown
    ]
    points = shown[0].points if shown else ()
    return [*head, *(name for point in points for name in _heads(study, point))], body


def _said(study: PowerStudy, row: Row) -> bool:
    """Whether a row with CUPED says no more than the one without."""
    own = row.piloted
    if not own.cuped or own.pilot is not None:
        return False
    about = (own.metric, own.estimand, False, own.note)
    plain = (other.piloted for other in study.rows)
    return own.note == NO_PRE_PERIOD or any(
        about == (each.metric, each.estimand, each.cuped, each.note) for each in plain
    )


def _named(row: Row) -> str:
    name = labels.metric(row.piloted.metric).label
    return f"{name} (ratio of sums)" if row.piloted.estimand == RATIO else name


def _cuped(study: PowerStudy, row: Row) -> str:
    own = row.piloted
    if not own.cuped:
        return "no" if study.pre_days else NO_PRE_PERIOD
    if own.removed is None:
        return "yes"
    return f"yes, {rounding.percent(-own.removed, 0, sign=True)}"


def _spread(row: Row) -> list[str]:
    own = row.piloted
    sd = None if own.pilot is None else math.sqrt(own.pilot.variance)
    return [words.digits(own.value, 4), words.digits(sd, 3)]


def _heads(study: PowerStudy, point: Point) -> list[str]:
    if point.solved == LIFT:
        return ["MDE", "in units"]
    if point.solved == POWER:
        return [f"power at {words.lift(point.lift)}"]
    users = f"users for {words.lift(point.lift)}"
    return [users] if study.question.mde is None else [users, "days of this world"]


def _texts(study: PowerStudy, row: Row, point: Point) -> list[str]:
    """The cells of a point; the first of a row without numbers says why."""
    missing = (point.note if point is row.points[0] else "") or rounding.MISSING
    if point.solved == LIFT:
        return [words.lift(point.lift) or missing, words.digits(point.effect, 3)]
    if point.solved == POWER:
        return [missing if point.power is None else f"{point.power:.3f}"]
    users = missing if point.users is None else rounding.count(math.ceil(point.users))
    if study.question.mde is None:
        return [users]
    return [users, words.days(study.coming, point.users)]


def power_markdown(study: PowerStudy) -> str:
    """The table for a pull request, and what its numbers mean."""
    head, body = rows(study)
    safe = [list(map(markdown.escaped, row)) for row in (head, *body)]
    parts = [
        f"# {markdown.escaped(words.title(study))}",
        markdown.escaped(words.sentence(study)),
        markdown.table(safe[0], safe[1:], numbers=_numbers(study)),
        "\n".join(f"- {markdown.escaped(note)}" for note in words.notes(study)),
    ]
    return "\n\n".join(parts) + "\n"


def power_html(study: PowerStudy) -> str:
    """The page: a picture, the table, what its numbers mean. No scripts, no network."""
    from jinja2 import ChoiceLoader, PackageLoader

    pages = environment()
    assert pages.loader is not None, "pages have templates"
    ours = pages.overlay(loader=ChoiceLoader([PackageLoader("abbotify.studies", ""), pages.loader]))
    head, body = rows(study)
    page = ours.get_template("power.html.j2").render(
        title=words.title(study),
        sentence=words.sentence(study),
        picture=picture(study),
        picture_narrow=picture(study, narrow=True),
        head=head,
        rows=body,
        numbers=_numbers(study),
        notes=words.notes(study),
    )
    return page.strip() + "\n"


def _numbers(study: PowerStudy) -> int:
    """How many of the table's last columns are numbers."""
    points = study.rows[0].points if study.rows else ()
    return 2 + sum(len(_heads(study, point)) for point in points)
