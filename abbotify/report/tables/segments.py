"""Effects by kind of user as rows of ready texts, and in words whether they differ.

Texts here are not escaped: each rendering escapes for its own language.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from abbotify.metrics.segments import rounded
from abbotify.report.charts.inline_interval import Interval, Scale, scale
from abbotify.report.result import Result
from abbotify.report.text import leading, numbers
from abbotify.report.text.labels import attribute, clean, metric, unit
from abbotify.stats.heterogeneity import SegmentEffect, SegmentTest


@dataclass(frozen=True)
class SegmentLine:
    """The effect in one segment."""

    segment: str
    users: str
    relative: str
    relative_interval: str
    difference: str
    difference_interval: str
    p: str
    p_adjusted: str
    significant: bool
    note: str
    drawn: Interval


@dataclass(frozen=True)
class SegmentGroup:
    """One treatment and metric: a line for each segment, and what the test of them says."""

    metric: str
    arm: str
    at: int
    test: str
    differs: bool
    lines: tuple[SegmentLine, ...]


@dataclass(frozen=True)
class SegmentTable:
    """All groups, drawn to one scale (per cent of the control)."""

    told: str
    groups: tuple[SegmentGroup, ...]
    scale: Scale


def segments(result: Result) -> SegmentTable | None:
    """The table; None when users were not told apart."""
    found = result.segments
    if found is None or not found.rows:
        return None
    at = result.places
    alpha = result.run.alpha
    groups = []
    places = iter(numbers.aligned([leading.relative(row) for row in found.rows]))
    for (name, arm), members in groupby(found.rows, key=lambda row: (row.metric, row.arm)):
        rows = list(members)
        apart = numbers.aligned([(row.effect, row.lower, row.upper) for row in rows])
        tests = [test for test in found.tests if (test.metric, test.arm) == (name, arm)]
        said, differs = _tested(tests[0] if tests else None, alpha)
        lines = tuple(
            _line(row, alpha, (next(places), own)) for row, own in zip(rows, apart, strict=True)
        )
        groups.append(SegmentGroup(metric(name).label, arm, at.get(arm, 0), said, differs, lines))
    drawn = [line.drawn for group in groups for line in group.lines]
    return SegmentTable(_told(result), tuple(groups), scale(drawn))


def _told(result: Result) -> str:
    """What users are told apart by."""
    found = result.segments
    if found is None:
        return ""
    cut = " and ".join(rounded(found.bounds))
    told = f"Users are told apart by {attribute(found.by)}{f', cut at {cut}' if cut else ''}."
    if found.without:
        are = ("user has", "is") if found.without == 1 else ("users have", "are")
        number = numbers.count(found.without)
        told += f" {number} {are[0]} no such value and {are[1]} in no segment."
    return told


def _tested(test: SegmentTest | None, alpha: float) -> tuple[str, bool]:
    """Whether the effect is the same in all segments, in words."""
    if test is None or test.p_value is None:
        why = clean(test.note) if test is not None and test.note else "undefined"
        return f"Whether it differs between segments was not tested: {why}.", False
    p = numbers.p_equals(test.p_value, alpha)
    evidence = f"Cochran’s Q = {test.statistic:.3g}, {test.df} df, {p}"
    if test.p_value < alpha:
        return f"The effect differs between segments ({evidence}).", True
    return f"The effect is not shown to differ between segments ({evidence}).", False


def _line(row: SegmentEffect, alpha: float, places: tuple[int | None, int | None]) -> SegmentLine:
    """A row's texts, its relative effect and its difference rounded to `places`."""
    relative = numbers.estimate(*leading.relative(row), unit="%", places=places[0])
    difference = numbers.estimate(row.effect, row.lower, row.upper, places=places[1])
    known = difference.value != numbers.MISSING
    return SegmentLine(
        segment=clean(row.segment),
        users=f"{numbers.count(row.n_treatment)} / {numbers.count(row.n_control)}",
        relative=relative.value,
        relative_interval=relative.interval,
        difference=difference.value + (unit(row.metric) if known else ""),
        difference_interval=difference.interval,
        p=numbers.p_value(row.p_value, alpha),
        p_adjusted=numbers.p_value(row.p_adjusted, alpha),
        significant=row.p_adjusted is not None and row.p_adjusted < alpha,
        note=leading.noted(row, clean(row.note)),
        drawn=Interval(*leading.relative(row)),
    )
