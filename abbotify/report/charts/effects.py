"""The forest plot: relative effects of every metric and treatment with their intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abbotify.report.charts.axes import color
from abbotify.report.charts.interval_rows import (
    FOOT,
    Layout,
    Row,
    framed,
    mark,
    numbers,
    rounded_alike,
    rule,
    told,
    write,
)
from abbotify.report.charts.svg import BAND, INK, inline_svg
from abbotify.report.decision import decisive, success_metrics
from abbotify.report.result import Result
from abbotify.report.text.labels import metric, shortened
from abbotify.report.text.numbers import level
from abbotify.stats import Effect
from abbotify.stats.effects import MEAN

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINE = 23.0
_GAP = 9.0


@dataclass(frozen=True)
class _Layout(Layout):
    """And where arms' names stand, and how many characters they have."""

    arm_x: float
    limit: int


_WIDE = _Layout(960, 340, 220, False, 190, 18)
_SINGLE = _Layout(960, 210, 220, False, 0, 0)
_NARROW = _Layout(340, 98, 78, True, 0, 12)


def forest(result: Result, name: str = "forest", narrow: bool = False) -> str | None:
    """Relative effects, success metrics first; None when there is no effect at all."""
    layout = _layout(result, narrow)
    groups = _groups(result)
    if not groups:
        return None
    rows, bands, bottom = _placed(result, groups, layout)

    def paint(figure: Figure) -> None:
        axes = framed(figure, layout, bottom, rows, success_metrics(result))
        for top, base, label, success in bands:
            _band(axes, layout, top, base, label, success)
        for row in rows:
            _row(axes, layout, row)

    return inline_svg(
        paint,
        name=name,
        width=layout.width,
        height=bottom + FOOT,
        title=f"Relative effects with {level(result.run.alpha)} intervals",
        description="; ".join(map(told, rows)),
    )


def _layout(result: Result, narrow: bool) -> _Layout:
    if narrow:
        return _NARROW
    return _WIDE if len(result.treatments) > 1 else _SINGLE


def _groups(result: Result) -> list[list[Effect]]:
    """One row for each metric and treatment, grouped by metric, success metrics first."""
    success = success_metrics(result)
    chosen = {(row.metric, row.arm): row for row in result.effects if row.estimand == MEAN}
    for row in result.effects:
        chosen.setdefault((row.metric, row.arm), row)
    chosen.update({(row.metric, row.arm): row for row in decisive(result)})
    order = dict.fromkeys([*success, *(row.metric for row in result.effects)])
    arms = [arm.name for arm in result.treatments]
    found = [[chosen[m, arm] for arm in arms if (m, arm) in chosen] for m in order]
    return [group for group in found if group]


def _placed(
    result: Result, groups: list[list[Effect]], layout: _Layout
) -> tuple[list[Row], list[tuple[float, float, str, bool]], float]:
    """Rows with their places, and a band (top, base, label, is success) for each metric."""
    at = result.places
    success = success_metrics(result)
    rows, bands, y = [], [], 4.0
    for group in groups:
        top = y
        y += _GAP / 2 + (_LINE - 3 if layout.narrow else 0)
        for effect in group:
            rows.append(Row(effect, at[effect.arm], y + _LINE / 2))
            y += _LINE
        y += _GAP / 2
        first = group[0].metric
        bands.append((top, y, metric(first).label, first in success))
    return rounded_alike(rows), bands, y


def _band(axes: Axes, layout: _Layout, top: float, base: float, label: str, success: bool) -> None:
    """The metric's name, a rule beneath it, and a tint when it decides."""
    from matplotlib.patches import Rectangle

    left, right = layout.edges
    if success:
        frame = axes.get_yaxis_transform()
        tint = Rectangle((left, top), right - left, base - top, transform=frame, clip_on=False)
        tint.set(facecolor=BAND, edgecolor="none", zorder=0)
        axes.add_patch(tint)
    rule(axes, layout, base)
    y = top + _LINE / 2 + (1 if layout.narrow else _GAP / 2)
    text = shortened(label, 34 if layout.narrow else 22)
    write(axes, left + 6 / layout.span, y, text, weight="bold", color=INK)


def _row(axes: Axes, layout: _Layout, row: Row) -> None:
    """The arm's name, the interval, and the numbers at the right."""
    if layout.limit:
        name = shortened(row.effect.arm, layout.limit)
        x = (layout.arm_x + 6 - layout.left) / layout.span
        write(axes, x, row.y, name, color=color(row.look))
    numbers(axes, layout, row)
    mark(axes, row, 8.5)
