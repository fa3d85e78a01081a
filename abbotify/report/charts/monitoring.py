"""The chart of the looks: the effect so far by day, its stopping boundary and always-valid band.

Every number drawn is in the result; nothing is estimated here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from abbotify.report.charts.axes import (
    color,
    days_along,
    heading,
    marker,
    panel,
    segments,
    shortened_range,
    ticks,
)
from abbotify.report.charts.svg import INK, MUTED, PAPER
from abbotify.report.result import Result
from abbotify.report.result_rows import Look
from abbotify.report.tables.monitoring import stop, stop_sentence, watched_unit
from abbotify.report.text.labels import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MANY: Final = 30  # looks, beyond which dots would hide the line


def watching(result: Result, at: int) -> str | None:
    """The looks of the arm at a place; None when no look has an effect."""
    arm = result.arms[at]
    looks = [look for look in arm.looks or () if look.effect is not None]
    if not looks:
        return None

    def paint(axes: Axes) -> None:
        axes.axhline(0, color=MUTED, linewidth=1.2)
        axes.set_ylim(*_range(looks))
        _band(axes, at, looks)
        _boundaries(axes, at, looks)
        _effects(axes, at, looks)
        _stopped(axes, at, stop(arm.looks or ()))
        days_along(axes, [look.day for look in arm.looks or ()], 10)
        ticks(axes.yaxis, 6, sign=True)
        heading(axes, f"Difference so far{watched_unit(result)}")

    return panel(
        paint,
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


def _band(axes: Axes, at: int, looks: Sequence[Look]) -> None:
    """The always-valid interval, a band from look to look."""
    known = [
        (look.day, look.valid_lower, look.valid_upper)
        for look in looks
        if look.valid_lower is not None and look.valid_upper is not None
    ]
    if not known:
        return
    days = [day for day, _, _ in known]
    lower, upper = (
        _near(axes, [end for _, end, _ in known]),
        _near(axes, [end for *_, end in known]),
    )
    axes.fill_between(days, lower, upper, color=color(at), alpha=0.13, linewidth=0)
    for ends in (lower, upper):
        axes.plot(days, ends, color=color(at), linewidth=1, linestyle=(0, (2, 2)))


def _near(axes: Axes, ends: Sequence[float]) -> list[float]:
    """Ends no farther out of the picture than 20 times its height, which all browsers draw."""
    low, high = axes.get_ylim()
    far = 20 * (high - low)
    return [min(max(end, low - far), high + far) for end in ends]


def _boundaries(axes: Axes, at: int, looks: Sequence[Look]) -> None:
    """The group-sequential interval of each look, with caps."""
    known = [
        (look.day, look.lower, look.upper)
        for look in looks
        if look.lower is not None and look.upper is not None
    ]
    if not known:
        return
    lower, upper = (
        _near(axes, [end for _, end, _ in known]),
        _near(axes, [end for *_, end in known]),
    )
    clipped = [(day, a, b) for (day, _, _), a, b in zip(known, lower, upper, strict=True)]
    cap = min(0.12, 0.02 * (known[-1][0] - known[0][0] + 1.2))
    x = [[(d, d), (d - cap, d + cap), (d - cap, d + cap)] for d, _, _ in clipped]
    y = [[(a, b), (a, a), (b, b)] for _, a, b in clipped]
    flat = [pair for three in x for pair in three], [pair for three in y for pair in three]
    axes.plot(*map(segments, flat), color=color(at), linewidth=1.8)
    bottom, top = axes.get_ylim()
    inset = 0.02 * (top - bottom)
    for shape, edge, days in (
        ("^", top - inset, [day for day, _, end in clipped if end > top]),
        ("v", bottom + inset, [day for day, end, _ in clipped if end < bottom]),
    ):
        axes.plot(days, [edge] * len(days), shape, markersize=7, color=color(at))


def leaves(result: Result) -> bool:
    """Whether a bar of any chart is longer than the picture is high, and ends in an arrow."""
    for arm in result.arms:
        looks = [look for look in arm.looks or () if look.effect is not None]
        bars = [end for look in looks for end in (look.lower, look.upper) if end is not None]
        low, high = _range(looks)
        if bars and (min(bars) < low or max(bars) > high):
            return True
    return False


def _effects(axes: Axes, at: int, looks: Sequence[Look]) -> None:
    days, effects = [look.day for look in looks], [look.effect or 0.0 for look in looks]
    axes.plot(days, effects, color=color(at), linewidth=1.0)
    if len(looks) <= _MANY:
        axes.plot(
            *(days, effects),
            color=color(at),
            linestyle="none",
            marker=marker(at),
            markersize=7,
            markeredgecolor=PAPER,
            markeredgewidth=1.2,
        )


def _stopped(axes: Axes, at: int, look: Look | None) -> None:
    """A line and a ring at the look that would have ended it."""
    if look is None or look.effect is None or not math.isfinite(look.effect):
        return
    axes.axvline(look.day, color=INK, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1.5)
    axes.plot(
        [look.day],
        [look.effect],
        marker=marker(at),
        markersize=11,
        color=color(at),
        markeredgecolor=INK,
        markeredgewidth=2,
    )


def charts(result: Result) -> dict[int, str]:
    """The chart of every treatment that was watched, by the arm's place."""
    drawn = {at: watching(result, at) for at in range(len(result.arms))}
    return {at: svg for at, svg in drawn.items() if svg is not None}
