"""The forest plot: relative effects of every metric and treatment with their intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abbotify.report.decision import decisive, success_metrics
from abbotify.report.document import Document, Effect
from abbotify.report.drawing import color, marker, ticks
from abbotify.report.headline import shown_effect
from abbotify.report.labels import metric, shortened
from abbotify.report.rounding import MISSING, level
from abbotify.report.svg import BAND, INK, MUTED, PAPER, RULE, inline_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINE = 23.0
_GAP = 9.0


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


_WIDE = _Layout(960, 320, 220, False, 178, 20)
_NARROW = _Layout(380, 104, 76, True, 4, 13)


def forest(document: Document, name: str = "forest", narrow: bool = False) -> str | None:
    """Relative effects, success metrics first; None when there is no effect at all."""
    layout = _NARROW if narrow else _WIDE
    groups = _groups(document)
    if not groups:
        return None
    rows, bands, bottom = _placed(document, groups, layout)
    height = bottom + 44

    def paint(figure: Figure) -> None:
        axes = figure.add_axes(
            (
                layout.left / layout.width,
                44 / height,
                (layout.width - layout.left - layout.right) / layout.width,
                bottom / height,
            )
        )
        _frame(axes, bottom, _range(document, [row.effect for row in rows]), narrow)
        for top, base, label, success in bands:
            _band(axes, layout, top, base, label, success)
        for row in rows:
            _row(axes, layout, row, len(document.treatments) > 1)

    return inline_svg(
        paint,
        name=name,
        width=layout.width,
        height=height,
        title=f"Relative effects with {level(document.run.alpha)} intervals",
        description="; ".join(map(_told, rows)),
    )


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
    """The drawn range: what decides in full, an extreme row elsewhere cut with an arrow."""
    success = success_metrics(document)
    reach = sorted(map(_reach, rows))
    deciding = max((_reach(row) for row in rows if row.metric in success), default=0.0)
    limit = min(reach[-1], max(2.5 * deciding, reach[len(reach) // 2], 0.01))
    ends = [end for row in rows for end in _ends(row)] or [0.0]
    low, high = max(min(ends), -limit), min(max(ends), limit)
    pad = 0.06 * (high - low) or 0.01
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
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0, labelleft=False)
    axes.tick_params(axis="x", length=4)
    axes.set_yticks([])
    ticks(axes.xaxis, 3 if narrow else 7, relative=True, sign=True)
    axes.axvline(0, color=MUTED, linewidth=1.2, zorder=1.5)
    axes.set_xlabel("Relative effect", labelpad=6)


def _band(
    axes: Axes, layout: _Layout, top: float, base: float, label: str, success: bool
) -> None:
    """The metric's name, a rule above it, and a tint when it decides."""
    from matplotlib.patches import Rectangle

    span = layout.width - layout.left - layout.right
    left, right = -layout.left / span, 1 + layout.right / span
    frame = axes.get_yaxis_transform()
    if success:
        tint = Rectangle((left, top), right - left, base - top, transform=frame, clip_on=False)
        tint.set(facecolor=BAND, edgecolor="none", zorder=0)
        axes.add_patch(tint)
    axes.plot(
        [left, right], [base, base], transform=frame, color=RULE, linewidth=1, clip_on=False
    )
    y = top + _LINE / 2 + (1 if layout.label_above else _GAP / 2)
    axes.text(
        left + 6 / span,
        y,
        shortened(label, 34 if layout.label_above else 22),
        transform=frame,
        va="center_baseline",
        weight="bold",
        color=INK,
    )


def _row(axes: Axes, layout: _Layout, row: _Row, name_arm: bool) -> None:
    span = layout.width - layout.left - layout.right
    frame = axes.get_yaxis_transform()
    shown = shown_effect(row.effect)
    place = {"transform": frame, "va": "center_baseline"}
    if name_arm or layout.label_above:
        arm_x = (layout.arm_x + 6 - layout.left) / span
        name = shortened(row.effect.arm, layout.limit)
        axes.text(arm_x, row.y, name, color=color(row.at), **place)
    bounded = bool(_ends(row.effect))
    value = shown.value if bounded else MISSING if row.effect.effect is None else "unbounded"
    weight = "bold" if row.effect.significant else "normal"
    if layout.label_above:
        axes.text(1 + (layout.right - 6) / span, row.y, value, ha="right", weight=weight, **place)
    else:
        axes.text(1 + 72 / span, row.y, value, ha="right", weight=weight, **place)
        if bounded:
            x = 1 + (layout.right - 6) / span
            axes.text(x, row.y, shown.interval, ha="right", color=MUTED, **place)
    _mark(axes, row, bounded)


def _mark(axes: Axes, row: _Row, bounded: bool) -> None:
    """The interval and its point; what leaves the range ends in an arrow."""
    low, high = axes.get_xlim()
    if not bounded:
        if row.effect.effect is not None:
            _line(axes, row, low, high, (0, (1, 2)))
            _arrows(axes, row, True, True)
        return
    lower, upper = _ends(row.effect)
    if upper > low and lower < high:
        _line(axes, row, max(lower, low), min(upper, high), "-")
    _arrows(axes, row, lower < low, upper > high)
    value = row.effect.relative_effect
    if value is not None and low <= value <= high:
        sure = bool(row.effect.significant)
        axes.plot(
            [value],
            [row.y],
            marker=marker(row.at),
            markersize=8.5,
            color=color(row.at) if sure else PAPER,
            markeredgecolor=PAPER if sure else color(row.at),
            markeredgewidth=1.0 if sure else 2.0,
            zorder=3,
        )


def _line(axes: Axes, row: _Row, start: float, end: float, style: object) -> None:
    axes.plot(
        [start, end],
        [row.y, row.y],
        color=color(row.at),
        linewidth=2.2,
        linestyle=style,  # type: ignore[arg-type]
        solid_capstyle="butt",
        zorder=2,
    )


def _arrows(axes: Axes, row: _Row, left: bool, right: bool) -> None:
    low, high = axes.get_xlim()
    for there, x, shape in ((left, low, "<"), (right, high, ">")):
        if there:
            axes.plot([x], [row.y], marker=shape, markersize=7, color=color(row.at), clip_on=False)


def _told(row: _Row) -> str:
    shown = shown_effect(row.effect)
    name = f"{metric(row.effect.metric).label}, {shortened(row.effect.arm, 60)}"
    return f"{name}: {shown.value} {shown.interval}"
