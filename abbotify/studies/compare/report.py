"""What a comparison writes: compare.html with one picture, compare.md and compare.csv."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from abbotify.errors import OutputError
from abbotify.files import folders
from abbotify.files.replacement import Kind
from abbotify.report.csv import Value, csv_text
from abbotify.report.text import numbers
from abbotify.report.text.leading import numbers_of
from abbotify.stats import Contrast
from abbotify.stats.effects import MEAN
from abbotify.studies import page
from abbotify.studies.compare import tables
from abbotify.studies.compare.compare import Comparison
from abbotify.studies.page import Figure, Page, Section

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
    with folders.swapped(out, KIND) as folder:
        fault = page.write(
            folder,
            "compare",
            lambda: compare_csv(comparison),
            lambda: compare_page(comparison),
            shown=out,
        )
    if fault is not None:
        raise fault


def compare_csv(comparison: Comparison) -> str:
    """A row for each effect, relative and absolute, and each level; full precision."""
    return csv_text(COLUMNS, _rows(comparison))


def _rows(comparison: Comparison) -> Iterator[tuple[Value, ...]]:
    for row in comparison.effects:
        key = (row.metric, row.arm, row.estimand)
        for what, contrast in (("relative_effect", row.relative), ("effect", row.absolute)):
            relative = what == "relative_effect"
            runs = (*numbers_of(row.a, relative=relative), *numbers_of(row.b, relative=relative))
            yield (what, *key, *runs, *_ends_and_p(contrast), row.pairs, contrast.note)
    for level in comparison.levels:
        key = (level.metric, level.arm, MEAN)
        runs = (level.a, None, None, level.b, None, None)
        contrast = level.difference
        yield ("level", *key, *runs, *_ends_and_p(contrast), level.pairs, contrast.note)


def _ends_and_p(contrast: Contrast) -> tuple[float | None, ...]:
    return contrast.effect, contrast.lower, contrast.upper, contrast.p_value


def compare_page(comparison: Comparison) -> Page:
    """Both runs, what differs, a picture, the tables."""
    level = numbers.level(comparison.a.run.alpha)
    cards = tables.cards(comparison)
    figure = Figure(
        "Relative effects",
        f"Change relative to the control in both runs, with {level} intervals. Filled: "
        "significant. Shaded: success metric. Arrow: beyond the axis.",
        lambda narrow: tables.chart(comparison, narrow),
    )
    differences = tables.differences(comparison)
    same = "" if differences.rows else "No differences in scenario, seeds or version."
    effects = tables.effects(comparison)
    none = "" if effects.rows else "No treatment is in both runs."
    return Page(
        "comparison",
        f"{cards[0].heading} beside {cards[1].heading}",
        "",
        (
            Section(
                "What differs",
                f"{same} {tables.alone(comparison)}".strip(),
                table=differences if differences.rows else None,
            ),
            Section(
                "Effects",
                f"{none} {tables.effects_note(comparison)}".strip(),
                figure,
                effects if effects.rows else None,
            ),
            Section("Levels", table=tables.levels(comparison)),
        ),
        cards,
        comparison.b.run.abbotify,
    )
