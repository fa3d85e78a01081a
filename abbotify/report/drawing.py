"""What all charts share: axes without a box, ticks in our own numbers, one look for each arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abbotify.report import rounding
from abbotify.report.svg import ARMS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

Dash = tuple[float, tuple[float, ...]] | str

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


def ticks(
    axis: Axis, count: int, *, scale: float = 1.0, unit: str = "", sign: bool = False
) -> None:
    """At most `count` intervals between round ticks, written times `scale`."""
    from matplotlib.ticker import FixedLocator, MaxNLocator

    low, high = sorted(axis.get_view_interval())
    values = MaxNLocator(nbins=count, steps=[1, 2, 5, 10]).tick_values(low, high)
    inside = [float(value) for value in values if low - 1e-12 <= value <= high + 1e-12]
    places = _places(float(values[1] - values[0]) * scale)
    axis.set_major_locator(FixedLocator(inside))
    labels = [rounding.number(value * scale, places, sign) + unit for value in inside]
    axis.set_ticklabels(labels)


def _places(step: float) -> int:
    """Decimals that tell ticks one step apart."""
    return next((p for p in range(10) if abs(round(step, p) - step) < 1e-9 * step), 10)
