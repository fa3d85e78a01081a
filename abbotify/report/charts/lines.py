"""The line chart: series over an axis, with intervals as bars or bands, or outlines of bins.

    series = (Series(days, effects, look=1, lower=lows, upper=highs),)
    svg = line_chart(series, Axis("Day of the run", whole=True), Axis("Difference, s", sign=True),
                     name="daily", title="Effect on session length by day")

An axis names its own reference lines (`Axis.lines`), range and scale; everything else is a property
of the series: steps, dots, a band in place of bars, a thinner or fainter line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from abbotify.report.charts.axes import (
    Axis,
    arrows,
    axes_within,
    color,
    heading,
    label_axis,
    linestyle,
    marker,
    reference_lines,
    segments,
    whole_range,
)
from abbotify.report.charts.svg import INK, PAPER, inline_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Ends = Sequence[float | None]

_FAR: Final = 20.0  # heights of the picture that an end may lie outside, which all browsers draw


@dataclass(frozen=True)
class Series:
    """A line of a chart.

    Attributes:
        x: places along the axis, ascending.
        y: values, as many; none where only intervals are drawn.
        look: colour, dashes and marker, as of an arm's place.
        lower: ends of intervals, as many, None where there is none; empty without intervals.
        upper: likewise.
        band: intervals are a band rather than bars.
        step: the value holds until the next place.
        bins: `x` are edges, one more than `y`, and bins are outlined from zero.
        dots: every so manyth value has a mark; 0 for none.
        width: of the line in pixels.
        alpha: of the line.
        dashed: the line is dashed whatever the look.
        ring: the marks are large and ringed, to be looked at.
        label: in a legend inside the chart; no legend where no series has one.
    """

    x: Sequence[float]
    y: Sequence[float]
    look: int
    lower: Ends = ()
    upper: Ends = ()
    band: bool = False
    step: bool = False
    bins: bool = False
    dots: int = 0
    width: float = 2.0
    alpha: float = 1.0
    dashed: bool = False
    ring: bool = False
    label: str = ""


def line_chart(
    series: Sequence[Series],
    x: Axis,
    y: Axis,
    *,
    name: str,
    title: str,
    description: str,
    size: tuple[float, float] = (400, 280),
) -> str:
    """The chart as inline SVG.

    Args:
        series: drawn in their order.
        x: the horizontal axis.
        y: the vertical axis, its label above it.
        name: unique on the page.
        title: what it shows.
        description: the same, for those who do not see it.
        size: width and height in pixels.
    """

    def paint(figure: Figure) -> None:
        left, right = 60 if y.log else 54, 34 if x.log else 14  # the last tick may be at the edge
        axes = axes_within(figure, left, right, top=30, bottom=46)
        for along, set_scale in ((x, axes.set_xscale), (y, axes.set_yscale)):
            if along.log:
                set_scale("log")
        reference_lines(axes, y.lines, vertical=False)
        reference_lines(axes, x.lines, vertical=True)
        if y.limits is not None:
            axes.set_ylim(*y.limits)
        for each in series:
            _draw(axes, each, fixed=y.limits is not None)
        if y.limits is None and not y.log:
            whole_range(axes)
        label_axis(axes.xaxis, x, [place for each in series for place in each.x])
        label_axis(axes.yaxis, y, axes.get_ylim())
        axes.set_xlabel(x.label)
        heading(axes, y.label)
        if any(each.label for each in series):
            axes.legend(
                loc="upper right", handlelength=2.6, facecolor=PAPER, edgecolor="none", framealpha=1
            )

    return inline_svg(
        paint, name=name, width=size[0], height=size[1], title=title, description=description
    )


def _draw(axes: Axes, series: Series, fixed: bool) -> None:
    known = [
        (x, lower, upper)
        for x, lower, upper in zip(series.x, series.lower, series.upper, strict=False)
        if lower is not None and upper is not None
    ]
    if known and fixed:
        known = _near(axes, known)
    if known:
        (_draw_band if series.band else _draw_bars)(axes, series, known, fixed)
    if not len(series.y):
        return
    look: dict[str, Any] = {
        "color": color(series.look),
        "linestyle": (0, (4, 2)) if series.dashed else linestyle(series.look),
        "linewidth": series.width,
        "alpha": series.alpha,
        "label": series.label or None,
    }
    if series.bins:
        axes.stairs(series.y, series.x, color=look["color"], alpha=0.09, fill=True, linewidth=0)
        axes.stairs(series.y, series.x, **look)
        return
    if series.dots or len(series.x) == 1:
        look |= {
            "marker": marker(series.look),
            "markersize": 11 if series.ring else 7,
            "markevery": max(series.dots, 1),
            "markeredgecolor": INK if series.ring else PAPER,
            "markeredgewidth": 2 if series.ring else 1.2,
        }
    if series.step:
        axes.step(series.x, series.y, where="post", **look)
    else:
        axes.plot(series.x, series.y, **look)


def _near(
    axes: Axes, known: Sequence[tuple[float, float, float]]
) -> list[tuple[float, float, float]]:
    low, high = axes.get_ylim()
    far = _FAR * (high - low)
    return [(x, max(lower, low - far), min(upper, high + far)) for x, lower, upper in known]


def _draw_band(
    axes: Axes, series: Series, known: Sequence[tuple[float, float, float]], fixed: bool
) -> None:
    """A band from place to place, its edges dotted where the axis may cut it."""
    x, lower, upper = zip(*known, strict=True)
    hue = color(series.look)
    axes.fill_between(x, lower, upper, color=hue, alpha=0.12, linewidth=0)
    for ends in (lower, upper) if fixed else ():
        axes.plot(x, ends, color=hue, linewidth=1, linestyle=(0, (2, 2)))


def _draw_bars(
    axes: Axes, series: Series, known: Sequence[tuple[float, float, float]], fixed: bool
) -> None:
    """A bar for each interval; where the axis cuts it, an arrow."""
    sides = [(x, x) for x, _, _ in known], [(lower, upper) for _, lower, upper in known]
    hue = color(series.look)
    axes.plot(*map(segments, sides), color=hue, linewidth=1.8)
    if fixed:
        low, high = axes.get_ylim()
        arrows(axes, [x for x, _, upper in known if upper > high], up=True, color=hue)
        arrows(axes, [x for x, lower, _ in known if lower < low], up=False, color=hue)
