"""Effects by segment of users, and whether they differ between segments."""

from __future__ import annotations

from itertools import groupby

from abbotify.metrics.segments import rounded
from abbotify.report.charts.axes import style
from abbotify.report.charts.inline_interval import Interval, Scale, axis, picture, scale
from abbotify.report.result import Result
from abbotify.report.table import Cell, Column, Row, Table
from abbotify.report.text import leading, numbers
from abbotify.report.text.labels import attribute, clean, metric, unit
from abbotify.stats.heterogeneity import SegmentEffect, SegmentTest


def segments(result: Result) -> Table | None:
    """The effect in each segment; None when users are not segmented."""
    segmented = result.segments
    if segmented is None or not segmented.rows:
        return None
    columns = (
        *(Column("Segment"), Column("Users", "treatment / control", number=True)),
        *(Column("Interval", picture=True), Column("Relative effect", number=True)),
        *(Column(head, number=True) for head in ("Difference", "p", "p, adjusted")),
    )
    rows: list[Row] = []
    on = scale(Interval(*leading.relative(row)) for row in segmented.rows)
    places = iter(numbers.aligned([leading.relative(row) for row in segmented.rows]))
    for (name, arm), members in groupby(segmented.rows, key=lambda row: (row.metric, row.arm)):
        group = list(members)
        at = result.places.get(arm, 0)
        heading = Cell(metric(name).label, arm, arm=at)
        axis_cell = Cell(svg=axis(on, "%"))
        cells = (heading, Cell(), axis_cell, *[Cell()] * 4)
        rows.append(Row(cells, heading=True))
        apart = numbers.aligned([(row.effect, row.lower, row.upper) for row in group])
        rows += [
            _row(row, result.run.alpha, (next(places), own), on, at)
            for row, own in zip(group, apart, strict=True)
        ]
    level = numbers.level(result.run.alpha)
    caption = (
        f"Effects within each segment, with unadjusted {level} intervals. Filled: significant "
        "over all segments (Benjamini-Hochberg)."
    )
    return Table(caption, columns, tuple(rows), "segments")


def segment_tests(result: Result) -> tuple[str, ...]:
    """Whether the effect differs between segments, a sentence for each metric and treatment."""
    segmented = result.segments
    if segmented is None:
        return ()
    tests = {(test.metric, test.arm): test for test in segmented.tests}
    return tuple(
        f"{metric(name).label}, {clean(arm)}: {_tested(tests.get((name, arm)), result.run.alpha)}"
        for name, arm in dict.fromkeys((row.metric, row.arm) for row in segmented.rows)
    )


def segmented_by(result: Result) -> str:
    """The attribute that users are segmented by, in a sentence; empty without segments."""
    segmented = result.segments
    if segmented is None:
        return ""
    cut = " and ".join(rounded(segmented.bounds))
    by = f"Segmented by {attribute(segmented.by)}{f', cut at {cut}' if cut else ''}."
    if segmented.without:
        users = numbers.plural(segmented.without, "user")
        verb = "is" if segmented.without == 1 else "are"
        return f"{by} {users} without this value {verb} left out."
    return by


def _tested(test: SegmentTest | None, alpha: float) -> str:
    """Whether the effect is the same in all segments, in a sentence."""
    if test is None or test.p_value is None:
        why = clean(test.note) if test is not None and test.note else "undefined"
        return f"no test of a difference between segments ({why})."
    p = numbers.p_equals(test.p_value, alpha)
    evidence = f"Cochran’s Q = {test.statistic:.3g}, {test.df} df, {p}"
    if test.p_value < alpha:
        return f"the effect differs between segments ({evidence})."
    return f"no significant difference between segments ({evidence})."


def _row(
    row: SegmentEffect,
    alpha: float,
    places: tuple[int | None, int | None],
    on: Scale,
    at: int,
) -> Row:
    """A segment's effect, its relative form and its difference rounded to `places`."""
    relative = numbers.estimate(*leading.relative(row), unit="%", places=places[0])
    difference = numbers.estimate(row.effect, row.lower, row.upper, places=places[1])
    known = difference.value != numbers.MISSING
    significant = row.p_adjusted is not None and row.p_adjusted < alpha
    return Row(
        (
            Cell(row.segment, leading.noted(row, clean(row.note))),
            Cell(f"{numbers.count(row.n_treatment)} / {numbers.count(row.n_control)}"),
            Cell(svg=picture(Interval(*leading.relative(row)), on, style(at), significant)),
            Cell(relative.value, relative.second_line),
            Cell(difference.value + (unit(row.metric) if known else ""), difference.second_line),
            Cell(numbers.p_value(row.p_value, alpha)),
            Cell(numbers.p_value(row.p_adjusted, alpha)),
        )
    )
