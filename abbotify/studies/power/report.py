"""What a power study shows: power.csv, power.md and power.html with one picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from abbotify.errors import OutputError
from abbotify.report.csv import Value, csv_text
from abbotify.report.text.markdown import escaped, escaped_table
from abbotify.studies import page
from abbotify.studies.power import table, words
from abbotify.studies.power.chart import picture
from abbotify.studies.power.design import USERS, Point, Row
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
    texts = {
        "power.csv": lambda: power_csv(study),
        "power.md": lambda: power_markdown(study),
        "power.html": lambda: power_html(study),
    }
    fault = page.write(out, texts)
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
    """One row for each number asked of each metric and treatment; full precision.

    In every row `users`, `lift` and `power` belong together, and `solved` names the one that
    follows from the other two. Lifts are in per cent of the control; a guardrail's power is that
    of being found non-inferior at a lift of 0.
    """
    rows = (
        _cells(study, row, arm, point)
        for row in (*study.rows, *study.guardrails)
        for arm in row.arms
        for point in row.points
    )
    return csv_text(COLUMNS, rows)


def _cells(study: PowerStudy, row: Row, arm: str, point: Point) -> Iterator[Value]:
    own = row.piloted
    yield from (
        own.metric,
        own.estimand,
        arm,
        row.role,
        row.level,
        own.cuped,
        row.decides,
        own.model,
    )
    yield from (own.n, own.share, *row.shares, own.value)
    yield from (None if own.pilot is None else own.pilot.variance, own.removed)
    yield from (point.solved, point.users, point.lift, point.effect, point.power)
    wanted = point.users if point.solved == USERS else None
    yield None if wanted is None else study.coming.days_for(wanted)
    yield from (None, None) if row.rail is None else (row.rail.margin, row.rail.unit)
    yield point.note or ("" if wanted is None else study.coming.never(wanted))


def power_markdown(study: PowerStudy) -> str:
    """The table for a pull request, and what its numbers mean."""
    parts = [
        f"# {escaped(words.title(study))}",
        escaped(words.sentence(study)),
        escaped_table(*table.rows(study), table.numbers(study)),
        *_rails(study),
        "\n".join(f"- {escaped(note)}" for note in words.notes(study)),
    ]
    return "\n\n".join(parts) + "\n"


def _rails(study: PowerStudy) -> Iterator[str]:
    head, body = table.rail_rows(study)
    if body:
        yield escaped_table(head, body, table.rail_numbers(study))


def power_html(study: PowerStudy) -> str:
    """The page: a picture, the table, what its numbers mean. No scripts, no network."""
    head, body = table.rows(study)
    return page.page(
        "power/power.html.j2",
        title=words.title(study),
        sentence=words.sentence(study),
        picture=picture(study),
        picture_narrow=picture(study, narrow=True),
        head=head,
        rows=body,
        numbers=table.numbers(study),
        rails=table.rail_rows(study),
        rail_numbers=table.rail_numbers(study),
        notes=words.notes(study),
    )
