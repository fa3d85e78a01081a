"""Small pictures of intervals for the rows of a table, drawn to one scale, as SVG of a few bytes.

They repeat numbers that stand beside them, so screen readers pass over them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from abbotify.report.text import numbers as rounding

WIDTH: Final = 200
_HEIGHT: Final = 20
_INSET: Final = 8.0  # pixels at both ends, where arrows and ticks find room
_STRETCH: Final = 3.0  # intervals longer than so many usual ones are cut by an arrow


@dataclass(frozen=True)
class Interval:
    """What is drawn in a row: an estimate, its interval, and a value it is held against."""

    value: float | None
    lower: float | None = None
    upper: float | None = None
    mark: float | None = None

    @property
    def known(self) -> tuple[float, ...]:
        """The finite numbers of it."""
        every = (self.value, self.lower, self.upper, self.mark)
        return tuple(each for each in every if each is not None and math.isfinite(each))


@dataclass(frozen=True)
class Scale:
    """From values to pixels; what lies outside is drawn at the edge."""

    low: float
    high: float

    def x(self, value: float) -> float:
        """Pixels from the left."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(_INSET + share * (WIDTH - 2 * _INSET), 1)

    def holds(self, value: float) -> bool:
        """Whether the value is inside."""
        return self.low <= value <= self.high


def scale(intervals: Iterable[Interval]) -> Scale:
    """A scale with zero in it; an interval out of all proportion is cut rather than the rest."""
    rows = [row for row in intervals if row.known]
    reach = sorted(max(map(abs, row.known)) for row in rows)
    if not reach or reach[-1] == 0:
        return Scale(-1.0, 1.0)
    limit = min(reach[-1], _STRETCH * (reach[(len(reach) - 1) // 2] or reach[-1]))
    ends = [min(max(end, -limit), limit) for row in rows for end in row.known]
    low, high = min(0.0, *ends), max(0.0, *ends)
    pad = 0.04 * (high - low)
    return Scale(low - pad, high + pad)


def picture(
    interval: Interval, on: Scale, style: int, filled: bool = True, marks: str = "truth"
) -> str:
    """The row's picture: a line with a dot, hollow unless `filled`, and what it is held against.

    Args:
        interval: what is drawn.
        on: the scale of the table.
        style: the look of the arm, as of `drawing.style`.
        filled: whether the dot is.
        marks: the class of the mark: "truth" is a diamond, "margin" a bar.
    """
    zero = f'<path class="zero" d="M{on.x(0):g} 0V{_HEIGHT}"/>' if on.holds(0.0) else ""
    parts = [zero, _line(interval, on), _dot(interval, on, filled), _mark(interval.mark, on, marks)]
    return _svg("mini", "".join(parts), f' style="--arm:var(--arm-{style})"')


def axis(on: Scale, unit: str = "") -> str:
    """The scale's ticks with their numbers."""
    values, places = ticks(on)
    parts = [
        f'<path d="M{on.x(value):g} 0v4"/><text x="{on.x(value):g}" y="16">'
        f"{rounding.number(value, places, sign=True)}{unit}</text>"
        for value in values
    ]
    return _svg("mini ticks", "".join(parts))


def ticks(on: Scale, most: int = 4) -> tuple[list[float], int]:
    """Round values on the scale, zero among them, at most `most` steps apart; their decimals."""
    exponent = math.floor(math.log10((on.high - on.low) / most))
    wide = (on.high - on.low) / most
    digit = next(digit for digit in (1, 2, 5, 10, 20) if digit * 10.0**exponent >= wide * 0.999)
    step = digit * 10.0**exponent
    numbers = range(math.ceil(on.low / step), math.floor(on.high / step) + 1)
    places = -exponent - (1 if digit >= 10 else 0)
    return [number * step for number in numbers], places


def _line(interval: Interval, on: Scale) -> str:
    lower, upper = interval.lower, interval.upper
    if lower is None or upper is None:
        return ""
    start, end, middle = on.x(lower), on.x(upper), _HEIGHT // 2
    drawn = f'<path class="line" d="M{start:g} {middle}H{end:g}"/>'
    if lower < on.low:
        drawn += f'<path class="tip" d="M0 {middle}l7 -5v10z"/>'
    if upper > on.high:
        drawn += f'<path class="tip" d="M{WIDTH} {middle}l-7 -5v10z"/>'
    return drawn


def _dot(interval: Interval, on: Scale, filled: bool) -> str:
    if interval.value is None or not on.holds(interval.value):
        return ""
    kind = "dot" if filled else "dot hollow"
    return f'<circle class="{kind}" cx="{on.x(interval.value):g}" cy="{_HEIGHT // 2}" r="4.5"/>'


def _mark(value: float | None, on: Scale, kind: str) -> str:
    if value is None or not on.holds(value):
        return ""
    x, middle = on.x(value), _HEIGHT // 2
    shape = f"M{x:g} {middle - 6}l4.5 6l-4.5 6l-4.5 -6z" if kind == "truth" else f"M{x:g} 1v18"
    return f'<path class="{kind}" d="{shape}"/>'


def _svg(kind: str, drawn: str, extra: str = "") -> str:
    box = f'viewBox="0 0 {WIDTH} {_HEIGHT}"'
    return f'<svg class="{kind}"{extra} {box} aria-hidden="true">{drawn}</svg>'
