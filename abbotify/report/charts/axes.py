"""What all charts share: axes without a box, ticks in our own numbers, one look for each arm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abbotify.report.charts.svg import ARMS, INK, MUTED
from abbotify.report.text import numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis as MatplotlibAxis
    from matplotlib.figure import Figure

Dash = tuple[float, tuple[float, ...]] | str

DENSE = 60
"""Days times arms, beyond which dots and bars would hide each other."""

_ROOM = 0.8
"""Of a day, which estimates of several arms beside each other take at the most."""


@dataclass(frozen=True)
class Line:
    """A line through the whole chart at a value, dashed where it marks an event."""

    at: float
    dashed: bool = False


@dataclass(frozen=True)
class Axis:
    """An axis of a chart.

    Attributes:
        label: what it measures, with the unit.
        unit: behind each number, as "%".
        scale: numbers are written times this.
        sign: numbers have their sign.
        log: logarithmic.
        whole: whole numbers, as days or positions; the range is from the least to the largest.
        ticks: intervals between ticks, at the most.
        limits: the drawn range; else all that is drawn.
        lines: at values of this axis, as zero or a threshold.
    """

    label: str
    unit: str = ""
    scale: float = 1.0
    sign: bool = False
    log: bool = False
    whole: bool = False
    ticks: int = 7
    limits: tuple[float, float] | None = None
    lines: tuple[Line, ...] = ()


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


def label_axis(axis: MatplotlibAxis, about: Axis, values: Sequence[float]) -> None:
    """The axis' range along `values` and its ticks, as `about` has it."""
    along_x = axis is axis.axes.xaxis
    if along_x and about.limits is not None and not about.whole:
        axis.axes.set_xlim(*about.limits)
    if about.log:
        _log_ticks(axis, about)
    elif about.whole:
        _whole_ticks(axis, *(about.limits or (min(values), max(values))))
    else:
        ticks(axis, about.ticks, scale=about.scale, unit=about.unit, sign=about.sign)


def _whole_ticks(axis: MatplotlibAxis, first: float, last: float) -> None:
    """A margin around whole numbers from first to last, the first and a few of the rest named."""
    from matplotlib.ticker import FixedLocator

    length = round(last - first) + 1
    steps = (digit * 10**power for power in range(18) for digit in (1, 2, 5))
    step = next(each for each in steps if length <= 10 * each)
    low, high = round(first), round(last)
    if step < 5:
        named = list(range(low, high + 1, step))
    else:
        named = sorted({low, *(each for each in range(low, high + 1) if each % step == 0)})
        if len(named) > 2 and named[1] - named[0] < step / 2:
            del named[1 if low <= 1 else 0]
    pad = max(0.02 * (last - first), 0.6 if length < 30 else 0)
    axis.axes.set_xlim(first - pad, last + pad)
    axis.set_major_locator(FixedLocator(named))
    axis.set_ticklabels([numbers.count(place) for place in named])


def _log_ticks(axis: MatplotlibAxis, about: Axis) -> None:
    """Ticks at 1, 2 and 5 times powers of ten, or at fewer of them where these are many."""
    from matplotlib.ticker import FixedLocator, NullLocator

    low, high = sorted(axis.get_view_interval())
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    inside: list[float] = []
    for digits in ((1, 2, 5), (1, 3), (1,)):
        # Written out, since digit * 10**exponent is not the nearest float.
        values = [float(f"{digit}e{exponent}") for exponent in exponents for digit in digits]
        inside = [value for value in values if low <= value <= high]
        if len(inside) <= about.ticks:
            break
    axis.set_major_locator(FixedLocator(inside))
    axis.set_minor_locator(NullLocator())
    axis.set_ticklabels([_short(value) + about.unit for value in inside])


def _short(value: float) -> str:
    """A number on a logarithmic axis: 1e-5, 0.02, 500, 20,000 or 20 M."""
    if value >= 1e6:
        return f"{value / 1e6:,.0f} M" if value < 1e9 else f"{value:.0e}"
    if value >= 1:
        return numbers.count(round(value))
    small = value < 1e-4
    return f"{value:.0e}" if small else numbers.number(value, max(numbers.decimals(value) - 1, 0))


def reference_lines(axes: Axes, lines: Sequence[Line], *, vertical: bool) -> None:
    """Lines through the whole chart, behind what is drawn."""
    for line in lines:
        (axes.axvline if vertical else axes.axhline)(
            line.at,
            color=INK if line.dashed else MUTED,
            linewidth=1.2,
            linestyle=(0, (4, 3)) if line.dashed else "-",
            zorder=1.5,
        )


def arrows(axes: Axes, x: Sequence[float], *, up: bool, color: str) -> None:
    """Arrows at the upper or lower edge, where something leaves the chart."""
    bottom, top = axes.get_ylim()
    inset = 0.02 * (top - bottom)
    edge = top - inset if up else bottom + inset
    axes.plot(x, [edge] * len(x), "^" if up else "v", markersize=7, color=color)


def beside(rank: int, arms: int) -> float:
    """How far to the right of its day the estimate of one of several arms stands."""
    return (rank - (arms - 1) / 2) * min(0.16, _ROOM / arms)


def segments(pairs: Sequence[tuple[float, float]]) -> list[float]:
    """Starts and ends with gaps between them: many lines as one path."""
    return [each for start, end in pairs for each in (start, end, math.nan)]


def whole_range(axes: Axes) -> None:
    """The vertical axis with all that is drawn inside."""
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
    axis: MatplotlibAxis, count: int, *, scale: float = 1.0, unit: str = "", sign: bool = False
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
    """Decimals that distinguish ticks one step apart."""
    return next((p for p in range(16) if abs(round(step, p) - step) < 1e-9 * step), 15)
