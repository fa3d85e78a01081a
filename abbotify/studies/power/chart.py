"""The picture of a power study: the lift that success metrics can show, by the number of users."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from abbotify.report.charts.axes import axes_within, color
from abbotify.report.charts.svg import MUTED, PAPER, inline_svg
from abbotify.report.text import labels, numbers
from abbotify.studies.power.design import SUCCESS, Row, detectable
from abbotify.studies.power.notes import digits, lift
from abbotify.studies.power.study import PowerStudy

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Marks = Sequence[tuple[float, float]]  # (users, lift in per cent)

_POINTS: Final = 49  # of a curve
_AROUND: Final = 20.0  # users drawn, as a factor below and above those of the marks


def picture(study: PowerStudy, narrow: bool = False) -> str | None:
    """Curves over users on logarithmic axes, solid for the estimate that decides, else dashed.

    Against the treatment with the fewest users, whose curve is the highest. A dot on each curve is
    the answer; the line through them is what was asked. None when nothing can be planned.
    """
    drawn = [(at, row, mark) for at, row in _drawn(study) if (mark := _mark(row)) is not None]
    if not drawn:
        return None
    low = min(mark[0] for _, _, mark in drawn) / _AROUND
    high = max(mark[0] for _, _, mark in drawn) * _AROUND

    def paint(figure: Figure) -> None:
        axes = axes_within(figure, left=58, right=34, top=12, bottom=52)
        axes.set_xscale("log")
        axes.set_yscale("log")
        for at, row, mark in drawn:
            _curve(axes, study, row, at, (low, high))
            axes.plot(*mark, "o", color=color(at), markersize=7)
        _draw_question(axes, study)
        axes.set_xlim(low, high)
        if narrow:  # room for the legend above the curves
            axes.set_ylim(top=axes.get_ylim()[1] * 1.25 ** len(drawn))
        _label(axes.xaxis, "", 4 if narrow else 8)
        _label(axes.yaxis, "%", 6)
        axes.set_xlabel("users of all arms together")
        axes.set_ylabel("detectable lift")
        axes.legend(
            loc="upper right", handlelength=2.6, facecolor=PAPER, edgecolor="none", framealpha=1
        )

    return inline_svg(
        paint,
        name="power-narrow" if narrow else "power",
        width=400 if narrow else 960,
        height=330 if narrow else 420,
        title="Detectable lift by the number of users",
        description=f"Least lift found with power {study.terms.wanted:g}, for success metrics.",
    )


def _drawn(study: PowerStudy) -> Iterator[tuple[int, Row]]:
    """Success metrics against the smallest treatment, each with its place, which is its look."""
    least = min(shares[1] for _, shares in study.terms.sizes)
    names = list(study.terms.success)
    for row in study.rows:
        if row.role == SUCCESS and row.shares[1] == least:
            yield 1 + names.index(row.piloted.metric), row


def _mark(row: Row) -> tuple[float, float] | None:
    point = row.points[0]
    if point.users is None or point.lift is None:
        return None
    return point.users, point.lift


def _curve(axes: Any, study: PowerStudy, row: Row, at: int, ends: tuple[float, float]) -> None:
    step = math.log(ends[1] / ends[0]) / (_POINTS - 1)
    users = [ends[0] * math.exp(step * place) for place in range(_POINTS)]
    lifts = [(n, detectable(row, n, study.terms.wanted).lift) for n in users]
    points = [(n, each) for n, each in lifts if each is not None]
    name = labels.metric(row.piloted.metric).label
    other = ", with CUPED" if row.piloted.cuped else "" if row.decides else ", plain mean"
    axes.plot(
        [n for n, _ in points], [each for _, each in points], color=color(at), linewidth=2,
        linestyle="-" if row.decides else (0, (4, 2)),
        label=name + other,
    )  # fmt: skip


def _draw_question(axes: Any, study: PowerStudy) -> None:
    """The line of what was asked: a lift, or a number of users."""
    if study.question.mde is not None:
        axes.axhline(study.question.mde, color=MUTED, linewidth=1.2, zorder=0)
    else:
        axes.axvline(study.users, color=MUTED, linewidth=1.2, zorder=0)


def _label(axis: Any, unit: str, most: int) -> None:
    """Ticks at 1, 2 and 5 times powers of ten, or at fewer of them."""
    from matplotlib.ticker import FixedLocator, NullLocator

    low, high = sorted(axis.get_view_interval())
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for factors in ((1, 2, 5), (1, 3), (1,)):
        values = [f * 10.0**e for e in range(first, last + 1) for f in factors]
        inside = [value for value in values if low <= value <= high]
        if len(inside) <= most:
            break
    axis.set_major_locator(FixedLocator(inside))
    axis.set_minor_locator(NullLocator())
    axis.set_ticklabels([lift(v) if unit else _short(v) for v in inside])


def _short(users: float) -> str:
    """A number of users on an axis: 20,000 or 20 M."""
    if users >= 1e6:
        return f"{digits(users / 1e6, 2)} M"
    return numbers.count(round(users))
