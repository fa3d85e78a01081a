"""What all charts share: axes without a box, ticks in our own numbers, one look for each arm."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from abbotify.report.charts.svg import ARMS, MUTED, PAPER, inline_svg
from abbotify.report.text import numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

Dash = tuple[float, tuple[float, ...]] | str

DENSE = 60
"""Days times arms, beyond which dots and bars would hide each other."""

MARKERS = "oosD^vPX"
_DASHES: tuple[tuple[int, ...], ...] = ((), (), (7, 2), (2, 2), (8, 2, 2, 2))


def style(at: int) -> int:
    """The row of the look table for the arm at a position; the control (0) keeps its own."""
    return 0 if at == 0 else 1 + (at - 1) % (len(ARMS) - 1)


def color(at: int) -> str:
    """The stand-in colour of an arm."""
    return ARMS[style(at)]


def marker(at: int) -> str:
    """The marker of an arm, so that colour is never the only difference."""
    return MARKERS[style(at)]


def dashes(at: int) -> tuple[int, ...]:
    """The dash pattern of an arm in pixels, empty when solid."""
    return () if at == 0 else _DASHES[1 + (at - 1) % (len(_DASHES) - 1)]


def linestyle(at: int) -> Dash:
    """The dash pattern as matplotlib wants it for a line of width 2."""
    pattern = dashes(at)
    return (0, tuple(step / 2 for step in pattern)) if pattern else "-"


def axes_within(figure: Figure, left: float, right: float, top: float, bottom: float) -> Axes:
    """Axes with margins in pixels, horizontal rules only, and no box."""
    width, height = figure.get_figwidth() * 72, figure.get_figheight() * 72
    inner = (width - left - right) / width, (height - top - bottom) / height
    axes = figure.add_axes((left / width, bottom / height, *inner))
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="y")
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", length=4)
    axes.xaxis.labelpad = 7
    return axes


def panel(
    paint: Callable[[Axes], None], *, name: str, title: str, description: str, left: float = 54
) -> str:
    """A chart with one pair of axes, half a page wide, as inline SVG.

    Args:
        paint: draws on the axes.
        name: told apart from other charts of a page by it.
        title: what it shows.
        description: the same, for those who do not see it.
        left: pixels for the numbers at the left.
    """

    def whole(figure: Figure) -> None:
        paint(axes_within(figure, left, right=14, top=30, bottom=46))

    return inline_svg(whole, name=name, width=400, height=280, title=title, description=description)


def heading(axes: Axes, text: str) -> None:
    """What the vertical axis measures, above it."""
    axes.annotate(
        text,
        (0, 1),
        xycoords=("figure fraction", "axes fraction"),
        xytext=(6, 14),
        textcoords="offset points",
        color=MUTED,
        va="center_baseline",
    )


def days_along(axes: Axes, days: Sequence[int], most: int, label: str = "Day of the run") -> None:
    """The horizontal axis from the first day to the last, with at most `most` whole days named."""
    from matplotlib.ticker import FixedLocator

    first, last = min(days), max(days)
    step = -(-(last - first + 1) // most)
    named = list(range(first, last + 1, step))
    axes.set_xlim(first - 0.6, last + 0.6)
    axes.xaxis.set_major_locator(FixedLocator(named))
    axes.set_xticklabels([str(day) for day in named])
    axes.set_xlabel(label)


def estimates(
    axes: Axes,
    at: int,
    rows: Sequence[tuple[float, float, float | None, float | None]],
    dense: bool,
) -> None:
    """An arm's estimates with intervals, (x, value, lower, upper); where dense, line and band."""
    ends = [(x, low, high) for x, _, low, high in rows if low is not None and high is not None]
    look: dict[str, Any] = {"color": color(at), "linestyle": linestyle(at)}
    x, values = [row[0] for row in rows], [row[1] for row in rows]
    if dense and ends:
        along, lower, upper = zip(*ends, strict=True)
        axes.fill_between(along, lower, upper, color=color(at), alpha=0.1, linewidth=0)
    elif ends:
        sides = [(x, x) for x, _, _ in ends], [(low, high) for _, low, high in ends]
        axes.plot(*map(segments, sides), color=color(at), linewidth=1.8)
    if dense:
        axes.plot(x, values, linewidth=1.6, **look)
        return
    axes.plot(
        *(x, values),
        **look,
        linewidth=1.0,
        marker=marker(at),
        markersize=7,
        markeredgecolor=PAPER,
        markeredgewidth=1.2,
    )


def segments(pairs: Sequence[tuple[float, float]]) -> list[float]:
    """Starts and ends with gaps between them: many lines as one path."""
    return [each for start, end in pairs for each in (start, end, math.nan)]


def whole_range(axes: Axes) -> None:
    """The vertical axis with all that is drawn inside, lines of intervals to their ends."""
    low, high = axes.dataLim.y0, axes.dataLim.y1
    pad = 0.06 * (high - low) or 1.0
    axes.set_ylim(low - pad, high + pad)


def shortened_range(values: Sequence[float], ends: Sequence[float]) -> tuple[float, float]:
    """A range with zero, all values, and ends up to four times as far as the farthest value."""
    far = 4 * max(map(abs, values), default=0.0) or max(map(abs, ends), default=0.0) or 1.0
    inside = [0.0, *values, *(min(max(end, -far), far) for end in ends)]
    low, high = min(inside), max(inside)
    pad = 0.08 * (high - low) or 1.0
    return low - pad, high + pad


def ticks(
    axis: Axis, count: int, *, scale: float = 1.0, unit: str = "", sign: bool = False
) -> None:
    """At most `count` intervals between round ticks, written times `scale`."""
    from matplotlib.ticker import FixedLocator, MaxNLocator

    low, high = sorted(axis.get_view_interval())
    slack = 1e-9 * (high - low)
    values = MaxNLocator(nbins=count, steps=[1, 2, 5, 10]).tick_values(low, high)
    inside = [float(value) for value in values if low - slack <= value <= high + slack]
    places = _places(float(values[1] - values[0]) * scale)
    axis.set_major_locator(FixedLocator(inside))
    labels = [numbers.number(value * scale, places, sign) + unit for value in inside]
    axis.set_ticklabels(labels)


def _places(step: float) -> int:
    """Decimals that tell ticks one step apart."""
    return next((p for p in range(16) if abs(round(step, p) - step) < 1e-9 * step), 15)
