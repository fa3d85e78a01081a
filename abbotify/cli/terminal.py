"""What the command line shows on a terminal: the headline, its table, bars of progress."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal

from abbotify.progress import silent

if TYPE_CHECKING:
    from rich.console import Console

    from abbotify import progress
    from abbotify.report import Result
    from abbotify.report.table import Table
    from abbotify.studies.compare.compare import Comparison

# What a terminal without these characters shows instead; without
# its minus a number would change sign.
_PLAIN: Final = {
    "\N{NO-BREAK SPACE}": " ",
    "−": "-",
    "–": "-",
    "—": "-",
    "α": "alpha",
    "×": "x",
    "…": "...",
}


def print_anywhere() -> bool:
    """Lets any text be printed, whatever characters the terminal knows, or nowhere.

    Returns:
        whether standard output is open.
    """
    printable = sys.stdout is not None
    _fill_standard_streams()
    codecs.register_error("abbotify.plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        own = stream in (sys.__stdout__, sys.__stderr__)
        if own:
            # Recommenders of the user's own may try to close it.
            setattr(stream, "close", stream.flush)  # noqa: B010
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="abbotify.plain")
    return printable


def _fill_standard_streams() -> None:
    """Opens what was closed: the next file would else take its number, and what is printed."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            if getattr(sys, name) is None:
                mode = "r" if name == "stdin" else "w"
                setattr(sys, name, os.fdopen(number, mode, closefd=False))


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(_PLAIN.get(char, "?") for char in lost), error.end


def _console(width: int = 140) -> Console:
    """Where tables go: a pipe has no width, and its lines should not be folded to 80 columns."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else width, highlight=False, markup=False)


def headline_table(result: Result) -> None:
    """Prints the sentence and the table of effects."""
    from abbotify.report import notes, summary_table
    from abbotify.report.table import plain_table
    from abbotify.report.text.headline import headline

    console = _console()
    console.print(headline(result))
    for note in notes(result):
        console.print(f"- {note}")
    console.print()
    texts, figures = ("metric", "arm"), ("effect", "interval", "p")
    print_table(plain_table("Effects", texts, figures, summary_table(result)))


def print_table(table: Table) -> None:
    """Prints a table of a report or a study."""
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(box=None, pad_edge=False)
    for column in table.columns:
        if not column.picture:
            justify: Literal["right", "left"] = "right" if column.number else "left"
            grid.add_column(Text(column.plain), justify=justify, overflow="fold")
    for row in table.texts()[1]:
        grid.add_row(*map(Text, row))
    _console(width=1000).print(grid)  # no cell of a table in a file is folded


def comparison_tables(comparison: Comparison) -> None:
    """Prints two runs side by side."""
    from abbotify.studies.compare import tables

    console = _console()
    for card in tables.cards(comparison):
        console.print(f"{card.letter}  {card.heading}")
        for line in (*(text for _, text in card.health), *card.sentences):
            console.print(f"   {line}")
    console.print()
    differences = tables.differences(comparison)
    if differences.rows:
        print_table(differences)
    else:
        console.print("Nothing differs: both were run alike.")
    for line in filter(None, (tables.alone(comparison), tables.effects_note(comparison))):
        console.print(f"\n{line}")
    console.print()
    print_table(tables.effects(comparison))
    console.print("\nLevels: the mean of each metric in each arm\n")
    print_table(tables.levels(comparison))


@contextmanager
def streams_kept() -> Iterator[None]:
    """Puts standard output and error back, whatever code of the user's own has made of them."""
    before = sys.stdout, sys.stderr
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def notice(text: str) -> None:
    """A line on standard error, above the bars."""
    print(text, file=sys.stderr)


@contextmanager
def progress_bars(quiet: bool) -> Iterator[progress.Progress]:
    """Bars on stderr for what is reported to them; none when it is no terminal, or quiet."""
    if quiet or not sys.stderr.isatty():
        with streams_kept():
            yield silent
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with streams_kept(), Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, Any] = {}

        def show(what: str, done: int, total: int, note: str = "") -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total or None, note=note)
            bars.update(tasks[what], completed=done, total=total or None, note=note)

        yield show
