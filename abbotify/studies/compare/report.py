"""What a comparison writes: compare.html with one picture, compare.md and compare.csv."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from abbotify.errors import OutputError
from abbotify.files import folders
from abbotify.files.replacement import Kind
from abbotify.report.csv import Value, csv_text
from abbotify.report.text import numbers
from abbotify.report.text.markdown import escaped, escaped_table
from abbotify.stats import Contrast, Effect
from abbotify.stats.effects import MEAN
from abbotify.studies import page
from abbotify.studies.compare import tables as view
from abbotify.studies.compare.chart import picture
from abbotify.studies.compare.compare import Comparison

CSV: Final = "compare.csv"
MARKDOWN: Final = "compare.md"
HTML: Final = "compare.html"
KIND: Final = Kind("comparison", frozenset({CSV}), (CSV, MARKDOWN, HTML))

COLUMNS: Final = (
    *("what", "metric", "arm", "estimand", "a", "a_lower", "a_upper", "b", "b_lower", "b_upper"),
    *("difference", "difference_lower", "difference_upper", "p_value", "pairs", "note"),
)


def check(out: Path, runs: Sequence[Path]) -> None:
    """Refuses a folder that `write` would refuse, before any work is done.

    Raises:
        OutputError: it holds other things, or is above a run, which would go with it.
    """
    target = out.resolve()
    for run in runs:
        if target in (run.resolve(), *run.resolve().parents):
            raise OutputError(f"holds the run {run}", file=out, key="--out")
    folders.check(out, KIND)


def write(comparison: Comparison, out: Path) -> None:
    """Writes the folder, which appears whole or not at all; an earlier comparison is replaced.

    Raises:
        OutputError: the folder holds other things, or cannot be written.
        PageError: a page cannot be made; the other files are there.
    """
    texts = {
        CSV: lambda: compare_csv(comparison),
        MARKDOWN: lambda: compare_markdown(comparison),
        HTML: lambda: compare_html(comparison),
    }
    with folders.swapped(out, KIND) as folder:
        fault = page.write(folder, texts, shown=out)
    if fault is not None:
        raise fault


def compare_csv(comparison: Comparison) -> str:
    """A row for each effect, relative and absolute, and each level; full precision."""
    return csv_text(COLUMNS, _rows(comparison))


def _rows(comparison: Comparison) -> Iterator[tuple[Value, ...]]:
    for row in comparison.effects:
        key = (row.metric, row.arm, row.estimand)
        for what, start, told in (
            ("relative_effect", "relative_", row.relative),
            ("effect", "", row.absolute),
        ):
            runs = (*_ends(row.a, start), *_ends(row.b, start))
            yield (what, *key, *runs, *_told(told), row.pairs, told.note)
    for level in comparison.levels:
        key = (level.metric, level.arm, MEAN)
        runs = (level.a, None, None, level.b, None, None)
        told = level.difference
        yield ("level", *key, *runs, *_told(told), level.pairs, told.note)


def _ends(effect: Effect | None, start: str) -> tuple[float | None, ...]:
    names = ("effect", "lower", "upper")
    return tuple(None if effect is None else getattr(effect, start + name) for name in names)


def _told(told: Contrast) -> tuple[float | None, ...]:
    return told.effect, told.lower, told.upper, told.p_value


def compare_markdown(comparison: Comparison) -> str:
    """The text of compare.md, for a pull request."""
    parts = [
        f"# {escaped(title(comparison))}",
        *(_state(state) for state in view.states(comparison)),
        f"## What differs\n\n{_differing(comparison)}",
        escaped(view.alone(comparison)),
        f"## Effects\n\n{escaped(view.effects_note(comparison))}",
        escaped_table(view.EFFECTS_HEAD, map(view.effect_cells, view.effects(comparison)), 7),
        "## Levels",
        escaped_table(view.LEVELS_HEAD, map(view.level_cells, view.levels(comparison)), 5),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _state(state: view.State) -> str:
    lines = [f"**{state.letter}** is {escaped(state.name)} ({state.health.lower()}).", ""]
    lines += [f"- {escaped(sentence)}" for sentence in state.sentences]
    lines += [f"- **{status}** {escaped(text)}" for status, text in state.checks]
    return "\n".join(lines)


def _differing(comparison: Comparison) -> str:
    rows = view.differing(comparison, short=True)
    return escaped_table(("key", "A", "B"), rows) if rows else "Nothing: both were run alike."


def title(comparison: Comparison) -> str:
    """Both runs' names."""
    one, two = (state.name for state in view.states(comparison))
    return f"{one} beside {two}"


def compare_html(comparison: Comparison) -> str:
    """The page: both runs, what differs, a picture, the tables. No scripts, no network."""
    from markupsafe import Markup

    drawn = picture(comparison), picture(comparison, "compare-narrow", narrow=True)
    return page.page(
        "comparison/compare.html.j2",
        title=title(comparison),
        states=view.states(comparison),
        differing=view.differing(comparison),
        alone=view.alone(comparison),
        level=numbers.level(comparison.a.run.alpha),
        effects_note=view.effects_note(comparison),
        between=view.BETWEEN,
        effects=_grouped(view.effects(comparison)),
        levels=_grouped(view.levels(comparison)),
        pictures=[Markup(svg) for svg in drawn if svg is not None],
        version=comparison.b.run.abbotify,
    )


def _grouped(lines: Sequence[view.Line]) -> list[list[view.Line]]:
    """The lines of one metric and estimand together."""
    return [list(own) for _, own in groupby(lines, key=lambda one: (one.metric, one.estimand))]
