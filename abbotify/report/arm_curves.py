"""An arm's pictures as plain data: distribution, survival, positions, days, most played tracks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from abbotify import stats
from abbotify.metrics.session_totals import Counts, SessionTotals
from abbotify.report.result_rows import Day, Distribution, Position, TopTrack
from abbotify.stats.survival import Survival

TOP: Final = 10
MOST_BINS: Final = 60
_SHOWN: Final = 0.995  # share of the users in bins of equal width; the last bin holds the rest
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
    edges = bin_edges(pooled)
    return [Distribution(metric, edges, _counts(group, edges)) for group in groups]


def _counts(parts: Sequence[npt.NDArray[np.float64]], edges: tuple[float, ...]) -> tuple[int, ...]:
    total = np.zeros(len(edges) - 1, np.int64)
    for part in parts:
        total += np.histogram(part, edges)[0]
    return tuple(total.tolist())


def bin_edges(values: npt.NDArray[np.float64]) -> tuple[float, ...]:
    """The edges of a histogram: equal bins up to the 99.5th percentile, then one for the rest.

    Args:
        values: float64 (n,), finite, at least one; those of all arms together.

    Returns:
        ascending edges, every value between the first and the last.

    Source: Freedman, Diaconis (1981) for the width, 2 IQR / n^(1/3).
    """
    low, high, top = values.min(), np.quantile(values, _SHOWN), values.max()
    if not high > low:
        high = top
    smallest = 1e-9 * max(1.0, abs(low), abs(top))  # narrower bins would fall together
    if high - low <= MOST_BINS * smallest:
        margin = 0.5 * max(1.0, abs(low))
        return (float(low - margin), float(top + margin))
    quartiles = np.quantile(values, (0.25, 0.75))
    width = 2 * (quartiles[1] - quartiles[0]) / len(values) ** (1 / 3)
    bins = MOST_BINS - 1 if width <= 0 else min(MOST_BINS - 1, int(np.ceil((high - low) / width)))
    inner = np.linspace(low, high, bins + 1).tolist()
    return (*inner, float(top)) if top - high > smallest else (*inner[:-1], float(top))


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
            for step, (plays, hundredths) in enumerate(sessions.step_plays[arm].tolist(), 1)
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
