"""Whether the effect is the same for all kinds of users."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abbotify.stats.contrast import Contrast, Estimate, Lift, difference, relative
from abbotify.stats.contrast import variance_of_difference as variance_of
from abbotify.stats.multiplicity import benjamini_hochberg


@dataclass(frozen=True)
class SegmentEffect:
    """One segment's effect.

    Attributes:
        segment: Its name.
        difference: Treatment minus control among its users, with this segment's own p-value.
        lift: The same in per cent of the segment's |control|.
        p_adjusted: By Benjamini and Hochberg over the segments; None where undefined.
    """

    segment: str
    difference: Contrast
    lift: Lift
    p_adjusted: float | None


@dataclass(frozen=True)
class Heterogeneity:
    """The effects by segment, and the test that they are one.

    Attributes:
        segments: In the order given.
        statistic: Cochran's Q over segments with a variance; None with fewer than two of them.
        df: Its degrees of freedom: those segments less one.
        p_value: Chance of effects at least as unlike, were they one.
        note: Why there is no test, else empty.
    """

    segments: tuple[SegmentEffect, ...]
    statistic: float | None = None
    df: int | None = None
    p_value: float | None = None
    note: str = ""


def heterogeneity(pairs: Mapping[str, tuple[Estimate, Estimate]], alpha: float) -> Heterogeneity:
    """The effects by segment and the Wald test that treatment and segment do not interact.

    In the model `y ~ T * segment` each segment has its own effect with its own HC2 error, and the
    test of all interactions at once is Cochran's Q.

    Args:
        pairs: Segment -> (control, treatment), estimates over that segment's users alone, which
            share no errors (not adjusted over all segments together).
        alpha: Two-sided level of the segments' intervals, which are not simultaneous.

    Raises:
        ValueError: When alpha is not strictly between 0 and 1, or estimates share errors.

    Source: Cochran (1954), Biometrics 10; Benjamini, Hochberg (1995), JRSS B 57.
    """
    if any(any(arm.common) for pair in pairs.values() for arm in pair):
        raise ValueError("segments' estimates must be independent of each other")
    contrasts = {name: difference(*pair, alpha) for name, pair in pairs.items()}
    adjusted = benjamini_hochberg([one.p_value for one in contrasts.values()])
    rows = tuple(
        SegmentEffect(name, one, relative(*pairs[name], alpha), p)
        for (name, one), p in zip(contrasts.items(), adjusted, strict=True)
    )
    tested = [name for name, one in contrasts.items() if one.p_value is not None]
    if len(tested) < 2:
        return Heterogeneity(rows, note="fewer than two segments with a variance: no test")
    effects = [contrasts[name].effect or 0.0 for name in tested]
    statistic = cochran_q(effects, [variance_of(*pairs[name]) for name in tested])
    return Heterogeneity(rows, statistic, len(tested) - 1, _chi2_above(statistic, len(tested) - 1))


def cochran_q(effects: list[float], variances: list[float]) -> float:
    """The weighted squares of effects around their weighted mean; variances above 0."""
    weights = [1 / variance for variance in variances]
    pairs = list(zip(weights, effects, strict=True))
    middle = math.fsum(w * e for w, e in pairs) / math.fsum(weights)
    return math.fsum(w * (e - middle) ** 2 for w, e in pairs)


def segment_bounds(values: ArrayLike, segments: int) -> tuple[float, ...]:
    """Bounds that cut users into about equal segments by a value from before the experiment.

    Args:
        values: Shape (n,), of all arms' users together; NaN, for users without, is left out.
        segments: How many are wanted, at least 2.

    Returns:
        Strictly increasing, at most segments - 1 of them: fewer where many users are alike.

    Raises:
        ValueError: With fewer than 2 segments.
    """
    if segments < 2:
        raise ValueError(f"at least 2 segments are needed, got {segments}")
    column = np.asarray(values, dtype=np.float64)
    defined = column[~np.isnan(column)]
    if not len(defined):
        return ()
    shares = np.arange(1, segments) / segments
    bounds = np.unique(np.quantile(defined, shares, method="inverted_cdf"))
    return tuple(bounds[bounds < defined.max()].tolist())


def segment_of(values: ArrayLike, bounds: tuple[float, ...]) -> NDArray[np.int64]:
    """Each user's segment, 0 .. len(bounds), with bounds in the lower one; -1 where undefined."""
    column = np.asarray(values, dtype=np.float64)
    found = np.searchsorted(np.asarray(bounds), column, side="left").astype(np.int64)
    return np.where(np.isnan(column), -1, found)


def _chi2_above(statistic: float, df: int) -> float:
    from scipy.special import chdtrc

    return float(chdtrc(df, statistic))
