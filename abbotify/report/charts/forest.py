"""The forest chart: estimates with their intervals, a row each, in labelled groups.

    rows = (Estimate(1.2, 0.4, 2.0, look=1, name="als", text="+1.2%", interval="[+0.4%, +2.0%]"),)
    svg = forest((Group("Session length", rows, shaded=True),), Axis("Relative effect", "%"),
                 name="forest", title="Relative effects with 95% intervals")

Groups of several rows have the rows' names in a column (or above, where narrow). `band` is a range
that an estimate is expected in, drawn behind it. What leaves the axis ends in an arrow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from abbotify.report.charts.axes import (
    Axis,
    axes_within,
    color,
    marker,
    reference_lines,
    ticks,
)
from abbotify.report.charts.svg import BAND, INK, MUTED, PAPER, RULE, inline_svg
from abbotify.report.text.labels import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOOT: Final = 44.0  # pixels below the rows, for the axis
_LINE: Final = 23.0
_GAP: Final = 9.0
_LETTER: Final = 7.4  # pixels of a letter, at the most in the mean
_NUMBERS: Final = {False: 220, True: 78}  # pixels of the numbers at the right, by narrow


@dataclass(frozen=True)
class Estimate:
    """A row: an estimate and its interval.

    Attributes:
        value: the estimate; None draws nothing but the texts.
        lower: of its interval; without both ends a dotted line says that it is unbounded.
        upper: likewise.
        look: which colour and marker, as of an arm's place.
        name: at the left.
        filled: whether the mark is; hollow says not significant.
        text: the number at the right, or why there is none.
        interval: the interval at the right.
        dotted: a missing interval is drawn as unbounded.
        band: the range the estimate is expected in.
    """

    value: float | None
    lower: float | None = None
    upper: float | None = None
    look: int = 1
    name: str = ""
    filled: bool = True
    text: str = ""
    interval: str = ""
    dotted: bool = False
    band: tuple[float, float] | None = None

    @property
    def ends(self) -> tuple[float, ...]:
        """Both ends of the interval, or nothing."""
        if self.lower is None or self.upper is None:
            return ()
        return self.lower, self.upper


@dataclass(frozen=True)
class Group:
    """Rows beneath one label; a shaded group is the one to look at first."""

    label: str
    rows: tuple[Estimate, ...]
    shaded: bool = False


@dataclass(frozen=True)
class _Layout:
    """Where things stand, in pixels: wide has columns of text, narrow has labels above rows."""

    width: float
    label: float
    names: float
    right: float
    narrow: bool

    @property
    def left(self) -> float:
        return self.names if self.narrow else self.label + self.names

    @property
    def span(self) -> float:
        return self.width - self.left - self.right

    def x(self, pixels: float) -> float:
        """Pixels from the left of the picture as a share of the axes' width."""
        return (pixels - self.left) / self.span


def forest(
    groups: Sequence[Group], axis: Axis, *, name: str, title: str, narrow: bool = False
) -> str:
    """The chart as inline SVG, 960 pixels wide, or 340 where narrow.

    Args:
        groups: at least one row in all.
        axis: what is measured, with its unit; its range where it is given, else one with all
            estimates of shaded groups, zero, and the reach of most rows.
        name: unique on the page.
        title: what the chart shows; the rows' texts describe it.
        narrow: for a screen too narrow for columns of text.
    """
    layout = _layout(groups, narrow)
    gap = _LINE - 3 if narrow else 0
    bottom = 4.0 + sum(_GAP + gap + _LINE * len(group.rows) for group in groups)

    def paint(figure: Figure) -> None:
        axes = axes_within(figure, layout.left, layout.right, top=0, bottom=FOOT)
        axes.set_xlim(*(axis.limits or _limits(groups)))
        axes.set_ylim(bottom, 0)
        axes.set_yticks([])
        ticks(axes.xaxis, 3 if narrow else 7, scale=axis.scale, unit=axis.unit, sign=axis.sign)
        reference_lines(axes, axis.lines, vertical=True)
        axes.set_xlabel(axis.label, labelpad=6)
        y = 4.0
        for group in groups:
            y = _draw_group(axes, layout, group, y, gap)

    return inline_svg(
        paint,
        name=name,
        width=layout.width,
        height=bottom + FOOT,
        title=title,
        description="; ".join(_spoken(group, row) for group in groups for row in group.rows),
    )


def _layout(groups: Sequence[Group], narrow: bool) -> _Layout:
    rows = [row for group in groups for row in group.rows]
    longest = min(max(len(row.name) for row in rows), 12 if narrow else 18)
    names = 16 + _LETTER * longest if longest else 0.0
    right = _NUMBERS[narrow] if any(row.text for row in rows) else 24
    if narrow:
        return _Layout(340, 0, max(names, 14), right, narrow)
    label = 20 + _LETTER * min(max(len(group.label) for group in groups), 44)
    return _Layout(960, max(label, 190), names, right, narrow)


def _limits(groups: Sequence[Group]) -> tuple[float, float]:
    """The drawn range: shaded groups in full, extremes elsewhere cut by an arrow."""
    rows = [row for group in groups for row in group.rows]
    reach = sorted(_reach(row) for row in rows)
    shaded = max((_reach(row) for group in groups if group.shaded for row in group.rows), default=0)
    limit = min(reach[-1], max(2.5 * shaded, reach[len(reach) // 2], 1.0))
    ends = [end for row in rows for end in row.ends] or [0.0]
    low, high = max(min(ends), -limit), min(max(ends), limit)
    pad = 0.06 * (high - low) or 1.0
    return min(low, 0.0) - pad, max(high, 0.0) + pad


def _reach(row: Estimate) -> float:
    return max(map(abs, row.ends), default=0.0)


def _draw_group(axes: Axes, layout: _Layout, group: Group, top: float, gap: float) -> float:
    """Draws the label, a rule beneath the rows, and the rows; returns where they end."""
    from matplotlib.patches import Rectangle

    base = top + _GAP + gap + _LINE * len(group.rows)
    left, right, frame = layout.x(0), layout.x(layout.width), axes.get_yaxis_transform()
    if group.shaded:
        tint = Rectangle((left, top), right - left, base - top, transform=frame, clip_on=False)
        tint.set(facecolor=BAND, edgecolor="none", zorder=0)
        axes.add_patch(tint)
    axes.plot([left, right], [base] * 2, transform=frame, color=RULE, linewidth=1, clip_on=False)
    most = 38 if layout.narrow else int((layout.label - 12) / _LETTER)
    y = top + _LINE / 2 + (1 if layout.narrow else _GAP / 2)
    over = {"facecolor": PAPER, "edgecolor": "none", "pad": 1} if layout.narrow else None
    if group.shaded:
        over = None  # the tint stays whole
    _write(axes, layout.x(6), y, shortened(group.label, most), weight="bold", color=INK, bbox=over)
    for at, row in enumerate(group.rows):
        _draw_row(axes, layout, row, top + _GAP / 2 + gap + (at + 0.5) * _LINE)
    return base


def _draw_row(axes: Axes, layout: _Layout, row: Estimate, y: float) -> None:
    """The name, the interval with its mark, and the numbers at the right."""
    end = layout.x(layout.width - 6)
    weight = "bold" if row.filled else "normal"
    if row.name:
        most = 12 if layout.narrow else 18
        x = layout.x(6 if layout.narrow else layout.label)
        _write(axes, x, y, shortened(row.name, most), color=color(row.look))
    if layout.narrow:
        _write(axes, end, y, row.text, ha="right", weight=weight)
    else:
        _write(axes, 1 + 74 / layout.span, y, row.text, ha="right", weight=weight)
        _write(axes, end, y, row.interval, ha="right", color=MUTED)
    if row.band is not None:
        axes.plot(row.band, [y] * 2, color=RULE, linewidth=8, solid_capstyle="butt")
    if row.value is not None:
        _draw_interval(axes, row, row.value, y)


def _draw_interval(axes: Axes, row: Estimate, value: float, y: float) -> None:
    """The interval and its mark; what leaves the range ends in an arrow."""
    low, high = axes.get_xlim()
    hue = color(row.look)
    unbounded = (-math.inf, math.inf) if row.dotted else (value, value)
    lower, upper = row.ends or unbounded
    if upper > low and lower < high:
        style: Any = "-" if row.ends else (0, (1, 2))
        seen = [max(lower, low), min(upper, high)]
        axes.plot(seen, [y] * 2, color=hue, linewidth=2.2, linestyle=style)
    inset = 0.012 * (high - low)
    for leaves, x, shape in ((lower < low, low + inset, "<"), (upper > high, high - inset, ">")):
        if leaves:
            axes.plot([x], [y], marker=shape, markersize=8, color=hue)
    if low <= value <= high:
        axes.plot(
            [value],
            [y],
            marker=marker(row.look),
            markersize=8.5,
            color=hue if row.filled else PAPER,
            markeredgecolor=PAPER if row.filled else hue,
            markeredgewidth=1.0 if row.filled else 2.0,
            zorder=3,
            clip_on=False,
        )


def _write(axes: Axes, x: float, y: float, text: str, **looks: Any) -> None:
    """Text at a share of the axes' width and the height of a row."""
    axes.text(x, y, text, transform=axes.get_yaxis_transform(), va="center_baseline", **looks)


def _spoken(group: Group, row: Estimate) -> str:
    name = f"{group.label}, {shortened(row.name, 60)}" if row.name else group.label
    return f"{name}: {row.text} {row.interval}".rstrip(": ")
