"""Whether the effect is the same for all kinds of users, and on all days since they first met it.

For days, one aggregate per arm carries everything: moments of the users' values by day since
exposure. They know how the days of one user hang together, which a regression over daily effects
does not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from abbotify.stats.contrast import (
    Contrast,
    Estimate,
    Lift,
    difference,
    relative,
    variance_of_difference,
)
from abbotify.stats.effects import compared
from abbotify.stats.moments import Floats, Moments
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
    from scipy.special import chdtrc

    if any(any(estimate.common) for pair in pairs.values() for estimate in pair):
        raise ValueError("segments' estimates must be independent of each other")
    contrasts = {name: difference(*pair, alpha) for name, pair in pairs.items()}
    adjusted = benjamini_hochberg([contrast.p_value for contrast in contrasts.values()])
    rows = tuple(
        SegmentEffect(
            arm=arm,
            metric=metric,
            segment=name,
            **compared((pair[0].n, pair[1].n), contrast, relative(*pair, alpha)),
            p_adjusted=p,
        )
        for (name, pair), contrast, p in zip(
            pairs.items(), contrasts.values(), adjusted, strict=True
        )
    )
    tested = [name for name, contrast in contrasts.items() if contrast.p_value is not None]
    if len(tested) < 2:
        note = "fewer than two segments with a variance: no test"
        return rows, SegmentTest(arm, metric, None, None, None, note)
    effects = [contrasts[name].effect or 0.0 for name in tested]
    statistic = cochran_q(effects, [variance_of_difference(*pairs[name]) for name in tested])
    df = len(tested) - 1
    return rows, SegmentTest(arm, metric, statistic, df, float(chdtrc(df, statistic)))


def cochran_q(effects: list[float], variances: list[float]) -> float:
    """The weighted squares of effects around their weighted mean; variances above 0."""
    weights = [1 / variance for variance in variances]
    pairs = list(zip(weights, effects, strict=True))
    middle = math.fsum(w * e for w, e in pairs) / math.fsum(weights)
    return math.fsum(w * (e - middle) ** 2 for w, e in pairs)


@dataclass(frozen=True)
class Novelty:
    """The effect by day since exposure, and its trend.

    Attributes:
        days: Treatment minus control on each day.
        lifts: The same in per cent of |control|.
        trend: Slope of the effect, units of the metric per day.
        relative_trend: Slope of the lift, per cent per day (100 x the slope of the logarithm of
            treatment / control): 0 for a constant lift over a control that itself changes. None
            where a day's mean is not positive.
        fading: Whether the lift significantly moves towards 0, from the sign that its mean over
            all days has; None without a relative trend: an absolute effect falls with the
            control's own mean, as it does where everybody comes on day 0 and few come later.
    """

    days: tuple[Contrast, ...]
    lifts: tuple[Lift, ...]
    trend: Contrast
    relative_trend: Contrast
    fading: bool | None


def novelty(control: Moments, treatment: Moments, alpha: float) -> Novelty:
    """Daily effects and the tests of their trend.

    Args:
        control: k variables, the user's value on day 0, ..., k - 1 since the first exposure; only
            users who have all k days behind them, a day without sessions counting as 0.
        treatment: Likewise.
        alpha: Two-sided level of each test and interval.

    Raises:
        ValueError: On fewer than two days, arms with unlike numbers of days, or a wrong alpha.

    Source: each user's least-squares slope, compared by Welch (1947); relative: delta method.
    """
    k = len(control.mean)
    if k < 2 or len(treatment.mean) != k:
        both = f"{k} and {len(treatment.mean)}"
        raise ValueError(f"a trend takes two days or more, as many in both arms, got {both}")
    arms = (control, treatment)
    daily = [(combined(control, day), combined(treatment, day)) for day in np.eye(k)]
    slope = _slope_weights(k)
    trend = difference(combined(control, slope), combined(treatment, slope), alpha)
    logs = [_log_slope(arm, slope) for arm in arms]
    relative_trend = difference(logs[0], logs[1], alpha)
    overall = [combined(arm, np.full(k, 1 / k)).value or 0.0 for arm in arms]
    return Novelty(
        tuple(difference(control, treatment, alpha) for control, treatment in daily),
        tuple(relative(control, treatment, alpha) for control, treatment in daily),
        trend,
        relative_trend,
        _fading(overall[1] - overall[0], relative_trend, alpha),
    )


def combined(moments: Moments, weights: Sequence[float] | Floats) -> Estimate:
    """The mean over users of a weighted sum of their variables.

    Exactly what `mean` gives for that sum: a week's mean, a slope, a single day.

    Args:
        moments: k variables.
        weights: Shape (k,).
    """
    if moments.n == 0:
        return Estimate(0, None, None, "no users with all days behind them")
    row = np.asarray(weights, dtype=np.float64)
    value = float((row * moments.mean).sum())
    if moments.n == 1:
        return Estimate(1, value, None, "one user: no variance")
    squares = float((np.outer(row, row) * moments.comoments).sum())
    return Estimate(moments.n, value, max(0.0, squares) / (moments.n - 1) / moments.n)


def _slope_weights(days: int) -> Floats:
    """Weights whose sum with a line's values is its slope per day."""
    centred = np.arange(days) - (days - 1) / 2
    return centred / (centred * centred).sum()


def _log_slope(moments: Moments, slope: Floats) -> Estimate:
    """The slope of 100 log(mean of the day), its variance by the delta method."""
    if moments.n and not (moments.mean > 0).all():
        return Estimate(moments.n, None, None, "a day's mean is not positive")
    weights = 100 * slope / np.where(moments.mean > 0, moments.mean, 1.0)
    estimate = combined(moments, weights)
    if estimate.value is None:
        return estimate
    return replace(estimate, value=100 * float((slope * np.log(moments.mean)).sum()))


def _fading(overall: float, trend: Contrast, alpha: float) -> bool | None:
    if trend.effect is None or trend.p_value is None:
        return None
    return trend.p_value < alpha and trend.effect * overall < 0
