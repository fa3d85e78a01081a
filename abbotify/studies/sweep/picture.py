"""The picture of a sweep: effects with intervals above, losses below, a column for each setting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from abbotify.report import labels
from abbotify.report.drawing import axes_within, color, marker
from abbotify.report.svg import MUTED, inline_svg
from abbotify.studies.sweep.runs import Sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH: Final = 960


def picture(sweep: Sweep) -> str:
    """Effects with intervals above, losses below, one column for each setting."""
    with_losses = any(setting.losses for setting in sweep.settings)

    def paint(figure: Figure) -> None:
        bottom = 285.0 if with_losses else 110.0
        upper = axes_within(figure, left=70, right=14, top=14, bottom=bottom)
        upper.axhline(0, color=MUTED, linewidth=1.2)
        for at, arm in _places(sweep):
            _effects(upper, sweep, arm, at)
        upper.set_ylabel("effect, %")
        lowest = upper
        if with_losses:
            lowest = axes_within(figure, left=70, right=14, top=275, bottom=95)
            _draw_losses(lowest, sweep)
            upper.set_xticks(range(len(sweep.settings)), [""] * len(sweep.settings))
        names = [" · ".join(setting.values) for setting in sweep.settings]
        lowest.set_xticks(range(len(names)), names, rotation=35, ha="right")
        upper.set_xlim(-0.6, len(names) - 0.4)
        lowest.set_xlim(-0.6, len(names) - 0.4)
        if len(sweep.moved) > 1 or with_losses:
            upper.legend(frameon=False, ncols=4, loc="best")

    return inline_svg(
        paint,
        name="sweep",
        width=_WIDTH,
        height=540 if with_losses else 400,
        title=f"Effect on {labels.metric(sweep.metric).label.lower()} by setting",
        description="Relative effects with intervals for every setting, and losses of training.",
    )


def _places(sweep: Sweep) -> list[tuple[int, str]]:
    """The arms drawn, each with its place in the experiment, which gives it its look."""
    return [(at, arm) for at, arm in enumerate(sweep.arms, 1) if arm in sweep.moved]


def _effects(axes: Any, sweep: Sweep, arm: str, at: int) -> None:
    shift, labelled = (sweep.moved.index(arm) - (len(sweep.moved) - 1) / 2) * 0.12, False
    for place, setting in enumerate(sweep.settings):
        effect = sweep.effect(setting, arm)
        if effect is None or effect.relative_effect is None:
            continue
        ends = (effect.relative_lower, effect.relative_upper)
        if None not in ends:
            axes.plot([place + shift] * 2, ends, color=color(at), linewidth=2)
        axes.plot(
            place + shift, effect.relative_effect, marker(at), color=color(at), markersize=7,
            label=None if labelled else labels.clean(arm),
        )  # fmt: skip
        labelled = True


def _draw_losses(axes: Any, sweep: Sweep) -> None:
    for at, arm in _places(sweep):
        for which, look in ((0, ":"), (1, "-")):
            points = [
                (place, value)
                for place, setting in enumerate(sweep.settings)
                if (value := setting.losses.get(arm, (None, None))[which]) is not None
            ]
            if points:
                axes.plot(
                    *zip(*points, strict=True), linestyle=look, marker=marker(at), color=color(at),
                    label="validation" if which else "training",
                )  # fmt: skip
    axes.set_ylabel("loss")
    axes.legend(frameon=False, loc="best")
