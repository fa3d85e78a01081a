"""Whether effects fade, and who comes back, in words and as rows of ready texts."""

from __future__ import annotations

from abbotify.report.result import Arm, Result
from abbotify.report.tables.arms import Grid
from abbotify.report.text import numbers
from abbotify.report.text.labels import clean, metric

_MOST = 14  # days named in the table


def trends(result: Result) -> tuple[str, ...]:
    """A sentence for each treatment whose effect was followed by days since exposure."""
    return tuple(_trend(result, arm) for arm in result.arms if arm.trend is not None)


def trend_metric(result: Result) -> str:
    """What was followed, as people call it."""
    names = [arm.trend.metric for arm in result.arms if arm.trend is not None]
    return metric(names[0]).label if names else ""


def returned(result: Result) -> Grid:
    """Share of users who have come back by a day, and who are there on it."""
    known = [arm.retention for arm in result.arms]
    days = sorted({day for each in known if each is not None for day in each.days})
    step = -(-len(days) // _MOST) or 1
    rows = []
    for title, field in (("back by day", "returned"), ("active on day", "active")):
        for day in days[::step]:
            cells = tuple(
                numbers.MISSING
                if each is None or day not in each.days
                else numbers.percent(getattr(each, field)[each.days.index(day)])
                for each in known
            )
            rows.append((f"{title} {day}", cells, False))
    return Grid(tuple((at, arm.name) for at, arm in enumerate(result.arms)), tuple(rows))


def _trend(result: Result, arm: Arm) -> str:
    known, name = arm.trend, clean(arm.name)
    if known is None or known.p_value is None or known.slope is None:
        why = clean(known.note) if known is not None and known.note else "undefined"
        return f"{name}: whether the effect fades was not tested ({why})."
    shown = numbers.estimate(known.slope, known.lower, known.upper, unit="%")
    p = numbers.p_equals(known.p_value, result.run.alpha)
    evidence = f"{shown.value} a day {shown.interval}, {p}, {numbers.count(known.users)} users"
    if known.fading:
        return f"{name}: the effect fades ({evidence})."
    if known.p_value < result.run.alpha:
        return f"{name}: the effect grows with the days ({evidence})."
    return f"{name}: no trend is shown ({evidence})."
