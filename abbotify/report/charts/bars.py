"""The bar chart: outlines of bars over common edges, one for each arm.

svg = bar_chart(edges, [(0, shares), (1, shares_b)], Axis("Session length, s"),
Axis("Share of users", "%", scale=100), name="distribution", title=..., ...)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from abbotify.report.charts.axes import Axis, axes_within, color, heading, label_axis, linestyle
from abbotify.report.charts.svg import inline_svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def bar_chart(
    edges: Sequence[float],
    bars: Sequence[tuple[int, Sequence[float]]],
    x: Axis,
    y: Axis,
    *,
    name: str,
    title: str,
    description: str,
) -> str:
    """The chart as inline SVG.

    Args:
        edges: of the bars, ascending, one more than bars.
        bars: a look, as of an arm's place, and the heights of its bars.
        x: the horizontal axis.
        y: the vertical axis, its label above it.
        name: unique on the page.
        title: what it shows.
        description: the same, for those who do not see it.
    """

    def paint(figure: Figure) -> None:
        axes = axes_within(figure, left=52, right=14, top=30, bottom=46)
        for look, heights in bars:
            hue = color(look)
            axes.stairs(heights, edges, color=hue, alpha=0.09, fill=True, linewidth=0)
            axes.stairs(heights, edges, color=hue, linestyle=linestyle(look), linewidth=2)
        axes.set_xlim(edges[0], edges[-1])
        axes.set_ylim(bottom=0)
        label_axis(axes.xaxis, x, edges)
        label_axis(axes.yaxis, y, axes.get_ylim())
        axes.set_xlabel(x.label)
        heading(axes, y.label)

    return inline_svg(paint, name=name, width=400, height=280, title=title, description=description)
