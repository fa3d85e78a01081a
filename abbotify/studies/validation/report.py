"""What a validation shows: validate.csv, validate.md and validate.html with one picture."""

from __future__ import annotations

from pathlib import Path

from abbotify.errors import PageError
from abbotify.report.csv import csv_text
from abbotify.report.text import labels, numbers
from abbotify.report.text.markdown import escaped, escaped_table
from abbotify.studies import page
from abbotify.studies.validation import view
from abbotify.studies.validation.characteristics import COLUMNS
from abbotify.studies.validation.chart import picture
from abbotify.studies.validation.results import Validation
from abbotify.studies.validation.view import Cell, Table


def write(found: Validation, out: Path, shown: Path | None = None) -> PageError | None:
    """Writes the three files; each appears whole or not at all.

    Args:
        found: the validation.
        out: the folder.
        shown: the one that a message names, where `out` is to take its place.

    Returns:
        Why a page cannot be made; the other files are there.

    Raises:
        OutputError: the folder cannot be written to.
    """
    texts = {
        "validate.csv": lambda: validate_csv(found),
        "validate.md": lambda: validate_markdown(found),
        "validate.html": lambda: validate_html(found),
    }
    return page.write(out, texts, shown)


def validate_csv(found: Validation) -> str:
    """One row for each quantity of each method, at full precision."""
    rows = ([getattr(one, name) for name in COLUMNS] for one in found.characteristics)
    return csv_text(COLUMNS, rows)


def validate_markdown(found: Validation) -> str:
    """The tables for a pull request."""
    parts = [f"# {escaped(title(found))}", escaped(sentence(found))]
    for name, table in _tables(found):
        parts += [f"## {name}", _markdown_table(table)]
    parts.append("\n".join(f"- {escaped(note)}" for note in found.notes))
    return "\n\n".join(part for part in parts if part) + "\n"


def validate_html(found: Validation) -> str:
    """The page: what was promised and kept, a picture, the tables. No scripts, no network."""
    return page.page(
        "validation/validate.html.j2",
        title=title(found),
        sentence=sentence(found),
        verdict=verdict(found),
        good=not found.failures,
        kept=f"{found.gated - len(found.failures):,} of {found.gated:,}" if found.gated else "",
        pictures=(picture(found), picture(found, narrow=True)),
        tables=_tables(found),
        notes=found.notes,
    )


def title(found: Validation) -> str:
    """The heading."""
    return f"{labels.clean(found.scenario)}: how often each method is right"


def sentence(found: Validation) -> str:
    """What was done."""
    arms = f"{labels.clean(', '.join(found.arms[1:]))} against {labels.clean(found.arms[0])}"
    many = f"{found.replications:,} experiments of {found.users:,} users each"
    if found.meets:
        how = f"each played as a whole, and once more with equal arms ({labels.clean(found.meets)})"
    else:
        how = (
            "drawn with replacement from what every user does under each arm; false positives are "
            "counted where all arms have the control's outcomes"
        )
    return f"{arms}: {many}, {how}. Intervals have level {numbers.level(found.alpha)}."


def verdict(found: Validation) -> str:
    """Whether promises were kept, in a sentence."""
    if not found.gated:
        return "No rate is promised in this world: all are findings."
    if not found.failures:
        lie = "The promised rate lies in its band"
        if found.gated > 1:
            lie = f"All {found.gated:,} promised rates lie in their bands"
        return f"{lie}, which a right program leaves in one validation of a hundred."
    left = [f"{view.method(one.method)} ({view.about(one.metric)})" for one in found.failures]
    shown = "; ".join(dict.fromkeys(left[:5])) + (" and others" if len(left) > 5 else "")
    bands = "its band" if len(left) == 1 else "their bands"
    return f"{len(left)} of {numbers.plural(found.gated, 'promised rate')} left {bands}: {shown}."


def _tables(found: Validation) -> list[tuple[str, Table]]:
    tables = [
        ("Rates outside their bands", view.failures(found)),
        ("Success metrics", view.methods(found, success=True)),
        ("Families and sample ratio", view.families(found)),
        ("All other metrics", view.methods(found, success=False)),
        ("Why a rate is not promised", view.reasons(found)),
    ]
    return [(name, table) for name, table in tables if table.rows]


def _markdown_table(table: Table) -> str:
    return escaped_table(table.head, ([_plain(one) for one in row] for row in table.rows))


def _plain(one: Cell) -> str:
    mark = "**!** " if one.tone == "bad" else ""
    return f"{mark}{one.text} {one.under}".strip()


def terminal_table(found: Validation) -> tuple[list[str], list[list[str]]]:
    """The success metrics as a terminal shows them."""
    table = view.methods(found, success=True)
    return list(table.head), [[one.text for one in row] for row in table.rows]
