"""An arm's pictures as plain data: distribution, survival, positions, days, most played tracks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from abbotify import stats
from abbotify.metrics import histogram
from abbotify.metrics.play_counts import Counts
from abbotify.metrics.session_totals import SessionTotals
from abbotify.report.result_rows import Day, Distribution, Position, TopTrack
from abbotify.stats.survival import Survival

TOP: Final = 10
FEWEST: Final = 50  # sessions behind a mean by position; with fewer, a curve is noise
LONGEST: Final = 1000  # a longer curve keeps only its steps, which say as much


def distributions(
    metric: str, groups: Sequence[Sequence[npt.NDArray[np.float64]]]
) -> list[Distribution | None]:
    """The histogram of each arm over common edges; None for all when there is no value.

    Args:
        metric: its name.
        groups: the values of each arm, float64 in parts, finite.
    """
    parts = [part for group in groups for part in group]
    pooled = np.concatenate(parts) if parts else np.empty(0)
    if not len(pooled):
        return [None] * len(groups)
    edges = histogram.edges(pooled)
    return [Distribution(metric, edges, _counts(group, edges)) for group in groups]


def _counts(parts: Sequence[npt.NDArray[np.float64]], edges: tuple[float, ...]) -> tuple[int, ...]:
    total = np.zeros(len(edges) - 1, np.int64)
    for part in parts:
        total += histogram.counts(part, edges)
    return tuple(total.tolist())


def survival(sessions: SessionTotals, arm: int) -> Survival | None:
    """The Kaplan-Meier curve of an arm's sessions; None without sessions."""
    curve = stats.kaplan_meier(_dense(sessions.ended[arm]), _dense(sessions.cut[arm]))
    if not curve.tracks:
        return None
    if len(curve.tracks) <= LONGEST:
        return Survival(curve.tracks, curve.alive)
    alive = np.array(curve.alive)
    kept = np.flatnonzero(np.r_[True, alive[1:] != alive[:-1]])
    kept = np.union1d(kept, [len(alive) - 1])
    return Survival(tuple(kept.tolist()), tuple(alive[kept].tolist()))


def _dense(counts: Counts) -> list[int]:
    lengths, numbers = counts
    dense = np.zeros(int(lengths[-1]) + 1 if len(lengths) else 0, np.int64)
    dense[lengths] = numbers
    by_length: list[int] = dense.tolist()
    return by_length


def positions(sessions: SessionTotals, arm: int) -> tuple[Position, ...] | None:
    """The mean listened fraction of an arm at each step; None when too few got to the first."""
    return (
        tuple(
            Position(step, plays, hundredths / 100 / plays)
            for step, (plays, hundredths) in enumerate(sessions.heard[arm].tolist(), 1)
            if plays >= FEWEST
        )
        or None
    )


def daily(sessions: SessionTotals, arm: int, alpha: float) -> tuple[Day, ...]:
    """An arm's days: the mean over the day's users, and the effect against the control (arm 0)."""
    nothing = stats.Moments.empty(1)
    return tuple(
        _day(
            day,
            sessions.daily.get((day, arm), nothing),
            sessions.daily.get((day, 0), nothing) if arm else None,
            alpha,
        )
        for day in sessions.days
    )


def _day(day: int, moments: stats.Moments, control: stats.Moments | None, alpha: float) -> Day:
    mean = float(moments.mean[0]) if moments.n else None
    if control is None:
        return Day(day, moments.n, mean)
    contrast = stats.welch(control, moments, alpha)
    return Day(day, moments.n, mean, contrast.effect, contrast.lower, contrast.upper)


def top_tracks(
    sessions: SessionTotals, arm: int, titles: Callable[[int], tuple[str | None, str | None]] | None
) -> tuple[TopTrack, ...] | None:
    """The arm's most played tracks, the lower id first among equals; None without plays."""
    tracks, plays = sessions.plays[arm]
    if not len(tracks):
        return None
    total = int(plays.sum())
    best = np.lexsort((tracks, -plays))[:TOP]
    return tuple(
        TopTrack(
            track,
            *(titles(track) if titles is not None else (None, None)),
            plays=count,
            share=count / total,
        )
        for track, count in zip(tracks[best].tolist(), plays[best].tolist(), strict=True)
    )
