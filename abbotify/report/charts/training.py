"""The charts of why an arm wins: what is heard by position in the session, and its training.

Every number drawn is in the result; nothing is estimated here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from abbotify.progress import Epoch
from abbotify.report.charts.axes import color, heading, linestyle, marker, panel, ticks
from abbotify.report.charts.svg import PAPER
from abbotify.report.result import Result
from abbotify.report.result_rows import Training
from abbotify.report.text import numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDE_RANGE: Final = 20.0
"""Losses whose largest is so many times the smallest are drawn on a logarithmic scale."""

_MOST_FAINT: Final = 60  # earlier trainings drawn, the latest ones of each arm

Curves = list[
    tuple[int, tuple[Training, ...]]
]  # position of an arm, its trainings that have passes


def by_position(result: Result) -> str | None:
    """Mean listened fraction of each arm by step of the session; None when unknown."""
    drawn = [(at, arm.by_position) for at, arm in enumerate(result.arms) if arm.by_position]
    if not drawn:
        return None
    last = max(positions[-1].step for _, positions in drawn)

    def paint(axes: Axes) -> None:
        for at, positions in drawn:
            x, y = [each.step for each in positions], [each.mean for each in positions]
            _line(axes, at, x, y, marks=-(-len(x) // 12))
        _whole_numbers(axes, last)
        ticks(axes.yaxis, 7, scale=100.0, unit="%")
        axes.set_xlabel("Recommended track of the session")
        heading(axes, "Listened fraction")

    return panel(
        paint,
        name="by-position",
        title="Listened fraction by position in the session, of each arm",
        description="Mean share of a track that is heard, by its place among the recommended "
        f"tracks of a session, from 1 to {last}.",
    )


def training(result: Result) -> str | None:
    """Losses by pass of each arm that learns; None when no training has passes."""
    drawn = curves(result)
    if not drawn:
        return None

    def paint(axes: Axes) -> None:
        if logarithmic(result):
            axes.set_yscale("log")
        for at, trainings in drawn:
            for earlier in trainings[-1 - _MOST_FAINT // len(drawn) : -1]:
                _faint(axes, at, earlier.curve)
        for at, trainings in drawn:
            _losses(axes, at, trainings[-1])
        _whole_numbers(axes, max(_last(trainings) for _, trainings in drawn))
        _loss_ticks(axes)
        axes.set_xlabel("Pass over the training data")
        heading(axes, "Loss")

    return panel(
        paint,
        name="training",
        left=60,
        title="Loss of each trained arm by pass",
        description="Loss over what was trained on and, where something was held out, over that.",
    )


def curves(result: Result) -> Curves:
    """The arms that have a training with passes: their positions and these trainings."""
    found = [
        (at, tuple(each for each in arm.trainings or () if each.curve))
        for at, arm in enumerate(result.arms)
    ]
    return [(at, trainings) for at, trainings in found if trainings]


def logarithmic(result: Result) -> bool:
    """Whether losses are drawn on a logarithmic scale: all positive, and of a wide range."""
    losses = [
        loss
        for _, trainings in curves(result)
        for epoch in trainings[-1].curve
        for loss in (epoch.loss, epoch.validation)
        if loss is not None
    ]
    faint = [
        loss
        for _, trainings in curves(result)
        for each in trainings[:-1]
        for loss in _main(each.curve)[1]
    ]
    return min(losses + faint) > 0 and max(losses) >= _WIDE_RANGE * min(losses)


def _line(axes: Axes, at: int, x: Sequence[int], y: Sequence[float], marks: int) -> None:
    axes.plot(
        x,
        y,
        color=color(at),
        linestyle=linestyle(at),
        linewidth=2,
        marker=marker(at),
        markersize=7,
        markevery=marks,
        markeredgecolor=PAPER,
        markeredgewidth=1.2,
    )


def _losses(axes: Axes, at: int, training: Training) -> None:
    """Thin what was trained on; thick what was held out, marked where it is least."""
    curve = training.curve
    passes, losses = [epoch.number for epoch in curve], [epoch.loss for epoch in curve]
    alone = marker(at) if len(curve) == 1 else None
    axes.plot(
        passes,
        losses,
        color=color(at),
        linestyle=linestyle(at),
        linewidth=1.1,
        marker=alone,
        markersize=4,
    )
    if training.best is None or training.best.validation is None:
        return
    axes.plot(*_main(curve), color=color(at), linestyle=linestyle(at), linewidth=2.4)
    axes.plot(
        [training.best.number],
        [training.best.validation],
        color=color(at),
        marker=marker(at),
        markersize=9,
        markeredgecolor=PAPER,
        markeredgewidth=1.2,
    )


def _faint(axes: Axes, at: int, curve: Sequence[Epoch]) -> None:
    axes.plot(*_main(curve), color=color(at), linestyle=linestyle(at), linewidth=1.1, alpha=0.3)


def _main(curve: Sequence[Epoch]) -> tuple[list[int], list[float]]:
    """Passes and losses over what was held out; over what was trained on, where nothing was."""
    held = [(each.number, each.validation) for each in curve if each.validation is not None]
    pairs = held or [(each.number, each.loss) for each in curve]
    return [number for number, _ in pairs], [loss for _, loss in pairs]


def _last(trainings: Sequence[Training]) -> int:
    return max(each.curve[-1].number for each in trainings)


def _whole_numbers(axes: Axes, last: int) -> None:
    """Ticks at 1 and at round whole numbers up to the last."""
    from matplotlib.ticker import FixedLocator

    powers = [10**power for power in range(len(str(last)))]
    steps = [digit * power for power in powers for digit in (1, 2, 5)]
    step = next((each for each in steps if last <= each * 10), steps[-1])
    places = sorted({1, *range(step, last + 1, step)})
    axes.set_xlim(1 - 0.02 * max(last - 1, 10), last + 0.02 * max(last - 1, 10))
    axes.xaxis.set_major_locator(FixedLocator(places))
    axes.set_xticklabels([numbers.count(place) for place in places])


def _loss_ticks(axes: Axes) -> None:
    if axes.get_yscale() != "log":
        ticks(axes.yaxis, 7)
        return
    from matplotlib.ticker import FixedLocator, NullLocator

    low, high = axes.get_ylim()
    exponents = range(int(f"{low:e}".partition("e")[2]), int(f"{high:e}".partition("e")[2]) + 1)
    digits = (1, 2, 5) if len(exponents) <= 3 else (1,)
    # Written out, since digit * 10**exponent is not the nearest float.
    values = [float(f"{digit}e{exponent}") for exponent in exponents for digit in digits]
    inside = [value for value in values if low <= value <= high]
    axes.yaxis.set_major_locator(FixedLocator(inside))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_yticklabels([_short(value) for value in inside])


def _short(value: float) -> str:
    small = value < 1e-4
    return f"{value:.0e}" if small else numbers.number(value, max(numbers.decimals(value) - 1, 0))
