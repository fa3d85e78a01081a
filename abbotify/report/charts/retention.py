"""The charts of what days do: the effect by days since exposure, and who comes back.

Every number drawn is in the result; nothing is estimated here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from abbotify.report.charts.axes import (
    DENSE,
    color,
    days_along,
    estimates,
    heading,
    linestyle,
    marker,
    panel,
    shortened_range,
    ticks,
)
from abbotify.report.charts.svg import MUTED
from abbotify.report.result import Result
from abbotify.report.result_rows import Trend
from abbotify.report.text import numbers
from abbotify.report.text.labels import metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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

    def paint(axes: Axes) -> None:
        axes.axhline(0, color=MUTED, linewidth=1.2)
        effects = [day.effect for day in days if day.effect is not None]
        ends = [end for day in days for end in (day.lower, day.upper) if end is not None]
        axes.set_ylim(*shortened_range(effects, ends))
        for rank, (at, known) in enumerate(drawn):
            shift = 0.0 if dense else (rank - (len(drawn) - 1) / 2) * 0.12
            estimates(axes, at, list(_of_trend(known, shift)), dense)
        length = max(len(known.days) for _, known in drawn)
        days_along(axes, range(length), 10, "Days since the first session in the experiment")
        ticks(axes.yaxis, 6, unit="%", sign=True)
        heading(axes, "Relative effect")

    return panel(
        paint,
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

    def paint(axes: Axes) -> None:
        for at, known in drawn:
            look: dict[str, Any] = {"color": color(at), "linestyle": linestyle(at)}
            single = marker(at) if len(known.days) == 1 else None
            axes.plot(known.days, known.active, linewidth=1.1, marker=single, markersize=4, **look)
            axes.plot(known.days, known.returned, linewidth=2.2, marker=single, **look)
        axes.set_ylim(0, 1.02)
        days_along(axes, [day for _, known in drawn for day in known.days], 10)
        ticks(axes.yaxis, 6, scale=100.0, unit="%")
        axes.set_xlabel("Days since the first session in the experiment")
        heading(axes, "Share of users")

    return panel(
        paint,
        name="retention",
        left=52,
        title="Return of the users of each arm",
        description="Thick: share of users who have come back by then. Thin: active on that day.",
    )


def _of_trend(
    known: Trend, shift: float
) -> Iterator[tuple[float, float, float | None, float | None]]:
    for day, each in enumerate(known.days):
        if each.effect is not None:
            yield day + shift, each.effect, each.lower, each.upper
