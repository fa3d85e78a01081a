"""The charts of why an arm wins: what is heard by position in the session, and its training.

Every number drawn is in the result; nothing is estimated here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from abbotify.progress import Epoch
from abbotify.report.charts.axes import Axis
from abbotify.report.charts.lines import Series, line_chart
from abbotify.report.result import Result
from abbotify.report.result_rows import Training

_MARKS: Final = 12  # of a line, at the most

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
    return line_chart(
        [
            Series(
                [each.step for each in positions],
                [each.mean for each in positions],
                at,
                dots=-(-len(positions) // _MARKS),
            )
            for at, positions in drawn
        ],
        Axis("Recommended track of the session", whole=True, limits=(1, last)),
        Axis("Listened fraction", unit="%", scale=100.0),
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

    faint = [
        Series(*_main(earlier.curve), at, width=1.1, alpha=0.3)
        for at, trainings in drawn
        for earlier in trainings[-1 - _MOST_FAINT // len(drawn) : -1]
    ]
    latest = [each for at, trainings in drawn for each in _losses(at, trainings[-1])]
    last = max(each.curve[-1].number for _, trainings in drawn for each in trainings)
    return line_chart(
        [*faint, *latest],
        Axis("Pass over the training data", whole=True, limits=(1, last)),
        Axis("Loss", log=logarithmic(result)),
        name="training",
        title="Loss of each trained arm by pass",
        description="Loss over what was trained on and, where something was held out, over that.",
    )


def curves(result: Result) -> Curves:
    """The arms that have a training with passes: their positions and these trainings."""
    by_arm = [
        (at, tuple(each for each in arm.trainings or () if each.curve))
        for at, arm in enumerate(result.arms)
    ]
    return [(at, trainings) for at, trainings in by_arm if trainings]


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


def _losses(at: int, training: Training) -> list[Series]:
    """Thin what was trained on; thick what was held out, marked where it is least."""
    curve, best = training.curve, training.best
    passes, losses = [epoch.number for epoch in curve], [epoch.loss for epoch in curve]
    thin = Series(passes, losses, at, width=1.1)
    if best is None or best.validation is None:
        return [thin]
    thick = Series(*_main(curve), at, width=2.4)
    return [thin, thick, Series([best.number], [best.validation], at)]


def _main(curve: Sequence[Epoch]) -> tuple[list[int], list[float]]:
    """Passes and losses over what was held out; over what was trained on, where nothing was."""
    held = [(each.number, each.validation) for each in curve if each.validation is not None]
    pairs = held or [(each.number, each.loss) for each in curve]
    return [number for number, _ in pairs], [loss for _, loss in pairs]
