"""The charts of curves, each a function of the result that returns inline SVG.

Every number drawn is in the result; nothing is estimated here.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from abbotify.report.charts.axes import DENSE, Axis, Line, beside
from abbotify.report.charts.bars import bar_chart
from abbotify.report.charts.lines import Series, line_chart
from abbotify.report.result import Result
from abbotify.report.result_rows import Distribution
from abbotify.report.text import numbers
from abbotify.report.text.labels import clean, metric, with_unit
from abbotify.stats.survival import Survival

_SHOWN = 0.995
"""Share of an arm's users or sessions a curve shows at least; a sentence gives the rest."""


def distribution(result: Result) -> str | None:
    """Share of each arm's users by the decision metric; None when no arm has it."""
    drawn = _histograms(result)
    if not drawn:
        return None
    label = metric(drawn[0][1].metric).label
    right = _end(drawn)

    edges = [edge for edge in drawn[0][1].edges if edge <= right]
    return bar_chart(
        edges,
        [(at, _shares(histogram, len(edges) - 1)) for at, histogram in drawn],
        Axis(with_unit(f"{label} of a user", drawn[0][1].metric)),
        Axis("Share of users", unit="%", scale=100.0),
        name="distribution",
        title=f"Distribution of {label.lower()} over the users of each arm",
        description=f"Share of users in each bin, drawn up to {_edge(drawn[0][1], right)}.",
    )


def survival(result: Result) -> str | None:
    """Share of each arm's sessions that go on after so many tracks; None when unknown."""
    drawn = [
        (at, arm.survival)
        for at, arm in enumerate(result.arms)
        if arm.survival is not None and arm.survival.tracks
    ]
    if not drawn:
        return None

    curves = ((at, *_from_start(curve)) for at, curve in drawn)
    return line_chart(
        [Series(x, y, at, step=True) for at, x, y in curves],
        Axis(
            "Tracks played in the session",
            limits=(0.0, max(_faded(curve) for _, curve in drawn)),
        ),
        Axis("Share of sessions", unit="%", scale=100.0, ticks=6, limits=(0.0, 1.02)),
        name="survival",
        title="Session survival of each arm",
        description="Share of sessions longer than so many tracks.",
    )


def daily(result: Result) -> str | None:
    """Effect of each treatment by day, with intervals and the zero line; None when unknown."""
    drawn = [
        (at, arm)
        for at, arm in enumerate(result.arms)
        if not arm.control and any(day.effect is not None for day in arm.daily or ())
    ]
    if not drawn:
        return None
    dense = sum(len(arm.daily or ()) for _, arm in drawn) > DENSE
    series = []
    for rank, (at, arm) in enumerate(drawn):
        shift = 0.0 if dense else beside(rank, len(drawn))
        days = [day for day in arm.daily or () if day.effect is not None]
        series.append(
            Series(
                [day.day + shift for day in days],
                [day.effect or 0.0 for day in days],
                at,
                lower=[day.lower for day in days],
                upper=[day.upper for day in days],
                band=dense,
                dots=not dense,
                width=1.6 if dense else 1.0,
            )
        )
    return line_chart(
        series,
        Axis("Day of the run", whole=True),
        Axis(
            with_unit("Difference of the day", curve_metric(result)),
            sign=True,
            ticks=6,
            lines=(Line(0.0),),
        ),
        name="daily",
        title=f"Effect on {metric(curve_metric(result)).label.lower()} by day",
        description=f"Difference from {clean(result.control.name)} with intervals, by day.",
    )


def without_bar(result: Result) -> str:
    """The days that have no bar, and why, in a sentence; empty where all have one."""
    every = [day for arm in result.treatments for day in arm.daily or ()]
    bare = sorted({day.day for day in every if day.lower is None or day.upper is None})
    if not bare:
        return ""
    return (
        f"No bar on day {numbers.days(bare)}: an interval needs two users in each arm, whose "
        "values are not all alike."
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
    share = max(_above(histogram, right) for _, histogram in drawn)
    return (_edge(drawn[0][1], right), share) if share > 0 else None


def _histograms(result: Result) -> list[tuple[int, Distribution]]:
    return [
        (at, arm.distribution)
        for at, arm in enumerate(result.arms)
        if arm.distribution is not None and sum(arm.distribution.counts) > 0
    ]


def _end(drawn: Sequence[tuple[int, Distribution]]) -> float:
    """Where the picture ends: with all but the last few users of each arm, within equal bins."""
    edges = drawn[0][1].edges
    usual = edges[1] - edges[0]
    wide = len(edges) > 2 and edges[-1] - edges[-2] > 1.01 * usual  # holds the tail
    return min(max(_crop(histogram) for _, histogram in drawn), edges[-2] if wide else edges[-1])


def _edge(histogram: Distribution, value: float) -> str:
    """An edge with the digits by which bins differ."""
    return numbers.number(value, numbers.decimals(histogram.edges[1] - histogram.edges[0]))


def _crop(histogram: Distribution) -> float:
    """The first edge with all but the last few of the users below it."""
    total = sum(histogram.counts)
    below = accumulate(histogram.counts)
    return next(
        edge
        for edge, so_far in zip(histogram.edges[1:], below, strict=True)
        if so_far >= _SHOWN * total
    )


def _above(histogram: Distribution, right: float) -> float:
    beyond_it = [
        count
        for edge, count in zip(histogram.edges[:-1], histogram.counts, strict=True)
        if edge >= right
    ]
    return sum(beyond_it) / sum(histogram.counts)


def _shares(histogram: Distribution, bins: int) -> list[float]:
    """Shares of an arm's users in the first bins."""
    total = sum(histogram.counts)
    return [count / total for count in histogram.counts[:bins]]


def _from_start(curve: Survival) -> tuple[Sequence[float], Sequence[float]]:
    """The curve from its start: every session has more than zero tracks."""
    if curve.tracks[0] <= 0:
        return curve.tracks, curve.alive
    return (0, *curve.tracks), (1.0, *curve.alive)


def _faded(curve: Survival) -> int:
    """The number of tracks after which hardly a session goes on."""
    gone = [
        tracks
        for tracks, alive in zip(curve.tracks, curve.alive, strict=True)
        if alive <= 1 - _SHOWN
    ]
    return max(gone[0] if gone else curve.tracks[-1], 1)
