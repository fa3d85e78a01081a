"""The picture of a validation: rates of false positives and coverage, each in its band."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from abbotify.report import rounding
from abbotify.report.drawing import axes_within, ticks
from abbotify.report.svg import ARMS, INK, MUTED, RULE, inline_svg
from abbotify.studies.characteristics import Characteristic
from abbotify.studies.validation import rates, view
from abbotify.studies.validation.results import Validation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH: Final = 960
_NAMES: Final = 330.0  # pixels
_HALF: Final = (_WIDTH - _NAMES) / 2
_LINE: Final = 21.0  # pixels of a row
_MOST: Final = 70  # rows; with more only the metrics that decide

_LOOKS: Final = (
    ("o", ARMS[1], ARMS[1], "promised, in its band"),
    ("D", ARMS[2], ARMS[2], "promised, outside its band"),
    ("o", "none", MUTED, "not promised"),
)


def picture(found: Validation) -> str:
    """Every method and metric in a line: its two rates, with the bands they are expected in."""
    lines = [(place, of) for place, of in view.grouped(found).items()]
    if len(lines) > _MOST:
        lines = [each for each in lines if each[0][0].partition(":")[0] in found.success]
    height = len(lines) * _LINE + 110

    # Wide enough for bands; what lies far out is written at the edge.
    ends = {rates.FALSE_POSITIVES: (0.0, 3 * found.alpha), rates.COVERAGE: (1 - 3 * found.alpha, 1)}

    def paint(figure: Figure) -> None:
        left = axes_within(figure, left=_NAMES, right=_HALF + 24, top=52, bottom=46)
        right = axes_within(figure, left=_NAMES + _HALF + 12, right=36, top=52, bottom=46)
        for axes, quantity in ((left, rates.FALSE_POSITIVES), (right, rates.COVERAGE)):
            _panel(axes, [of.get(quantity) for _, of in lines], ends[quantity])
            axes.set_xlabel(quantity.replace("_rate", "s").replace("_", " "))
            axes.set_yticks(range(len(lines)), [""] * len(lines))
        left.set_yticklabels([_name(*place) for place, _ in lines])
        _legend(figure)

    return inline_svg(
        paint,
        name="validation",
        width=_WIDTH,
        height=height,
        title="Rates of false positives and coverage, by metric and method",
        description="A point is the measured rate, the bar behind it the band it is expected in.",
    )


def _name(metric: str, method: str) -> str:
    return f"{view.about(metric)} · {view.method(method)}"


def _panel(axes: Any, column: list[Characteristic | None], ends: tuple[float, float]) -> None:
    axes.grid(visible=False)
    axes.set_xlim(*ends)
    axes.set_ylim(len(column) - 0.4, -0.6)
    for place, one in enumerate(column):
        if one is not None and one.measured is not None:
            _line(axes, place, one, one.measured, ends)
    ticks(axes.xaxis, 5, scale=100, unit="%")


def _line(
    axes: Any, place: int, one: Characteristic, measured: float, ends: tuple[float, float]
) -> None:
    shape, face, edge, _ = _LOOKS[_look(one)]
    if not ends[0] <= measured <= ends[1]:
        high = measured > ends[1]
        side, shift, arrow = (ends[1], (-12, 0), ">") if high else (ends[0], (12, 0), "<")
        text = rounding.percent(measured)
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


def _legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], linestyle="", marker=shape, markerfacecolor=face, color=edge, label=label)
        for shape, face, edge, label in _LOOKS
    ]
    figure.legend(handles=marks, loc="upper left", frameon=False, ncols=3)
