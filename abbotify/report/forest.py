"""The forest plot: relative effects of every metric and treatment with their intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abbotify.report.decision import decisive, success_metrics
from abbotify.report.document import Document
from abbotify.report.drawing import Dash, axes_within, color, marker, ticks
from abbotify.report.labels import metric, shortened
from abbotify.report.rounding import estimate, level, number
from abbotify.report.svg import BAND, INK, MUTED, PAPER, RULE, inline_svg
from abbotify.stats import Effect

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINE = 23.0
_GAP = 9.0
_FOOT = 44.0
_FITS = 18  # characters of an interval that its column holds
_MULTIPLES = 1000.0  # lifts of so many per cent are told as multiples of the control


@dataclass(frozen=True)
class _Row:
    effect: Effect
    at: int
    y: float


@dataclass(frozen=True)
class _Layout:
    """Where things stand, in pixels: wide has columns of text, narrow has labels above rows."""

    width: float
    left: float
    right: float
    label_above: bool
    arm_x: float
    limit: int


_WIDE = _Layout(960, 340, 220, False, 190, 18)
_SINGLE = _Layout(960, 210, 220, False, 0, 0)
_NARROW = _Layout(340, 98, 78, True, 0, 12)


def forest(document: Document, name: str = "forest", narrow: bool = False) -> str | None:
    """Relative effects, success metrics first; None when there is no effect at all."""
    layout = _layout(document, narrow)
    groups = _groups(document)
    if not groups:
        return None
    rows, bands, bottom = _placed(document, groups, layout)

    def paint(figure: Figure) -> None:
        axes = axes_within(figure, layout.left, layout.right, top=0, bottom=_FOOT)
        _frame(axes, bottom, _range(document, [row.effect for row in rows]), narrow)
        for top, base, label, success in bands:
            _band(axes, layout, top, base, label, success)
        for row in rows:
            _row(axes, layout, row)

    return inline_svg(
        paint,
        name=name,
        width=layout.width,
        height=bottom + _FOOT,
        title=f"Relative effects with {level(document.run.alpha)} intervals",
        description="; ".join(map(_told, rows)),
    )


def _layout(document: Document, narrow: bool) -> _Layout:
    if narrow:
        return _NARROW
    return _WIDE if len(document.treatments) > 1 else _SINGLE


def _groups(document: Document) -> list[list[Effect]]:
    """One row for each metric and treatment, grouped by metric, success metrics first."""
    success = success_metrics(document)
    chosen = {(row.metric, row.arm): row for row in document.effects if row.estimand == "mean"}
    for row in document.effects:
        chosen.setdefault((row.metric, row.arm), row)
    chosen.update({(row.metric, row.arm): row for row in decisive(document)})
    order = dict.fromkeys([*success, *(row.metric for row in document.effects)])
    arms = [arm.name for arm in document.treatments]
    found = [[chosen[m, arm] for arm in arms if (m, arm) in chosen] for m in order]
    return [group for group in found if group]


def _placed(
    document: Document, groups: list[list[Effect]], layout: _Layout
) -> tuple[list[_Row], list[tuple[float, float, str, bool]], float]:
    """Rows with their places, and a band (top, base, label, is success) for each metric."""
    at = {arm.name: place for place, arm in enumerate(document.arms)}
    success = success_metrics(document)
    rows, bands, y = [], [], 4.0
    for group in groups:
        top = y
        y += _GAP / 2 + (_LINE - 3 if layout.label_above else 0)
        for effect in group:
            rows.append(_Row(effect, at[effect.arm], y + _LINE / 2))
            y += _LINE
        y += _GAP / 2
        first = group[0].metric
        bands.append((top, y, metric(first).label, first in success))
    return rows, bands, y


def _range(document: Document, rows: list[Effect]) -> tuple[float, float]:
    """The drawn range in per cent: what decides in full, extremes elsewhere cut by an arrow."""
    success = success_metrics(document)
    reach = sorted(map(_reach, rows))
    deciding = max((_reach(row) for row in rows if row.metric in success), default=0.0)
    limit = min(reach[-1], max(2.5 * deciding, reach[len(reach) // 2], 1.0))
    ends = [end for row in rows for end in _ends(row)] or [0.0]
    low, high = max(min(ends), -limit), min(max(ends), limit)
    pad = 0.06 * (high - low) or 1.0
    return min(low, 0.0) - pad, max(high, 0.0) + pad


def _ends(row: Effect) -> list[float]:
    if row.relative_lower is None or row.relative_upper is None:
        return []
    return [row.relative_lower, row.relative_upper]


def _reach(row: Effect) -> float:
    return max(map(abs, _ends(row)), default=0.0)


def _frame(axes: Axes, bottom: float, limits: tuple[float, float], narrow: bool) -> None:
    axes.set_xlim(*limits)
    axes.set_ylim(bottom, 0)
    axes.set_yticks([])
    ticks(axes.xaxis, 3 if narrow else 7, unit="%", sign=True)
    axes.axvline(0, color=MUTED, linewidth=1.2, zorder=1.5)
    axes.set_xlabel("Relative effect", labelpad=6)


def _band(axes: Axes, layout: _Layout, top: float, base: float, label: str, success: bool) -> None:
    """The metric's name, a rule above it, and a tint when it decides."""
    from matplotlib.patches import Rectangle

    span = layout.width - layout.left - layout.right
    left, right = -layout.left / span, 1 + layout.right / span
    frame = axes.get_yaxis_transform()
    if success:
        tint = Rectangle((left, top), right - left, base - top, transform=frame, clip_on=False)
        tint.set(facecolor=BAND, edgecolor="none", zorder=0)
        axes.add_patch(tint)
    axes.plot([left, right], [base, base], transform=frame, color=RULE, linewidth=1, clip_on=False)
    y = top + _LINE / 2 + (1 if layout.label_above else _GAP / 2)
    text = shortened(label, 34 if layout.label_above else 22)
    _write(axes, left + 6 / span, y, text, weight="bold", color=INK)


def _row(axes: Axes, layout: _Layout, row: _Row) -> None:
    """The arm's name, the interval, and the numbers at the right."""
    span = layout.width - layout.left - layout.right
    end = 1 + (layout.right - 6) / span
    value, interval = _texts(row.effect)
    weight = "bold" if row.effect.significant else "normal"
    if layout.limit:
        name = shortened(row.effect.arm, layout.limit)
        _write(axes, (layout.arm_x + 6 - layout.left) / span, row.y, name, color=color(row.at))
    if layout.label_above:
        told = value if _ends(row.effect) else interval
        _write(axes, end, row.y, told, ha="right", weight=weight)
    else:
        _write(axes, 1 + 74 / span, row.y, value, ha="right", weight=weight)
        _write(axes, end, row.y, interval, ha="right", color=MUTED)
    _mark(axes, row)


def _write(axes: Axes, x: float, y: float, text: str, **looks: Any) -> None:
    """Text at a share of the axes' width and the height of a row."""
    axes.text(x, y, text, transform=axes.get_yaxis_transform(), va="center_baseline", **looks)


def _texts(row: Effect) -> tuple[str, str]:
    """Value and interval of the relative effect, or the word for why there is none."""
    shown = estimate(row.relative_effect, row.relative_lower, row.relative_upper, unit="%")
    if _ends(row):
        fits = len(shown.interval) <= _FITS and _reach(row) < _MULTIPLES
        return (shown.value, shown.interval) if fits else _compact(row)
    return shown.value, "undefined" if row.relative_effect is None else "unbounded"


def _compact(row: Effect) -> tuple[str, str]:
    """Texts that fit their columns: lifts beyond 1000% as multiples, others to one decimal."""
    values = [row.relative_effect or 0.0, *_ends(row)]
    if _reach(row) >= _MULTIPLES:
        texts = [f"\N{MULTIPLICATION SIGN}{number(1 + each / 100, 0)}" for each in values]
    else:
        texts = [number(each, 1, sign=True) + "%" for each in values]
    return texts[0], f"[{texts[1]}, {texts[2]}]"


def _mark(axes: Axes, row: _Row) -> None:
    """The interval and its point; what leaves the range ends in an arrow."""
    low, high = axes.get_xlim()
    value, ends = row.effect.relative_effect, _ends(row.effect)
    if value is None:
        return
    lower, upper = ends or (-math.inf, math.inf)
    if upper > low and lower < high:
        _line(axes, row, max(lower, low), min(upper, high), "-" if ends else (0, (1, 2)))
    _arrows(axes, row, lower < low, upper > high)
    if low <= value <= high:
        _point(axes, row, value)


def _point(axes: Axes, row: _Row, value: float) -> None:
    """The estimate: filled when significant, hollow when not."""
    sure, own = bool(row.effect.significant), color(row.at)
    axes.plot(
        [value],
        [row.y],
        marker=marker(row.at),
        markersize=8.5,
        color=own if sure else PAPER,
        markeredgecolor=PAPER if sure else own,
        markeredgewidth=1.0 if sure else 2.0,
        zorder=3,
    )


def _line(axes: Axes, row: _Row, start: float, end: float, style: Dash) -> None:
    axes.plot(
        [start, end], [row.y, row.y], color=color(row.at), linewidth=2.2, linestyle=style, zorder=2
    )


def _arrows(axes: Axes, row: _Row, left: bool, right: bool) -> None:
    low, high = axes.get_xlim()
    inset = 0.012 * (high - low)
    for there, x, shape in ((left, low + inset, "<"), (right, high - inset, ">")):
        if there:
            axes.plot([x], [row.y], marker=shape, markersize=8, color=color(row.at))


def _told(row: _Row) -> str:
    value, interval = _texts(row.effect)
    name = f"{metric(row.effect.metric).label}, {shortened(row.effect.arm, 60)}"
    return f"{name}: {value} {interval}"
