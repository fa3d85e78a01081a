"""The charts of what days do: the effect by days since exposure, and who comes back.

Every number drawn is in the result; nothing is estimated here.
"""

from __future__ import annotations

from abbotify.report.charts.axes import DENSE, Axis, Line, beside, shortened_range
from abbotify.report.charts.lines import Series, line_chart
from abbotify.report.result import Result
from abbotify.report.text import numbers
from abbotify.report.text.labels import metric

_SINCE = "Days since the first session in the experiment"


def trend(result: Result) -> str | None:
    """Relative effect of each treatment by day since exposure; None when unknown."""
    drawn = [
        (at, arm.trend)
        for at, arm in enumerate(result.arms)
        if arm.trend is not None and any(day.effect is not None for day in arm.trend.days)
    ]
    if not drawn:
        return None
    days = [day for _, known in drawn for day in known.days]
    dense = len(days) > DENSE
    series = []
    for rank, (at, known) in enumerate(drawn):
        shift = 0.0 if dense else beside(rank, len(drawn))
        rows = [(day, each) for day, each in enumerate(known.days) if each.effect is not None]
        series.append(
            Series(
                [day + shift for day, _ in rows],
                [each.effect or 0.0 for _, each in rows],
                at,
                lower=[each.lower for _, each in rows],
                upper=[each.upper for _, each in rows],
                band=dense,
                dots=not dense,
                width=1.6 if dense else 1.0,
            )
        )
    effects = [day.effect for day in days if day.effect is not None]
    ends = [end for day in days for end in (day.lower, day.upper) if end is not None]
    last = max(len(known.days) for _, known in drawn) - 1
    return line_chart(
        series,
        Axis(_SINCE, whole=True, limits=(0, last)),
        Axis(
            "Relative effect",
            unit="%",
            sign=True,
            ticks=6,
            limits=shortened_range(effects, ends),
            lines=(Line(0.0),),
        ),
        name="trend",
        title=f"Effect on {metric(drawn[0][1].metric).label.lower()} by days since exposure",
        description="Per cent of the control on each day since users' first session, intervals.",
    )


def without_bar(result: Result) -> str:
    """The days since exposure that have no bar, in a sentence; empty where all have one."""
    trends = [arm.trend for arm in result.arms if arm.trend is not None]
    bare = {
        day
        for known in trends
        for day, each in enumerate(known.days)
        if each.lower is None or each.upper is None
    }
    days = numbers.days(sorted(bare))
    return f"No bar on day {days}: too few users for a bounded interval." if bare else ""


def retention(result: Result) -> str | None:
    """Share of users who have come back by each day, and of those there on it; None if unknown."""
    drawn = [
        (at, arm.retention)
        for at, arm in enumerate(result.arms)
        if arm.retention is not None and arm.retention.days
    ]
    if not drawn:
        return None

    series = []
    for at, known in drawn:
        series += [
            Series(known.days, known.active, at, width=1.1),
            Series(known.days, known.returned, at, width=2.2),
        ]
    return line_chart(
        series,
        Axis(_SINCE, whole=True),
        Axis("Share of users", unit="%", scale=100.0, ticks=6, limits=(0.0, 1.02)),
        name="retention",
        title="Return of the users of each arm",
        description="Thick: share of users who have come back by then. Thin: active on that day.",
    )
