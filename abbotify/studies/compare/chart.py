"""The picture of a comparison: relative effects of both runs, one beneath the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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
from abbotify.report.charts.svg import INK, PAPER, inline_svg
from abbotify.report.decision import success_metrics
from abbotify.report.text.labels import metric, shortened
from abbotify.report.text.numbers import level
from abbotify.stats.effects import MEAN
from abbotify.studies.compare.compare import Comparison, Moved
from abbotify.studies.compare.tables import comparable, decides

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINE: Final = 21.0
_GAP: Final = 10.0

_WIDE: Final = Layout(960, 330, 220, False)
_NARROW: Final = Layout(340, 26, 78, True)


def picture(comparison: Comparison, name: str = "compare", narrow: bool = False) -> str | None:
    """Both runs' relative effects, a band for each metric and arm; None when there is none."""
    layout = _NARROW if narrow else _WIDE
    chosen = _chosen(comparison)
    if not chosen:
        return None
    rows, bands, bottom = _placed(chosen, layout)
    success = {*success_metrics(comparison.a), *success_metrics(comparison.b)}

    def paint(figure: Figure) -> None:
        axes = framed(figure, layout, bottom, rows, success)
        for band in bands:
            _band(axes, layout, *band)
        for row in rows:
            _row(axes, layout, row)

    return inline_svg(
        paint,
        name=name,
        width=layout.width,
        height=bottom + FOOT,
        title=f"Relative effects in both runs with {level(comparison.a.run.alpha)} intervals",
        description="; ".join(told(row, _letter(row)) for row in rows),
    )


def _chosen(comparison: Comparison) -> list[Moved]:
    """One row for each metric and arm: what decides, or else the mean of users; success first."""
    found: dict[tuple[str, str], Moved] = {}
    for moved in sorted(
        comparison.effects, key=lambda row: (not decides(comparison, row), row.estimand != MEAN)
    ):
        if comparable(moved) and (moved.a or moved.b):
            found.setdefault((moved.metric, moved.arm), moved)
    first = [*success_metrics(comparison.a), *success_metrics(comparison.b)]
    order = [*dict.fromkeys([*first, *(moved.metric for moved in comparison.effects)])]
    return sorted(found.values(), key=lambda row: order.index(row.metric))


def _placed(
    chosen: list[Moved], layout: Layout
) -> tuple[list[Row], list[tuple[float, float, str, str]], float]:
    """Rows with their places, and (top, base, metric or nothing, arm) for each band."""
    rows, bands, y, before = [], [], 4.0, ""
    for moved in chosen:
        top = y
        y += _GAP / 2 + (_LINE if layout.narrow else 0)
        for run, effect in enumerate((moved.a, moved.b)):
            if effect is not None:
                rows.append(Row(effect, run + 1, y + _LINE / 2))
            y += _LINE
        y += _GAP / 2
        named = metric(moved.metric).label if moved.metric != before or layout.narrow else ""
        bands.append((top, y, named, moved.arm))
        before = moved.metric
    return rounded_alike(rows), bands, y


def _letter(row: Row) -> str:
    return "AB"[row.look - 1]


def _band(axes: Axes, layout: Layout, top: float, base: float, label: str, arm: str) -> None:
    """The metric's name and the arm's, and a rule beneath."""
    span, (left, _) = layout.span, layout.edges
    rule(axes, layout, base)
    y = top + _GAP / 2 + _LINE / 2
    if layout.narrow:
        named = f"{label}, {shortened(arm, 34 - len(label))}"
        over = {"facecolor": PAPER, "edgecolor": "none", "pad": 1}  # the line at 0 ends at the name
        text = shortened(named, 40)
        write(axes, left + 6 / span, y, text, weight="bold", color=INK, bbox=over)
        return
    write(axes, left + 6 / span, y, shortened(label, 22), weight="bold", color=INK)
    write(axes, left + 178 / span, y, shortened(arm, 15), color=INK)


def _row(axes: Axes, layout: Layout, row: Row) -> None:
    """The run's letter, the interval, and the numbers at the right."""
    own = color(row.look)
    write(axes, -16 / layout.span, row.y, _letter(row), color=own, weight="bold", ha="center")
    numbers(axes, layout, row)
    mark(axes, row, 8)
