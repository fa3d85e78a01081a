"""Relative effects with their intervals, a row for each: what pictures of them share."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from abbotify.report.charts.axes import axes_within, color, marker, ticks
from abbotify.report.charts.svg import MUTED, PAPER, RULE
from abbotify.report.text.labels import metric, shortened
from abbotify.report.text.leading import leads, relative
from abbotify.report.text.numbers import aligned, estimate, number
from abbotify.stats import Effect

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOOT: Final = 44.0  # pixels below the rows, for the axis
_FITS: Final = 18  # characters of an interval that its column holds


@dataclass(frozen=True)
class Layout:
    """Where things stand, in pixels: wide has columns of text, narrow has labels above rows."""

    width: float
    left: float
    right: float
    narrow: bool

    @property
    def span(self) -> float:
        """The width of the axes."""
        return self.width - self.left - self.right

    @property
    def edges(self) -> tuple[float, float]:
        """Left and right of the picture, as shares of the axes' width."""
        return -self.left / self.span, 1 + self.right / self.span


@dataclass(frozen=True)
class Row:
    """An effect, the look it is drawn with, its height in pixels from the top, its decimals."""

    effect: Effect
    look: int
    y: float
    places: int | None = None


def rounded_alike(rows: Sequence[Row]) -> list[Row]:
    """The rows with the decimals that all of them share."""
    places = aligned([relative(row.effect) for row in rows])
    return [replace(row, places=own) for row, own in zip(rows, places, strict=True)]


def framed(
    figure: Figure, layout: Layout, bottom: float, rows: Sequence[Row], success: Collection[str]
) -> Axes:
    """Axes for the rows, with the line of no effect.

    Args:
        figure: to draw on.
        layout: its margins.
        bottom: where the last row ends, in pixels.
        rows: all that will be drawn.
        success: metrics that are drawn in full.
    """
    axes = axes_within(figure, layout.left, layout.right, top=0, bottom=FOOT)
    axes.set_xlim(*_range([row.effect for row in rows], success))
    axes.set_ylim(bottom, 0)
    axes.set_yticks([])
    ticks(axes.xaxis, 3 if layout.narrow else 7, unit="%", sign=True)
    axes.axvline(0, color=MUTED, linewidth=1.2, zorder=1.5)
    axes.set_xlabel("Relative effect", labelpad=6)
    return axes


def _range(effects: Sequence[Effect], success: Collection[str]) -> tuple[float, float]:
    """The drawn range in per cent: what decides in full, extremes elsewhere cut by an arrow."""
    reach = sorted(map(_reach, effects))
    deciding = max((_reach(row) for row in effects if row.metric in success), default=0.0)
    limit = min(reach[-1], max(2.5 * deciding, reach[len(reach) // 2], 1.0))
    ends = [end for row in effects for end in _ends(row)] or [0.0]
    low, high = max(min(ends), -limit), min(max(ends), limit)
    pad = 0.06 * (high - low) or 1.0
    return min(low, 0.0) - pad, max(high, 0.0) + pad


def _ends(effect: Effect) -> list[float]:
    if effect.relative_lower is None or effect.relative_upper is None:
        return []
    return [effect.relative_lower, effect.relative_upper]


def _reach(effect: Effect) -> float:
    return max(map(abs, _ends(effect)), default=0.0)


def rule(axes: Axes, layout: Layout, y: float) -> None:
    """A line through the whole picture."""
    sides, frame = layout.edges, axes.get_yaxis_transform()
    axes.plot(sides, [y, y], transform=frame, color=RULE, linewidth=1, clip_on=False)


def write(axes: Axes, x: float, y: float, text: str, **looks: Any) -> None:
    """Text at a share of the axes' width and the height of a row."""
    axes.text(x, y, text, transform=axes.get_yaxis_transform(), va="center_baseline", **looks)


def numbers(axes: Axes, layout: Layout, row: Row) -> None:
    """Value and interval at the right; narrow has room for one of them."""
    end = 1 + (layout.right - 6) / layout.span
    value, interval = _texts(row)
    weight = "bold" if row.effect.significant else "normal"
    if layout.narrow:
        told = interval if row.effect.lower is None else value
        write(axes, end, row.y, told, ha="right", weight=weight)
    else:
        write(axes, 1 + 74 / layout.span, row.y, value, ha="right", weight=weight)
        write(axes, end, row.y, interval, ha="right", color=MUTED)


def _texts(row: Row) -> tuple[str, str]:
    """Value and interval of the effect in the form that leads, or why there is no interval."""
    effect = row.effect
    if not leads(effect) and effect.lower is not None:
        shown = estimate(effect.effect, effect.lower, effect.upper)
        return shown.value, shown.interval if len(shown.interval) <= _FITS else ""
    shown = estimate(
        effect.relative_effect,
        effect.relative_lower,
        effect.relative_upper,
        unit="%",
        places=row.places,
    )
    if not _ends(effect):
        return shown.value, "undefined" if effect.relative_effect is None else "no interval"
    if len(shown.interval) <= _FITS:
        return shown.value, shown.interval
    texts = [number(each, 1, sign=True) + "%" for each in (effect.relative_effect, *_ends(effect))]
    return texts[0], f"[{texts[1]}, {texts[2]}]"


def mark(axes: Axes, row: Row, size: float) -> None:
    """The interval and its point, of a size in pixels; what leaves the range ends in an arrow."""
    low, high = axes.get_xlim()
    value, ends = row.effect.relative_effect, _ends(row.effect)
    if value is None:
        return
    lower, upper = ends or (-math.inf, math.inf)
    if upper > low and lower < high:
        seen = [max(lower, low), min(upper, high)]
        style: Any = "-" if ends else (0, (1, 2))
        axes.plot(seen, [row.y] * 2, color=color(row.look), linewidth=2.2, linestyle=style)
    _arrows(axes, row, lower < low, upper > high)
    if low <= value <= high:
        _point(axes, row, value, size)


def _arrows(axes: Axes, row: Row, left: bool, right: bool) -> None:
    low, high = axes.get_xlim()
    inset = 0.012 * (high - low)
    for there, x, shape in ((left, low + inset, "<"), (right, high - inset, ">")):
        if there:
            axes.plot([x], [row.y], marker=shape, markersize=8, color=color(row.look))


def _point(axes: Axes, row: Row, value: float, size: float) -> None:
    """The estimate: filled when significant, hollow when not."""
    sure, own = bool(row.effect.significant), color(row.look)
    axes.plot(
        [value],
        [row.y],
        marker=marker(row.look),
        markersize=size,
        color=own if sure else PAPER,
        markeredgecolor=PAPER if sure else own,
        markeredgewidth=1.0 if sure else 2.0,
        zorder=3,
    )


def told(row: Row, run: str = "") -> str:
    """The row in words.

    Args:
        row: the row.
        run: which run it is of, where there are several.
    """
    value, interval = _texts(row)
    name = f"{metric(row.effect.metric).label}, {shortened(row.effect.arm, 60)}"
    return f"{name}{run and f', {run}'}: {value} {interval}"
