"""The picture of a sweep: a row for each setting, its effects with intervals, and its losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from abbotify.report.charts.axes import axes_within, color, marker, shortened_range, ticks
from abbotify.report.charts.svg import INK, MUTED, PAPER, RULE, inline_svg
from abbotify.report.text import labels
from abbotify.studies.sweep.sweep import Sweep

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FOOT: Final = 48.0  # pixels below the rows, for the axis and its title
_LINE: Final = 18.0  # of a text above the rows
_LETTER: Final = 7.4  # pixels of a letter, at the most in the mean
_MANY: Final = 100  # rows, beyond which they stand closer


@dataclass(frozen=True)
class _Layout:
    """Where things stand, in pixels: names beside rows, or above them.

    Attributes:
        width: of all.
        names: of the column of names; 0 where they stand above.
        row: height of a row.
        keys: the lines that name what was varied.
        marks: how many marks the legend has beside each other.
        ticks: intervals of an axis.
    """

    width: float
    names: float
    row: float
    keys: tuple[str, ...]
    marks: int
    ticks: int


def picture(sweep: Sweep, narrow: bool = False) -> str:
    """A row for each setting: effects with intervals, and beside them losses, if there are any."""
    layout = _layout(sweep, narrow)
    marks = _legend(sweep)
    top = 12 + _LINE * (len(layout.keys) + -(-len(marks) // layout.marks))

    def paint(figure: Figure) -> None:
        panels = _panels(figure, layout, top, with_losses=_with_losses(sweep))
        _draw_effects(panels[0], sweep, layout)
        for axes in panels[1:]:
            _draw_losses(axes, sweep, layout)
        _write(figure, panels[0], sweep, layout)
        if marks:
            figure.legend(
                handles=marks, loc="upper left", frameon=False, ncols=layout.marks,
                bbox_to_anchor=(0, 1 - _LINE * len(layout.keys) / (figure.get_figheight() * 72)),
                borderpad=0.2, borderaxespad=0.2,
            )  # fmt: skip

    return inline_svg(
        paint,
        name="sweep-narrow" if narrow else "sweep",
        width=layout.width,
        height=top + len(sweep.settings) * layout.row + _FOOT,
        title=f"Effect on {labels.metric(sweep.metric).label.lower()} by setting",
        description="Effects with intervals for every setting"
        + (", and losses of training." if _with_losses(sweep) else "."),
    )


def _layout(sweep: Sweep, narrow: bool) -> _Layout:
    each = 24.0 + 8 * (len(sweep.moved) - 1)
    row = each / 2 if len(sweep.settings) > _MANY else each
    keys = tuple(labels.shortened(key, 48) for key in sweep.keys)
    if narrow:
        return _Layout(380, 0, each + _LINE, keys, 2, 3)
    named = labels.shortened(" · ".join(sweep.keys), 120)
    longest = max(len(_name(setting.values, 44)) for setting in sweep.settings)
    return _Layout(960, 28 + _LETTER * longest, row, (named,), 5, 7)


def _name(values: Sequence[str], limit: int) -> str:
    return labels.shortened(" · ".join(values), limit)


def _with_losses(sweep: Sweep) -> bool:
    return any(setting.losses for setting in sweep.settings)


def _panels(figure: Figure, layout: _Layout, top: float, with_losses: bool) -> list[Axes]:
    """Axes for the effects, and for the losses at their right."""
    left, right = max(layout.names, 14.0), 18.0
    if not with_losses:
        return [axes_within(figure, left, right, top, _FOOT)]
    half = (layout.width - left - right) / 2
    return [
        axes_within(figure, left, right + half + 12, top, _FOOT),
        axes_within(figure, left + half + 12, right, top, _FOOT),
    ]


def _draw_effects(axes: Axes, sweep: Sweep, layout: _Layout) -> None:
    every = [
        sweep.numbers(effect)
        for setting in sweep.settings
        for arm in sweep.moved
        if (effect := sweep.effect(setting, arm)) is not None
    ]
    values = [value for value, _, _ in every if value is not None]
    ends = [end for _, *both in every for end in both if end is not None]
    _rows(axes, sweep)
    axes.axvline(0, color=MUTED, linewidth=1.2, zorder=1.5)
    axes.set_xlim(*shortened_range(values, ends))
    ticks(axes.xaxis, layout.ticks, unit="%" if sweep.relative else "", sign=True)
    label = labels.metric(sweep.metric).label.lower()
    unit = "" if sweep.relative else labels.unit(sweep.metric)
    axes.set_xlabel(f"Effect on {label}{unit and f',{unit}'}")
    for place, setting in enumerate(sweep.settings):
        for at, arm in _places(sweep):
            effect = sweep.effect(setting, arm)
            if effect is not None:
                y = place + _shift(sweep, arm, layout)
                _draw_effect(axes, sweep.numbers(effect), y, at)
        if setting.failure:
            axes.text(0, place, " failed", color=MUTED, va="center_baseline")


def _draw_effect(
    axes: Axes, numbers: tuple[float | None, float | None, float | None], y: float, at: int
) -> None:
    value, lower, upper = numbers
    if lower is not None and upper is not None:
        axes.plot([lower, upper], [y] * 2, color=color(at), linewidth=2)
    if value is not None:
        axes.plot([value], [y], marker(at), color=color(at), markersize=7)


def _draw_losses(axes: Axes, sweep: Sweep, layout: _Layout) -> None:
    _rows(axes, sweep)
    found: list[float] = []
    for place, setting in enumerate(sweep.settings):
        for at, arm in _places(sweep):
            pair = setting.losses.get(arm, (None, None))
            for value, face in zip(pair, (PAPER, color(at)), strict=True):
                if value is not None:
                    found.append(value)
                    axes.plot(
                        [value], [place + _shift(sweep, arm, layout)], marker(at), color=face,
                        markeredgecolor=color(at), markeredgewidth=1.6, markersize=7,
                    )  # fmt: skip
    low, high = (min(found), max(found)) if found else (0.0, 1.0)
    pad = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
    axes.set_xlim(low - pad, high + pad)
    ticks(axes.xaxis, layout.ticks - 1)
    axes.set_xlabel("Loss")


def _rows(axes: Axes, sweep: Sweep) -> None:
    """A row for each setting, the first one on top, with a rule where the first key changes."""
    axes.grid(visible=False)
    axes.set_ylim(len(sweep.settings) - 0.5, -0.5)
    axes.set_yticks([])
    for place, (one, two) in enumerate(zip(sweep.settings, sweep.settings[1:], strict=False)):
        if one.values[0] != two.values[0] and len(sweep.keys) > 1:
            axes.axhline(place + 0.5, color=RULE, linewidth=1)


def _shift(sweep: Sweep, arm: str, layout: _Layout) -> float:
    """How far below the middle of its row an arm is drawn, as a share of the row."""
    count = len(sweep.moved)
    name = 0.0 if layout.names else _LINE / layout.row  # the share of the row that its name takes
    return (sweep.moved.index(arm) - (count - 1) / 2) * 0.7 * (1 - name) / count + name / 2


def _places(sweep: Sweep) -> list[tuple[int, str]]:
    """The arms drawn, each with its place in the experiment, which gives it its look."""
    return [(at, arm) for at, arm in enumerate(sweep.arms, 1) if arm in sweep.moved]


def _write(figure: Figure, axes: Axes, sweep: Sweep, layout: _Layout) -> None:
    """What was varied, on top, and the values of every setting beside its row or above it."""
    for line, key in enumerate(layout.keys):
        figure.text(
            6 / layout.width, 1, key, color=MUTED, va="top", transform=figure.transFigure
        ).set_y(1 - (3 + line * _LINE) / (figure.get_figheight() * 72))
    size = 12.5 if layout.row >= 20 else 8.0
    for place, setting in enumerate(sweep.settings):
        beside = layout.names > 0
        frame = axes.get_yaxis_transform()
        name = _name(setting.values, 44)
        spot: dict[str, Any] = {
            "textcoords": "offset points",
            "xycoords": frame,
            "color": INK,
            "fontsize": size,
            "va": "center_baseline",
            "annotation_clip": False,
        }
        if beside:
            axes.annotate(name, (0, place), (-10, 0), ha="right", **spot)
        else:
            over = {"facecolor": PAPER, "edgecolor": "none", "pad": 1}  # the line at 0 ends there
            axes.annotate(name, (0, place - 0.5), (0, -10), bbox=over, **spot)


def _legend(sweep: Sweep) -> list[Any]:
    """A mark for each arm, and for each kind of loss; none where there is but one kind of mark."""
    from matplotlib.lines import Line2D

    def mark(label: str, shape: str, edge: str, face: str) -> Line2D:
        look: dict[str, Any] = {"marker": shape, "color": face, "markeredgecolor": edge}
        return Line2D([], [], linestyle="", label=label, **look)

    places = _places(sweep)
    marks = [
        mark(labels.shortened(arm, 24), marker(at), color(at), color(at)) for at, arm in places
    ]
    if not _with_losses(sweep):
        return marks if len(places) > 1 else []
    held = any(pair[1] is not None for each in sweep.settings for pair in each.losses.values())
    losses = [mark("loss in training", "o", MUTED, PAPER), mark("loss held out", "o", MUTED, MUTED)]
    return [*marks, *losses[: 2 if held else 1]]
