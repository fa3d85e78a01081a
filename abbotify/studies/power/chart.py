"""The chart of a power study: the lift that success metrics can show, by the number of users."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from abbotify.report.charts.axes import Axis, Line
from abbotify.report.charts.lines import Series, line_chart
from abbotify.report.text import labels
from abbotify.studies.power.design import SUCCESS, Row, detectable
from abbotify.studies.power.study import PowerStudy

_POINTS: Final = 49  # of a curve
_AROUND: Final = 20.0  # users drawn, as a factor below and above those of the marks
_LEGEND: Final = 1.25  # factor of the range for each line of a legend above the curves


def picture(study: PowerStudy, narrow: bool = False) -> str | None:
    """Curves over users on logarithmic axes, solid for the estimate that decides, else dashed.

    Against the treatment with the fewest users, whose curve is the highest. A dot on each curve is
    the answer; a line marks the lift or the number of users in question. None when nothing can be
    planned.
    """
    rows = [(at, row, mark) for at, row in _drawn(study) if (mark := _mark(row)) is not None]
    if not rows:
        return None
    low = min(users for _, _, (users, _) in rows) / _AROUND
    high = max(users for _, _, (users, _) in rows) * _AROUND
    curves = [_curve(study, row, at, (low, high)) for at, row, _ in rows]
    marks = [Series([users], [lift], at) for at, _, (users, lift) in rows]
    lifts = [lift for each in (*curves, *marks) for lift in each.y]
    room = _LEGEND ** len(rows) if narrow else 1.0
    mde = study.question.mde
    return line_chart(
        [*curves, *marks],
        Axis(
            "Users of all arms together",
            log=True,
            ticks=4 if narrow else 8,
            limits=(low, high),
            lines=() if mde is not None else (Line(study.users),),
        ),
        Axis(
            "Detectable lift",
            unit="%",
            log=True,
            ticks=6,
            limits=(min(lifts) / 1.2, max(lifts) * 1.2 * room),
            lines=() if mde is None else (Line(mde),),
        ),
        name="power-narrow" if narrow else "power",
        title="Detectable lift by the number of users",
        description=f"Least lift found with power {study.terms.wanted:g}, for success metrics.",
        size=(400, 330) if narrow else (960, 420),
    )


def _drawn(study: PowerStudy) -> Iterator[tuple[int, Row]]:
    """Success metrics against the smallest treatment, each with its place, which is its look."""
    least = min(shares[1] for _, shares in study.terms.sizes)
    names = list(study.terms.success)
    for row in study.rows:
        if row.role == SUCCESS and row.shares[1] == least:
            yield 1 + names.index(row.piloted.metric), row


def _mark(row: Row) -> tuple[float, float] | None:
    """Users and lift in per cent that answer the question."""
    point = row.points[0]
    if point.users is None or point.lift is None:
        return None
    return point.users, point.lift


def _curve(study: PowerStudy, row: Row, at: int, ends: tuple[float, float]) -> Series:
    step = math.log(ends[1] / ends[0]) / (_POINTS - 1)
    users = [ends[0] * math.exp(step * place) for place in range(_POINTS)]
    lifts = [(n, detectable(row, n, study.terms.wanted).lift) for n in users]
    points = [(n, each) for n, each in lifts if each is not None]
    name = labels.metric(row.piloted.metric).label
    other = ", with CUPED" if row.piloted.cuped else "" if row.decides else ", plain mean"
    return Series(
        [n for n, _ in points],
        [each for _, each in points],
        at,
        dashed=not row.decides,
        label=name + other,
    )
