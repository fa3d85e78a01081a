"""Whether the effect is the same for all kinds of users."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from abbotify.stats.contrast import (
    Contrast,
    Estimate,
    difference,
    joined_notes,
    relative,
    variance_of_difference,
)
from abbotify.stats.multiplicity import benjamini_hochberg


@dataclass(frozen=True)
class SegmentEffect:
    """One treatment's effect among the users of a segment; columns as those of `Effect`.

    Attributes:
        arm: the treatment.
        metric: its name.
        segment: its name.
        n_control: users behind it.
        n_treatment: likewise.
        effect: treatment - control, in the metric's units.
        lower: Welch's interval, of this segment alone.
        upper: likewise.
        relative_effect: per cent of the segment's |control mean|.
        relative_lower: Fieller's interval.
        relative_upper: likewise.
        p_value: two-sided, of this segment alone.
        p_adjusted: by Benjamini and Hochberg over the segments; None where undefined.
        note: empty, or what a reader has to know.
    """

    arm: str
    metric: str
    segment: str
    n_control: int
    n_treatment: int
    effect: float | None
    lower: float | None
    upper: float | None
    relative_effect: float | None
    relative_lower: float | None
    relative_upper: float | None
    p_value: float | None
    p_adjusted: float | None
    note: str = ""


@dataclass(frozen=True)
class SegmentTest:
    """Whether one treatment's effect is the same in all segments.

    Attributes:
        arm: the treatment.
        metric: its name.
        statistic: Cochran's Q over segments with a variance; None with fewer than two of them.
        df: its degrees of freedom: those segments less one.
        p_value: chance of effects at least as unlike, were they one.
        note: why there is no test, else empty.
    """

    arm: str
    metric: str
    statistic: float | None
    df: int | None
    p_value: float | None
    note: str = ""


def heterogeneity(
    pairs: Mapping[str, tuple[Estimate, Estimate]], alpha: float, arm: str = "", metric: str = ""
) -> tuple[tuple[SegmentEffect, ...], SegmentTest]:
    """The effects by segment and the Wald test that treatment and segment do not interact.

    In the model `y ~ T * segment` each segment has its own effect with its own HC2 error, and the
    test of all interactions at once is Cochran's Q.

    Args:
        pairs: Segment -> (control, treatment), estimates over that segment's users alone, which
            share no errors (not adjusted over all segments together).
        alpha: Two-sided level of the segments' intervals, which are not simultaneous.
        arm: The treatment's name.
        metric: The metric's name.

    Raises:
        ValueError: When alpha is not strictly between 0 and 1, or estimates share errors.

    Source: Cochran (1954), Biometrics 10; Benjamini, Hochberg (1995), JRSS B 57.
    """
    if any(any(estimate.common) for pair in pairs.values() for estimate in pair):
        raise ValueError("segments' estimates must be independent of each other")
    contrasts = {name: difference(*pair, alpha) for name, pair in pairs.items()}
    adjusted = benjamini_hochberg([contrast.p_value for contrast in contrasts.values()])
    rows = tuple(
        _row(arm, metric, name, pairs[name], contrast, p, alpha)
        for (name, contrast), p in zip(contrasts.items(), adjusted, strict=True)
    )
    tested = [name for name, contrast in contrasts.items() if contrast.p_value is not None]
    if len(tested) < 2:
        note = "fewer than two segments with a variance: no test"
        return rows, SegmentTest(arm, metric, None, None, None, note)
    effects = [contrasts[name].effect or 0.0 for name in tested]
    statistic = cochran_q(effects, [variance_of_difference(*pairs[name]) for name in tested])
    df = len(tested) - 1
    return rows, SegmentTest(arm, metric, statistic, df, _chi2_above(statistic, df))


def _row(
    arm: str,
    metric: str,
    segment: str,
    pair: tuple[Estimate, Estimate],
    contrast: Contrast,
    p_adjusted: float | None,
    alpha: float,
) -> SegmentEffect:
    lift = relative(*pair, alpha)
    return SegmentEffect(
        arm=arm,
        metric=metric,
        segment=segment,
        n_control=pair[0].n,
        n_treatment=pair[1].n,
        effect=contrast.effect,
        lower=contrast.lower,
        upper=contrast.upper,
        relative_effect=lift.effect,
        relative_lower=lift.lower,
        relative_upper=lift.upper,
        p_value=contrast.p_value,
        p_adjusted=p_adjusted,
        note=joined_notes(contrast.note, lift.note),
    )


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
    segments = np.searchsorted(np.asarray(bounds), column, side="left").astype(np.int64)
    return np.where(np.isnan(column), -1, segments)


def _chi2_above(statistic: float, df: int) -> float:
    from scipy.special import chdtrc

    return float(chdtrc(df, statistic))
