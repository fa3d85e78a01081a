"""The picture of a comparison: relative effects of both runs, one beneath the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from abbotify.report.decision import success_metrics
from abbotify.report.drawing import axes_within, color, marker, ticks
from abbotify.report.labels import metric, shortened
from abbotify.report.rounding import estimate, level, number
from abbotify.report.svg import INK, MUTED, PAPER, RULE, inline_svg
from abbotify.stats import Effect
from abbotify.studies.comparison.compare import Comparison, Moved
from abbotify.studies.comparison.view import comparable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINE: Final = 21.0
_GAP: Final = 10.0
_FOOT: Final = 44.0
_FITS: Final = 18  # characters of an interval that its column holds
_MULTIPLES: Final = 1000.0  # lifts of so many per cent are told as multiples of the control


@dataclass(frozen=True)
class _Layout:
    """Where things stand, in pixels: wide has columns of text, narrow has labels above rows."""

    width: float
    left: float
    right: float
    narrow: bool


@dataclass(frozen=True)
class _Row:
    effect: Effect
    run: int
    y: float


_WIDE = _Layout(960, 330, 220, False)
_NARROW = _Layout(340, 26, 78, True)


def picture(comparison: Comparison, name: str = "compare", narrow: bool = False) -> str | None:
    """Both runs' relative effects, a band for each metric and arm; None when there is none."""
    layout = _NARROW if narrow else _WIDE
    chosen = _chosen(comparison)
    if not chosen:
        return None
    rows, bands, bottom = _placed(chosen, layout)

    def paint(figure: Figure) -> None:
        axes = axes_within(figure, layout.left, layout.right, top=0, bottom=_FOOT)
        axes.set_xlim(*_range(comparison, rows))
        axes.set_ylim(bottom, 0)
        axes.set_yticks([])
        ticks(axes.xaxis, 3 if narrow else 7, unit="%", sign=True)
        axes.axvline(0, color=MUTED, linewidth=1.2, zorder=1.5)
        axes.set_xlabel("Relative effect", labelpad=6)
        for band in bands:
            _band(axes, layout, *band)
        for row in rows:
            _row(axes, layout, row)

    return inline_svg(
        paint,
        name=name,
        width=layout.width,
        height=bottom + _FOOT,
        title=f"Relative effects in both runs with {level(comparison.a.run.alpha)} intervals",
        description="; ".join(map(_told, rows)),
    )


def _chosen(comparison: Comparison) -> list[Moved]:
    """One row for each metric and arm: the mean of users where it is there, success first."""
    found: dict[tuple[str, str], Moved] = {}
    for moved in sorted(comparison.effects, key=lambda row: row.estimand != "mean"):
        if comparable(moved) and (moved.a or moved.b):
            found.setdefault((moved.metric, moved.arm), moved)
    first = [*success_metrics(comparison.a), *success_metrics(comparison.b)]
    order = [*dict.fromkeys([*first, *(moved.metric for moved in comparison.effects)])]
    return sorted(found.values(), key=lambda row: order.index(row.metric))


def _placed(
    chosen: list[Moved], layout: _Layout
) -> tuple[list[_Row], list[tuple[float, float, str, str]], float]:
    """Rows with their places, and (top, base, metric or nothing, arm) for each band."""
    rows, bands, y, before = [], [], 4.0, ""
    for moved in chosen:
        top = y
        y += _GAP / 2 + (_LINE if layout.narrow else 0)
        for run, effect in enumerate((moved.a, moved.b)):
            if effect is not None:
                rows.append(_Row(effect, run, y + _LINE / 2))
            y += _LINE
        y += _GAP / 2
        named = metric(moved.metric).label if moved.metric != before or layout.narrow else ""
        bands.append((top, y, named, moved.arm))
        before = moved.metric
    return rows, bands, y


def _range(comparison: Comparison, rows: list[_Row]) -> tuple[float, float]:
    """The drawn range in per cent: what decides in full, extremes elsewhere cut by an arrow."""
    success = {*success_metrics(comparison.a), *success_metrics(comparison.b)}
    reach = sorted(_reach(row.effect) for row in rows)
    decides = [_reach(row.effect) for row in rows if row.effect.metric in success]
    limit = min(reach[-1], max(2.5 * max(decides, default=0.0), reach[len(reach) // 2], 1.0))
    ends = [end for row in rows for end in _ends(row.effect)]
    low, high = max(min(ends), -limit), min(max(ends), limit)
    pad = 0.06 * (high - low) or 1.0
    return min(low, 0.0) - pad, max(high, 0.0) + pad


def _ends(effect: Effect) -> tuple[float, float]:
    return effect.relative_lower or 0.0, effect.relative_upper or 0.0


def _reach(effect: Effect) -> float:
    return max(map(abs, _ends(effect)))


def _band(axes: Axes, layout: _Layout, top: float, base: float, label: str, arm: str) -> None:
    """The metric's name and the arm's, and a rule beneath."""
    span = layout.width - layout.left - layout.right
    left, right = -layout.left / span, 1 + layout.right / span
    frame = axes.get_yaxis_transform()
    axes.plot([left, right], [base, base], transform=frame, color=RULE, linewidth=1, clip_on=False)
    y = top + _GAP / 2 + _LINE / 2
    if layout.narrow:
        named = f"{label}, {shortened(arm, 34 - len(label))}"
        over = {"facecolor": PAPER, "edgecolor": "none", "pad": 1}  # the line at 0 ends at the name
        text = shortened(named, 40)
        _write(axes, left + 6 / span, y, text, weight="bold", color=INK, bbox=over)
        return
    _write(axes, left + 6 / span, y, shortened(label, 22), weight="bold", color=INK)
    _write(axes, left + 178 / span, y, shortened(arm, 15), color=INK)


def _row(axes: Axes, layout: _Layout, row: _Row) -> None:
    """The run's letter, the interval, and the numbers at the right."""
    span = layout.width - layout.left - layout.right
    own, weight = color(row.run + 1), "bold" if row.effect.significant else "normal"
    value, interval = _texts(row.effect)
    _write(axes, -16 / span, row.y, "AB"[row.run], color=own, weight="bold", ha="center")
    if layout.narrow:
        _write(axes, 1 + (layout.right - 6) / span, row.y, value, ha="right", weight=weight)
    else:
        _write(axes, 1 + 74 / span, row.y, value, ha="right", weight=weight)
        end = 1 + (layout.right - 6) / span
        _write(axes, end, row.y, interval, ha="right", color=MUTED)
    _mark(axes, row, own)


def _write(axes: Axes, x: float, y: float, text: str, **looks: Any) -> None:
    """Text at a share of the axes' width and the height of a row."""
    axes.text(x, y, text, transform=axes.get_yaxis_transform(), va="center_baseline", **looks)


def _mark(axes: Axes, row: _Row, own: str) -> None:
    """The interval and its point, filled when significant; what leaves the range has an arrow."""
    low, high = axes.get_xlim()
    (lower, upper), value = _ends(row.effect), row.effect.relative_effect or 0.0
    if upper > low and lower < high:
        axes.plot([max(lower, low), min(upper, high)], [row.y] * 2, color=own, linewidth=2.2)
    inset = 0.012 * (high - low)
    for there, x, shape in ((lower < low, low + inset, "<"), (upper > high, high - inset, ">")):
        if there:
            axes.plot([x], [row.y], marker=shape, markersize=8, color=own)
    if low <= value <= high:
        sure = bool(row.effect.significant)
        axes.plot(
            [value], [row.y], marker=marker(row.run + 1), markersize=8, zorder=3,
            color=own if sure else PAPER, markeredgecolor=PAPER if sure else own,
            markeredgewidth=1.0 if sure else 2.0,
        )  # fmt: skip


def _texts(effect: Effect) -> tuple[str, str]:
    """Value and interval; lifts beyond 1000% as multiples, long ones to one decimal."""
    values = [effect.relative_effect or 0.0, *_ends(effect)]
    shown = estimate(values[0], values[1], values[2], unit="%")
    if _reach(effect) >= _MULTIPLES:
        texts = [f"\N{MULTIPLICATION SIGN}{number(1 + each / 100, 0)}" for each in values]
    elif len(shown.interval) > _FITS:
        texts = [number(each, 1, sign=True) + "%" for each in values]
    else:
        return shown.value, shown.interval
    return texts[0], f"[{texts[1]}, {texts[2]}]"


def _told(row: _Row) -> str:
    value, interval = _texts(row.effect)
    name = f"{metric(row.effect.metric).label}, {shortened(row.effect.arm, 60)}"
    return f"{name}, {'AB'[row.run]}: {value} {interval}".rstrip()
