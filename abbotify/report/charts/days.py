"""The charts of effects over time: by day, by day since exposure, and at interim looks.

Every number drawn is in the result; nothing is estimated here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from abbotify.report.charts.axes import DENSE, Axis, Line, beside, shortened_range
from abbotify.report.charts.lines import Series, line_chart
from abbotify.report.charts.sessions import SINCE, curve_metric
from abbotify.report.result import Result
from abbotify.report.result_rows import Day, Look, TrendDay
from abbotify.report.tables.monitoring import stop, stop_sentence, watched_unit
from abbotify.report.text import numbers
from abbotify.report.text.labels import clean, metric, shortened, with_unit

_MANY: Final = 30  # looks, beyond which dots would hide the line


_Estimate = Day | TrendDay | Look
_Days = Sequence[tuple[int, _Estimate]]  # ascending


def daily(result: Result) -> str | None:
    """Effect of each treatment by day, with intervals and the zero line; None when unknown."""
    drawn = _with_effect(_daily(result))
    if not drawn:
        return None
    name = curve_metric(result)
    return line_chart(
        _beside(drawn),
        Axis("Day of the run", whole=True),
        Axis(with_unit("Difference of the day", name), sign=True, ticks=6, lines=(Line(0.0),)),
        name="daily",
        title=f"Effect on {metric(name).label.lower()} by day",
        description=f"Difference from {clean(result.control.name)} with intervals, by day.",
    )


def trend(result: Result) -> str | None:
    """Relative effect of each treatment by day since exposure; None when unknown."""
    every = _trends(result)
    drawn = _with_effect(every)
    if not drawn:
        return None
    effects = [row.effect or 0.0 for rows in drawn.values() for _, row in rows]
    rows = [row for at in drawn for _, row in every[at]]
    ends = [end for row in rows for end in (row.lower, row.upper) if end is not None]
    last = max(every[at][-1][0] for at in drawn)
    name = next(arm.trend.metric for arm in result.arms if arm.trend is not None)
    return line_chart(
        _beside(drawn),
        Axis(SINCE, whole=True, limits=(0, last)),
        Axis(
            "Relative effect",
            unit="%",
            sign=True,
            ticks=6,
            limits=shortened_range(effects, ends),
            lines=(Line(0.0),),
        ),
        name="trend",
        title=f"Effect on {metric(name).label.lower()} by days since exposure",
        description="Relative effect on each day since the first session, with intervals.",
    )


def without_bar(result: Result) -> str:
    """The days that have no bar, and why, in a sentence; empty where all have one."""
    return _bare(_daily(result), "an interval needs two users in each arm, with different values")


def trend_without_bar(result: Result) -> str:
    """The days since exposure that have no bar, in a sentence; empty where all have one."""
    return _bare(_trends(result), "too few users for a bounded interval")


def looks(result: Result) -> dict[int, str]:
    """The looks at every treatment that was monitored, by the arm's place."""
    drawn = {at: _known(arm.looks) for at, arm in enumerate(result.arms)}
    return {at: _looks(result, at, known) for at, known in drawn.items() if known}


def leaves(result: Result) -> bool:
    """Whether a bar of any look is longer than the picture is high, and ends in an arrow."""
    for known in (_known(arm.looks) for arm in result.arms):
        low, high = _range(known)
        if any(not low <= end <= high for end in _ends(known)):
            return True
    return False


def _looks(result: Result, at: int, known: Sequence[Look]) -> str:
    """The effect so far by day, its stopping boundary and always-valid band."""
    arm, days = result.arms[at], [look.day for look in known]
    valid = Series(
        days,
        (),
        at,
        lower=[look.valid_lower for look in known],
        upper=[look.valid_upper for look in known],
        band=True,
    )
    so_far = _series([(look.day, look) for look in known], at, dots=len(known) <= _MANY, width=1.0)
    stopped = stop(known)
    ring = [Series([stopped.day], [stopped.effect or 0.0], at, ring=True)] if stopped else []
    every = [look.day for look in arm.looks or ()]
    return line_chart(
        [valid, so_far, *ring],
        Axis(
            "Day of the run",
            whole=True,
            limits=(every[0], every[-1]),
            lines=(Line(stopped.day, dashed=True),) if stopped else (),
        ),
        Axis(
            f"Difference so far{watched_unit(result)}",
            sign=True,
            ticks=6,
            limits=_range(known),
            lines=(Line(0.0),),
        ),
        name=f"watching-{at}",
        title=f"Cumulative effect of {shortened(arm.name, 60)} by day",
        description=stop_sentence(result, arm),
    )


def _known(looks: Sequence[Look] | None) -> list[Look]:
    return [look for look in looks or () if look.effect is not None]


def _range(looks: Sequence[Look]) -> tuple[float, float]:
    """All estimates and bars, unless they are out of all proportion; early bands are cut."""
    late = looks[len(looks) // 2 :]
    bands = [end for look in late for end in (look.valid_lower, look.valid_upper)]
    ends = [*_ends(looks), *(end for end in bands if end is not None)]
    return shortened_range([look.effect or 0.0 for look in looks], ends)


def _ends(looks: Sequence[Look]) -> list[float]:
    return [end for look in looks for end in (look.lower, look.upper) if end is not None]


def _daily(result: Result) -> dict[int, _Days]:
    """The days of each treatment, by the arm's place."""
    return {
        at: [(day.day, day) for day in arm.daily or ()]
        for at, arm in enumerate(result.arms)
        if not arm.control
    }


def _trends(result: Result) -> dict[int, _Days]:
    """The days since exposure of each treatment, by the arm's place."""
    return {
        at: list(enumerate(arm.trend.days))
        for at, arm in enumerate(result.arms)
        if arm.trend is not None
    }


def _with_effect(arms: Mapping[int, _Days]) -> dict[int, _Days]:
    """The days that have an effect, of the arms that have such days."""
    known = {at: [day for day in days if day[1].effect is not None] for at, days in arms.items()}
    return {at: days for at, days in known.items() if days}


def _bare(arms: Mapping[int, _Days], why: str) -> str:
    every = (day for days in arms.values() for day in days)
    bare = sorted({at for at, row in every if row.lower is None or row.upper is None})
    return f"No bar on day {numbers.days(bare)}: {why}." if bare else ""


def _beside(arms: Mapping[int, _Days]) -> list[Series]:
    """The arms' estimates beside each other, or lines with bands where there are many."""
    if sum(map(len, arms.values())) > DENSE:
        return [_series(days, at, band=True, width=1.6) for at, days in arms.items()]
    return [
        _series([(day + beside(rank, len(arms)), row) for day, row in days], at, dots=1, width=1.0)
        for rank, (at, days) in enumerate(arms.items())
    ]


def _series(days: Sequence[tuple[float, _Estimate]], at: int, **looks: Any) -> Series:
    return Series(
        [day for day, _ in days],
        [row.effect or 0.0 for _, row in days],
        at,
        lower=[row.lower for _, row in days],
        upper=[row.upper for _, row in days],
        **looks,
    )
