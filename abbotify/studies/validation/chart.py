"""The picture of a validation: rates of false positives and coverage, each in its band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from abbotify.report.charts.axes import axes_within, ticks
from abbotify.report.charts.svg import ARMS, INK, MUTED, RULE, inline_svg
from abbotify.report.text import numbers
from abbotify.studies.validation import rates, view
from abbotify.studies.validation.characteristics import Characteristic
from abbotify.studies.validation.results import Validation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST: Final = 70  # rows; with more only the metrics that decide


@dataclass(frozen=True)
class _Layout:
    """Where things stand, in pixels: names beside rows, or above them.

    Attributes:
        width: of all.
        names: of the column of names; 0 where they stand above.
        line: height of a row.
        top: above the rows, for the legend.
        ticks: intervals of an axis.
    """

    width: float
    names: float
    line: float
    top: float
    ticks: int

    @property
    def half(self) -> float:
        """Of what both panels share."""
        return (self.width - self.names) / 2


_WIDE: Final = _Layout(960, 330, 21, 52, 5)
_NARROW: Final = _Layout(380, 0, 44, 96, 3)

_LOOKS: Final = (
    ("o", ARMS[1], ARMS[1], "promised, in its band"),
    ("D", ARMS[2], ARMS[2], "promised, outside its band"),
    ("o", "none", MUTED, "not promised"),
)


def picture(found: Validation, narrow: bool = False) -> str:
    """Every method and metric in a line: its two rates, with the bands they are expected in."""
    layout = _NARROW if narrow else _WIDE
    lines = list(view.grouped(found).items())
    if len(lines) > _MOST:
        lines = [each for each in lines if each[0][0].partition(":")[0] in found.success]
    names = [_name(*place) for place, _ in lines]
    # Wide enough for bands; what lies far out is written at the edge.
    far = min(3 * found.alpha, 1.0)
    ends = {rates.FALSE_POSITIVES: (0.0, far), rates.COVERAGE: (1 - far, 1.0)}

    def paint(figure: Figure) -> None:
        for axes, quantity in zip(_panels(figure, layout), ends, strict=True):
            _panel(axes, [of.get(quantity) for _, of in lines], ends[quantity])
            ticks(axes.xaxis, layout.ticks, scale=100, unit="%")
            axes.set_xlabel(quantity.replace("_rate", "s").replace("_", " "))
            axes.set_yticks(range(len(lines)), [""] * len(lines))
        _write_names(figure.axes[0], names, layout)
        _legend(figure, 1 if narrow else 3)

    return inline_svg(
        paint,
        name="validation-narrow" if narrow else "validation",
        width=layout.width,
        height=len(lines) * layout.line + layout.top + 58,
        title="Rates of false positives and coverage, by metric and method",
        description="A point is the measured rate, the bar behind it the band it is expected in.",
    )


def _panels(figure: Figure, layout: _Layout) -> tuple[Any, Any]:
    left, middle = max(layout.names, 14.0), layout.names + layout.half
    return (
        axes_within(figure, left=left, right=layout.half + 32, top=layout.top, bottom=46),
        axes_within(figure, left=middle + 12, right=26, top=layout.top, bottom=46),
    )


def _write_names(axes: Any, names: list[str], layout: _Layout) -> None:
    if layout.names:
        axes.set_yticklabels(names)
        return
    for place, name in enumerate(names):
        axes.annotate(
            name, (0, place), (0, 13), textcoords="offset points", fontsize=12, color=MUTED,
            xycoords=axes.get_yaxis_transform(), va="center", annotation_clip=False,
        )  # fmt: skip


def _name(metric: str, method: str) -> str:
    return f"{view.about(metric)} · {view.method(method)}"


def _panel(axes: Any, column: list[Characteristic | None], ends: tuple[float, float]) -> None:
    axes.grid(visible=False)
    axes.set_xlim(*ends)
    axes.set_ylim(len(column) - 0.4, -0.6)
    for place, one in enumerate(column):
        if one is not None and one.measured is not None:
            _line(axes, place, one, one.measured, ends)


def _line(
    axes: Any, place: int, one: Characteristic, measured: float, ends: tuple[float, float]
) -> None:
    shape, face, edge, _ = _LOOKS[_look(one)]
    if not ends[0] <= measured <= ends[1]:
        high = measured > ends[1]
        side, shift, arrow = (ends[1], (-12, 0), ">") if high else (ends[0], (12, 0), "<")
        text = numbers.percent(measured)
        axes.plot(side, place, arrow, markerfacecolor=face, color=edge, markersize=6, clip_on=False)
        axes.annotate(
            text, (side, place), shift, textcoords="offset points", fontsize=11, color=MUTED,
            va="center", ha="right" if high else "left",
        )  # fmt: skip
        return
    if one.expected is not None and one.lower is not None and one.upper is not None:
        axes.plot([one.lower, one.upper], [place] * 2, color=RULE, linewidth=8)
        axes.plot(one.expected, place, "|", color=INK, markersize=8)
    axes.plot(measured, place, shape, markerfacecolor=face, color=edge, markersize=6, clip_on=False)


def _look(one: Characteristic) -> int:
    return 2 if not one.gated else 0 if one.within else 1


def _legend(figure: Figure, columns: int) -> None:
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], linestyle="", marker=shape, markerfacecolor=face, color=edge, label=label)
        for shape, face, edge, label in _LOOKS
    ]
    figure.legend(handles=marks, loc="upper left", frameon=False, ncols=columns)
