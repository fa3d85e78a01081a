"""A table as plain texts, and its renderings: HTML, Markdown, and a pandas frame.

Reports and studies say what they show once, as a `Table`, and every output is made of it:

    table = Table(
        "Effects",
        (Column("Metric", merge=True), Column("Effect", number=True)),
        (Row((Cell("Session length"), Cell("+1.2%", under="[+0.4%, +2.0%]", tone="good"))),),
    )
    table.html(), table.markdown(), table.frame()

Texts are not escaped in a table; each rendering escapes for its own language. The terminal's
rendering is `abbotify.cli.terminal.print_table`, the only one that prints.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from abbotify.report.text.labels import clean, escaped
from abbotify.report.text.numbers import MISSING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Column:
    """A column's heading, and how its cells look.

    Attributes:
        heading: its name.
        under: a second line of the heading.
        number: cells are aligned right and do not wrap.
        merge: equal cells beneath each other become one; where they end, a new group begins.
        badge: cells with a tone are badges in its colour.
        picture: cells hold inline SVG, which pages alone show.
        code: cells are code.
        arm: the place of the arm whose mark stands before the heading.
    """

    heading: str
    under: str = ""
    number: bool = False
    merge: bool = False
    badge: bool = False
    picture: bool = False
    code: bool = False
    arm: int | None = None

    @property
    def plain(self) -> str:
        """Both lines as one text, the second in brackets."""
        return f"{self.heading} ({self.under})" if self.under else self.heading


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: its text, empty or `numbers.MISSING` where there is none.
        under: a second, quieter line.
        tone: good, bad, warn, calm, quiet, or empty.
        arm: the place of the arm whose mark stands before the text.
        svg: a picture, made of numbers alone; it repeats what other cells say.
    """

    text: str = ""
    under: str = ""
    tone: str = ""
    arm: int | None = None
    svg: str = ""

    @property
    def plain(self) -> str:
        """Both lines as one text, the second in brackets."""
        if not self.under:
            return self.text
        under = self.under if self.under.startswith("[") else f"({self.under})"
        return self.under if self.text in ("", MISSING) else f"{self.text} {under}"


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        cells: one for each column.
        tone: of the row: good, bad, warn, calm, or empty.
        heading: it is the heading of the rows that follow.
    """

    cells: tuple[Cell, ...]
    tone: str = ""
    heading: bool = False


@dataclass(frozen=True)
class Table:
    """A table; `style` is its class in a page's style sheet."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    style: str = ""

    def html(self) -> str:
        """A `table` in a region that scrolls, its texts escaped.

        Every cell has the heading of its column as `data-label`, which narrow screens show.
        """
        caption = _escaped(self.caption)
        style = f' class="{_escaped(self.style)}"' if self.style else ""
        head = "".join(map(_heading_html, self.columns))
        return (
            f'<div class="scroll" role="region" tabindex="0" aria-label="{caption}">\n'
            f"<table{style}>\n<caption><span>{caption}</span></caption>\n"
            f"<thead><tr>{head}</tr></thead>\n{self._bodies()}</table>\n</div>"
        )

    def __html__(self) -> str:
        """The same, for templates, which take it as it is."""
        return self.html()

    def markdown(self) -> str:
        """A table of GitHub's Markdown, without the columns of pictures; no caption."""
        shown = [at for at, column in enumerate(self.columns) if not column.picture]
        head = [escaped(self.columns[at].plain) for at in shown]
        rules = ["--:" if self.columns[at].number else "---" for at in shown]
        rows = [[_markdown(row, row.cells[at]) for at in shown] for row in self.rows]
        return "\n".join("| " + " | ".join(row) + " |" for row in (head, rules, *rows))

    def texts(self) -> tuple[list[str], list[list[str]]]:
        """Headings, and the rows as texts, without columns of pictures."""
        shown = [at for at, column in enumerate(self.columns) if not column.picture]
        rows = [[clean(row.cells[at].plain) for at in shown] for row in self.rows]
        return [self.columns[at].plain for at in shown], rows

    def frame(self) -> pd.DataFrame:
        """The texts, a row for each row and a column for each column without pictures."""
        import pandas as pd

        head, rows = self.texts()
        return pd.DataFrame(rows, columns=head)

    def _bodies(self) -> str:
        """A `tbody` for each group."""
        return "".join(
            "<tbody>\n" + "".join(self._group(rows)) + "</tbody>\n" for rows in self._groups()
        )

    def _groups(self) -> list[list[Row]]:
        """Rows with the same first cell where it merges, or beneath one heading."""
        merges = self.columns[0].merge
        groups: list[list[Row]] = []
        for row in self.rows:
            same = groups and not row.heading
            if merges and same:
                same = groups[-1][0].cells[0] == row.cells[0]
            if same:
                groups[-1].append(row)
            else:
                groups.append([row])
        return groups

    def _group(self, rows: Sequence[Row]) -> list[str]:
        return [
            self._heading(row) if row.heading else self._row(rows, at)
            for at, row in enumerate(rows)
        ]

    def _heading(self, row: Row) -> str:
        """A row whose first cell spans the empty ones behind it."""
        inner = _cell_html(row.cells[0], self.columns[0])
        span = next((at for at, cell in enumerate(row.cells[1:], 1) if cell != Cell()), 1)
        first = f'<th scope="rowgroup" colspan="{span}">{inner}</th>'
        rest = "".join(
            f"<td{_class(column)}>{_cell_html(cell, column)}</td>"
            for cell, column in zip(row.cells[span:], self.columns[span:], strict=True)
        )
        return f'<tr class="group">{first}{rest}</tr>\n'

    def _row(self, rows: Sequence[Row], at: int) -> str:
        row, cells = rows[at], []
        for place, (cell, column) in enumerate(zip(row.cells, self.columns, strict=True)):
            span = _span(rows, at, place) if column.merge else 1
            if span:
                cells.append(_tag(cell, column, first=place == 0, span=span))
        tone = f' class="{row.tone}"' if row.tone else ""
        return f"<tr{tone}>{''.join(cells)}</tr>\n"


def plain_table(
    caption: str, texts: Iterable[str], figures: Iterable[str], rows: Iterable[Iterable[str]]
) -> Table:
    """A table of texts alone.

    Args:
        caption: of the table.
        texts: headings of the first columns, aligned left.
        figures: headings of the others, aligned right.
        rows: a text for each column.
    """
    columns = *map(Column, texts), *(Column(heading, number=True) for heading in figures)
    return Table(caption, columns, tuple(Row(tuple(map(Cell, row))) for row in rows))


def by_arm(
    caption: str, first: str, names: Iterable[str], rows: Iterable[tuple[str, Sequence[str]]]
) -> Table | None:
    """A table with a column for each arm; None without rows.

    Args:
        caption: of the table.
        first: the heading of the rows' names.
        names: of all arms.
        rows: a name and a text for each arm.
    """
    arms = tuple(Column(name, number=True, arm=at) for at, name in enumerate(names))
    body = tuple(Row((Cell(name), *map(Cell, texts))) for name, texts in rows)
    return Table(caption, (Column(first), *arms), body) if body else None


def _span(rows: Sequence[Row], at: int, place: int) -> int:
    """How many rows a merged cell covers; 0 where one above covers this row."""
    cell = rows[at].cells[: place + 1]
    if at and rows[at - 1].cells[: place + 1] == cell:
        return 0
    below = rows[at + 1 :]
    return next(
        (n for n, row in enumerate(below, 1) if row.cells[: place + 1] != cell), len(below) + 1
    )


def _tag(cell: Cell, column: Column, *, first: bool, span: int) -> str:
    over = f' rowspan="{span}"' if span > 1 else ""
    label = f' data-label="{_escaped(column.heading)}"'
    inner = _cell_html(cell, column)
    if first or column.merge:
        scope = "rowgroup" if span > 1 else "row"
        return f'<th scope="{scope}"{_class(column)}{over}{label}>{inner}</th>'
    return f"<td{_class(column)}{over}{label}>{inner}</td>"


def _class(column: Column) -> str:
    return ' class="drawn"' if column.picture else ' class="n"' if column.number else ""


def _heading_html(column: Column) -> str:
    under = f"<small>{_escaped(column.under)}</small>" if column.under else ""
    text = _marked(_escaped(column.heading), column.arm)
    return f'<th scope="col"{_class(column)}>{text}{under}</th>'


def _cell_html(cell: Cell, column: Column) -> str:
    """The lines of a cell."""
    if cell.svg:
        return cell.svg
    text = _marked(_escaped(cell.text), cell.arm)
    if column.code and cell.text != MISSING:
        text = f"<code>{text}</code>"
    if column.badge and cell.text:
        text = f'<span class="word {cell.tone or "quiet"}">{text}</span>'
    elif cell.tone:
        text = f'<span class="tone {cell.tone}">{text}</span>'
    if not cell.under:
        return text
    if column.number:
        return (
            f'<span class="value">{text}</span><span class="interval">{_escaped(cell.under)}</span>'
        )
    return f'{text}<small class="note">{_escaped(cell.under)}</small>'


def _marked(text: str, arm: int | None) -> str:
    """The text behind the mark of an arm, of the symbols that a report's page defines."""
    if arm is None:
        return text
    mark = f'<svg class="swatch" aria-hidden="true"><use href="#swatch-{arm}"/></svg>'
    return f'<span class="arm">{mark}<bdi>{text}</bdi></span>'


def _markdown(row: Row, cell: Cell) -> str:
    text = escaped(cell.plain)
    strong = (row.heading and text) or cell.tone in _STRONG
    return f"**{text}**" if strong else text


_STRONG: Final = ("good", "bad", "warn")


def _escaped(text: str) -> str:
    from markupsafe import escape

    return str(escape(clean(text)))
