"""The charts of what arms did: users, sessions, positions, who comes back, and training.

Every number drawn is in the result; nothing is estimated here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from abbotify.progress import Epoch
from abbotify.report.charts.axes import Axis
from abbotify.report.charts.lines import Series, line_chart
from abbotify.report.result import Result
from abbotify.report.result_rows import Distribution, Training
from abbotify.report.text import numbers
from abbotify.report.text.labels import metric, with_unit
from abbotify.stats.survival import Survival

SINCE: Final = "Days since the first session in the experiment"

_SHOWN: Final = 0.995
"""Share of an arm's users or sessions a curve shows at least; a sentence gives the rest."""

_MARKS: Final = 12  # of a line, at the most

_WIDE_RANGE: Final = 20.0
"""Losses whose largest is so many times the smallest are drawn on a logarithmic scale."""

_MOST_FAINT: Final = 60  # earlier trainings drawn, the latest ones of each arm

Curves = list[
    tuple[int, tuple[Training, ...]]
]  # position of an arm, its trainings that have passes


def distribution(result: Result) -> str | None:
    """Share of each arm's users by the decision metric; None when no arm has it."""
    drawn = _histograms(result)
    if not drawn:
        return None
    first = drawn[0][1]
    label, right = metric(first.metric).label, _end(drawn)
    edges = [edge for edge in first.edges if edge <= right]
    shares = {at: _shares(each)[: len(edges) - 1].tolist() for at, each in drawn}
    return line_chart(
        [Series(edges, heights, at, bins=True) for at, heights in shares.items()],
        Axis(with_unit(f"{label} of a user", first.metric), limits=(edges[0], edges[-1])),
        Axis(
            "Share of users",
            unit="%",
            scale=100.0,
            limits=(0.0, 1.05 * max(map(max, shares.values()))),
        ),
        name="distribution",
        title=f"Distribution of {label.lower()} over the users of each arm",
        description=f"Share of users in each bin, drawn up to {_edge(first, right)}.",
    )


def curve_metric(result: Result) -> str:
    """The metric that the distribution and the days are about."""
    metrics = [arm.distribution.metric for arm in result.arms if arm.distribution is not None]
    return metrics[0] if metrics else "mean_time_per_session"


def beyond(result: Result) -> tuple[str, float] | None:
    """Where the drawn distribution ends, and the largest share of an arm's users beyond it."""
    drawn = _histograms(result)
    if not drawn:
        return None
    right = _end(drawn)
    above = [_shares(each)[np.array(each.edges[:-1]) >= right].sum() for _, each in drawn]
    return (_edge(drawn[0][1], right), float(max(above))) if max(above) > 0 else None


def _histograms(result: Result) -> list[tuple[int, Distribution]]:
    return [
        (at, arm.distribution)
        for at, arm in enumerate(result.arms)
        if arm.distribution is not None and sum(arm.distribution.counts) > 0
    ]


def _shares(histogram: Distribution) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Shares of an arm's users by bin."""
    return np.array(histogram.counts, np.float64) / sum(histogram.counts)


def _end(drawn: Sequence[tuple[int, Distribution]]) -> float:
    """Where the picture ends: with all but the last few users of each arm, within equal bins."""
    edges = drawn[0][1].edges
    usual = edges[1] - edges[0]
    wide = len(edges) > 2 and edges[-1] - edges[-2] > 1.01 * usual  # holds the tail
    return min(max(_crop(histogram) for _, histogram in drawn), edges[-2] if wide else edges[-1])


def _crop(histogram: Distribution) -> float:
    """The first edge with all but the last few of the users below it."""
    enough = np.cumsum(histogram.counts) >= _SHOWN * sum(histogram.counts)
    return histogram.edges[1 + int(np.argmax(enough))]


def _edge(histogram: Distribution, value: float) -> str:
    """An edge with the digits by which bins differ."""
    return numbers.number(value, numbers.decimals(histogram.edges[1] - histogram.edges[0]))


def survival(result: Result) -> str | None:
    """Share of each arm's sessions that go on after so many tracks; None when unknown."""
    drawn = [
        (at, arm.survival)
        for at, arm in enumerate(result.arms)
        if arm.survival is not None and arm.survival.tracks
    ]
    if not drawn:
        return None
    last = max(_faded(curve) for _, curve in drawn)
    return line_chart(
        [Series(*_from_start(curve), at, step=True) for at, curve in drawn],
        Axis("Tracks played in the session", limits=(0.0, last)),
        Axis("Share of sessions", unit="%", scale=100.0, ticks=6, limits=(0.0, 1.02)),
        name="survival",
        title="Session survival of each arm",
        description="Share of sessions longer than the given number of tracks.",
    )


def _from_start(curve: Survival) -> tuple[Sequence[float], Sequence[float]]:
    """The curve from its start: every session has more than zero tracks."""
    if curve.tracks[0] <= 0:
        return curve.tracks, curve.alive
    return (0, *curve.tracks), (1.0, *curve.alive)


def _faded(curve: Survival) -> int:
    """The number of tracks after which hardly a session goes on."""
    points = zip(curve.tracks, curve.alive, strict=True)
    gone = (tracks for tracks, alive in points if alive <= 1 - _SHOWN)
    return max(next(gone, curve.tracks[-1]), 1)


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
        description="Mean listened fraction of a track, by its place among the recommended "
        f"tracks of a session, from 1 to {last}.",
    )


def retention(result: Result) -> str | None:
    """Share of users who have come back by each day, and of those there on it; None if unknown."""
    drawn = [(at, arm.retention) for at, arm in enumerate(result.arms) if arm.retention is not None]
    series = [
        Series(known.days, shares, at, width=width)
        for at, known in drawn
        for shares, width in ((known.active, 1.1), (known.returned, 2.2))
        if known.days
    ]
    if not series:
        return None
    return line_chart(
        series,
        Axis(SINCE, whole=True),
        Axis("Share of users", unit="%", scale=100.0, ticks=6, limits=(0.0, 1.02)),
        name="retention",
        title="Return of the users of each arm",
        description="Thick: share of users who have come back by then. Thin: active on that day.",
    )


def training(result: Result) -> str | None:
    """Losses by epoch of each arm that learns; None when no training has epochs."""
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
        Axis("Epoch", whole=True, limits=(1, last)),
        Axis("Loss", log=logarithmic(result)),
        name="training",
        title="Loss of each trained arm by epoch",
        description="Training loss and, where data were held out, held-out loss.",
    )


def curves(result: Result) -> Curves:
    """The arms that have a training with epochs: their positions and these trainings."""
    by_arm = [
        (at, tuple(each for each in arm.trainings or () if each.curve))
        for at, arm in enumerate(result.arms)
    ]
    return [(at, trainings) for at, trainings in by_arm if trainings]


def logarithmic(result: Result) -> bool:
    """Whether losses are drawn on a logarithmic scale: all positive, and of a wide range."""
    arms = [trainings for _, trainings in curves(result)]
    latest = [epoch for trainings in arms for epoch in trainings[-1].curve]
    losses = [loss for each in latest for loss in (each.loss, each.validation) if loss is not None]
    earlier = [each for trainings in arms for each in trainings[:-1]]
    faint = [loss for each in earlier for loss in _main(each.curve)[1]]
    return min(losses + faint) > 0 and max(losses) >= _WIDE_RANGE * min(losses)


def _losses(at: int, training: Training) -> list[Series]:
    """Thin the training loss; thick the held-out loss, marked where it is least."""
    curve, best = training.curve, training.best
    thin = Series([epoch.number for epoch in curve], [epoch.loss for epoch in curve], at, width=1.1)
    if best is None or best.validation is None:
        return [thin]
    thick = Series(*_main(curve), at, width=2.4)
    return [thin, thick, Series([best.number], [best.validation], at)]


def _main(curve: Sequence[Epoch]) -> tuple[list[int], list[float]]:
    """Epochs and their held-out losses; training losses where nothing was held out."""
    held = [(each.number, each.validation) for each in curve if each.validation is not None]
    pairs = held or [(each.number, each.loss) for each in curve]
    return [number for number, _ in pairs], [loss for _, loss in pairs]
