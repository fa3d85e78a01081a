"""The chart of the looks: the effect so far by day, its stopping boundary and always-valid band.

Every number drawn is in the result; nothing is estimated here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from abbotify.report.charts.axes import Axis, Line, shortened_range
from abbotify.report.charts.lines import Series, line_chart
from abbotify.report.result import Result
from abbotify.report.result_rows import Look
from abbotify.report.tables.monitoring import stop, stop_sentence, watched_unit
from abbotify.report.text.labels import shortened

_MANY: Final = 30  # looks, beyond which dots would hide the line


def watching(result: Result, at: int) -> str | None:
    """The looks of the arm at a place; None when no look has an effect."""
    arm = result.arms[at]
    looks = [look for look in arm.looks or () if look.effect is not None]
    if not looks:
        return None

    days, effects = [look.day for look in looks], [look.effect or 0.0 for look in looks]
    valid = Series(
        days,
        (),
        at,
        lower=[look.valid_lower for look in looks],
        upper=[look.valid_upper for look in looks],
        band=True,
    )
    so_far = Series(
        days,
        effects,
        at,
        lower=[look.lower for look in looks],
        upper=[look.upper for look in looks],
        dots=len(looks) <= _MANY,
        width=1.0,
    )
    stopped = stop(tuple(looks))
    ring = (
        [] if stopped is None else [Series([stopped.day], [stopped.effect or 0.0], at, ring=True)]
    )
    every = [look.day for look in arm.looks or ()]
    return line_chart(
        [valid, so_far, *ring],
        Axis(
            "Day of the run",
            whole=True,
            limits=(every[0], every[-1]),
            lines=() if stopped is None else (Line(stopped.day, dashed=True),),
        ),
        Axis(
            f"Difference so far{watched_unit(result)}",
            sign=True,
            ticks=6,
            limits=_range(looks),
            lines=(Line(0.0),),
        ),
        name=f"watching-{at}",
        title=f"Effect of {shortened(arm.name, 60)} as it stood by day",
        description=stop_sentence(result, arm),
    )


def _range(looks: Sequence[Look]) -> tuple[float, float]:
    """All estimates and bars, unless they are out of all proportion; early bands are cut."""
    late = looks[len(looks) // 2 :]
    bars = [end for look in looks for end in (look.lower, look.upper)]
    bands = [end for look in late for end in (look.valid_lower, look.valid_upper)]
    ends = [end for end in (*bars, *bands) if end is not None]
    return shortened_range([look.effect or 0.0 for look in looks], ends)


def leaves(result: Result) -> bool:
    """Whether a bar of any chart is longer than the picture is high, and ends in an arrow."""
    for arm in result.arms:
        looks = [look for look in arm.looks or () if look.effect is not None]
        bars = [end for look in looks for end in (look.lower, look.upper) if end is not None]
        low, high = _range(looks)
        if bars and (min(bars) < low or max(bars) > high):
            return True
    return False


def charts(result: Result) -> dict[int, str]:
    """The chart of every treatment that was watched, by the arm's place."""
    drawn = {at: watching(result, at) for at in range(len(result.arms))}
    return {at: svg for at, svg in drawn.items() if svg is not None}
