"""A study's page: cards, sentences, figures and tables, rendered as HTML and as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import abbotify
from abbotify.errors import OutputError, PageError
from abbotify.files.folders import replacing
from abbotify.report.pages import rendered
from abbotify.report.table import Table
from abbotify.report.text.labels import escaped


@dataclass(frozen=True)
class Card:
    """A box at the top of a page.

    Attributes:
        heading: its name, or a number.
        sentences: beneath.
        tone: good, bad, warn or calm.
        letter: that stands for it in tables and charts; empty where it is the only one.
        health: (tone, text) of its checks.
    """

    heading: str
    sentences: tuple[str, ...]
    tone: str = "calm"
    letter: str = ""
    health: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Figure:
    """A picture with its caption.

    Attributes:
        draw: makes its SVG, for narrow screens or wide ones; None where nothing can be drawn.
    """

    title: str
    caption: str
    draw: Callable[[bool], str | None]


@dataclass(frozen=True)
class Section:
    """A part of a page: a paragraph, a figure, a table and notes, each where there is one."""

    heading: str
    text: str = ""
    figure: Figure | None = None
    table: Table | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """What a study shows.

    Attributes:
        kind: of study: "power study", "sweep", ...
        title: heading of the page.
        sentence: beneath the title.
        sections: in their order.
        cards: before them.
        version: of abbotify that made the numbers.
    """

    kind: str
    title: str
    sentence: str
    sections: tuple[Section, ...]
    cards: tuple[Card, ...] = ()
    version: str = abbotify.__version__

    def html(self) -> str:
        """A page without scripts that fetches nothing."""
        drawn = {
            section.heading: [section.figure.draw(narrow) for narrow in (False, True)]
            for section in self.sections
            if section.figure is not None
        }
        return rendered("abbotify.studies", "page.html.j2", page=self, drawn=drawn)

    def markdown(self) -> str:
        """The same without pictures, for a pull request."""
        parts = [f"# {escaped(self.title)}", escaped(self.sentence)]
        parts += ["\n".join(_card(card)) for card in self.cards]
        for section in self.sections:
            if section.text or section.table or section.notes:
                parts += [f"## {escaped(section.heading)}", escaped(section.text)]
            if section.table is not None:
                parts.append(section.table.markdown())
            parts.append("\n".join(f"- {escaped(note)}" for note in section.notes))
        return "\n\n".join(part for part in parts if part) + "\n"


def _card(card: Card) -> Iterator[str]:
    letter = f"{card.letter}: " if card.letter else ""
    yield f"**{letter}{escaped(card.heading)}**\n" if card.heading else ""
    yield from (f"- {escaped(sentence)}" for sentence in card.sentences)
    yield from (f"- **{tone}** {escaped(text)}" for tone, text in card.health)


def write(
    folder: Path,
    name: str,
    csv: Callable[[], str],
    page: Callable[[], Page],
    shown: Path | None = None,
) -> PageError | None:
    """Writes NAME.csv, .md and .html into a folder, made if need be; each appears whole or not.

    Args:
        folder: where to.
        name: of the three files.
        csv: makes the text of the first.
        page: makes the page.
        shown: the folder that a message names, where `folder` is to take its place.

    Returns:
        Why a text cannot be made; it is not raised, since the others are written.

    Raises:
        OutputError: the folder cannot be written to.
    """
    texts: dict[str, Callable[[], str]] = {
        f"{name}.csv": csv,
        f"{name}.md": lambda: page().markdown(),
        f"{name}.html": lambda: page().html(),
    }
    fault: PageError | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, make in texts.items():
            try:
                text = make()
            except Exception as error:
                why = f"{type(error).__name__}: {error}"
                fault = PageError(f"{(shown or folder) / file}: cannot be made ({why})")
                fault.__cause__ = error
                continue
            with replacing(folder / file) as temporary:
                temporary.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise OutputError(what, file=shown or folder) from error
    return fault
